"""Parameters go to PyTorch's names and to safetensors files, and come back the same."""

import json
import struct

import numpy as np
import pytest

from symgrad.codegen.runtime.initial import init
from symgrad.codegen.runtime.interface import Params
from symgrad.codegen.runtime.state_dicts import (
    from_state_dict,
    load_safetensors,
    read_safetensors,
    save_safetensors,
    to_state_dict,
)

PARAMS = init(seed=2, C=3, D=4)
NAMES = {"W": "fc.weight", "b": "fc.bias"}


class Tensor:
    """What PyTorch's tensors are, as far as anyone can see who does not know them."""

    def __init__(self, array: np.ndarray, device: str = "cuda", grad: bool = True) -> None:
        self.array, self.device, self.grad = array, device, grad

    def detach(self) -> "Tensor":
        return Tensor(self.array, self.device, False)

    def cpu(self) -> "Tensor":
        return Tensor(self.array, "cpu", self.grad)

    def numpy(self) -> np.ndarray:
        if self.grad or self.device != "cpu":
            raise RuntimeError("call detach and cpu first")
        return self.array


def test_there_and_back():
    arrays = to_state_dict(PARAMS, NAMES)
    assert list(arrays) == ["fc.weight", "fc.bias"]
    for given in (arrays, {name: Tensor(array) for name, array in arrays.items()}):
        back = from_state_dict(given, NAMES)
        assert all(np.array_equal(a, b) for a, b in zip(back, PARAMS, strict=True))
        assert not any(np.shares_memory(a, b) for a in back for b in arrays.values())
    assert list(to_state_dict(PARAMS)) == ["W", "b"]
    assert list(to_state_dict(PARAMS, {"b": "bias"})) == ["W", "bias"]
    assert not np.shares_memory(to_state_dict(PARAMS)["W"], PARAMS.W)


def test_a_model_of_pytorch_computes_the_same():
    torch = pytest.importorskip("torch")
    model = torch.nn.Sequential()
    model.add_module("fc", torch.nn.Linear(4, 3))
    tensors = {k: torch.from_numpy(x) for k, x in to_state_dict(PARAMS, NAMES).items()}
    model.load_state_dict(tensors)
    x = np.random.default_rng(0).normal(size=(5, 4)).astype(np.float32)
    expected = x @ PARAMS.W.T + PARAMS.b
    np.testing.assert_allclose(model(torch.from_numpy(x)).detach().numpy(), expected, rtol=1e-5)
    back = from_state_dict(dict(model.named_parameters()), NAMES)
    np.testing.assert_array_equal(back.W, PARAMS.W)


@pytest.mark.parametrize(
    ("arrays", "names", "sentence"),
    [
        ({"W": PARAMS.W}, None, "The state dictionary has no b of softmax_regression; pass names="),
        (
            {**PARAMS._asdict(), "n": 1},
            None,
            "The state dictionary holds n, which are no parameters of softmax_regression; pass na",
        ),
        (PARAMS._asdict(), NAMES, "The state dictionary has no fc.weight, fc.bias and holds W, b"),
        (PARAMS._asdict(), {"V": "W"}, "names= names V; expected a different name for each of W"),
        (PARAMS._asdict(), {"W": "b"}, "names= gives two parameters one name; expected a diffe"),
        (
            {"fc.weight": PARAMS.W.T, "fc.bias": PARAMS.b},
            NAMES,
            "parameter b has shape (3,); expected (C,) with C = 4. fc.weight would fit transposed:",
        ),
        (
            {"fc.weight": PARAMS.W, "fc.bias": PARAMS.b[None]},
            NAMES,
            "parameter b has shape (1, 3); expected (C,) with C = 3. fc.bias would fit without ax",
        ),
        ({"W": PARAMS.W, "b": np.zeros(9)}, None, "parameter b has shape (9,); expected (C,) with"),
        ({"W": PARAMS.W, "b": [[1], [2, 3]]}, None, "b cannot be read as an array: "),
        ({"W": PARAMS.W, "b": np.array(["x"] * 3)}, None, "parameter b has dtype <U1; expected re"),
    ],
)
def test_what_does_not_fit_is_said(arrays, names, sentence):
    with pytest.raises(ValueError) as error:
        from_state_dict(arrays, names)
    assert str(error.value).startswith(sentence)


# ------------------------------------------------------------------------------- safetensors


def test_the_library_reads_what_we_write_and_we_what_it_writes(tmp_path):
    library = pytest.importorskip("safetensors.numpy")
    opened = pytest.importorskip("safetensors")
    ours, theirs = tmp_path / "ours.safetensors", tmp_path / "theirs.safetensors"
    save_safetensors(PARAMS, ours, NAMES, {"trained on": "Ziffern, γ"})
    for name, array in library.load_file(ours).items():
        np.testing.assert_array_equal(array, to_state_dict(PARAMS, NAMES)[name])
    with opened.safe_open(ours, framework="numpy") as file:
        assert file.metadata()["trained on"] == "Ziffern, γ"
    arrays = {
        **{str(np.dtype(kind)): np.arange(6).astype(kind).reshape(2, 3) for kind in "?bBhHiIlLefd"},
        **{"scalar": np.array(3.5), "empty": np.zeros((2, 0)), "γ": np.eye(2)},
    }
    library.save_file(arrays, theirs, {"a": "b"})
    found, metadata = read_safetensors(theirs)
    assert set(found) == set(arrays) and metadata == {"a": "b"}
    for name, array in found.items():
        np.testing.assert_array_equal(array, arrays[name])
        assert array.dtype == arrays[name].dtype and array.flags.writeable
    library.save_file(to_state_dict(PARAMS, NAMES), theirs)
    np.testing.assert_array_equal(load_safetensors(theirs, NAMES).W, PARAMS.W)


def test_there_and_back_by_file(tmp_path, weighted):
    path = tmp_path / "p.safetensors"
    save_safetensors(PARAMS, path, NAMES)
    for saved, read in zip(PARAMS, load_safetensors(path, NAMES), strict=True):
        np.testing.assert_array_equal(saved, read)
    assert read_safetensors(path)[1]["module"] == "softmax_regression"
    assert (8 + struct.unpack("<Q", path.read_bytes()[:8])[0]) % 8 == 0
    params = weighted.Params(np.arange(3.0), np.array(2.0))
    weighted.save_safetensors(params, path)
    assert weighted.load_safetensors(path).b == 2 and [*tmp_path.iterdir()] == [path]


def test_half_of_a_float32(tmp_path):
    values = np.array([1.0, -2.5, 3e38, 0.0], np.float32)
    upper = (values.view(np.uint32) >> 16).astype("<u2")
    (tmp_path / "p").write_bytes(
        packed({"a": {"dtype": "BF16", "shape": [4], "data_offsets": [0, 8]}}, upper.tobytes())
    )
    found = read_safetensors(tmp_path / "p")[0]["a"]
    assert found.dtype == np.float32
    np.testing.assert_allclose(found, values, rtol=2**-8)


def packed(header: object, data: bytes = b"", length: int | None = None) -> bytes:
    text = header if isinstance(header, bytes) else json.dumps(header).encode()
    return struct.pack("<Q", len(text) if length is None else length) + text + data


def entry(start: int, stop: int, **changed: object) -> dict[str, object]:
    return {"dtype": "U8", "shape": [stop - start], "data_offsets": [start, stop], **changed}


ELSEWHERE = "the numbers of 'b' do not begin where those before it end"
FOREIGN = [
    (b"", "its header is longer than the file"),
    (b"1234567", "its header is longer than the file"),
    (packed({}, length=2**63), "its header is longer than the file, or than 100 MB"),
    (packed({}, length=3), "its header is longer than the file"),
    (packed(b"{'a'"), "its header is no JSON"),
    (packed(b"\xff\xfe"), "its header is no JSON"),
    (packed(b"[" * 100_000), "its header is no JSON"),
    (packed([1]), "its header is no JSON object"),
    (packed(b'{"a":{},"a":{}}'), "its header has a name twice"),
    (packed({"__metadata__": {"a": 1}}), "its metadata are not texts by name"),
    (packed({"a": 1}), "the shape or the place of 'a' is none"),
    (packed({"a": {}}), "the shape or the place of 'a' is none"),
    (packed({"a": entry(0, 2, shape=[-2])}, b"12"), "the shape or the place of 'a' is none"),
    (packed({"a": entry(0, 2, shape=[2.0])}, b"12"), "the shape or the place of 'a' is none"),
    (packed({"a": entry(0, 2, data_offsets=[0, 1, 2])}, b"12"), "the shape or the place of 'a'"),
    (packed({"a": entry(0, 2, dtype="F8_E4M3")}, b"12"), "'a' has the type F8_E4M3, which NumPy"),
    (packed({"a": entry(0, 2, dtype=["U8"])}, b"12"), r"'a' has the type \['U8'\], which NumPy"),
    (packed({"a": entry(0, 2, shape=[3])}, b"12"), "the shape of 'a' does not fit the length"),
    (packed({"a": entry(0, 2, shape=[2**62, 4])}, b"12"), "the shape of 'a' does not fit the len"),
    (packed({"a": entry(0, 3), "b": entry(2, 4)}, b"1234"), ELSEWHERE),
    (packed({"a": entry(0, 1), "b": entry(2, 4)}, b"1234"), ELSEWHERE),
    (packed({"b": entry(0, 9)}, b"1234"), ELSEWHERE),
    (packed({"b": entry(3, 1, shape=[0])}, b"1234"), ELSEWHERE),
    (packed({"a": entry(0, 2)}, b"123"), "it is longer or shorter than its header says"),
]


@pytest.mark.parametrize(("content", "reason"), FOREIGN)
def test_foreign_and_damaged_files_are_refused(tmp_path, content, reason):
    (tmp_path / "p").write_bytes(content)
    with pytest.raises(ValueError, match=rf"p is damaged or is no safetensors file: {reason}"):
        read_safetensors(tmp_path / "p")


def test_every_truncation_is_noticed(tmp_path):
    save_safetensors(PARAMS, tmp_path / "p")
    whole = (tmp_path / "p").read_bytes()
    for length in range(0, len(whole), 5):
        (tmp_path / "p").write_bytes(whole[:length])
        with pytest.raises(ValueError, match="p is damaged or is no safetensors file"):
            load_safetensors(tmp_path / "p")
    with pytest.raises(FileNotFoundError, match="nowhere does not exist"):
        read_safetensors(tmp_path / "nowhere")


def test_other_parameters_are_refused_with_the_name_of_the_file(tmp_path):
    save_safetensors(PARAMS, tmp_path / "p", NAMES)
    with pytest.raises(ValueError, match="p: The state dictionary has no W, b and holds fc"):
        load_safetensors(tmp_path / "p")
    with pytest.raises(ValueError, match="parameter b has shape"):
        save_safetensors(Params(PARAMS.W, PARAMS.b[:2]), tmp_path / "q")
    with pytest.raises(ValueError, match="metadata is not text by name"):
        save_safetensors(PARAMS, tmp_path / "q", metadata={"epochs": 3})
    assert not (tmp_path / "q").exists()
