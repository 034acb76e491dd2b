"""One claim against the truth: shapes, layout, equality, and what is said where it is wrong.

Why it exists: a claim may be wrong before anything is computed, because its parts do not fit, it
has an index too many, or it is the transpose. What is left is compared (`equality`), and what
differs is explained (`diagnose`).
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from typing import Any, NamedTuple

from sympy.matrices.expressions.matexpr import MatrixExpr

import symgrad.verification.remarks as remarks
from symgrad import graph as g
from symgrad.errors import UnsupportedError
from symgrad.graph import Kind, Node, dim
from symgrad.show.text import formula
from symgrad.simplify import unname
from symgrad.verification.claims import Claim
from symgrad.verification.comparison import Comparison
from symgrad.verification.diagnose import Diagnosis, diagnose
from symgrad.verification.equality import compare
from symgrad.verification.names import Target, Truth, entry_of, written
from symgrad.verification.needs import needs_of, unmet
from symgrad.verification.uses import is_circular, turned
from symgrad.verification.verdict import RIGHT, UNDECIDED, WRONG, Verdict

NATURAL, NUMERATOR = "natural", "numerator"
LAYOUTS = (NATURAL, NUMERATOR, "denominator")

SHAPES = "shapes"
"""The method of a verdict for which nothing had to be computed."""


class Decision(NamedTuple):
    """Whether a claim is right, before it is asked why not."""

    status: str
    comparison: Comparison | None
    """None where the shapes or the indices decide."""
    turned: bool = False
    """Whether the claim is the transpose of what is due, and right but for that."""
    circular: bool = False
    """Whether the claim is made of what it is about."""
    renamed: bool = False
    """Whether it is only another name of that, as in δ2 = ∂L/∂z2."""


def checked_layout(layout: str) -> str:
    """A layout that there is; UnsupportedError for any other."""
    if layout not in LAYOUTS:
        raise UnsupportedError(
            f"the layout {layout!r} was asked for; expected one of {', '.join(LAYOUTS)}."
        )
    return layout


def decide(claim: Claim, layout: str = NATURAL, seed: int = 0) -> Decision:
    """Whether a claim is right."""
    target, node = claim.target, claim.node
    if node is None:
        return Decision(WRONG, None)
    if is_circular(claim):
        renamed = node.kind is Kind.NAMED
        nothing = Comparison(None, "", remarks.circular(target.name))
        return Decision(UNDECIDED, nothing, circular=True, renamed=renamed)
    due = _due_shape(target, layout)
    shape = tuple(map(dim, claim.shape))
    if shape == due:
        truth = target.node if due == tuple(map(dim, target.shape)) else turned(target.node)
        return _decision(
            _with_needs(claim, truth, seed, compare(node, truth, seed=seed, what=target.what))
        )
    if shape == due[::-1]:
        own = target.node if shape == tuple(map(dim, target.shape)) else turned(target.node)
        found = compare(node, own, seed=seed, what=target.what)
        return Decision(WRONG, None, turned=found.equal is True)
    return Decision(WRONG, None)


def _decision(found: Comparison) -> Decision:
    status = {True: RIGHT, False: WRONG, None: UNDECIDED}[found.equal]
    return Decision(status, found)


def _with_needs(claim: Claim, truth: Node, seed: int, found: Comparison) -> Comparison:
    """What was found, with where a claim that is right has no value as it was typed."""
    needs = needs_of(claim) if found.equal else ()
    if not needs or claim.node is None:
        return found
    where = unmet(claim.node, truth, needs, seed)
    if where is None:
        return found._replace(equal=None, reason=remarks.NO_VALUE)
    if not where or "the claim has no" in found.domain or "the claim has none" in found.domain:
        return found
    words = f"the claim has no value {where}"
    return found._replace(domain=f"{found.domain}; {words}" if found.domain else words)


def _due_shape(target: Target, layout: str) -> tuple[Any, ...]:
    shape = tuple(map(dim, target.shape))
    if target.symbol is None or layout != NUMERATOR or len(shape) != 2:
        return _scalar_or(shape)
    return _scalar_or(shape[::-1])


def _scalar_or(shape: tuple[Any, ...]) -> tuple[Any, ...]:
    return () if all(n == 1 for n in shape) else shape


def judge(
    claim: Claim,
    truth: Truth,
    layout: str = NATURAL,
    seed: int = 0,
    decision: Decision | None = None,
) -> Verdict:
    """The verdict on one claim, with the diagnosis where it is wrong."""
    decision = decision or decide(claim, layout, seed)
    found = decision.comparison
    verdict = Verdict(
        decision.status,
        SHAPES if found is None else found.method,
        _reason(claim, found),
        claim.left or claim.target.name,
        claim.text,
        None if decision.status == RIGHT else _expected(claim, truth, layout),
        domain="" if found is None else found.domain,
        line=claim.number,
        name=_name(claim),
        witness=None if found is None else found.witness,
    )
    if decision.status == RIGHT:
        return verdict
    if decision.status == UNDECIDED:
        return verdict
    return _explained(verdict, claim, truth, layout, decision, seed)


def _expected(claim: Claim, truth: Truth, layout: str) -> Any:
    """The true value, as a claim of this form should have it."""
    expr = truth.written(claim.target, [x for x, _ in claim.indices])
    is_due = claim.indices or not isinstance(expr, MatrixExpr)
    if is_due or _due_shape(claim.target, layout) == tuple(map(dim, expr.shape)):
        return expr
    return written(truth.tidied(turned(claim.target.node)), tuple(expr.shape)[::-1])


def _reason(claim: Claim, found: Comparison | None) -> str:
    if found is None:
        return ""
    return f"{found.reason} {remarks.REGROUPED}" if claim.regrouped else found.reason


def _name(claim: Claim) -> str:
    """The left side as symgrad writes it."""
    indices = ", ".join(str(x) for x, _ in claim.indices)
    whole = len(claim.indices) == claim.target.node.rank
    return f"{claim.target.name}[{indices}]" if indices and whole else claim.target.name


def _explained(
    verdict: Verdict, claim: Claim, truth: Truth, layout: str, decision: Decision, seed: int
) -> Verdict:
    target = claim.target
    due = _due_shape(target, layout)
    if decision.turned:
        natural = due == _scalar_or(tuple(map(dim, target.shape)))
        words = (
            remarks.transposed(target.name, due[::-1])
            if natural and target.symbol is not None
            else remarks.not_in_layout(target.name)
        )
        return replace(
            verdict, mistake="transpose", diagnosis=words, edits=("transpose",), reason=words,
            turned=True,
        )  # fmt: skip
    if claim.free:
        words = remarks.free_index(claim.free)
        fallback = "index"
    elif claim.node is None:
        assert claim.error is not None
        words, fallback = remarks.not_fitting(claim.error.message), "shape"
    elif tuple(map(dim, claim.shape)) != due:
        of = None if target.symbol is None else str(target.symbol)
        words, fallback = remarks.other_shape(target.name, of, due, claim.shape), "shape"
    else:
        words, fallback = "", "other"
    truth_node = target.node
    if claim.node is not None and not words and due != _scalar_or(tuple(map(dim, target.shape))):
        truth_node = turned(target.node)
    diagnosis = diagnose(claim, truth_node, truth, seed=seed)
    right = [] if diagnosis.corrected is None else [diagnosis.corrected]
    is_value = target.symbol is None and target.node.kind is Kind.NAMED
    if is_value and target.node in g.topological(right):
        diagnosis = Diagnosis()  # z = z is no correction
    if diagnosis.corrected is not None:
        diagnosis = diagnosis._replace(corrected=_in_own_names(diagnosis.corrected, claim, truth))
    return _diagnosed(verdict, diagnosis, words, fallback, due, [x for x, _ in claim.indices])


def _in_own_names(node: Node, claim: Claim, truth: Truth) -> Node:
    """A correction without names of gradients that the claim itself does not use."""
    used = set(g.topological([] if claim.node is None else [claim.node]))
    names = [n for n in g.topological([node]) if n.kind is Kind.NAMED and n not in used]
    return unname([node], [n for n in names if n.name not in truth.forward])[0]


def _diagnosed(
    verdict: Verdict,
    found: Diagnosis,
    words: str,
    fallback: str,
    due: tuple[Any, ...],
    indices: Sequence[Any],
) -> Verdict:
    sentence = found.sentence
    if words:
        sentence = remarks.with_cause(words, sentence)
    corrected = None
    if found.corrected is not None:
        own = found.corrected
        as_entry = indices and len(indices) == own.rank
        corrected = formula(entry_of(own, indices) if as_entry else written(own, due))
    mistake = found.mistake if found.mistake not in (None, "other") else fallback
    return replace(
        verdict, mistake=mistake, diagnosis=sentence or remarks.DIFFERS, corrected=corrected,
        edits=found.edits, reason=verdict.reason or words or sentence,
    )  # fmt: skip
