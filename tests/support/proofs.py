"""Proofs of a derivation, checked: each state a graph, all of one value, each law a named one.

The numbers come from the literal interpreter, which knows nothing of laws.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any

import numpy as np
from interpreter import Interpreter
from oracle import Net

import symgrad as sg
from symgrad.show.presentation import ONE_SUM, OPPOSITE, PRESENTED, SQUARED
from symgrad.show.proof import DISTRIBUTIVE
from symgrad.show.rules import CHAIN_RULE, UNREACHED
from symgrad.show.steps import Law
from symgrad.show.style import style_of
from symgrad.show.visible import SYMMETRIC, VISIBLE

RTOL, ATOL = 1e-8, 1e-10

_FIXED = {
    ONE_SUM,
    OPPOSITE,
    SQUARED,
    DISTRIBUTIVE,
    CHAIN_RULE,
    *(law for _, law in PRESENTED),
    *UNREACHED.values(),
    SYMMETRIC,
    *(r.law.replace(" → ", " = ") for rules in VISIBLE.values() for r in rules),
}

_GENERAL = re.compile(
    r"((product|chain) rule( for matrices)?: )?\S+ = .+ gives .+"  # a row of the rules
    r"|(z|τ\(z\)) (picks|reads|repeats|gives) .+|z = a_c picks an entry.*"
    r"|.+ is used (twice|\d+ times|by .+): (the|their) messages add(, where .+)?"
    r"|.+ is (added to|subtracted from|used for) every .+, so its gradient .+"
    r"|.+, declared"
    r"|by definition: G = .+|.+ = .+, a line above"
)


def is_law(text: str, equations: set[str]) -> bool:
    """Whether a text is a law that some table has, or one of the named values' ``equations``."""
    law = re.sub(r", where [a-z]\d+ = .+", "", text)  # what letters of the line stand for
    words = set(_FIXED) | equations | _WORDS
    return ";" not in text and (law in words or _GENERAL.fullmatch(law) is not None)


_WORDS = {
    "log softmax(z) = z − logsumexp(z)",
    "log(exp(a)) = a",
    "log Σ exp(z) = logsumexp(z)",
    "1/exp(a) = exp(−a)",
    "1/(1 + exp(−z)) = σ(z)",
    "1 ± tanh(z) = 2·σ(±2z)",
    "1 − σ(−z) = σ(z)",
    "1 + erf(z) = 2·Φ(√2·z)",
    "like terms: c·a + d·a = (c + d)·a",
    "the entries of a one-hot vector sum to 1",
    "the entries of a softmax sum to 1",
    "the logarithm of an entry is an entry of the logarithm",
}


def check_proofs(d: sg.Derivation, net: Net, env: Mapping[str, Any], **style: Any) -> int:
    """Every line's proof at one point; how many pairs of states were compared."""
    interpreter = Interpreter(net, env)
    lines = d._lines.proved(style_of(level="full", **style))
    names = {step.names[0].partition("[")[0] for step, _ in lines}
    pairs = 0
    for step, states in lines:
        where = f"{step.text}, {style}"
        if step.phase == "backward":
            assert step.law, f"no law: {where}"
            assert states, f"no proof: {where}"
            assert step.proof, f"no first line: {where}"
        moves = step.proof
        if moves and step.phase == "backward":
            assert sg.formula(moves[-1].expr) == sg.formula(step.expr), where
        equations = {m.law for m in moves if re.split(r"[ \[]", m.law)[0] in names}
        for move in moves:
            assert is_law(move.law, equations), f"no named law: {move.law!r}, {where}"
            assert isinstance(move.law, Law), where
        values = [interpreter(state.node) for state in states]
        for state, value in zip(states[1:], values[1:], strict=True):
            np.testing.assert_allclose(
                value, values[0], rtol=RTOL, atol=ATOL, err_msg=f"{state.law}: {where}"
            )
            pairs += 1
    return pairs
