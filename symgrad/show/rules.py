"""The rule behind each line: what the equations between a value and the next named ones hand on.

Why it exists: a reason such as ``tanh′ = 1 − tanh²`` tells a reader who knows the rest of the
chain rule what is particular to a line. Here is the rest: how a matrix product, a sum, a broadcast
or a determinant passes an adjoint on, as a textbook states it, a row a pattern. In the laws capital
letters are matrices, small ones vectors and scalars; Z̄ is the derivative by Z, dZ its change.

In: a forward value and the graph above it. Out: sentences. `derivatives` has the rules themselves.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterable, Mapping, Sequence
from unicodedata import normalize

from symgrad import graph as g
from symgrad.algebra import scores_of_log_softmax
from symgrad.graph import Dim, Kind, Node
from symgrad.listing import shape_text
from symgrad.regions import Region, regions
from symgrad.show.factors import Edge, Passed, is_squared, is_turned, of_product
from symgrad.show.laws import is_cross_entropy, law, names_in, output_letter, stated
from symgrad.show.notation import CURVATURE, GRADIENT, JACOBIAN, TANGENT
from symgrad.show.text import formula

# ------------------------------------------------------------------------------ the other kinds


def _of_sum(edge: Edge) -> Passed:
    c = edge.node.weights[edge.k]
    if len(edge.node.args) == 1 and c not in (1, -1):
        return Passed("Z = c·A gives Ā = c·Z̄", "Z = c·A gives dZ = c·dA")
    if edge.operand.labels != tuple(sorted(edge.operand.labels)):
        return Passed("Z = Aᵀ + B gives Ā = Z̄ᵀ", "Z = Aᵀ + B gives dZ = dAᵀ + dB")
    if c == 1:
        return Passed("Z = A + B gives Ā = Z̄", "Z = A + B gives dZ = dA + dB")
    if len(edge.node.args) == 1 and c == -1:
        return Passed("Z = −A gives Ā = −Z̄", "Z = −A gives dZ = −dA")
    if c == -1:
        return Passed("Z = B − A gives Ā = −Z̄", "Z = B − A gives dZ = dB − dA")
    return Passed("Z = c·A + B gives Ā = c·Z̄", "Z = c·A + B gives dZ = c·dA + dB")


def _of_map(edge: Edge, taken: Collection[str] = ()) -> Passed:
    return _function(edge.node, law(edge.node, taken), taken)


def _function(node: Node, known: str | None, taken: Collection[str]) -> Passed:
    """The chain rule of an elementwise function, and its derivative; see `law` for ``taken``."""
    behind = f", {known}" if known else ""
    if node.rank:
        return Passed(
            f"H = f(Z) gives Z̄ = H̄ ⊙ f′(Z){behind}", f"H = f(Z) gives dH = f′(Z) ⊙ dZ{behind}"
        )
    h = output_letter(taken) if known and known.startswith(f"{output_letter(taken)} = ") else "h"
    return Passed(
        f"chain rule: {h} = f(z) gives z̄ = {h}̄·f′(z){behind}",
        f"chain rule: {h} = f(z) gives d{h} = f′(z)·dz{behind}",
    )


_REDUCTIONS: dict[str, Passed] = {
    "logsumexp": Passed(
        "s = logsumexp(z) gives z̄ = s̄·softmax(z)", "s = logsumexp(z) gives ds = softmax(z)ᵀ·dz"
    ),
    "max": Passed(
        "s = max z gives z̄ = s̄ at the largest entry, 0 elsewhere",
        "s = max z gives ds = dz at the largest entry",
    ),
    "sparsemax_value": Passed(
        "s = Ω*(z) gives z̄ = s̄·sparsemax(z)", "s = Ω*(z) gives ds = sparsemax(z)ᵀ·dz"
    ),
    "sparsemax_threshold": Passed(
        "τ(z) gives z̄ = τ̄/|S| on the support S, 0 elsewhere",
        "τ(z) gives dτ = the mean of dz on the support",
    ),
}

_LINEAR_ALGEBRA: dict[str, Passed] = {
    "inverse": Passed("Y = X⁻¹ gives X̄ = −Yᵀ·Ȳ·Yᵀ", "Y = X⁻¹ gives dY = −Y·dX·Y"),
    "det": Passed("d = det X gives X̄ = d̄·d·X⁻ᵀ", "d = det X gives dd = d·tr(X⁻¹·dX)"),
    "logdet": Passed("l = log |det X| gives X̄ = l̄·X⁻ᵀ", "l = log |det X| gives dl = tr(X⁻¹·dX)"),
}

RULES: dict[Kind, Callable[[Edge], Passed]] = {
    Kind.SUM: _of_sum,
    Kind.PRODUCT: of_product,
    Kind.MAP: _of_map,
    Kind.REDUCE: lambda edge: _REDUCTIONS[edge.node.op],
    Kind.LINALG: lambda edge: _LINEAR_ALGEBRA[edge.node.op],
}
"""How each kind of node hands an adjoint on to an operand, and takes a change from it."""

CROSS_ENTROPY = Passed(
    "L = −yᵀ log(softmax(z)) gives z̄ = (Σ y)·softmax(z) − y",
    "L = −yᵀ log(softmax(z)) gives dL = ((Σ y)·softmax(z) − y)ᵀ·dz",
)


LABEL_CROSS_ENTROPY = Passed(
    "L = −log softmax(z)_c gives z̄ = softmax(z) − 1_c",
    "L = −log softmax(z)_c gives dL = (softmax(z) − 1_c)ᵀ·dz",
)


def _cross_entropy(node: Node) -> Passed:
    labels = any(a.kind is Kind.ONEHOT for a in node.args)
    return LABEL_CROSS_ENTROPY if labels else CROSS_ENTROPY


def _cross_entropy_nodes(node: Node) -> list[Node]:
    """The nodes of −Σ y·(z − logsumexp(z)): all that its law speaks of."""
    logs = [a for a in node.args if scores_of_log_softmax(a) is not None]
    totals = [x for a in logs for x in g.peel(a).args if g.peel(x).kind is Kind.REDUCE]
    return [node, *map(g.peel, logs), *map(g.peel, totals)]


def _is_trivial(edge: Edge) -> bool:
    """Whether a rule hands the adjoint on as it is, or changes its sign."""
    return edge.node.kind is Kind.SUM and edge.node.weights[edge.k] in (1, -1) and not edge.missing


RENAMED, RENAMED_FORWARD = "Z = A gives Ā = Z̄", "Z = A gives dZ = dA"
"""The law of a value under a name, in both directions."""


def passes_on(edge: Edge) -> bool:
    """Whether an operand's adjoint is that of the value but for its sign, its axes or its name."""
    return edge.node.kind is Kind.NAMED or _is_trivial(edge) or is_turned(edge)


# ------------------------------------------------------------------------------- along the graph


_Found = tuple[int, str, list[str]]
"""How far up the way a rule is used, the rule, and what is said of a broadcast beside it."""


class Rules:
    """The rules that one sweep uses."""

    def __init__(
        self,
        sources: Iterable[Node],
        backward: bool,
        apart: Mapping[Node, tuple[Node, Node]] | None = None,
    ) -> None:
        """``apart`` are values that were varied in a graph of their own: the leaf, the graph."""
        sources = list(sources)
        self._backward = backward
        cuts = (apart or {}).items()
        self._cuts = {x: (leaf, Rules([root], backward)) for x, (leaf, root) in cuts}
        self._above = g.consumers(sources)
        self._taken = names_in(sources)
        leaves = g.leaves(sources)
        self._examples = {n.shape[0] for n in leaves if n.leaf.origin is not None and n.shape}

    def __call__(self, target: Node, shown: Iterable[Node]) -> list[str]:
        """The rules on the way from a value to the next ones that are ``shown``, its own first.

        Backward the way is up, to what the value is used in; forward it is down.
        """
        if target in self._cuts:
            leaf, own = self._cuts[target]
            return own(leaf, shown)
        if self._backward and target not in self._above:
            for _, own in self._cuts.values():
                if target in own._above:
                    return own(target, shown)
        shown = frozenset(shown)
        edges, reached = self._way(target, shown)
        products = {e.node for e in edges if e.node.kind is Kind.PRODUCT}
        entropies = {n for n in products if is_cross_entropy(n)}
        entropies = {n for n in entropies if shown.isdisjoint(_cross_entropy_nodes(n))}
        inside = {x: _cross_entropy(n) for n in entropies for x in _cross_entropy_nodes(n)}
        passed = {e.node for e in edges}
        whole = regions(passed, self._above) if self._backward else {}
        covered = {n for region in whole.values() for n in region.inside}
        found: list[_Found] = []
        plain: list[_Found] = []
        for edge, steps in edges.items():
            if edge.node in inside:
                found.append((steps, self._text(inside[edge.node]), []))
            elif edge.node in whole:
                region = whole[edge.node]
                rule = self._of_region(edge.node, region)
                found.append((steps, self._text(rule), []))
            elif edge.node not in covered:
                text, repeated = self._text(self._of_edge(edge)), self._repeated(edge)
                (plain if _is_trivial(edge) else found).append((steps, text, repeated))
        # nodes are numbered as they are made, which is no order to show laws in
        order = sorted(found or plain, key=lambda x: (x[0], normalize("NFD", x[1])))  # Ā before B̄
        texts = [x for _, text, more in order for x in (text, *more)]
        laws = list(dict.fromkeys(texts))
        return [*laws, *self._fan_out(target, list(edges), reached, bool(entropies))]

    def of_message(self, edge: Edge, region: Region | None, name: Callable[[], str]) -> str:
        """The one law by which a value, or a ``region``, hands its adjoint on to an operand.

        ``name`` writes that operand.
        """
        node = edge.node
        if region is not None:
            rule = self._of_region(node, region)
            missing = [x for x in range(node.rank) if x not in region.variable.labels]
        else:
            rule = self._of_edge(edge)
            missing = edge.missing if node.kind in (Kind.SUM, Kind.MAP) else []
        if not missing:
            return rule.backward
        who = name()
        what, over = self._repetition(node, missing)
        if node.kind is not Kind.SUM or region is not None:
            behind = rule.backward.partition(", ")
            return (
                f"{who} is used for every {what}, so its gradient sums H̄ ⊙ f′(Z) {over}"
                f"{behind[1]}{behind[2]}"
            )
        c = node.weights[edge.k]
        if c == 1:
            return f"{who} is added to every {what}, so its gradient sums {over}"
        if c == -1:
            return f"{who} is subtracted from every {what}, so its gradient is minus the sum {over}"
        times = formula(c)
        return (
            f"{times} times {who} is added to every {what}, so its gradient is {times} times the "
            f"sum {over}"
        )

    def of_change(self, edges: Sequence[Edge], region: Region | None) -> str:
        """The one law by which a value takes its change from those of some operands, ``edges``."""
        node = edges[0].node
        if region is not None:
            return self._of_region(node, region).forward
        if node.kind is Kind.NAMED:
            return RENAMED_FORWARD
        first = min(edges, key=_is_trivial)  # Z = c·A + B rather than Z = A + B
        return self._of_edge(first).forward

    def _of_edge(self, edge: Edge) -> Passed:
        if edge.node.kind is Kind.MAP:
            return _of_map(edge, self._taken)
        return RULES[edge.node.kind](edge)

    def _of_region(self, node: Node, region: Region) -> Passed:
        known = stated(region.body, region.derivative, taken=self._taken)
        return _function(node, known, self._taken)

    def _text(self, rule: Passed) -> str:
        return rule.backward if self._backward else rule.forward

    def _way(self, target: Node, shown: frozenset[Node]) -> tuple[dict[Edge, int], list[Node]]:
        """The operands that the way passes, each with its distance from the start; where it ends.

        Those nearest the start come first.
        """
        edges: dict[Edge, int] = {}
        reached: list[Node] = []
        seen = {target: 0}
        queue = [target]
        for value in queue:
            for edge in self._next(value):
                after = edge.node if self._backward else edge.operand.node
                if edge.node.kind in RULES and edge.node.data != "argmax":
                    edges.setdefault(edge, seen[value])
                elif edge.node.kind is not Kind.NAMED:
                    continue  # a one-hot: nothing is differentiated by an index
                if after in shown:
                    reached.append(after)
                elif after not in seen:
                    seen[after] = seen[value] + 1
                    queue.append(after)
        return edges, list(dict.fromkeys(reached))

    def _next(self, value: Node) -> list[Edge]:
        if not self._backward:
            return [Edge(value, k) for k in range(len(value.args))]
        return [
            Edge(node, k)
            for node in self._above.get(value, ())
            for k, arg in enumerate(node.args)
            if arg is value
        ]

    def _repeated(self, edge: Edge) -> list[str]:
        """What is said of an operand that is repeated along axes of the result."""
        missing = edge.missing
        if not self._backward or not missing or edge.node.kind not in (Kind.SUM, Kind.MAP):
            return []
        value = edge.operand.node
        name = value.name if value.kind in (Kind.LEAF, Kind.NAMED) else "this term"
        verb = "added to" if edge.node.kind is Kind.SUM else "used for"
        what, over = self._repetition(edge.node, missing)
        return [f"{name} is {verb} every {what}, so its gradient sums {over}"]

    def _repetition(self, node: Node, missing: Sequence[int]) -> tuple[str, str]:
        """``example`` and ``over the N examples``, for axes that an operand is repeated along."""
        dims: list[Dim] = [node.shape[x] for x in missing]
        if len(missing) == 1 and dims[0] in self._examples and missing[0] == 0:
            what, many = "example", "examples"
        elif len(missing) == 1 and node.rank == 2:
            what, many = ("row", "rows") if missing[0] == 0 else ("column", "columns")
        else:
            what, many = "entry", "entries"
        return what, f"over the {shape_text(tuple(dims))} {many}"

    def _fan_out(
        self, target: Node, edges: Sequence[Edge], reached: Sequence[Node], entropy: bool
    ) -> list[str]:
        """What is said of a value that is used more than once."""
        if not self._backward:
            return []
        who = target.name if target.kind in (Kind.LEAF, Kind.NAMED) else "this value"
        names = [n.name for n in reached if n.kind is Kind.NAMED]
        uses = [e for e in edges if e.operand.node is target]
        together = len({e.node for e in uses}) == 1 and is_squared(uses[0])
        if len(names) > 1:
            return [added_up(who, names, len(names))]
        if len(uses) > 1 and not entropy and not together:
            return [added_up(who, [], len(uses))]
        return []


def added_up(who: str, users: Iterable[str], times: int) -> str:
    """What is said of a value that is used by the ``users``, or so many ``times``."""
    names = sorted(users, key=lambda x: (x.rstrip("0123456789"), len(x), x))  # alike in each layer
    if names:
        return f"{who} is used by {', '.join(names[:-1])} and {names[-1]}: their messages add"
    count = "twice" if times == 2 else f"{times} times"
    return f"{who} is used {count}: the messages add"


CHAIN_RULE = "chain rule: the derivatives along each way multiplied, and the ways added up"
"""The law of a line that is told in one step."""

UNREACHED: dict[str, str] = {
    GRADIENT: "the derivative of what does not depend on a value is 0, and by itself 1",
    JACOBIAN: "the derivative of what does not depend on a value is 0, and by itself the identity",
    CURVATURE: "the derivative of a constant gradient is 0",
    TANGENT: "the change of what does not depend on a value is 0",
}
"""What is said of a line that no rule was used for, by what its stage is."""


def declared_fact(reason: str) -> str:
    """A fact as a law: ``Σ y = 1, declared``."""
    return f"{reason.removesuffix(' (declared)')}, declared"


def law_of_line(rules: Sequence[str], facts: Sequence[str]) -> str:
    """One text of a line's rules and facts."""
    return "; ".join(dict.fromkeys([*rules, *map(declared_fact, facts)]))
