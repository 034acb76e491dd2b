"""``sg.verify`` and ``sg.verify_steps``: is a derivation right, and where does it go wrong?"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace
from functools import lru_cache
from typing import Any

import sympy as sp

import symgrad.verification.remarks as remarks
from symgrad.errors import DeclarationError, ParseError, UnsupportedError
from symgrad.language.names import canonical
from symgrad.symbols import ARRAYS
from symgrad.verification.claims import sympy_claim
from symgrad.verification.grounds import Grounds
from symgrad.verification.judge import NATURAL, checked_layout, judge
from symgrad.verification.marking import Marking
from symgrad.verification.names import Target, Truth
from symgrad.verification.numeric import judge_function
from symgrad.verification.sides import NOT_ZERO
from symgrad.verification.steps import AGAIN, FOLLOWS, NAMED, Steps, StepVerdict
from symgrad.verification.verdict import RIGHT, UNDECIDED, WRONG, Verdict, together
from symgrad.verification.work import lines as lines_of


def verify(
    claim: Any,
    loss: Any,
    wrt: Any = None,
    *,
    language: str | None = None,
    layout: str = NATURAL,
    seed: int = 0,
) -> Verdict:
    """Whether a gradient that was derived by hand is right; if not, where and why.

    ``claim`` is a SymPy expression, text in the language of ``sg.parse``, LaTeX, or a Python
    function of arrays whose parameters are called like the symbols of the loss; a dict from
    symbols to claims, or a list of claims with a list of symbols, is several. ``loss`` is a scalar
    expression or what ``sg.parse`` returns. ``wrt`` says what the claim is the gradient of: a
    symbol, a named value, or a name such as "W1"; a claim with a left side says so itself, such as
    ``"dL/dW1 = (p - y) x'"``. Left sides are ∂L/∂W1, dL/dW1, dW1, ∇_W1 L, W̄1, δ2 and the like, a
    forward value, or an entry, ``dL/dW[j, k] = …``. A text of several lines may name values of its
    own and build on them; the last line is the claim. Where it has several right sides,
    ``dL/db = … = …``, each of them is judged.

    ``language`` is "text" or "latex"; by default the text itself shows which. ``layout`` is
    "natural" (or "denominator"), in which a gradient has the shape of what it is by, or
    "numerator", in which it is the transpose.

    The verdict is true if the claim is right. It is right on a proof, or on exact agreement at so
    many random points and shapes that a wrong claim would pass with a chance below 2⁻⁴⁰; wrong only
    with an example that interval arithmetic certifies; else undecided. A function of arrays is
    compared in floating point. Raises ParseError for a text that cannot be read, DerivativeError
    for a symbol that is not in the loss, DeclarationError for a claim in other symbols.
    """
    checked_layout(layout)
    truth = truth_of(loss)
    if isinstance(claim, Mapping | list | tuple):
        pairs = _pairs(claim, wrt)
        return together(
            [verify(c, truth, w, language=language, layout=layout, seed=seed) for w, c in pairs]
        )
    if isinstance(claim, str):
        return _of_text(claim, truth, wrt, language, layout, seed)
    target = _target(wrt, truth)
    if callable(claim) and not isinstance(claim, sp.Basic | ARRAYS[0] | ARRAYS[1]):
        return judge_function(claim, target, truth, seed)
    return judge(sympy_claim(claim, target, truth), truth, layout, seed)


def verify_steps(
    lines: str | Sequence[str],
    loss: Any,
    wrt: Any = None,
    *,
    language: str | None = None,
    layout: str = NATURAL,
    seed: int = 0,
) -> Steps:
    """Work of several lines, each against the true value and against the line above.

    ``lines`` is a text with line breaks, a list of them, or LaTeX (a whole document too). A line
    has a left side, or goes on with ``= …``. ``wrt``, a symbol or a list, is what the work has to
    arrive at; what no line is about is ``missing``.

    Each line is ``right``, ``wrong``, ``follows`` (right given an earlier wrong line), ``wrong
    again``, ``undecided``, ``unreadable``, ``named`` (a name of one's own), ``not derived`` (true,
    but made of a gradient, such as δ1, that no line derives), ``circular`` (true, but it rests on
    itself) or ``left out`` (another value for what the loss declares). ``first_wrong`` is the line
    to look at, and ``score`` the part of the gradients that is found: those of ``wrt``, or those
    that the lines are about. The other arguments are those of `verify`.
    """
    checked_layout(layout)
    truth = truth_of(loss)
    text = lines if isinstance(lines, str) else "\n".join(map(_checked_text, lines))
    wanted = [] if wrt is None else [_target(x, truth) for x in _listed(wrt)]
    target = wanted[0] if len(wanted) == 1 else None
    marking = Marking(truth, target, layout, seed)
    marking.mark_all(lines_of(text, language, truth.names))
    return marking.result(wanted)


def _checked_text(line: Any) -> str:
    if not isinstance(line, str):
        raise UnsupportedError(f"the line {line!r} is no text; expected lines of text.")
    return line


def truth_of(loss: Any) -> Truth:
    """The true values of a loss, which are kept for the next claim about it."""
    if isinstance(loss, Truth):
        return loss
    try:
        return _kept(loss)
    except TypeError:  # what cannot be hashed says what it is when it is lifted
        return Truth(loss)


@lru_cache(maxsize=16)
def _kept(loss: Any) -> Truth:
    return Truth(loss)


def _listed(wrt: Any) -> list[Any]:
    return list(wrt) if isinstance(wrt, list | tuple | set) else [wrt]


def _target(wrt: Any, truth: Truth) -> Target:
    """What a claim without a left side is about."""
    if wrt is None:
        raise DeclarationError(
            "it was not said what the claim is the gradient of; pass the symbol, "
            "sg.verify(claim, loss, W), or begin a text with its left side, dL/dW = …"
        )
    found = None
    if isinstance(wrt, str):
        name = canonical(wrt)
        found = truth.target(name) if truth.value(name) is None else None
    return found if found is not None else truth.gradient(truth.symbol(wrt))


def _pairs(claims: Any, wrt: Any) -> list[tuple[Any, Any]]:
    """Each claim of a dict or a list, after what it is about."""
    if not claims:
        raise UnsupportedError(f"the empty {type(claims).__name__} of claims was given.")
    if isinstance(claims, Mapping):
        return list(claims.items())
    if wrt is None:
        return [(None, c) for c in claims]
    symbols = _listed(wrt)
    if len(symbols) != len(claims):
        raise UnsupportedError(
            f"{len(claims)} claims were given and {len(symbols)} symbols; expected one for each."
        )
    return list(zip(symbols, claims, strict=True))


def _of_text(
    text: str, truth: Truth, wrt: Any, language: str | None, layout: str, seed: int
) -> Verdict:
    """The verdict on the last line, or on the last that is about what was asked for."""
    target = None if wrt is None else _target(wrt, truth)
    found = lines_of(text, language, truth.names)
    if not found:
        raise ParseError("there is no formula in this text.", 1, 1, text[:80])
    marking = Marking(truth, target, layout, seed, strict=True)
    try:
        marking.mark_all(found)
    except ParseError as error:
        if NOT_ZERO not in error.message:
            raise
        left, _, right = text.rpartition("=")
        return Verdict(UNDECIDED, "", error.message, left.strip(), right.strip(), line=error.line)
    steps = [x for x in marking.steps if x.verdict is not None]
    if target is not None:
        steps = [x for x in steps if x.claim is not None and x.claim.target.key == target.key]
    if not steps and target is not None and _is_own(marking.steps[-1]):
        claims = marking.reader.named_claims(found[-1], target)
        return _first_wrong([judge(x, truth, layout, seed) for x in claims])
    if not steps:
        what = f"what {target.name} is" if target is not None else "what a gradient is"
        raise found[-1].error(f"no line says {what}; {remarks.NOTHING_SAID}.")
    return _of_equation([x for x in steps if x.equation == steps[-1].equation], marking)


def _is_own(step: StepVerdict) -> bool:
    """Whether a line gives a name of the writer's own."""
    return step.claim is None or not step.claim.target.whole


def _first_wrong(verdicts: Sequence[Verdict]) -> Verdict:
    """The verdict on an equation of several right sides."""
    order = (WRONG, UNDECIDED)
    return next((v for x in order for v in verdicts if v.status == x), verdicts[-1])


def _of_equation(members: Sequence[StepVerdict], marking: Marking) -> Verdict:
    """The verdict on all that stands behind one left side: that of the first that is wrong."""
    told = [x for x in members if x.status != NAMED] or members
    verdict = _first_wrong([x.verdict for x in told if x.verdict is not None])
    chosen = next(x for x in told if x.verdict is verdict)
    if chosen.status == FOLLOWS:
        origin = next(
            x for x in marking.steps if x.number == chosen.follows and x.status in (WRONG, AGAIN)
        )
        return _following(verdict, origin.verdict)
    grounds = Grounds(marking.steps, marking.truth, granted=True)
    if verdict.status == RIGHT and not any(grounds.stands(x.rests_on) for x in told):
        return replace(verdict, status=UNDECIDED, method="", reason=remarks.IN_CIRCLE)
    return verdict


def _following(verdict: Verdict, origin: Verdict | None) -> Verdict:
    """A verdict on a line that is wrong only because an earlier one is."""
    assert origin is not None
    words = remarks.from_line(origin.line, origin.equation)
    return replace(
        verdict,
        mistake=origin.mistake,
        diagnosis=f"{words} {origin.diagnosis}".strip(),
    )
