"""`TrainingModule`: generated source, and the file and the Python module that it becomes."""

from __future__ import annotations

import atexit
import os
import re
import shutil
import sys
import tempfile
from functools import cache
from importlib.util import module_from_spec, spec_from_file_location
from pathlib import Path
from types import ModuleType

from symgrad.files import write


class TrainingModule:
    """The source of one standalone training module.

    ``name`` is what it calls itself, ``source`` its whole text. It needs no symgrad to run.
    """

    def __init__(self, name: str, source: str, target: str) -> None:
        self.name, self.source, self.target = name, source, target
        self._path: Path | None = None
        self._module: ModuleType | None = None

    def __repr__(self) -> str:
        lines = self.source.count("\n")
        return f"<symgrad training module {self.name}: {lines} lines for {self.target}>"

    def __deepcopy__(self, memo: object) -> TrainingModule:
        """The same object: its source never changes."""
        return self

    def __reduce__(self) -> tuple[type[TrainingModule], tuple[str, str, str]]:
        """Pickled as its source."""
        return TrainingModule, (self.name, self.source, self.target)

    def save(self, path: str | os.PathLike[str]) -> Path:
        """Write the source to ``path``, whole or not at all; returns the path.

        Raises DataError where there is no such folder, or ``path`` is one.
        """
        self._path, self._module = write(path, self.source), None
        return self._path

    def load(self) -> ModuleType:
        """The source as a running module, from the file last saved or else a temporary one.

        It is a real file in either case, so that tracebacks show its lines and Numba can cache
        what it compiles.
        """
        if self._module is None:
            self._prepare()
            saved = self._path is not None and self._path.exists()
            path = self._path if saved else None
            self._module = _loaded(self.name, path) if path else _unsaved(self.name, self.source)
        return self._module

    def _prepare(self) -> None:
        """Compile its products of matrices where all modules share them, once for a machine."""
        products = re.findall(r"^register_tiles\(types\.(\w+)\)$", self.source, re.MULTILINE)
        if products:
            from numba import types

            from symgrad.codegen.runtime.tiles import register_tiles

            for number in products:
                register_tiles(getattr(types, number))


@cache
def _scratch() -> str:
    """A folder for modules that nobody has saved; it goes when the process ends."""
    folder = tempfile.mkdtemp(prefix="symgrad-")
    atexit.register(shutil.rmtree, folder, ignore_errors=True)
    return folder


@cache
def _unsaved(name: str, source: str) -> ModuleType:
    """The module of a source that is in no file of the user's; loaded, and compiled, once."""
    path = Path(tempfile.mkdtemp(dir=_scratch())) / f"{name}.py"
    write(path, source)
    return _loaded(name, path)


def _loaded(name: str, path: Path) -> ModuleType:
    spec = spec_from_file_location(name, path.absolute())
    assert spec is not None and spec.loader is not None
    module = module_from_spec(spec)
    # Numba and pickle look a function's module up by name; another module's name is left alone.
    sys.modules.setdefault(name, module)
    try:
        spec.loader.exec_module(module)
    except BaseException:
        if sys.modules.get(name) is module:
            del sys.modules[name]
        raise
    return module
