"""The sentences of verification, all of them: what is printed about a claim and about work.

Why it exists: the message is the product. It has to read like a good teaching assistant's remark
(what, where, why, on which numbers, and what would be right), so its words stand together where
they can be read together. The remark on a mistake itself is `mistakes`' sentence.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

from symgrad.listing import shape_text
from symgrad.show.text import formula

if TYPE_CHECKING:
    from symgrad.verification.claims import Claim
    from symgrad.verification.steps import Steps, StepVerdict
    from symgrad.verification.verdict import Verdict

MOST = 160
"""Characters of a formula that is shown whole."""


def equation(left: str, right: str) -> str:
    """``left = right`` on one line, with single spaces."""
    text = f"{left} = {right}" if left else right
    return " ".join(text.split())


def shortened(text: str, most: int = MOST) -> str:
    """A text that is not too long to be shown."""
    return text if len(text) <= most else f"{text[: most - 1]}…"


def formula_text(expr: Any) -> str:
    """A SymPy value on one line."""
    return formula(expr)


def as_read(name: str, claim: Claim, goes_on: bool) -> str:
    """A claim about a name as it was understood; "" where that is not as simple."""
    if claim.value is None or claim.indices or not name:
        return ""
    return equation("" if goes_on else name, f"{'= ' * goes_on}{formula(claim.value)}")


def shape_words(shape: Sequence[Any]) -> str:
    """H×D, "a column of H entries", "a number"."""
    if not shape:
        return "a number"
    if len(shape) == 2 and shape[1] == 1:
        return f"a column of {shape_text(shape[:1])} entries"
    if len(shape) == 2 and shape[0] == 1:
        return f"a row of {shape_text(shape[1:])} entries"
    text = shape_text(shape)
    return f"{_article(text)} {text} {'matrix' if len(shape) == 2 else 'array'}"


def _article(text: str) -> str:
    """``an`` before H, N or 8, whose names begin with a vowel."""
    return "an" if text[0] in "AEFHILMNORSX8" else "a"


# ---------------------------------------------------------------------------- what is the matter


def other_shape(name: str, of: str | None, expected: Sequence[Any], shape: Sequence[Any]) -> str:
    """The claim has another shape than the truth."""
    why = f", as {of} is" if of else ""
    return f"{name} is {shape_words(expected)}{why}; the claim is {shape_words(shape)}."


def transposed(name: str, shape: Sequence[Any]) -> str:
    """The claim is the transpose of the gradient: right in the other layout."""
    return (
        f"This is the transpose of {name}. It is right in numerator layout (Jacobian layout), "
        f"where a gradient is written as {shape_words(shape)}; here a gradient has the shape of "
        'what it is the gradient of. Transpose the right side, or ask for the layout "numerator".'
    )


def turned_again(numbers: Sequence[int]) -> str:
    """Other lines are transposes, too."""
    many = len(numbers) > 1
    return (
        f"Line{'s' * many} {listed([str(n) for n in numbers])} {'are' if many else 'is'} wrong in "
        f"the same way: right, but for the transpose."
    )


def circular(name: str) -> str:
    """The right side uses the name of what it should say."""
    return (
        f"The right side contains {name} itself, so nothing is said of it; write it in values of "
        "the forward pass, or in gradients of later values."
    )


def not_in_layout(name: str) -> str:
    """The claim is in denominator layout where numerator layout was asked for."""
    return (
        f"This is {name} in denominator layout, in the shape of what it is the gradient of; in "
        "numerator layout, which was asked for, it is the transpose."
    )


def free_index(names: Sequence[str]) -> str:
    """The right side has an index that the left side has not."""
    many = len(names) > 1
    return (
        f"{listed(names)} {'are indices' if many else 'is an index'} on the right side only, and "
        f"nothing sums over {'them' if many else 'it'}."
    )


def not_fitting(message: str) -> str:
    """The parts of the claim have shapes, or indices that have ranges, that do not fit."""
    if "not fit" in message:
        return f"{message[0].upper()}{message[1:]}"
    return f"The shapes do not fit: {message}"


def with_cause(words: str, cause: str) -> str:
    """What is the matter, and why; a cause that was found says more than a guess."""
    return f"{_GUESS.sub('.', words)} {cause}" if cause else words


_GUESS = re.compile(r"; did you mean [^?]*\?$")


DIFFERS = "This is another value, and no small change of it was found that makes it right."
OF_CALLABLE = (
    "The function returns another value. Nobody can look into a function: give its formula, and "
    "it can be said why."
)
NO_VALUE = (
    "At no point that was tried has the claim a value as it is written; does it divide by 0, or "
    "take the root or the logarithm of what is negative?"
)

REGROUPED = "(products were read as the shapes want them; parentheses would make that plain.)"
NOTHING_SAID = "nothing was claimed"


IN_CIRCLE = (
    "This is true, but the lines go in a circle: each is made of what the other says, so nothing "
    "is derived. Write one of them in values of the forward pass."
)


def declared(names: Sequence[str]) -> str:
    """Lines give values to what has them."""
    one = len(names) == 1
    return (
        f"{listed(names)} {'is' if one else 'are'} given by the model and "
        f"{'keeps its value' if one else 'keep their values'}; no line can give "
        f"{'it another' if one else 'them others'}."
    )


def not_derived(names: Sequence[str], readable: bool = True) -> str:
    """What is built on has not been derived."""
    one = len(names) == 1
    return (
        f"No line {'' if readable else 'that can be read '}derives {listed(names)}. What is made "
        f"of {'it' if one else 'them'} is true, but is derived only when "
        f"{'it is' if one else 'they are'}."
    )


def _are(names: Sequence[str]) -> str:
    return f"{listed(names)} {'is' if len(names) == 1 else 'are'}"


def listed(names: Sequence[str]) -> str:
    """``A, B and C``."""
    return " and ".join([*([", ".join(names[:-1])] if names[1:] else []), *names[-1:]])


FOLLOWER = "The line that follows from a wrong one is right as a step; the mistake is counted once."
FOLLOWERS = (
    "The lines that follow from a wrong one are right as steps; the mistake is counted once."
)


def carried(number: int) -> str:
    """A line that is right given an earlier wrong one."""
    return f"follows from line {number}"


def from_line(number: int, text: str) -> str:
    """The final claim is wrong because of an earlier line."""
    return f"The step itself is right; the mistake is in line {number}, {text}."


# ------------------------------------------------------------------------------------- a verdict

_HEADS = {"right": "Right", "wrong": "Wrong", "undecided": "Undecided"}


def of_verdict(v: Verdict) -> str:
    """The whole remark."""
    return "\n".join(line for line, _ in lines_of(v))


def lines_of(v: Verdict) -> list[tuple[str, str]]:
    """The lines of a remark, each with what it is: the status, "detail" or "formula"."""
    if v.parts:
        return [line for part in v.parts for line in lines_of(part)]
    head = f"{_HEADS[v.status]}: {shortened(v.equation)}"
    return [(head, v.status), *details(v)]


def details(v: Verdict) -> list[tuple[str, str]]:
    """What stands below the verdict."""
    found: list[tuple[str, str]] = []
    if v.status == "wrong":
        found.append((f"  {v.diagnosis}", "detail"))
        if v.witness is not None:
            found.append((f"  For example, {v.witness}.", "detail"))
        if v.domain and v.mistake != "missing_fact":  # which says so already
            found.append((f"  {_sentence(v.domain, 'The two are ')}", "detail"))
        left = v.name if "\\" in v.left and v.name else v.left
        if v.corrected is not None:
            found.append((f"  Right is {shortened(equation(left, v.corrected))}", "formula"))
        elif v.expected is not None:
            shown = shortened(equation(left, formula_text(v.expected)))
            found.append((f"  Right is, for instance, {shown}", "formula"))
        return found
    found.append((f"  {v.reason}", "detail"))
    if v.domain:
        found.append((f"  {_sentence(v.domain, 'But note: ')}", "detail"))
    return found


def _sentence(text: str, before: str) -> str:
    text = text if text.endswith(".") else f"{text}."
    return text if text[:1].isupper() else f"{before}{text}"


# ----------------------------------------------------------------------------------------- steps

STATUS_WORDS = {
    "right": "right",
    "wrong": "wrong",
    "follows": "follows",
    "wrong again": "wrong again",
    "undecided": "undecided",
    "unreadable": "not readable",
    "named": "names a value",
    "not derived": "true, but not derived",
    "circular": "true, but circular",
    "left out": "left out",
}
"""A status of a line, and what the table shows."""

_WIDEST = 60


def of_steps(steps: Steps) -> str:
    """The table, and the remark on the first wrong line."""
    return "\n".join(line for line, _ in lines_of_steps(steps))


def lines_of_steps(steps: Steps) -> list[tuple[str, str]]:
    """The lines of the table and the remark below it, each with what it is."""
    rows = [(str(x.number), shortened(x.read or x.text, _WIDEST), _status(x)) for x in steps]
    if not rows:
        return [("There is no equation in this text.", "unreadable")]
    number = max(len(row[0]) for row in rows)
    width = max(len(row[1]) for row in rows)
    found = [
        (f"{a:>{number}}  {b:<{width}}  {c}".rstrip(), step.status)
        for (a, b, c), step in zip(rows, steps, strict=True)
    ]
    first = steps.first_wrong
    if first is not None and first.verdict is not None:
        found.append(("", "detail"))
        found.append((f"Line {first.number} is the first that is wrong.", "wrong"))
        found += details(first.verdict)
    turned = _turned_again(steps)
    if turned:
        found += [("", "detail"), (turned_again(turned), "wrong again")]
    for step in steps:
        remark = step.remark if step.status != "left out" else ""
        if step.number in turned:
            continue
        if step.status == "wrong again" and step.verdict is not None:
            remark = f"this is wrong again. {step.verdict.diagnosis}".strip()
        if remark:
            found += [("", "detail"), (f"Line {step.number}: {remark}", step.status)]
    found += [(line, "detail") for line in _closing(steps)]
    return found


def _turned_again(steps: Steps) -> list[int]:
    """The lines that are transposes as the first wrong one is."""
    first = steps.first_wrong
    if first is None or first.verdict is None or not first.verdict.turned:
        return []
    again = [x for x in steps if x.status == "wrong again" and x.verdict is not None]
    found = {x.number for x in again if x.verdict is not None and x.verdict.turned}
    other = {x.number for x in again if x.verdict is None or not x.verdict.turned}
    return sorted(found - other - {first.number})


def _status(step: StepVerdict) -> str:
    if step.status == "follows" and not step.lacking:
        return carried(step.follows) if step.follows else STATUS_WORDS[step.status]
    if step.lacking:
        true = "true" if step.status == "not derived" else "follows"
        return f"{true}, but {_are(step.lacking)} not derived"
    claim = step.claim
    if step.status == "named" and claim is not None and claim.left == claim.text:
        return "says nothing"
    if step.status == "right" and step.above is False:
        return "right, but not equal to the line above"
    return STATUS_WORDS[step.status]


def _closing(steps: Steps) -> list[str]:
    found = []
    lacking = list(dict.fromkeys(name for x in steps for name in x.lacking))
    if lacking:
        found.append(not_derived(lacking, all(x.status != "unreadable" for x in steps)))
    if any(x.status == "circular" and not x.remark for x in steps):
        found.append(IN_CIRCLE)
    if steps.missing:
        found.append(f"No line says what {_are(steps.missing)}.")
    left_out = [x for x in steps if x.status == "left out"]
    if left_out:
        names = list(dict.fromkeys(x.text.partition("=")[0].strip() for x in left_out))
        lines = list(dict.fromkeys(str(x.number) for x in left_out))
        found.append(
            f"Line{'s' * (len(lines) > 1)} {listed(lines)} {'is' if len(lines) == 1 else 'are'} "
            f"left out: {declared(names)}"
        )
    if bool(steps) and not lacking:
        found.append("Every other line is right." if left_out else "Every line is right.")
    followers = sum(x.status == "follows" for x in steps)
    if followers:
        found.append(FOLLOWER if followers == 1 else FOLLOWERS)
    return [line for x in found for line in ("", x)]


_EARNED = {
    "right": "right",
    "corrected": "wrong, then put right",
    "follows": "right as a step",
    "wrong": "wrong",
    "wrong again": "wrong",
    "undecided": "not decided",
    "not derived": "true, but not derived",
    "unreadable": "not readable",
    "missing": "missing",
}


def earned(state: str, step: StepVerdict | None) -> str:
    """Why a gradient earned what it did."""
    words = _EARNED[state]
    if state == "follows" and step is not None and step.follows:
        return f"{words}, {carried(step.follows)}"
    if step is not None and step.lacking:
        return (
            f"{words}: {listed(step.lacking)} {'is' if len(step.lacking) == 1 else 'are'} missing"
        )
    return words


# ------------------------------------------------------------------------------------- functions


def function_shape(name: str, shape: Sequence[int], due: Sequence[int]) -> str:
    """A function returns an array of another shape."""
    return (
        f"{name} returns an array of shape {tuple(shape)} where the gradient has shape "
        f"{tuple(due)}."
    )


def in_floats(points: int, shapes: int, worst: float, tolerance: float) -> str:
    """A function agreed."""
    where = f"{points} points" + (f" of {shapes} shapes" if shapes > 1 else "")
    return (
        f"It agrees with the gradient at {where}, with a largest relative error of {worst:.1e} "
        f"(allowed: {tolerance:.0e}). Floating point proves nothing; a formula can be proved."
    )


def no_points(points: int) -> str:
    """There was nothing to compare a function at."""
    return (
        f"Only {points} points were found at which the loss has a finite gradient, which are too "
        "few; declare the domain of the symbols, such as sg.assume(x, Q.positive)."
    )
