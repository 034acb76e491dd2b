"""State dictionaries: the parameters under the names of PyTorch, in memory and as safetensors.

A state dictionary maps names such as "fc1.weight" to arrays. `names` says which is which, from
ours to theirs: {"W1": "fc1.weight", "b1": "fc1.bias"}; a parameter that it leaves out keeps its
name. A weight of PyTorch's Linear is (out, in), as W is in W·x + b, so nothing is transposed.

The format of safetensors files is that of huggingface/safetensors: the length of a header, the
header in JSON, and the numbers of all arrays one after the other. Reading one executes nothing.
"""

from __future__ import annotations

import json
import math
import os
import struct
from collections.abc import Mapping
from typing import IO, Any, TypeGuard

import numpy as np

from .checks import _check_params
from .interface import NAME, PARAM_SHAPES, PROVENANCE, Params
from .storage import FilePath, _reading, _write_file

SAFETENSORS_TYPES = {
    **{"BOOL": "|b1", "U8": "|u1", "I8": "|i1", "U16": "<u2", "I16": "<i2", "U32": "<u4"},
    **{"I32": "<i4", "U64": "<u8", "I64": "<i8", "F16": "<f2", "F32": "<f4", "F64": "<f8"},
    "BF16": "<u2",  # the upper half of a float32; it is read as that
}
SAFETENSORS_HEADER_LIMIT = 100_000_000


def to_state_dict(params: Params, names: Mapping[str, str] | None = None) -> dict[str, np.ndarray]:
    """Copies of the parameters under their names in a PyTorch model, for its `load_state_dict`.

    `names` gives these, such as {"W1": "fc1.weight", "b1": "fc1.bias"}; others stay as they are. A
    weight of PyTorch's Linear is (out, in), as W is in W·x + b. PyTorch wants tensors:
    {name: torch.from_numpy(array) for name, array in to_state_dict(params, names).items()}
    """
    theirs = _their_names(names)
    arrays = _check_params(params, {})._asdict()
    return {theirs[name]: array.copy() for name, array in arrays.items()}


def from_state_dict(arrays: Mapping[str, Any], names: Mapping[str, str] | None = None) -> Params:
    """The parameters of a state dictionary, such as `model.state_dict()` of a PyTorch model.

    Its values are arrays, or anything that becomes one: tensors of PyTorch, JAX or TensorFlow.
    `names` is that of `to_state_dict`.
    Raises ValueError, with a sentence, where names or shapes do not fit.
    """
    theirs = _their_names(names)
    missing = [name for name in theirs.values() if name not in arrays]
    unknown = [str(name) for name in arrays if name not in theirs.values()]
    if missing or unknown:
        lacks = f"has no {', '.join(missing)}" if missing else ""
        holds = f"holds {', '.join(unknown)}, which are no parameters" if unknown else ""
        raise ValueError(
            f"The state dictionary {' and '.join(filter(None, (lacks, holds)))} of {NAME}; pass "
            f"names=, from {', '.join(theirs)} to what they are called there, and no others."
        )
    found = {name: _plain_array(key, arrays[key]) for name, key in theirs.items()}
    try:
        # A copy: what a tensor shares with the model would change when the model is trained.
        return Params(*(array.copy() for array in _check_params(Params(**found), {})))
    except ValueError as error:
        raise ValueError(f"{error}{_other_layout(found, theirs)}") from None


def save_safetensors(
    params: Params,
    path: FilePath,
    names: Mapping[str, str] | None = None,
    metadata: Mapping[str, str] | None = None,
) -> None:
    """Write the parameters to a .safetensors file, in the order of their names there.

    `metadata` is text by name, kept in the file's header beside where the parameters come from.
    """
    arrays = {
        key: to_state_dict(params, names)[key] for key in sorted(_their_names(names).values())
    }
    about = {"format": "pt", "module": NAME, **PROVENANCE, **(metadata or {})}
    if not all(isinstance(text, str) for pair in about.items() for text in pair):
        raise ValueError("metadata is not text by name; expected such as {'trained on': 'digits'}.")
    kinds = {
        np.dtype(spelling): kind for kind, spelling in SAFETENSORS_TYPES.items() if kind != "BF16"
    }
    header: dict[str, object] = {"__metadata__": about}
    end = 0
    for key, array in arrays.items():
        start, end = end, end + array.nbytes
        kind = kinds[array.dtype.newbyteorder("<")]
        header[key] = {"dtype": kind, "shape": list(array.shape), "data_offsets": [start, end]}
    text = json.dumps(header, ensure_ascii=False, separators=(",", ":")).encode()
    text += b" " * (-len(text) % 8)  # the numbers begin at a multiple of 8 bytes

    def write(file: IO[bytes]) -> None:
        file.write(struct.pack("<Q", len(text)) + text)
        for array in arrays.values():
            file.write(array.astype(array.dtype.newbyteorder("<")).tobytes())

    _write_file(path, write)


def load_safetensors(path: FilePath, names: Mapping[str, str] | None = None) -> Params:
    """The parameters in a .safetensors file, whoever wrote it."""
    try:
        return from_state_dict(read_safetensors(path)[0], names)
    except ValueError as error:
        raise ValueError(f"{path}: {error}") from None


def read_safetensors(path: FilePath) -> tuple[dict[str, np.ndarray], dict[str, str]]:
    """All arrays of a .safetensors file by name, and its metadata."""
    try:
        with _reading(path), open(path, "rb") as file:
            return _read_safetensors(file, os.fstat(file.fileno()).st_size)
    except (ValueError, RecursionError) as error:
        reason = "its header is no JSON" if isinstance(error, RecursionError) else error
        raise ValueError(f"{path} is damaged or is no safetensors file: {reason}.") from None


def _read_safetensors(file: IO[bytes], size: int) -> tuple[dict[str, np.ndarray], dict[str, str]]:
    """As the specification says: every byte belongs to one array, and none to two."""
    length = int.from_bytes(file.read(8), "little")
    if size < 8 or length > min(size - 8, SAFETENSORS_HEADER_LIMIT):
        raise ValueError("its header is longer than the file, or than 100 MB")
    try:
        header = json.loads(file.read(length), object_pairs_hook=_unique)
    except (json.JSONDecodeError, UnicodeDecodeError):
        raise ValueError("its header is no JSON") from None
    if not isinstance(header, dict):
        raise ValueError("its header is no JSON object")
    metadata = header.pop("__metadata__", {})
    if not isinstance(metadata, dict) or not all(isinstance(x, str) for x in metadata.values()):
        raise ValueError("its metadata are not texts by name")
    entries = {name: _entry(name, entry) for name, entry in header.items()}
    arrays, end = {}, 0
    for name, (kind, shape, (start, stop)) in sorted(entries.items(), key=lambda x: x[1][2]):
        dtype = np.dtype(SAFETENSORS_TYPES[kind])
        if start != end or stop > size - 8 - length:
            raise ValueError(f"the numbers of {name!r} do not begin where those before it end")
        if stop - start != math.prod(shape) * dtype.itemsize:
            raise ValueError(f"the shape of {name!r} does not fit the length of its numbers")
        array = np.frombuffer(bytearray(file.read(stop - start)), dtype).reshape(shape)
        wide = (array.astype(np.uint32) << 16).view(np.float32) if kind == "BF16" else array
        arrays[name], end = wide, stop
    if end != size - 8 - length:
        raise ValueError("it is longer or shorter than its header says")
    return arrays, metadata


def _entry(name: str, entry: object) -> tuple[str, tuple[int, ...], tuple[int, int]]:
    """Type, shape and place of one array, as its header has them."""
    fields = entry if isinstance(entry, dict) else {}
    kind, shape, place = (fields.get(x) for x in ("dtype", "shape", "data_offsets"))
    if not _are_sizes(shape) or not _are_sizes(place) or len(place) != 2:
        raise ValueError(f"the shape or the place of {name!r} is none")
    if not isinstance(kind, str) or kind not in SAFETENSORS_TYPES:
        raise ValueError(f"{name!r} has the type {kind}, which NumPy does not have")
    return kind, tuple(shape), (place[0], place[1])


def _are_sizes(value: object) -> TypeGuard[list[int]]:
    return isinstance(value, list) and all(type(x) is int and 0 <= x < 2**63 for x in value)


def _unique(pairs: list[tuple[str, object]]) -> dict[str, object]:
    """A JSON object, refused where a name occurs twice."""
    found = dict(pairs)
    if len(found) < len(pairs):
        raise ValueError("its header has a name twice")
    return found


def _their_names(names: Mapping[str, str] | None) -> dict[str, str]:
    """Our name → the name in the dictionary, for every parameter."""
    unknown = [name for name in names or {} if name not in Params._fields]
    found = {name: (names or {}).get(name, name) for name in Params._fields}
    if unknown or len(set(found.values())) < len(found):
        wrong = f"names {', '.join(unknown)}" if unknown else "gives two parameters one name"
        raise ValueError(
            f"names= {wrong}; expected a different name for each of {', '.join(Params._fields)}."
        )
    return found


def _plain_array(name: str, value: Any) -> np.ndarray:
    """A tensor of any library as an array; PyTorch's leave the graph and the device first."""
    try:
        for step in ("detach", "cpu", "numpy"):
            value = getattr(value, step)() if hasattr(value, step) else value
        return np.asarray(value)
    except (TypeError, ValueError, RuntimeError) as error:
        raise ValueError(f"{name} cannot be read as an array: {error}.") from None


def _other_layout(arrays: Mapping[str, np.ndarray], theirs: Mapping[str, str]) -> str:
    """A hint, where arrays would fit if they were transposed, or lost axes of length 1."""
    matrices = [name for name, array in arrays.items() if array.ndim == 2]
    longer = [name for name in arrays if arrays[name].ndim > len(PARAM_SHAPES[name])]
    trials = [
        *((names, "transposed: pass their .T") for names in (matrices, *([x] for x in matrices))),
        (longer, "without axes of length 1: pass their .squeeze()"),
    ]
    for names, how in trials:
        changed = {x: arrays[x].T if ".T" in how else arrays[x].squeeze() for x in names}
        try:
            _check_params(Params(**{**arrays, **changed}), {})
        except ValueError:
            continue
        if changed:
            return f" {', '.join(theirs[x] for x in names)} would fit {how}."
    return ""
