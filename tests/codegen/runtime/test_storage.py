"""Parameters go to a file and come back; a file that is not theirs is refused."""

import numpy as np
import pytest

from symgrad.codegen.runtime import storage
from symgrad.codegen.runtime.interface import Params
from symgrad.codegen.runtime.storage import load, save
from symgrad.codegen.runtime.training import init

PARAMS = init(seed=2, C=3, D=4)


def test_what_is_saved_comes_back_from_exactly_that_path(tmp_path):
    for name in ("weights", "weights.npz", "weights.v2"):
        save(PARAMS, tmp_path / name)
        loaded = load(str(tmp_path / name))
        assert isinstance(loaded, Params)
        for saved, read in zip(PARAMS, loaded, strict=True):
            assert read.dtype == np.float32
            np.testing.assert_array_equal(saved, read)
    assert len(list(tmp_path.iterdir())) == 3
    assert set(np.load(tmp_path / "weights").files) == {"W", "b"}


def test_scalars_and_other_writers(tmp_path, weighted):
    path = tmp_path / "p.npz"
    weighted.save(weighted.Params(np.arange(3.0), np.array(2.0)), path)
    assert weighted.load(path).b.shape == ()
    np.savez_compressed(path, w=np.asfortranarray(np.arange(3)), b=1)
    assert weighted.load(path).b.dtype == np.float64


def test_a_failed_write_leaves_the_old_file(tmp_path, monkeypatch):
    path = tmp_path / "p"
    save(PARAMS, path)
    before = path.read_bytes()

    def fail(*_, **__):
        raise OSError("disk full")

    monkeypatch.setattr(np.lib.format, "write_array", fail)
    with pytest.raises(OSError, match="disk full"):
        save(init(seed=3, C=3, D=4), path)
    assert path.read_bytes() == before and len(list(tmp_path.iterdir())) == 1


def test_a_link_is_followed(tmp_path):
    (tmp_path / "link").symlink_to(tmp_path / "real")
    save(PARAMS, tmp_path / "link")
    assert (tmp_path / "link").is_symlink() and (tmp_path / "real").is_file()


def test_foreign_files_are_refused(tmp_path):
    path = tmp_path / "p"
    for arrays, sentence in [
        ({"W": PARAMS.W}, "p holds W; expected the parameters of softmax_regression: W, b"),
        ({}, "p holds nothing; expected the parameters"),
        ({**PARAMS._asdict(), "c": PARAMS.b}, "p holds W, b, c; expected"),
        ({"W": PARAMS.W, "b": np.zeros(2)}, r"p does not fit .*: parameter b has shape \(2,\)"),
        ({"W": PARAMS.W, "b": np.array(["a"] * 3)}, "p does not fit .*: parameter b has dtype"),
        ({"W": PARAMS.W, "b": np.array([None] * 3)}, "p is damaged or is not an .npz"),
    ]:
        with open(path, "wb") as file:
            np.savez(file, **arrays)
        with pytest.raises(ValueError, match=sentence):
            load(path)
    with open(path, "wb") as file:
        np.save(file, np.ones(3))
    with pytest.raises(ValueError, match="p is damaged or is not an"):
        load(path)
    with pytest.raises(FileNotFoundError, match="nowhere does not exist"):
        load(tmp_path / "nowhere")


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


def test_wrong_parameters_are_not_written(tmp_path):
    with pytest.raises(ValueError, match="parameter b has shape"):
        save(Params(PARAMS.W, np.zeros(7)), tmp_path / "p")
    with pytest.raises(ValueError, match="cannot be written"):
        storage.save(PARAMS, tmp_path / "none" / "p")
    assert not list(tmp_path.iterdir())
