"""The file list is the pipeline: imports point one way, and importing is light."""

from __future__ import annotations

import ast
import subprocess
import sys
from functools import cache
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
PACKAGE = ROOT / "symgrad"

CORE = [
    "errors", "files", "place", "graph", "order", "amounts", "facts", "listing", "vocabulary",
    "symbols", "elementwise", "index_space", "index_elements", "index_conditions", "indices",
    "lift", "functions", "activations", "matrix_functions", "losses", "rewrite", "algebra",
    "delta_rules", "view_rules", "sum_rules", "map_rules", "product_rules", "linear_rules",
    "intervals", "bounds", "fact_rules", "identities", "exponentials", "logarithms", "recognise",
    "domain", "declare", "spaces", "convolution", "normalisation", "attention", "recurrence",
    "batch", "calculus", "derivatives", "regions", "reverse", "jacobians", "curvature_rules",
    "transposes", "simplify",
    "forms",
    "show.presentation", "subject", "activation_layers", "show.style", "show.notation",
    "show.stages", "show.index_form", "show.contraction_form", "show.matrix_form",
    "show.conventions", "show.turning", "show.reading", "show.printer", "show.latex_names",
    "show.latex_form", "show.prose", "show.text", "show.ascii", "show.steps", "show.laws",
    "show.factors", "show.rules", "show.visible", "show.expansion", "show.reasons", "show.openings",
    "show.proof", "show.lines", "show.numbering", "show.layer_index", "show.long_sums",
    "show.repeats", "show.sheet", "show.widths", "show.breaks", "show.latex", "show.document",
    "show.markdown", "show.mathml",
    "show.pointers", "show.html", "show.formats", "show.derivation", "show.cuts",
    "show.gradient", "show.higher", "language.source", "language.names", "language.syntax",
    "language.layout", "language.tree", "language.messages", "language.parser", "language.limits",
    "language.arithmetic", "language.relations", "language.functions", "language.scope",
    "language.declarations", "language.chains", "language.sums", "language.expressions",
    "language.model", "models", "language.tex.counting", "language.tex.commands",
    "language.tex.names", "language.tex.tokens", "language.tex.document", "language.tex.layout",
    "language.tex.tree", "language.tex.reading", "language.tex.derivatives", "language.tex.scripts",
    "language.tex.meaning", "language.tex.messages", "language.tex.parser", "language.tex.read",
    "language.tex.rules", "pictures.drawn", "pictures.messages", "pictures.numerals",
    "pictures.rows", "pictures.scene", "pictures.palette", "pictures.ranks", "pictures.grid",
    "pictures.crossings", "pictures.positions", "pictures.routes", "pictures.layout",
    "pictures.fold", "pictures.again", "pictures.svg", "pictures.dot", "pictures.mermaid",
    "pictures.exact", "pictures.point", "verification.field", "verification.nothing",
    "verification.number",
    "verification.arithmetic", "verification.bodies", "verification.canonical",
    "verification.samplers", "verification.sizes", "verification.points", "verification.chance",
    "verification.witness", "verification.switches", "verification.arrays", "verification.evaluate",
    "verification.literal", "verification.trials", "verification.domains", "verification.formal",
    "verification.cases", "verification.reach", "verification.agreement", "verification.comparison",
    "verification.equality",
    "verification.names", "verification.habits", "verification.indices", "verification.chain_rule",
    "verification.spellings",
    "verification.precedence", "verification.work", "verification.claims",
    "verification.claim_rules", "verification.sides", "verification.reader",
    "verification.mistakes", "verification.pool", "verification.proposals",
    "verification.sum_edits", "verification.product_edits", "verification.value_edits",
    "verification.edits", "verification.search", "verification.pairs", "verification.tree_edits",
    "verification.reshaping", "verification.paths", "verification.factors",
    "verification.diagnose", "verification.remarks",
    "verification.verdict", "verification.uses", "verification.needs", "verification.judge",
    "verification.numeric", "verification.steps", "verification.grounds", "verification.credit",
    "verification.marking", "verification.verify", "verification.command", "grading.submissions",
    "grading.marks", "grading.journal", "grading.reports", "grading.process", "grading.grade",
    "grading.command",
]  # fmt: skip
"""What derives and prints, each importing only from those before it."""

LATE = {
    ("show.derivation", "costs"): "d.cost() counts the program that would be generated",
    ("show.derivation", "cost_report"): "the type of d.cost()",
    ("show.derivation", "pictures.picture"): "d.picture() draws what a derivation is of",
    ("show.derivation", "pictures.trace"): "d.trace() runs generated code",
}
"""What a module of the core imports inside a function from a later one, and why."""


def path_of(module: str) -> Path:
    return PACKAGE / f"{module.replace('.', '/')}.py"


@cache
def placed(name: str) -> str:
    """``show.text`` for ``symgrad.show.text``; what is imported from a package is its own."""
    parts = name.split(".")
    depth = 1
    while depth < len(parts) and (PACKAGE / "/".join(parts[:depth])).is_dir():
        depth += 1
    return ".".join(parts[:depth])


@cache
def tree_of(module: str) -> ast.Module:
    return ast.parse(path_of(module).read_text(encoding="utf-8"))


@cache
def imports(module: str) -> dict[str, bool]:
    """The symgrad modules that a module names, and whether at the top level."""
    tree = tree_of(module)
    top = {id(node) for node in tree.body}
    found: dict[str, bool] = {}
    for node in ast.walk(tree):
        if isinstance(node, ast.ImportFrom) and node.module:
            if node.module == "symgrad":
                names = [a.name for a in node.names]
            elif node.module.startswith("symgrad."):
                names = [placed(node.module.removeprefix("symgrad."))]
            else:
                continue
        elif isinstance(node, ast.Import):
            names = [
                placed(a.name.removeprefix("symgrad."))
                for a in node.names
                if a.name.startswith("symgrad.")
            ]
        else:
            continue
        for name in names:
            found[name] = found.get(name, False) or id(node) in top
    return found


@pytest.mark.parametrize("module", CORE)
def test_imports_point_one_way(module: str) -> None:
    above = set(CORE[: CORE.index(module)])
    for name, at_top in imports(module).items():
        late = not at_top and (name in CORE or (module, name) in LATE)
        assert name in above or late, f"{module} imports {name}"


def test_every_late_import_is_one() -> None:
    for module, name in LATE:
        assert imports(module).get(name) is False, f"{module} does not import {name} late"


def test_the_core_knows_nothing_of_code_generation() -> None:
    for module in CORE:
        assert "codegen" not in imports(module), module


def modules() -> list[Path]:
    """The files of the package, without the bundled data and the ``__init__`` of subpackages."""
    inner = [path for path in PACKAGE.glob("*/**/*.py") if path.stem != "__init__"]
    return [*PACKAGE.glob("*.py"), *inner]


def test_every_module_is_placed() -> None:
    generating = {
        "__init__", "__main__", "cli", "compile", "cost_report", "costs", "demo", "module_file",
        "optimizers", "update_programs", "estimator", "least_squares", "training",
        "training_comments", "training_model", "training_trace", "pictures.picture",
        "pictures.trace", "plots.activation", "plots.curves", "plots.figure", "plots.formulas",
        "plots.gradient_check", "plots.gradient_errors", "plots.landscape", "plots.loss",
        "plots.notebook", "plots.numbers", "plots.parameters", "plots.unit_report", "plots.units",
        "plots.vector_activation",
    }  # fmt: skip
    found = {".".join(path.relative_to(PACKAGE).with_suffix("").parts) for path in modules()}
    assert found == {*CORE, *generating}


@pytest.mark.parametrize("module", CORE)
def test_every_module_says_why_it_exists(module: str) -> None:
    doc = ast.get_docstring(tree_of(module))
    assert doc
    assert len(doc.splitlines()[0]) < 100


HEAVY = (
    "numba", "llvmlite", "numpy", "scipy", "matplotlib", "typer", "rich", "jax", "torch", "lark",
    "latex2mathml",
)  # fmt: skip


def loaded(code: str) -> list[str]:
    """Which heavy packages a new process has loaded after ``code``."""
    script = f"{code}\nimport sys\nprint(*[m for m in {HEAVY!r} if m in sys.modules])"
    done = subprocess.run(
        [sys.executable, "-c", script], capture_output=True, text=True, check=True, cwd="/"
    )
    return done.stdout.split()


def test_importing_symgrad_loads_nothing_heavy() -> None:
    assert loaded("import symgrad") == []


def test_deriving_loads_nothing_heavy() -> None:
    code = (
        "import symgrad as sg\n"
        "from sympy import MatrixSymbol\n"
        "x = MatrixSymbol('x', 3, 1)\n"
        "print(len(str(sg.gradient(sg.logsumexp(sg.tanh(x)), x))) < 0 or '')"
    )
    assert loaded(code) == []


def test_latex_loads_no_converter() -> None:
    code = (
        "import symgrad as sg\n"
        "from sympy import MatrixSymbol\n"
        "d = sg.gradient(sg.logsumexp(sg.tanh(MatrixSymbol('x', 3, 1))), MatrixSymbol('x', 3, 1))\n"
        "print(len(d.latex() + d.text(ascii=True)) < 0 or '')"
    )
    assert loaded(code) == []


def test_everything_public_is_documented() -> None:
    import symgrad as sg

    for name in sg.__all__:
        thing = getattr(sg, name)
        assert callable(thing), name
        assert thing.__doc__, name
    assert sorted(sg.__all__) == sg.__all__
