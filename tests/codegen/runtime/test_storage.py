"""Parameters go to a file and come back; a file that is not theirs is refused, and never run."""

import errno
import io
import os
import struct
import time
import zipfile
from pathlib import Path

import numpy as np
import pytest

from symgrad.codegen.runtime import storage
from symgrad.codegen.runtime.initial import init
from symgrad.codegen.runtime.interface import Params
from symgrad.codegen.runtime.storage import load, save

PARAMS = init(seed=2, C=3, D=4)


def test_what_is_saved_comes_back_from_exactly_that_path(tmp_path):
    for name in ("weights", "weights.npz", "weights.v2", "w" * 250):
        save(PARAMS, tmp_path / name)
        loaded = load(str(tmp_path / name))
        assert isinstance(loaded, Params)
        for saved, read in zip(PARAMS, loaded, strict=True):
            assert read.dtype == np.float32
            np.testing.assert_array_equal(saved, read)
    assert len(list(tmp_path.iterdir())) == 4
    assert set(np.load(tmp_path / "weights").files) == {"W", "b"}


def test_scalars_and_other_writers(tmp_path, weighted):
    path = tmp_path / "p.npz"
    weighted.save(weighted.Params(np.arange(3.0), np.array(2.0)), path)
    assert weighted.load(path).b.shape == ()
    np.savez_compressed(path, w=np.asfortranarray(np.arange(3)), b=1)
    assert weighted.load(path).b.dtype == np.float64


@pytest.mark.parametrize(
    "array",
    [
        np.arange(12).reshape(3, 4).T,
        np.zeros((2, 0, 3)),
        np.array(["a", "γ", "long"]),
        np.array(3 + 4j),
        np.arange(3, dtype=">i2"),
        np.array([[True, False]]),
        np.zeros(2_000_000, np.float32),
    ],
    ids=lambda array: f"{array.dtype}{array.shape}",
)
@pytest.mark.parametrize("write", [np.savez, np.savez_compressed])
def test_arrays_of_any_plain_kind_are_read_as_numpy_reads_them(tmp_path, array, write):
    write(tmp_path / "a.npz", a=array, other=array[..., :0] if array.ndim else array)
    read = storage._read_arrays(tmp_path / "a.npz")
    np.testing.assert_array_equal(read["a"], array)
    assert read["a"].dtype == array.dtype and list(read) == ["a", "other"]


# -------------------------------------------------------------------------------- whole or not


def fails(*_: object, **__: object) -> None:
    raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))


@pytest.mark.parametrize(
    ("module", "name"),
    [(np.lib.format, "write_array"), (os, "fsync"), (os, "replace")],
    ids=["write", "flush", "rename"],
)
@pytest.mark.parametrize("exists", [True, False])
def test_a_failed_write_leaves_the_old_file_and_nothing_else(
    tmp_path, monkeypatch, module, name, exists
):
    path = tmp_path / "p"
    if exists:
        save(PARAMS, path)
    before = {x.name: x.read_bytes() for x in tmp_path.iterdir()}
    monkeypatch.setattr(module, name, fails)
    with pytest.raises(OSError, match=r"p could not be written: No space left on device") as error:
        save(init(seed=3, C=3, D=4), path)
    assert ("the file that was there is unchanged" in str(error.value)) == exists
    assert {x.name: x.read_bytes() for x in tmp_path.iterdir()} == before


def test_the_operating_system_stops_the_write_halfway(tmp_path):
    resource = pytest.importorskip("resource")
    save(PARAMS, tmp_path / "p")
    before = (tmp_path / "p").read_bytes()
    limits = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (100_000, limits[1]))
    try:
        with pytest.raises(OSError, match="p could not be written: File too large; the file that"):
            save(init(C=300, D=400), tmp_path / "p")
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, limits)
    assert [x.name for x in tmp_path.iterdir()] == ["p"]
    assert (tmp_path / "p").read_bytes() == before


def test_the_file_and_its_folder_are_forced_to_the_disk_before_and_after_the_rename(
    tmp_path, monkeypatch
):
    done, fsync, replace = [], os.fsync, os.replace

    def noted_fsync(descriptor: int) -> None:
        done.append("folder" if os.path.isdir(f"/proc/self/fd/{descriptor}") else "file")
        fsync(descriptor)

    def noted_replace(*paths: object) -> None:
        done.append("rename")
        replace(*paths)

    monkeypatch.setattr(os, "fsync", noted_fsync)
    monkeypatch.setattr(os, "replace", noted_replace)
    save(PARAMS, tmp_path / "p")
    assert done == ["file", "rename", "folder"]


def test_what_killed_processes_left_is_removed_and_what_others_write_is_not(tmp_path):
    old, new, other = (tmp_path / f".{x}.tmp" for x in ("p.0a1b2c3d", "p.0a1b2c3e", "q.0a1b2c3d"))
    for path in (old, new, other):
        path.write_bytes(b"half")
    for path in (old, other):
        os.utime(path, (time.time() - 3600,) * 2)
    save(PARAMS, tmp_path / "p")
    assert set(tmp_path.iterdir()) == {new, other, tmp_path / "p"}


def test_a_link_is_followed(tmp_path):
    (tmp_path / "link").symlink_to(tmp_path / "real")
    save(PARAMS, tmp_path / "link")
    assert (tmp_path / "link").is_symlink() and (tmp_path / "real").is_file()


@pytest.mark.parametrize("path", ["none/p", "folder", "/dev/null"])
def test_what_cannot_be_written_is_refused_first(tmp_path, monkeypatch, path):
    monkeypatch.chdir(tmp_path)
    Path("folder").mkdir()
    with pytest.raises(ValueError, match=f"{path} cannot be written; give a file in an existing"):
        save(PARAMS, path)
    assert not list(Path("folder").iterdir()) and len(list(tmp_path.iterdir())) == 1


def test_wrong_parameters_are_not_written(tmp_path):
    with pytest.raises(ValueError, match="parameter b has shape"):
        save(Params(PARAMS.W, np.zeros(7)), tmp_path / "p")
    assert not list(tmp_path.iterdir())


# -------------------------------------------------------------------------------- foreign files


@pytest.mark.parametrize(
    ("arrays", "sentence"),
    [
        ({"W": PARAMS.W}, "p holds W; expected the parameters of softmax_regression: W, b"),
        ({}, "p holds nothing; expected the parameters"),
        ({**PARAMS._asdict(), "c": PARAMS.b}, "p holds W, b, c; expected"),
        ({"W": PARAMS.W, "b": np.zeros(2)}, r"p does not fit .*: parameter b has shape \(2,\)"),
        ({"W": PARAMS.W, "b": np.array(["a"] * 3)}, "p does not fit .*: parameter b has dtype"),
        ({"W": PARAMS.W, "b": np.array([None] * 3)}, "p is damaged or is not an .npz"),
        ({"W": PARAMS.W, "b": np.zeros(3, [("x", "f4")])}, "p is damaged or is not an .npz"),
    ],
)
def test_arrays_that_are_not_the_parameters_are_refused(tmp_path, arrays, sentence):
    with open(tmp_path / "p", "wb") as file:
        np.savez(file, **arrays)
    with pytest.raises(ValueError, match=sentence):
        load(tmp_path / "p")


def test_files_that_are_no_archives(tmp_path):
    np.save(tmp_path / "a.npy", np.ones(3))
    (tmp_path / "text").write_text("W,b\n1,2\n")
    for name in ("a.npy", "text"):
        with pytest.raises(ValueError, match=f"{name} is damaged or is not an"):
            load(tmp_path / name)
    with pytest.raises(FileNotFoundError, match="nowhere does not exist"):
        load(tmp_path / "nowhere")
    with pytest.raises(OSError, match=r"cannot be read: Is a directory\.$"):
        load(tmp_path)


def test_damage_anywhere_is_noticed(tmp_path):
    path = tmp_path / "p"
    save(PARAMS, path)
    whole = path.read_bytes()
    for length in range(0, len(whole), 7):
        path.write_bytes(whole[:length])
        with pytest.raises(ValueError, match="p is damaged or is not an"):
            load(path)
    at = whole.index(PARAMS.W.tobytes())
    path.write_bytes(whole[:at] + bytes([whole[at] ^ 1]) + whole[at + 1 :])
    with pytest.raises(ValueError, match="p is damaged or is not an"):
        load(path)


def test_random_damage_is_refused_or_does_no_harm(tmp_path):
    path, rng = tmp_path / "p", np.random.default_rng(0)
    save(PARAMS, path)
    whole, refused = path.read_bytes(), 0
    for _ in range(400):
        damaged = bytearray(whole)
        for at in rng.integers(len(whole), size=rng.integers(1, 4)):
            damaged[at] = rng.integers(256)
        path.write_bytes(damaged)
        try:
            loaded = load(path)
        except (ValueError, OSError) as error:
            refused += str(path) in str(error)
        else:  # a time, an attribute: what nothing depends on
            assert all(np.array_equal(a, b) for a, b in zip(loaded, PARAMS, strict=True))
            refused += 1
    assert refused == 400


def member(header: str, data: bytes = b"", version: int = 1) -> bytes:
    """An .npy file with any header."""
    text = header.encode() + b"\n"
    return b"\x93NUMPY" + bytes([version, 0]) + struct.pack("<H", len(text)) + text + data


def archive(members: list[tuple[str, bytes]], kind: int = zipfile.ZIP_STORED) -> bytes:
    file = io.BytesIO()
    with zipfile.ZipFile(file, "w", kind) as made:
        for name, data in members:
            made.writestr(name, data)
    return file.getvalue()


def longer(whole: bytes, size: int) -> bytes:
    """The same archive, whose directory says that its one member is of this size."""
    at = whole.index(b"PK\x01\x02") + 24
    return whole[:at] + struct.pack("<I", size) + whole[at + 4 :]


PLAIN = "{'descr': '<f4', 'fortran_order': False, 'shape': (3,), }"
SOUND = member(PLAIN, bytes(12))
HOSTILE = {
    "a huge shape": archive([("b.npy", member(PLAIN.replace("3", "2000000000000"), bytes(12)))]),
    "a shape beyond 64 bits": archive([("b.npy", member(PLAIN.replace("3", "9" * 40)))]),
    "a negative shape": archive([("b.npy", member(PLAIN.replace("3", "-3"), bytes(12)))]),
    "more data than the shape": archive([("b.npy", SOUND + bytes(4))]),
    "objects": archive([("b.npy", member(PLAIN.replace("<f4", "|O"), bytes(12)))]),
    "bytes of no type": archive([("b.npy", member(PLAIN.replace("<f4", "|V4"), bytes(12)))]),
    "two negative sizes": archive([("b.npy", member(PLAIN.replace("3", "-1, -3"), bytes(12)))]),
    "a stream that ends early": longer(
        archive([("b.npy", member(PLAIN, bytes(4)))], zipfile.ZIP_DEFLATED), len(SOUND)
    ),
    "nothing of a type": archive([("b.npy", member(PLAIN.replace("<f4", "<U0")))]),
    "a call": archive([("b.npy", member("__import__('os').abort()", bytes(12)))]),
    "a deep header": archive([("b.npy", member("(" * 9000, bytes(12)))]),
    "a long header": archive([("b.npy", member(PLAIN + " " * 20_000, bytes(12)))]),
    "no dictionary": archive([("b.npy", member("(3,)", bytes(12)))]),
    "another version": archive([("b.npy", member(PLAIN, bytes(12), version=9))]),
    "no member of an array": archive([("b.txt", SOUND)]),
    "a name that is empty": archive([(".npy", SOUND)]),
    "a name of control characters": archive([("\x1b[2J.npy", SOUND)]),
    "another compression": archive([("b.npy", SOUND)], zipfile.ZIP_LZMA),
    "a size that deflate cannot reach": longer(
        archive([("b.npy", SOUND)], zipfile.ZIP_DEFLATED), 4_000_000_000
    ),
    "a size that is not stored": longer(archive([("b.npy", SOUND)]), 4_000_000_000),
    "encrypted": archive([("b.npy", SOUND)]).replace(
        b"PK\x01\x02\x14\x03\x14\x00\x00", b"PK\x01\x02\x14\x03\x14\x00\x01"
    ),
}


@pytest.mark.parametrize("what", HOSTILE)
def test_hostile_archives_are_refused_before_anything_is_allocated(tmp_path, what):
    (tmp_path / "p").write_bytes(HOSTILE[what])
    with pytest.raises(ValueError, match=r"p is damaged or is not an .npz archive of plain arrays"):
        storage._read_arrays(tmp_path / "p")


def test_the_hostile_archives_are_sound_otherwise(tmp_path):
    for kind in (zipfile.ZIP_STORED, zipfile.ZIP_DEFLATED):
        (tmp_path / "p").write_bytes(archive([("b.npy", SOUND), ("c.npy", SOUND)], kind))
        assert list(storage._read_arrays(tmp_path / "p")) == ["b", "c"]


@pytest.mark.filterwarnings("ignore:Duplicate name")
def test_members_that_overlap_or_have_one_name_are_refused(tmp_path):
    (tmp_path / "p").write_bytes(archive([("b.npy", SOUND), ("b.npy", SOUND)]))
    with pytest.raises(ValueError, match="p is damaged"):
        storage._read_arrays(tmp_path / "p")
    with zipfile.ZipFile(io.BytesIO(archive([("b.npy", SOUND), ("c.npy", SOUND)]))) as sound:
        members = sound.infolist()
    storage._check_members(members, 2 * len(SOUND))
    with pytest.raises(ValueError, match="overlapping members"):
        storage._check_members(members, 2 * len(SOUND) - 1)


def test_nothing_is_executed(tmp_path):
    class Trap:
        def __reduce__(self) -> tuple[object, ...]:
            return (Path.touch, (tmp_path / "executed",))

    with open(tmp_path / "p", "wb") as file:
        np.savez(file, W=PARAMS.W, b=np.array([Trap()], dtype=object))
    with pytest.raises(ValueError, match="p is damaged"):
        load(tmp_path / "p")
    assert not (tmp_path / "executed").exists()
