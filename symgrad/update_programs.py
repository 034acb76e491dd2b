"""Update rules as programs: what a step computes once, and what it computes for every entry.

Why it exists: β₁, 1 − β₁ᵗ or η/(1 − β₁ᵗ) are the same for all parameters of a step, so they are
taken out of the formulas, computed in float64 for many steps at once, and handed to the loop over
the parameters as numbers. What remains is elementwise and runs over all parameters as one array.

In: an `Optimizer`. Out: an `UpdateSpec`, from which a target prints two functions.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from itertools import count

import sympy as sp

from symgrad import graph as gr
from symgrad.codegen.arguments import of_leaves
from symgrad.codegen.program import Program
from symgrad.codegen.training_spec import UpdateSpec
from symgrad.compile import build
from symgrad.elementwise import expand
from symgrad.graph import Access, Node
from symgrad.optimizers import Optimizer, eta, g, letters, t, theta
from symgrad.show.text import formula

SIZE, STEPS = sp.symbols("P T", integer=True, positive=True)
_TEXT = {eta: "learning_rate"}
"""Symbols that have another name in a file."""


def update_spec(rule: Optimizer, reserved: frozenset[str]) -> UpdateSpec:
    """The two programs of a rule."""
    arrays = [theta, *rule.state, g]
    split = _Split(arrays, {x.name for x in (*arrays, *rule.options)})
    updates = [(x, split.apart(value)) for x, value in rule.updates]
    numbers = list(split.found.values())
    return UpdateSpec(
        name=rule.name,
        formula=rule.formula,
        source=rule.source,
        state={x.name: value for x, value in rule.state.items()},
        options={x.name: value for x, value in rule.options.items()},
        letters={x.name: letters(x.name) for x in rule.options},
        coefficients=_coefficients(rule, list(split.found), reserved),
        update=_update(rule, updates, numbers, reserved),
        numbers=tuple(x.name for x in numbers),
    )


class _Split:
    """Takes out what does not depend on the entry; ``found`` maps it to the symbol in its place."""

    def __init__(self, arrays: Sequence[sp.Symbol], taken: set[str]) -> None:
        self.arrays, self.taken = set(arrays), taken
        self.found: dict[sp.Expr, sp.Symbol] = {}

    def apart(self, expr: sp.Expr) -> sp.Expr:
        """The expression with a symbol for each largest part that is a number of the step."""
        if not expr.free_symbols or expr in self.arrays:
            return expr
        if not expr.free_symbols & self.arrays:
            return self._number(expr)
        if not isinstance(expr, sp.Add | sp.Mul):
            return expr.func(*map(self.apart, expr.args))
        fixed = [x for x in expr.args if x.free_symbols and not x.free_symbols & self.arrays]
        rest = [self.apart(x) if x.free_symbols else x for x in expr.args if x not in fixed]
        return expr.func(*rest, *([self._number(expr.func(*fixed))] if fixed else []))

    def _number(self, expr: sp.Expr) -> sp.Symbol:
        if expr not in self.found:
            free = (f"c{k}" for k in count(len(self.found) + 1) if f"c{k}" not in self.taken)
            name = _TEXT.get(expr, expr.name if expr.is_Symbol else next(free))
            self.found[expr] = sp.Symbol(name, real=True)
        return self.found[expr]


def _update(
    rule: Optimizer,
    updates: Sequence[tuple[sp.Symbol, sp.Expr]],
    numbers: Sequence[sp.Symbol],
    reserved: frozenset[str],
) -> Program:
    """θ and the state after a step, in this order; the inputs are these, then g, then numbers."""
    arrays = [theta, *rule.state, g]
    leaves = {x: gr.leaf(x.name, (SIZE,), sp.MatrixSymbol(x.name, SIZE, 1)) for x in arrays}
    leaves |= {x: gr.leaf(x.name, (), x) for x in numbers}
    now = dict(leaves)
    for x, value in updates:
        now[x] = expand(value, _resolved(now), (SIZE,))
    kept = arrays[:-1]
    roots = [now[x] for x in kept]
    inputs = [(leaf, x.name) for x, leaf in leaves.items()]
    names = [f"new_{x.name}" for x in kept]
    arguments = of_leaves(inputs, roots, reserved - {x.name for x in leaves})
    return build(roots, [(SIZE,)] * len(kept), arguments, names)


def _coefficients(rule: Optimizer, numbers: Sequence[sp.Expr], reserved: frozenset[str]) -> Program:
    """The numbers of T steps, from η and t of each and the options."""
    own = {"learning_rate", "t", *(x.name for x in rule.options)}
    leaves = {
        x: gr.leaf(_TEXT.get(x, x.name), (STEPS,), sp.MatrixSymbol(_TEXT.get(x, x.name), STEPS, 1))
        for x in (eta, t)
    }
    leaves |= {x: gr.leaf(x.name, (), x) for x in rule.options}
    shapes = [(STEPS,) if x.has(eta, t) else () for x in numbers]
    pairs = zip(numbers, shapes, strict=True)
    roots = [expand(x, _resolved(leaves), shape) for x, shape in pairs]
    inputs = [(leaf, leaf.name) for leaf in leaves.values()]
    arguments = of_leaves(inputs, roots, reserved - own)
    return build(roots, shapes, arguments)


def _resolved(leaves: Mapping[sp.Symbol, Node]) -> Callable[[sp.Basic], Access | None]:
    """What a symbol stands for at each entry."""

    def resolve(x: sp.Basic) -> Access | None:
        node = leaves.get(x)
        return None if node is None else Access(node, tuple(range(node.rank)))

    return resolve


# ----------------------------------------------------------------- plain gradient descent, folded

_DESCENT = theta - eta * g
"""Plain gradient descent as a formula that a target can fold into the product that computes g."""
DESCENT_FORMULA = formula(
    _DESCENT.xreplace({theta: sp.Symbol("θ"), eta: sp.Symbol("η"), g: sp.Symbol("∇L")})
)
"""The new value of θ as text: ``θ − η·∇L``."""


def learning_rate_leaf() -> Node:
    """The scalar η as a leaf."""
    return gr.leaf("learning_rate", (), sp.Symbol("learning_rate", real=True))


def descended(parameters: Sequence[Node], gradients: Sequence[Node], rate: Node) -> list[Node]:
    """The new value of each parameter after one step of plain gradient descent."""
    results = []
    for parameter, slope in zip(parameters, gradients, strict=True):
        leaves = {theta: parameter, g: slope, eta: rate}
        results.append(expand(_DESCENT, _resolved(leaves), parameter.shape))
    return results
