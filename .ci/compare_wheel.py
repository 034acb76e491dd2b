"""Compare a built wheel with the source tree, file by file and byte by byte.

Packages are listed by hand in pyproject.toml and codegen/ is installed under another name, so
a forgotten subpackage would otherwise be noticed by users first:
`python3 compare_wheel.py dist/symgrad-*.whl CHECKOUT`.
"""

import sys
from pathlib import Path
from zipfile import ZipFile

IMPORT_NAMES = {"symgrad": "symgrad", "codegen": "symgrad/codegen"}  # folder -> where it installs


def tree_files(root: Path) -> dict[str, bytes]:
    """What the wheel should hold: its name in the wheel -> its bytes in the tree."""
    return {
        f"{installed}/{path.relative_to(root / folder).as_posix()}": path.read_bytes()
        for folder, installed in IMPORT_NAMES.items()
        for path in sorted((root / folder).rglob("*"))
        if path.is_file() and "__pycache__" not in path.parts
    }


def wheel_files(wheel: Path) -> dict[str, bytes]:
    """What the wheel holds, without its metadata."""
    with ZipFile(wheel) as archive:
        return {
            name: archive.read(name)
            for name in archive.namelist()
            if not name.endswith("/") and not name.split("/")[0].endswith(".dist-info")
        }


def differences(tree: dict[str, bytes], wheel: dict[str, bytes]) -> list[str]:
    """One sentence for each file that is not the same on both sides."""
    return [
        *(f"missing from the wheel: {name}" for name in sorted(tree.keys() - wheel.keys())),
        *(f"in the wheel only: {name}" for name in sorted(wheel.keys() - tree.keys())),
        *(
            f"not the same in the wheel: {name}"
            for name in sorted(tree.keys() & wheel.keys())
            if tree[name] != wheel[name]
        ),
    ]


if __name__ == "__main__":
    wheel, root = map(Path, sys.argv[1:])
    tree = tree_files(root)
    if (root / "symgrad" / "codegen").exists():
        sys.exit("symgrad/codegen/ exists in the tree; codegen/ is installed under that name")
    if found := differences(tree, wheel_files(wheel)):
        sys.exit("\n".join([*found, "list the package in pyproject.toml, or its data"]))
    modules = sum(name.endswith(".py") for name in tree)
    print(f"{wheel.name}: the same {modules} modules and {len(tree) - modules} data files")
