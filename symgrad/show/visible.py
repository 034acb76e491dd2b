"""Which laws of the rewriter a reader of a proof sees, and in which words.

Why it exists: a rewriter needs a law for every transpose and every nested sum. In a proof they are
not steps: `SILENT` lists them. Every other law of the tables is a line, in the words of its row, or
in those of `WORDS` where a textbook has others; a declared fact is quoted.
"""

from __future__ import annotations

from collections.abc import Callable

import sympy as sp

from symgrad import graph as g
from symgrad.algebra import scores_of_log_softmax
from symgrad.delta_rules import DELTA_RULES
from symgrad.graph import Kind, Node, slot
from symgrad.recognise import FORWARD
from symgrad.rewrite import Rule
from symgrad.show.rules import declared_fact
from symgrad.vocabulary import sigmoid

SILENT = frozenset(
    (
        "empty product", "identity product", "view in product", "view of sum",
        "weight out of product", "identity matrix", "nested product", "indicator seen",
        "broadcast product", "broadcast sum", "broadcast map", "view in sum", "nested sum",
        "single term", "view in map", "expanded map", "reciprocal of scaled", "view in reduce",
        "constant indicator", "view in linalg", "inverse of transpose", "identity index",
        "identity in product", "identity in sum",
    )
)  # fmt: skip
"""Names of rules that only tidy up: a reader of a + 0·b and of (a·b)·c sees no step."""


def _twins(node: Node) -> Node | None:
    """c·a + c·a → 2c·a."""
    terms = list(zip(node.weights, node.accesses, strict=True))
    unique = list(dict.fromkeys(terms))
    if len(unique) == len(terms):
        return None
    return g.add([(terms.count(t) * t[0], *t[1]) for t in unique], node.shape)


TWINS = Rule("twins", "c·a + c·a → 2c·a", Kind.SUM, _twins)
"""The two messages of a square, which its law has as one."""

_ROWS: tuple[Rule, ...] = (*FORWARD, *DELTA_RULES)

TIDYING: tuple[Rule, ...] = (TWINS, *(rule for rule in _ROWS if rule.name in SILENT))
"""The laws that are applied between the lines of a proof."""

VISIBLE: dict[Kind, tuple[Rule, ...]] = {
    kind: tuple(r for r in _ROWS if r.kind is kind and r.name not in SILENT) for kind in Kind
}
"""The laws that make a line of a proof, by the kind of node that they look at."""


def _log(node: Node, after: Node) -> str:
    """The law of a logarithm that was taken before the exponential was."""
    if scores_of_log_softmax(after) is not None:
        return "log softmax(z) = z − logsumexp(z)"
    return "log(exp(a)) = a" if after.kind is not Kind.REDUCE else "log Σ exp(z) = logsumexp(z)"


def _reciprocal(node: Node, after: Node) -> str:
    exponential = after.kind is Kind.MAP and after.body == sp.exp(slot(0))
    return "1/exp(a) = exp(−a)" if exponential else "1/(1 + exp(−z)) = σ(z)"


def _complement(node: Node, after: Node) -> str:
    """The identity of a sum that loses digits, by the functions that are in it."""
    bodies = {x.body for x in node.args if x.kind is Kind.MAP}
    if sp.tanh(slot(0)) in bodies:
        return "1 ± tanh(z) = 2·σ(±2z)"
    return "1 − σ(−z) = σ(z)" if sigmoid(slot(0)) in bodies else "1 + erf(z) = 2·Φ(√2·z)"


def _symmetric(node: Node, after: Node) -> str:
    """What is said of AᵀA and of sums of such, which no fact is declared of."""
    return SYMMETRIC


SYMMETRIC = "a matrix such as AᵀA is its own transpose: Sᵀ = S"


def is_symmetry(law: str) -> bool:
    """Whether a law is that a matrix is its transpose, declared or by its form."""
    return law == SYMMETRIC or law.endswith("ᵀ, declared")


WORDS: dict[str, Callable[[Node, Node], str]] = {
    "log": _log,
    "reciprocal": _reciprocal,
    "complement": _complement,
    "like terms": lambda node, after: "like terms: c·a + d·a = (c + d)·a",
    "one-hot sums to one": lambda node, after: "the entries of a one-hot vector sum to 1",
    **dict.fromkeys(("symmetric product", "symmetric sum", "symmetric map"), _symmetric),
    "softmax sums to one": lambda node, after: "the entries of a softmax sum to 1",
    "log of pick": lambda node, after: "the logarithm of an entry is an entry of the logarithm",
}
"""Rule → its law as a reader knows it, where the row of the rule says it in other words."""


def wording(rule: Rule, node: Node, after: Node) -> str:
    """The law of a rule that has turned ``node`` into ``after``, as a reader knows it."""
    reason = rule.reason(node) if rule.reason is not None else ""
    if reason:
        return ", ".join(dict.fromkeys(map(declared_fact, reason.split(", "))))
    if rule.name in WORDS:
        return WORDS[rule.name](node, after)
    return rule.law.replace(" → ", " = ")
