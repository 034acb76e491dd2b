"""What is copied is whole, runs alone, and is as clean as where it came from."""

import ast
import shutil
import subprocess
import sys
from types import ModuleType

import numpy as np
import pytest

from symgrad.codegen.runtime import copying
from symgrad.codegen.runtime.copying import fixed_part, merge_imports, reserved_names, source_of

SAMPLE = '''"""A module."""

import math
import os.path
from collections.abc import Callable, Sequence

import numpy as np

BASE = 2.0  # of the power
unused = os.path.join("a", "b")


# Twice BASE.
DOUBLE = 2 * BASE
TABLE: dict[float, str] = {}
for _key in (2.0,):
    TABLE[_key] = "base"


def decorate(f: Callable) -> Callable:
    return f


def other():
    return unused


# Raises to a power.
@decorate
def power(x):
    """BASE^x."""
    return DOUBLE / 2 * np.power(BASE, x - 1)


def both(x):
    return power(x), TABLE, math.pi
'''


@pytest.fixture
def sample(tmp_path, monkeypatch):
    (tmp_path / "sample_module.py").write_text(SAMPLE, encoding="utf-8")
    monkeypatch.syspath_prepend(tmp_path)
    import sample_module

    yield sample_module
    del sys.modules["sample_module"]


def test_a_function_comes_with_all_it_needs_and_no_more(sample):
    copied = source_of(sample, "power")
    assert copied.imports == ("from collections.abc import Callable", "import numpy as np")
    assert (
        copied.body
        == '''BASE = 2.0  # of the power
# Twice BASE.
DOUBLE = 2 * BASE


def decorate(f: Callable) -> Callable:
    return f


# Raises to a power.
@decorate
def power(x):
    """BASE^x."""
    return DOUBLE / 2 * np.power(BASE, x - 1)
'''
    )


def test_a_statement_that_fills_a_copied_table_is_copied(sample):
    copied = source_of(sample, "both")
    module = ModuleType("copy")
    exec("\n".join(copied.imports) + "\n" + copied.body, module.__dict__)
    assert module.both(3.0) == (8.0, {2.0: "base"}, np.pi)
    assert "unused" not in copied.body
    assert source_of(sample, "TABLE").body.count("TABLE") == 2


def test_an_unknown_name_is_refused(sample):
    with pytest.raises(ValueError, match="sample_module defines no top-level 'tower' to copy"):
        source_of(sample, "tower")


def test_imports_are_merged_as_the_linter_wants_them():
    lines = ["import numpy as np", "from typing import NamedTuple", "import sys", "import os"]
    lines += ["from typing import Any", "import numpy as np", "from numba import njit"]
    assert merge_imports(lines) == (
        "import os\nimport sys\nfrom typing import Any, NamedTuple\n\n"
        "import numpy as np\nfrom numba import njit\n"
    )
    names = [f"name_{i}" for i in range(20)]
    text = merge_imports(f"from math import {name}" for name in names)
    assert text.startswith("from math import (\n    name_0,\n") and text.endswith("\n)\n")
    assert merge_imports([]) == ""


def test_the_fixed_part_needs_only_numpy_and_the_standard_library():
    fixed = fixed_part(squares=True)
    for line in fixed.imports:
        (statement,) = ast.parse(line).body
        module = (
            statement.module if isinstance(statement, ast.ImportFrom) else statement.names[0].name
        )
        top = module.partition(".")[0]
        assert top == "numpy" or top in sys.stdlib_module_names
    assert "import" not in [line.partition(" ")[0] for line in fixed.body.splitlines()]
    assert "symgrad" not in fixed.body


def test_the_fixed_files_import_each_other_in_the_order_of_copying():
    before = ["records", "interface"]
    for name in copying.FIXED_PART:
        for statement in ast.parse(copying._text(name)).body:
            if isinstance(statement, ast.ImportFrom) and statement.level:
                assert statement.level == 1 and statement.module in before
        before.append(name)


def test_no_name_is_defined_twice(example_source):
    names = []
    for statement in ast.parse(example_source).body:
        names += copying._defined_names(statement)
        names += copying._imports(statement)
    assert len(names) == len(set(names))
    statements = ast.parse(copying._text("least_squares")).body
    of_squares = {name for x in statements for name in copying._defined_names(x)}
    assert set(names) == reserved_names() - (of_squares - {"LEAST_SQUARES"}) - {"_residuals"}


@pytest.mark.skipif(not shutil.which("ruff", path=sys.prefix + "/bin"), reason="needs ruff")
def test_a_generated_file_passes_the_linter_and_formatter(example_source, tmp_path):
    path = tmp_path / "generated.py"
    path.write_text(example_source, encoding="utf-8")
    ruff = [shutil.which("ruff", path=sys.prefix + "/bin")]
    options = ["--isolated", "--line-length=100", str(path)]
    subprocess.run([*ruff, "check", "--select=E,F,I,UP,B,SIM", *options], check=True)
    subprocess.run([*ruff, "format", "--check", *options], check=True)
