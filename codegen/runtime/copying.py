"""Copying: the source text of real, tested Python, to be placed in a generated file.

The fixed part of a generated module is a few files of this folder, listed in `FIXED_PART`; where a
loss is no sum of squares, `no_least_squares` is in the place of `least_squares`. Their relative
imports name what is in the same file once they are copied, so these are dropped; all other imports
are collected, to be merged at the top of the generated file by `merge_imports`. `source_of` copies
single functions, such as an `exp` that vectorises, with what they need from their module.
"""

from __future__ import annotations

import ast
import inspect
import sys
from collections.abc import Iterable
from pathlib import Path
from types import ModuleType
from typing import NamedTuple

FIXED_PART = (
    *("checks", "storage", "printing", "columns", "tables", "state_dicts"),
    *("initial", "schedules", "metrics", "history", "batches", "interrupts", "progress"),
    *("checkpoint", "divergence", "descent", "iterations", "least_squares", "full_batch"),
    *("settings", "training"),
    *("gradient_check", "health", "information", "command_line"),
)


class Source(NamedTuple):
    """Python text without its imports, and the imports that it needs, one name per line."""

    imports: tuple[str, ...]
    body: str


def records() -> Source:
    """The classes of what is declared, which go before the generated part."""
    return _copied("records")


def fixed_part(squares: bool) -> Source:
    """All that goes after the generated part; each file begins with its title as a comment.

    `squares`: whether the loss is a sum of squares.
    """
    names = [x if squares or x != "least_squares" else "no_least_squares" for x in FIXED_PART]
    parts = [_copied(name) for name in names]
    imports = dict.fromkeys(line for part in parts for line in part.imports)
    titled = zip(map(_title, names), parts, strict=True)
    bodies = [f"# {title}\n\n\n{part.body}" for title, part in titled]
    return Source(tuple(imports), "\n\n".join(bodies))


def fixed_titles() -> list[str]:
    """The title of each file of the fixed part, without what it explains."""
    return [_title(name).partition(":")[0] for name in FIXED_PART]


def reserved_names() -> frozenset[str]:
    """The top-level names of the fixed part and its interface: not free for other uses."""
    statements = [s for name in ("records", "interface", *FIXED_PART) for s in _tree(name).body]
    names = {name for statement in statements for name in _defined_names(statement)}
    return frozenset(names.union(*(_imports(statement) for statement in statements)))


def arguments_of(file: str, function: str) -> tuple[str, ...]:
    """The names of the arguments of a function of the fixed part."""
    (found,) = (
        s for s in _tree(file).body if isinstance(s, ast.FunctionDef) and s.name == function
    )
    return tuple(x.arg for x in (*found.args.args, *found.args.kwonlyargs))


def source_of(module: ModuleType | str, *names: str) -> Source:
    """Top-level functions, classes and constants of a module, with all that they need there.

    A module of this folder may be given by name: it is then read and not imported, and with it
    neither is Numba.
    They keep the module's order, decorators and comments. A top-level statement that defines
    nothing, such as a loop that registers something, is copied where it reads a copied constant.
    """
    text = _text(module) if isinstance(module, str) else inspect.getsource(module)
    statements = ast.parse(text).body[1 if ast.get_docstring(ast.parse(text)) else 0 :]
    defined = {name: s for s in statements for name in _defined_names(s)}
    for name in names:
        if name not in defined:
            where = module if isinstance(module, str) else module.__name__
            raise ValueError(f"{where} defines no top-level {name!r} to copy.")
    imported = {name: line for s in statements for name, line in _imports(s).items()}
    effects = [s for s in statements if not _defined_names(s) and not _is_import(s)]
    used, size = set(names), 0
    while len(used) > size:
        size = len(used)
        for name in used & defined.keys():
            used |= _used_names(defined[name])
        constants = {n for n in used & defined.keys() if not _is_block(defined[n])}
        for effect in effects:
            if _used_names(effect) & constants:
                used |= _used_names(effect)
    kept = [s for s in statements if used & _defined_names(s)]
    kept += [s for s in effects if _used_names(s) & constants]
    kept.sort(key=_first_line)
    lines, body = text.splitlines(), ""
    for i, statement in enumerate(kept):
        if i and (_is_block(kept[i - 1]) or _is_block(statement)):
            body += "\n\n"
        body += _statement_text(statement, lines)
    return Source(tuple(line for name, line in imported.items() if name in used), body)


def merge_imports(lines: Iterable[str], width: int = 100) -> str:
    """Import statements as one sorted block: standard library, blank line, third party."""
    plain: set[str] = set()
    members: dict[str, set[str]] = {}
    for line in lines:
        (statement,) = ast.parse(line).body
        if isinstance(statement, ast.ImportFrom):
            members.setdefault(statement.module or "", set()).update(map(_spelled, statement.names))
        elif isinstance(statement, ast.Import):
            plain.update(map(_spelled, statement.names))
    groups: list[list[str]] = [[], []]
    for name in sorted(plain, key=str.lower):
        groups[_is_third_party(name)].append(f"import {name}")
    for module in sorted(members, key=str.lower):
        names = sorted(members[module], key=lambda n: (not n.isupper(), not n[0].isupper(), n))
        line = f"from {module} import {', '.join(names)}"
        if len(line) > width:
            line = f"from {module} import (\n" + "".join(f"    {n},\n" for n in names) + ")"
        groups[_is_third_party(module)].append(line)
    return "\n".join("\n".join([*group, ""]) for group in groups if group)


def _copied(name: str) -> Source:
    """A whole file of this folder, without its docstring."""
    statements = _tree(name).body
    imports = [line for statement in statements for line in _imports(statement).values()]
    header = max(s.end_lineno or 0 for s in statements if _is_import(s))
    return Source(tuple(imports), "\n".join(_text(name).splitlines()[header:]).strip("\n") + "\n")


def _title(name: str) -> str:
    return (ast.get_docstring(_tree(name)) or "").partition("\n")[0]


def _text(name: str) -> str:
    return Path(__file__).with_name(f"{name}.py").read_text(encoding="utf-8")


def _tree(name: str) -> ast.Module:
    return ast.parse(_text(name))


def _is_import(statement: ast.stmt) -> bool:
    return isinstance(statement, (ast.Import, ast.ImportFrom))


def _is_block(statement: ast.stmt) -> bool:
    return isinstance(statement, (ast.FunctionDef, ast.AsyncFunctionDef, ast.ClassDef))


def _imports(statement: ast.stmt) -> dict[str, str]:
    """Name → the import that binds it; nothing for relative imports and `__future__`."""
    if isinstance(statement, ast.Import):
        bound = [a.asname or a.name.partition(".")[0] for a in statement.names]
        return {b: f"import {_spelled(a)}" for b, a in zip(bound, statement.names, strict=True)}
    if not isinstance(statement, ast.ImportFrom) or statement.level:
        return {}
    if statement.module == "__future__":  # the generated file has its own
        return {}
    prefix = f"from {statement.module} import "
    return {alias.asname or alias.name: prefix + _spelled(alias) for alias in statement.names}


def _spelled(alias: ast.alias) -> str:
    return f"{alias.name} as {alias.asname}" if alias.asname else alias.name


def _defined_names(statement: ast.stmt) -> set[str]:
    """The names that a top-level definition or assignment binds."""
    if isinstance(statement, (ast.FunctionDef, ast.AsyncFunctionDef, ast.ClassDef)):
        return {statement.name}
    if isinstance(statement, (ast.Assign, ast.AnnAssign)):
        targets = statement.targets if isinstance(statement, ast.Assign) else [statement.target]
        return {n.id for t in targets for n in ast.walk(t) if isinstance(n, ast.Name)}
    return set()


def _used_names(statement: ast.stmt) -> set[str]:
    return {node.id for node in ast.walk(statement) if isinstance(node, ast.Name)}


def _first_line(statement: ast.stmt) -> int:
    decorators: list[ast.expr] = getattr(statement, "decorator_list", [])
    return min([statement.lineno, *(decorator.lineno for decorator in decorators)])


def _statement_text(statement: ast.stmt, lines: list[str]) -> str:
    """The lines of a statement, with the comment right above it."""
    first = _first_line(statement) - 1
    while first and lines[first - 1].startswith("#"):
        first -= 1
    return "\n".join(lines[first : statement.end_lineno]) + "\n"


def _is_third_party(module: str) -> bool:
    return module.split()[0].partition(".")[0] not in sys.stdlib_module_names
