"""Second derivatives, Jacobians and their products with vectors.

Each returns a `Derivation`: the forward equations, the gradient where there is one, and a stage
for every sweep of it. All of them are sweeps of `jacobians`; there is no second table of rules.

**Shapes.** ∂f/∂x has the axes of f before those of x (numerator layout): for vectors, n_f×n_x; of
a scalar f by a vector x the row 1×n_x; by a scalar x, f's own shape. ∂²L/∂a∂b has the axes of a
before those of b. With more than two axes together, a result is an array of all of them, shown by
its entry ``[i, j, k, …]``.

**Variables.** Everything in ``wrt`` varies by itself. A named value in the list is cut off from
what it is made of, as in ``sg.gradient``; a symbol that occurs only below it then has a zero block.
"""

from __future__ import annotations

from collections.abc import Sequence
from functools import partial
from typing import Any

from symgrad import graph as g
from symgrad.errors import DerivativeError, ShapeError
from symgrad.functions import as_expression
from symgrad.graph import Access, Kind, Node, Shape
from symgrad.jacobians import Sweep, pushed, sweeps
from symgrad.lift import lift
from symgrad.listing import shape_text
from symgrad.reverse import Trail, adjoints
from symgrad.show.derivation import Derivation
from symgrad.show.gradient import adjoint_line, first_order, results_of, shape_of
from symgrad.show.notation import CURVATURE, JACOBIAN, TANGENT
from symgrad.show.stages import Goal, Spelling, Stages
from symgrad.simplify import named_adjoints, unname
from symgrad.subject import Subject, symbols_of, variable


def hessian(loss: Any, wrt: Any) -> Derivation:
    """The second derivatives of a scalar ``loss`` by a symbol or a list of symbols.

    ``d[a, b]`` is ∂²loss/∂a∂b, and ``d[x]`` is ``d[x, x]``. A block that mixes two symbols is
    derived once and transposed, because second derivatives commute. Raises ShapeError for a loss
    that is not a scalar and DerivativeError for a symbol that is not in it.
    """
    symbols = symbols_of(wrt)
    subject = Subject(as_expression(loss), symbols, cut=True).scalar()
    stages = Stages(subject)
    slopes = _slopes(stages)
    names: dict[tuple[int, int], str] = {}
    order = sorted(range(len(symbols)), key=lambda k: subject.variables[k].rank)
    for n, a in enumerate(order):
        others = order[n:]
        variables = [subject.variables[b] for b in others]
        for k, sweep in enumerate(sweeps(slopes[a], variables)):
            goals: list[Goal] = []
            for b in (others[place] for place in sweep.places):
                for left, right in [(a, b)] if a == b else [(a, b), (b, a)]:
                    goals.append(_second(subject, left, right))
                    names[left, right] = goals[-1].names[0]
            own = others.index(a)
            stages.add(
                [slopes[a]], _both(sweep, own, slopes[a].rank), goals,
                _second_line(subject, symbols[a]), otherwise=_d(subject, a), kind=CURVATURE,
                again=partial(_second_again, slopes[a], variables, k, own),
            )  # fmt: skip
    every = range(len(symbols))
    keys = {(symbols[a], symbols[b]): names[a, b] for a in every for b in every}
    if len(symbols) == 1:
        keys = {symbols[0]: names[0, 0]}
    return Derivation("hessian", stages, keys)


def jacobian(expr: Any, wrt: Any) -> Derivation:
    """The derivatives of every entry of ``expr`` by every entry of a symbol, or of several.

    ``d[symbol]`` is ∂expr/∂symbol, the axes of ``expr`` before those of the symbol. Raises
    DerivativeError for a symbol that does not occur in ``expr``.
    """
    symbols = symbols_of(wrt)
    subject = Subject(as_expression(expr), symbols, "expression", cut=True)
    stages = Stages(subject)
    names: dict[int, str] = {}
    for number, sweep in enumerate(sweeps(subject.value, subject.variables)):
        goals = [_first(subject, k) for k in sweep.places]
        again = partial(_first_again, subject.value, subject.variables, number)
        names.update(zip(sweep.places, (goal.names[0] for goal in goals), strict=True))
        line = _jacobian_line(subject) if sweep.backward else _tangent_line(symbols, [1])
        stages.add(
            [subject.value], sweep.blocks, goals, line, sweep.backward, kind=JACOBIAN, again=again
        )
    return Derivation("jacobian", stages, {s: names[k] for k, s in enumerate(symbols)})


def jvp(expr: Any, wrt: Any, v: Any) -> Derivation:
    """The derivative of ``expr`` along ``v``, J·v, in the shape of ``expr``: ``d[expr]``.

    ``v`` has the shape of the symbol ``wrt``; for a list of symbols it is a list of as many
    directions, whose contributions are added up. Raises ShapeError where they do not fit.
    """
    symbols = symbols_of(wrt)
    value, directions = as_expression(expr), _directions(symbols, v)
    nodes = [lift(x) for x in directions]
    subject = Subject(value, symbols, "expression", cut=True, beside=nodes)
    stages = Stages(subject)
    raw = pushed([subject.value], subject.variables, subject.beside)
    goal = Goal((f"J·{_direction_text(directions)}",), shape_of(value), subject.value)
    line = _tangent_line(symbols, directions)
    again = partial(_pushed_again, [subject.value], subject)
    stages.add([subject.value], raw, [goal], line, backward=False, kind=TANGENT, again=again)
    return Derivation("jvp", stages, {value: goal.names[0]})


def hvp(loss: Any, wrt: Any, v: Any) -> Derivation:
    """The Hessian of a scalar ``loss`` times ``v``, without the Hessian: ``d[symbol]``.

    It is the derivative of the gradient along ``v``, at the cost of a few gradients. ``v`` is as
    for `jvp`; ``d[symbol]`` has the symbol's shape.
    """
    symbols = symbols_of(wrt)
    directions = _directions(symbols, v)
    nodes = [lift(x) for x in directions]
    subject = Subject(as_expression(loss), symbols, cut=True, beside=nodes).scalar()
    stages = Stages(subject)
    slopes = _slopes(stages)
    raw = pushed(slopes, subject.variables, subject.beside)
    goals = _product_goals("H", subject, directions, slopes)
    line = _tangent_line(symbols, directions)
    stages.add(
        slopes, raw, goals, line, backward=False, otherwise=_d(subject, 0), kind=TANGENT,
        again=partial(_pushed_again, slopes, subject),
    )  # fmt: skip
    return Derivation("hvp", stages, results_of(symbols, goals))


def gauss_newton(loss: Any, output: Any, wrt: Any, v: Any = None) -> Derivation:
    """The Gauss–Newton matrix G = Jᵀ·H·J of a loss ℓ(f(θ)), or its product with ``v``.

    ``output`` is f, a value named with ``sg.let`` through which alone the loss depends on the
    symbols ``wrt``: J is ∂f/∂θ, and H is ∂²ℓ/∂f∂fᵀ. Inside an empirical risk, f is the prediction
    for one example. Without ``v``, ``d[a, b]`` are blocks as in `hessian`; with it, ``d[symbol]``
    is G·v. Raises DerivativeError where the loss depends on a symbol in another way as well.
    """
    symbols = symbols_of(wrt)
    directions = [] if v is None else _directions(symbols, v)
    nodes = [lift(x) for x in directions]
    subject = Subject(as_expression(loss), symbols, cut=True, beside=nodes).scalar()
    stages = Stages(subject)
    f, outer = _around(subject, as_expression(output))
    leaf = variable(f)
    for symbol, node in zip(symbols, subject.variables, strict=True):
        if node in g.topological([outer]):
            raise DerivativeError(
                f"the loss depends on {symbol} other than through {f.name}, so it has no "
                f"Gauss–Newton matrix; pass the part of the loss that is a function of {f.name}."
            )
    (slope,) = _bare([adjoints(outer, [leaf]).get(leaf, g.const(0, leaf.shape))], outer)
    keys: Sequence[Any] = symbols
    if directions:
        goals = _gauss_newton_product(stages, f, leaf, slope, directions)
    else:
        pairs = [(a, b) for a in range(len(symbols)) for b in range(len(symbols))]
        goals = _gauss_newton_matrix(stages, f, leaf, slope, pairs)
        if len(symbols) > 1:
            keys = [(symbols[a], symbols[b]) for a, b in pairs]
    return Derivation("gauss_newton", stages, results_of(keys, goals))


def _gauss_newton_product(
    stages: Stages, f: Node, leaf: Node, slope: Node, directions: Sequence[Any]
) -> list[Goal]:
    """J·v forward, H times that, and Jᵀ times that backward."""
    subject = stages.subject
    along = _direction_text(directions)
    raw = pushed([f], subject.variables, subject.beside)
    moved = Goal((f"d{f.name}", f"J·{along}"), f.shape, f, True)
    line = _tangent_line(subject.wrt, directions)
    again = partial(_pushed_again, [f], subject)
    (push,) = stages.add([f], raw, [moved], line, backward=False, kind=TANGENT, again=again)
    raw = g.substitute(_bare(pushed([slope], [leaf], [push]), f, slope), {leaf: f})
    line = _tangent_line([f.name], [push.name])
    curved = Goal((f"dδ_{f.name}", f"H·{push.name}"), f.shape, f, True)
    (pull,) = stages.add([subject.value], raw, [curved], line, kind=TANGENT)
    goals = _product_goals("G", subject, directions, subject.variables)
    sweep = adjoints(f, subject.variables, seed=pull)
    raw = [sweep.get(x, g.const(0, x.shape)) for x in subject.variables]
    pulled = partial(_pulled_again, f, subject.variables, pull)
    stages.add([f], raw, goals, adjoint_line(subject), kind=TANGENT, again=pulled)
    return goals


def _gauss_newton_matrix(
    stages: Stages, f: Node, leaf: Node, slope: Node, pairs: Sequence[tuple[int, int]]
) -> list[Goal]:
    """Σ J[s, a]·H[s, t]·J[t, b], with a line for each factor."""
    subject = stages.subject
    blocks: dict[int, Node] = {}
    for number, sweep in enumerate(sweeps(f, subject.variables)):
        goals = [_first(subject, k, f) for k in sweep.places]
        line = _jacobian_line(subject, f) if sweep.backward else _tangent_line(subject.wrt, [1])
        again = partial(_first_again, f, subject.variables, number)
        stages.add([f], sweep.blocks, goals, line, sweep.backward, kind=JACOBIAN, again=again)
        blocks.update(zip(sweep.places, sweep.blocks, strict=True))
    blocks_of_slope = sweeps(slope, [leaf])[-1].blocks
    (curvature,) = g.substitute(_bare(blocks_of_slope, slope), {leaf: f})
    second = Goal(_second_names(subject.name, f.name, f.name, f.rank, f.rank), curvature.shape, f)
    line = _second_line(subject, f.name)
    again = partial(_curved_again, slope, leaf)
    apart = {f: (leaf, slope)}
    stages.add([slope], [curvature], [second], line, kind=CURVATURE, again=again, apart=apart)
    results: list[Node] = []
    factors: dict[Node, Sequence[Access]] = {}
    goals = []
    for a, b in pairs:
        left, right = subject.variables[a], subject.variables[b]
        shape = (*left.shape, *right.shape)
        axes = tuple(range(len(shape)))
        s = tuple(range(len(shape), len(shape) + f.rank))
        t = tuple(range(len(shape) + f.rank, len(shape) + 2 * f.rank))
        own = [
            Access(blocks[a], (*s, *axes[: left.rank])),
            Access(curvature, (*s, *t)),
            Access(blocks[b], (*t, *axes[left.rank :])),
        ]
        results.append(g.product(own, shape))
        factors[results[-1]] = own
        name = "G" if len(pairs) == 1 else f"G[{subject.wrt[a]}, {subject.wrt[b]}]"
        goals.append(Goal((name,), matrix_shape(left.shape, right.shape), f))
    line = _jacobian_line(subject, f)
    stages.add([f], results, goals, line, kind=CURVATURE, factors=factors)
    return goals


# --------------------------------------------------------------------------------- the pieces


def _bare(roots: Sequence[Node], *forward: Node) -> list[Node]:
    """``roots`` without the names of adjoints, of a graph with the values ``forward``."""
    known = [n for n in g.topological(forward) if n.kind is Kind.NAMED]
    return unname(roots, named_adjoints(roots, known))


def _slopes(stages: Stages) -> list[Node]:
    """The stage of the gradient."""
    subject = stages.subject
    sweep = adjoints(subject.value, subject.variables)
    raw = [sweep.get(x, g.const(0, x.shape)) for x in subject.variables]
    return stages.add(
        [subject.value], raw, first_order(subject), adjoint_line(subject),
        again=partial(_slopes_again, subject),
    )  # fmt: skip


def _slopes_again(subject: Subject, trail: Trail) -> list[Node]:
    """The gradient, with a trail of the sweep."""
    sweep = adjoints(subject.value, subject.variables, trail=trail)
    return [sweep.get(x, g.const(0, x.shape)) for x in subject.variables]


def _pushed_again(values: Sequence[Node], subject: Subject, trail: Trail) -> list[Node]:
    """The derivatives along the directions of a subject, with their trail."""
    return pushed(values, subject.variables, subject.beside, trail)


def _pulled_again(f: Node, variables: Sequence[Node], seed: Node, trail: Trail) -> list[Node]:
    """The sweep of a seed, with its trail."""
    sweep = adjoints(f, variables, seed=seed, trail=trail)
    return [sweep.get(x, g.const(0, x.shape)) for x in variables]


def _curved_again(slope: Node, leaf: Node, trail: Trail) -> Sequence[Node]:
    """The derivative of a gradient by the leaf that stands for an output, with its trail."""
    return sweeps(slope, [leaf], trail)[-1].blocks


def _first_again(value: Node, variables: Sequence[Node], k: int, trail: Trail) -> Sequence[Node]:
    """The ``k``-th sweep of a Jacobian, with its trail."""
    return sweeps(value, variables, trail)[k].blocks


def _both(sweep: Sweep, own: int, rank: int) -> list[Node]:
    """The blocks of a row of a Hessian, each followed by its transpose but the ``own`` one."""
    raw: list[Node] = []
    for place, block in zip(sweep.places, sweep.blocks, strict=True):
        raw += [block] if place == own else [block, _swapped(block, rank)]
    return raw


def _second_again(
    slope: Node, variables: Sequence[Node], k: int, own: int, trail: Trail
) -> Sequence[Node]:
    """The ``k``-th sweep of a row of a Hessian, with its trail."""
    return _both(sweeps(slope, variables, trail)[k], own, slope.rank)


def matrix_shape(left: Shape, right: Shape) -> tuple[Any, ...]:
    """SymPy's shape of a value with the axes ``left`` and ``right``: rows and columns."""
    if len(left) + len(right) > 2 or not (left or right):
        return (*left, *right)
    if len(left) == 2 or len(right) == 2:
        return (*left, *right)
    return (*(left or (1,)), *(right or (1,)))


def _swapped(block: Node, rank: int) -> Node:
    """The last axes of ``block`` before its first ``rank`` axes."""
    rest = block.rank - rank
    labels = (*range(rest, block.rank), *range(rest))
    return g.product([(block, labels)], (*block.shape[rank:], *block.shape[:rank]))


def _d(subject: Subject, k: int) -> str:
    """The left-hand side of a gradient."""
    return f"∂{subject.name}/∂{subject.wrt[k]}"


def _second_names(loss: str, a: object, b: object, rank_a: int, rank_b: int) -> tuple[str, ...]:
    transposed = "ᵀ" if rank_a == rank_b == 1 else ""
    below = f"∂{a}²" if a == b and not rank_a else f"∂{a}∂{b}{transposed}"
    return (f"∂²{loss}/{below}",)


def _second(subject: Subject, a: int, b: int) -> Goal:
    """The line ∂²L/∂a∂bᵀ."""
    left, right = subject.variables[a], subject.variables[b]
    names = _second_names(subject.name, subject.wrt[a], subject.wrt[b], left.rank, right.rank)
    (target,) = subject.rewriter([right])
    return Goal(names, matrix_shape(left.shape, right.shape), target)


def _first(subject: Subject, k: int, f: Node | None = None) -> Goal:
    """The line ∂f/∂xᵀ."""
    root, x = f or subject.root, subject.variables[k]
    transposed = "ᵀ" if x.rank == 1 and root.rank < 2 else ""
    (target,) = subject.rewriter([x])
    name = f"∂{root.name}/∂{subject.wrt[k]}{transposed}"
    return Goal((name,), matrix_shape(root.shape, x.shape), target)


def _second_line(subject: Subject, symbol: object) -> Spelling:
    """H_x_z = ∂²L/∂x∂z, and by the adjoint of a value ∂(∂L/∂x)/∂δ2."""
    declared = set(subject.known)

    def spell(node: Node, name: str) -> tuple[str, ...]:
        del name
        if node in declared:
            return f"H_{symbol}_{node.name}", f"∂²{subject.name}/∂{symbol}∂{node.name}"
        return f"H_{symbol}_{node.name}", f"∂(∂{subject.name}/∂{symbol})/∂{node.name}"

    return spell


def _jacobian_line(subject: Subject, f: Node | None = None) -> Spelling:
    """J_z = ∂f/∂z."""
    top = (f or subject.root).name
    return lambda node, name: (f"J_{node.name}", f"∂{top}/∂{node.name}")


def _tangent_line(symbols: Sequence[Any], directions: Sequence[Any]) -> Spelling:
    """dz = ∂z/∂x·v, the derivative of a value along the direction."""
    below = ", ".join(map(str, symbols))
    below = f"({below})" if len(symbols) > 1 else below
    along = _direction_text(directions)
    along = "" if along == "1" else f"·{along}"
    return lambda node, name: (f"d{node.name}", f"∂{node.name}/∂{below}{along}")


def _product_goals(
    head: str, subject: Subject, directions: Sequence[Any], targets: Sequence[Node]
) -> list[Goal]:
    """H·v, or its part for each symbol."""
    product = f"{head}·{_direction_text(directions)}"
    several = len(subject.wrt) > 1
    return [
        Goal((f"({product})[{w}]" if several else product,), shape_of(w), target)
        for w, target in zip(subject.wrt, targets, strict=True)
    ]


def _direction_text(directions: Sequence[Any]) -> str:
    """The direction as it is written in a left-hand side."""
    texts = [str(v) if getattr(v, "name", None) or v == 1 else "v" for v in directions]
    return texts[0] if len(texts) == 1 else f"({', '.join(texts)})"


def _directions(symbols: Sequence[Any], v: Any) -> list[Any]:
    """A direction for each symbol, of its shape."""
    given = list(v) if isinstance(v, list | tuple) else [v]
    if len(given) != len(symbols):
        raise ShapeError(
            f"{len(given)} directions were given for {len(symbols)} symbols; pass one direction "
            "for each, in the order of the symbols."
        )
    found = [as_expression(x) for x in given]
    for symbol, direction in zip(symbols, found, strict=True):
        if shape_of(direction) != shape_of(symbol):
            raise ShapeError(
                f"the direction {direction} has shape {shape_text(shape_of(direction))}; expected "
                f"that of {symbol}, which is {shape_text(shape_of(symbol))}."
            )
    return found


def _around(subject: Subject, output: Any) -> tuple[Node, Node]:
    """The value that ``output`` is below the loss, and the loss as a function of it.

    The value is ``output`` itself, or the same for many examples.
    """
    node = lift(output)
    named = [n for n in subject.declared if n.name == getattr(node.data, "name", None)]
    if node.kind is not Kind.NAMED or len(named) != 1:
        names = ", ".join(n.name for n in subject.declared if n is not subject.root)
        raise DerivativeError(
            f"the output {output} is not a named value of the loss; name the prediction with "
            f"sg.let and pass that. The loss has {names or 'no named value'}."
        )
    known = subject.known[subject.declared.index(named[0])]
    return known, subject.stable([subject.root], {named[0]: variable(known)})[0]
