"""Laws for reading only: what is shown of a derivative, and never what is computed.

Why it exists: σ(−z) is computed as it stands, because 1 − σ(z) cancels; a reader who has named
ŷ = σ(z) expects 1 − ŷ. And −y/ŷ + (1 − y)/(1 − ŷ) is fine for a machine, while the lecture has
(ŷ − y)/(ŷ·(1 − ŷ)). Such laws would harm the numbers and serve the eye.

The sums, products and powers below a root are one rational function, of named values and whatever
else is not arithmetic, at every point of an index space. SymPy brings it over one denominator,
cancels, expands and factors it; the form that `measure` finds shortest is shown, and the form that
it has stays where none is shorter. Inside a contraction the same is done under the Σ.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from functools import lru_cache

import sympy as sp

from symgrad import elementwise
from symgrad import graph as g
from symgrad.algebra import scaled, through
from symgrad.exponentials import apply, built, combine, linear, negative
from symgrad.graph import Access, Dim, Kind, Node, label_dims, slot
from symgrad.rewrite import Rewriter
from symgrad.simplify import fold_names, foldable
from symgrad.vocabulary import sigmoid

_T = slot(0)
_MOST_ATOMS = 8
_LONGEST = 60
"""What is longer, by `measure`, is left as it is."""
_SHORTEST = 3
"""What is no longer than this cannot become shorter."""
_DIVISION = 2
"""What a fraction counts beside its two sides."""
_LARGEST = 100
"""Operands of one expression."""
_GAIN = 2
"""A form has to be shorter by so much to take the place of the one that the derivation led to."""

_SQUARES: dict[sp.Expr, sp.Expr] = {sp.tan(_T): sp.sec(_T), sp.cot(_T): sp.csc(_T)}
"""f → g with 1 + f² = g²: tan′ = sec², cot′ = −csc²."""


def present(
    rewriter: Rewriter,
    roots: Sequence[Node],
    forward: Sequence[Node],
    loss: Node | None = None,
) -> list[Node]:
    """``roots``, as they read best among the named values ``forward`` (in normal form).

    The name of the ``loss`` among them is used as `foldable` says.

    A root that is a named adjoint keeps its name and has its value rewritten; names below a root
    are atoms. The values do not change, the operations do: never compute with the result.
    """
    names = foldable(forward, loss)
    known = set(forward)
    named = [root.kind is Kind.NAMED and root not in known for root in roots]
    values = [root.args[0] if own else root for root, own in zip(roots, named, strict=True)]
    better = {value: _best(value, names) for value in values}
    changed = [value for value, new in better.items() if new is not value]
    better.update(
        zip(changed, fold_names(rewriter([better[x] for x in changed]), forward, loss), strict=True)
    )
    return [
        g.named(root.name, better[value], root.is_row) if own else better[value]
        for root, value, own in zip(roots, values, named, strict=True)
    ]


def _best(
    value: Node,
    names: Mapping[Node, Node],
    changes: list[tuple[Node, Node, Node]] | None = None,
) -> Node:
    """``value`` with each of its pointwise parts in the shortest form.

    ``changes`` is given each part that is rewritten, as it was at first, before and after.
    """
    order = g.topological([value], lambda node: () if node.kind is Kind.NAMED else node.args)
    inner = {arg for node in order if _is_pointwise(node) for arg in node.args}
    inner -= {arg for node in order if not _is_pointwise(node) for arg in node.args}
    done: dict[Node, Node] = {}
    for node in order:
        if node.kind is Kind.NAMED:
            done[node] = node
            continue
        new = g.rebuild(node, [done[arg] for arg in node.args])
        top = node is value or node not in inner
        if top and (_is_pointwise(node) or node.kind is Kind.PRODUCT):
            for before, after in _shortened(new, names):
                if changes is not None:
                    changes.append((node, before, after))
                new = after
        done[node] = new
    return done[value]


def _shortened(node: Node, names: Mapping[Node, Node]) -> Iterator[tuple[Node, Node]]:
    """The changes, before and after, that lead to the form of ``node`` that reads best."""
    shorter = _shortest(node, names)
    if shorter is not node:
        yield node, shorter
        return
    merged = _under_one_sum(node)
    if merged is None:
        return
    shorter = _shortest(merged, names)
    if shorter is merged:  # nothing is gained by one Σ in which no terms meet
        return
    if _law_of(merged, shorter, names) == TAKEN_OUT:  # A·x + B·x = (A + B)·x
        yield node, shorter
        return
    yield node, merged
    yield merged, shorter


def _under_one_sum(node: Node) -> Node | None:
    """Σ a + Σ b as Σ (a + b), where all terms are summed over the same extents; else None."""
    if node.kind is not Kind.SUM or len(node.args) < 2:
        return None
    extents: list[tuple[Dim, ...]] = []
    for term in node.args:
        dims = label_dims(term)
        extents.append(tuple(dims[k] for k in sorted(dims) if k >= term.rank))
    if not extents[0] or len(set(extents)) > 1:
        return None
    space = (*node.shape, *extents[0])
    whole = tuple(range(len(space)))
    terms = []
    for weight, (term, labels) in zip(node.weights, node.accesses, strict=True):
        if term.kind is not Kind.PRODUCT:
            return None
        inner = sorted(k for k in label_dims(term) if k >= term.rank)
        place = dict(enumerate(labels)) | {k: node.rank + n for n, k in enumerate(inner)}
        body = g.product([(a, tuple(place[x] for x in to)) for a, to in term.accesses], space)
        terms.append((weight, body, whole))
    return g.product([(g.add(terms, space), whole)], node.shape)


def presented(value: Node, names: Mapping[Node, Node]) -> Iterator[tuple[Node, str]]:
    """The steps from ``value`` to the form that reads best: each part in turn, with its law."""
    parts: dict[Node, Node] = {}
    changes: list[tuple[Node, Node, Node]] = []
    _best(value, names, changes)
    for node, before, after in changes:
        atoms = _Atoms(names)
        expr = _arithmetic(before, atoms)
        if expr is not None and atoms.named_opposite:
            before = parts[node] = _as_node(expr, before, atoms)
            yield _with(value, parts), OPPOSITE
            if _best_form(expr, tuple(atoms.squares().items())) == expr:
                continue
        parts[node] = after
        yield _with(value, parts), _law_of(before, after, names)


def _with(root: Node, parts: Mapping[Node, Node]) -> Node:
    """``root`` with parts replaced, but for what is behind names."""
    done: dict[Node, Node] = {}
    for node in g.topological([root], lambda node: () if node.kind is Kind.NAMED else node.args):
        if node in parts or node.kind is Kind.NAMED:
            done[node] = parts.get(node, node)
        else:
            done[node] = g.rebuild(node, [done[arg] for arg in node.args])
    return done[root]


TAKEN_OUT = "a common factor taken out: a·b + a·c = a·(b + c)"

PRESENTED: tuple[tuple[Callable[[sp.Expr, sp.Expr], bool], str], ...] = (
    (lambda a, b: _divides(b) and a.is_Add, "over one denominator: a/b + c/d = (a·d + b·c)/(b·d)"),
    (lambda a, b: _divides(a), "a common factor cancelled: a·b/(a·c) = b/c"),
    (lambda a, b: _shares(a), TAKEN_OUT),
    (lambda a, b: _merges(a), "multiplied out, and like terms added up"),
    (lambda a, b: bool(b.is_Mul), "a sum of products as a product: a·b + a·c = a·(b + c)"),
    (lambda a, b: True, "multiplied out: a·(b + c) = a·b + a·c"),
)
"""What SymPy's forms do to a rational function: a test of its old and new form, without the factors
that they have in common, and the law."""

OPPOSITE = "σ(−z) = 1 − σ(z)"
ONE_SUM = "Σ a + Σ b = Σ (a + b)"
SQUARED = "1 + tan² = sec², 1 + cot² = csc²"


def _divides(e: sp.Expr) -> bool:
    return any(x.exp.is_negative for x in e.atoms(sp.Pow))


def _shares(e: sp.Expr) -> bool:
    """Whether the terms of a sum have a factor in common."""
    return bool(e.is_Add and sp.gcd_list([sp.factor(x) for x in e.args]).free_symbols)


def _merges(e: sp.Expr) -> bool:
    """Whether fewer terms are left of a sum or product, multiplied out, than went in."""
    return len(sp.Add.make_args(sp.expand(e))) < _terms(e)


def _terms(e: sp.Expr) -> int:
    if e.is_Add:
        return sum(map(_terms, e.args))
    if e.is_Mul:
        return math.prod(map(_terms, e.args))
    return _terms(e.base) ** int(e.exp) if e.is_Pow and e.exp.is_Integer and e.exp > 0 else 1


def _law_of(before: Node, after: Node, names: Mapping[Node, Node]) -> str:
    """The law by which one part became another."""
    merged = _under_one_sum(before)
    if after is merged:
        return ONE_SUM
    atoms = _Atoms(names)
    old, new = _arithmetic(before, atoms), _arithmetic(after, atoms)
    if merged is not None and (old is None or sp.expand(sp.together(old - new)) != 0):
        old = _arithmetic(merged, atoms)  # what the terms share stands below the Σ
    assert old is not None
    assert new is not None  # both have been one expression before
    if atoms.squares() and sp.expand(sp.together(old - new)) != 0:
        return SQUARED
    return law_between(old, new)


def law_between(old: sp.Expr, new: sp.Expr) -> str:
    """The row of `PRESENTED` by which one rational function became another."""
    common = set(sp.Mul.make_args(old)) & set(sp.Mul.make_args(new))
    old, new = old / sp.Mul(*common), new / sp.Mul(*common)
    return next(law for test, law in PRESENTED if test(old, new))


def _is_pointwise(node: Node) -> bool:
    if node.kind is Kind.PRODUCT:
        return len(label_dims(node)) == node.rank
    if node.kind is Kind.MAP:
        return bool(node.body.is_Pow and node.body.exp.is_Integer and node.body.base == _T)
    return node.kind is Kind.SUM


# ------------------------------------------------------------------------------- the algebra


class _Atoms:
    """Operands that are no arithmetic, each with the symbol that stands for it."""

    def __init__(self, names: Mapping[Node, Node]) -> None:
        self.names = names
        self.named_opposite = False
        self._symbol: dict[Access, sp.Symbol] = {}
        self.access: dict[sp.Basic, Access] = {}

    def __call__(self, access: Access) -> sp.Expr:
        name = self.names.get(access.node)
        if name is None and access.node.kind is Kind.MAP and access.node.body == sigmoid(_T):
            opposite = _opposite(access)
            if opposite is not None:
                self.named_opposite |= opposite.node in self.names
                return 1 - self(opposite)
        seen = access if name is None else Access(name, access.labels)
        if seen not in self._symbol:
            symbol = slot(len(self._symbol))
            self._symbol[seen], self.access[symbol] = symbol, seen
        return self._symbol[seen]

    def squares(self) -> dict[sp.Expr, sp.Expr]:
        """What to put for the square of an atom: tan² is sec² − 1."""
        found: dict[sp.Expr, sp.Expr] = {}
        for symbol, (node, labels) in list(self.access.items()):
            if node.kind is Kind.MAP and node.body in _SQUARES:
                other = g.apply(_SQUARES[node.body], node.accesses, node.shape)
                found[symbol**2] = self(Access(other, labels)) ** 2 - 1
        return found


def _opposite(access: Access) -> Access | None:
    """σ(z), where the operand is σ(−z)."""
    node, labels = access
    w = linear(Access(node.args[0], through(labels, node.labels[0])))
    dims = dict(zip(labels, node.shape, strict=True))
    if not negative(w) or len(dims) < len(labels):
        return None
    return apply(sigmoid(_T), built(combine((-1, w)), dims))


def _shortest(node: Node, names: Mapping[Node, Node]) -> Node:
    """``node``, or a node of the same value that reads shorter."""
    atoms = _Atoms(names)
    expr = _arithmetic(node, atoms)
    if expr is None or len(atoms.access) > _MOST_ATOMS:
        return node
    squares = tuple(atoms.squares().items())
    best = _best_form(expr, squares)
    if best == expr and not atoms.named_opposite:
        return node
    return _as_node(best, node, atoms)


@lru_cache(maxsize=4096)
def _best_form(expr: sp.Expr, squares: tuple[tuple[sp.Expr, sp.Expr], ...]) -> sp.Expr:
    """The shortest of the equal forms of ``expr``; itself, unless one is shorter by a margin."""
    before = measure(expr)
    if not _SHORTEST < before <= _LONGEST or not expr.is_rational_function():
        return expr
    forms = list(_forms(expr))
    if squares:
        forms += list(_forms(sp.expand(sp.expand(expr).subs(squares))))
    mentions = _mentions(expr)
    shorter = [f for f in forms if measure(f) + _GAIN <= before and _mentions(f) <= mentions]
    return min(shorter, key=measure, default=expr)


def _mentions(e: sp.Expr) -> int:
    """How often symbols occur: multiplying a product out, a·(1 + b) → a + a·b, adds to them."""
    if e.is_Symbol:
        return 1
    return sum(map(_mentions, e.args))


def _arithmetic(node: Node, atoms: _Atoms) -> sp.Expr | None:
    """``node`` as a rational expression in atoms; a contraction's as it stands under its Σ."""
    done: dict[Access, sp.Expr] = {}
    whole = Access(node, tuple(range(node.rank)))
    stack: list[tuple[Access, bool]] = [(whole, False)]
    budget = _LARGEST
    while stack:
        access, ready = stack.pop()
        inner, labels = access
        if access in done:
            continue
        budget -= 1
        if budget < 0:
            return None
        open_ = inner is node or (_is_pointwise(inner) and inner not in atoms.names)
        if inner.kind is Kind.CONST:
            done[access] = inner.value
            continue
        if not open_ or inner.kind not in (Kind.SUM, Kind.PRODUCT, Kind.MAP):
            done[access] = atoms(access)
            continue
        top = inner is node
        parts = [a if top else Access(a.node, through(labels, a.labels)) for a in inner.accesses]
        if not ready:
            stack.append((access, True))
            stack.extend((a, False) for a in parts)
            continue
        values = [done[a] for a in parts]
        match inner.kind:
            case Kind.SUM:
                terms = zip(inner.weights, values, strict=True)
                done[access] = sp.Add(*[c * x for c, x in terms])
            case Kind.PRODUCT:
                done[access] = sp.Mul(*values)
            case _:
                done[access] = inner.body.xreplace({slot(k): x for k, x in enumerate(values)})
    return done[whole]


def _forms(expr: sp.Expr) -> Iterator[sp.Expr]:
    """Equal rational functions."""
    together = sp.cancel(sp.together(expr))
    factored = sp.factor(together)
    above, below = sp.fraction(factored)
    for form in (factored, sp.expand(above) / below, sp.expand(together), sp.expand(expr)):
        yield _signed(form)


def _signed(e: sp.Expr) -> sp.Expr:
    """−(a − b)/(c − 1) as (a − b)/(1 − c): signs go into sums, first of all into complements."""
    factors = [x.as_base_exp() for x in sp.Mul.make_args(e)]
    sign = 1
    for k, (base, n) in enumerate(factors):
        if base.is_Add and len(base.args) == 2 and -1 in base.args and n.is_odd:
            factors[k], sign = (_negated(base), n), -sign
        elif base == -1:
            factors[k], sign = (sp.Integer(1), n), -sign
    for k, (base, n) in enumerate(factors):
        mixed = base.is_Add and len({x.could_extract_minus_sign() for x in base.args}) == 2
        if sign < 0 and mixed and n.is_odd and 1 not in base.args:
            factors[k], sign = (_negated(base), n), 1
    return sign * sp.Mul(*[b**n for b, n in factors])


def _negated(e: sp.Expr) -> sp.Expr:
    return sp.Add(*[-x for x in e.args])


def measure(e: sp.Expr) -> int:
    """How long ``e`` reads: its symbols and numbers, its operations and its parentheses."""
    if e.is_Atom:
        return 1 + bool(e.is_number and e.is_negative)
    if e.is_Add:
        leading = all(x.could_extract_minus_sign() for x in e.args)
        return sum(_length(x) for x in e.args) + len(e.args) - 1 + leading
    if e.is_Mul:
        above, below = sp.fraction(e)
        if below != 1:
            parenthesis = 2 * above.is_Add + below.is_Mul
            return int(measure(above) + _DIVISION + _enclosed(below, (sp.Add,)) + parenthesis)
        factors = [x for x in e.args if x != -1]
        return sum(_enclosed(x, sp.Add) for x in factors) + len(factors) - 1 + (-1 in e.args)
    if e.is_Pow and e.exp.is_negative:
        return 1 + _DIVISION + _enclosed(1 / e, (sp.Add,))
    if e.is_Pow and e.exp.is_Integer:
        return _enclosed(e.base, (sp.Add, sp.Mul)) + 1
    return sum(map(measure, e.args)) + 1


def _length(term: sp.Expr) -> int:
    """A term of a sum, whose sign is the operator in front of it."""
    return measure(-term if term.could_extract_minus_sign() else term)


def _enclosed(e: sp.Expr, kinds: type[sp.Basic] | tuple[type[sp.Basic], ...]) -> int:
    """``e`` with the parentheses it needs; a complement, 1 − a or 1 − a², is read as one thing."""
    if e.is_Add and len(e.args) == 2 and e.args[0] == 1 and (1 - e).as_base_exp()[0].is_Atom:
        return measure(1 - e) + 1
    return measure(e) + (2 if isinstance(e, kinds) else 0)


def _as_node(expr: sp.Expr, node: Node, atoms: _Atoms) -> Node:
    """``expr`` as a node of the shape of ``node``, contracted as ``node`` is."""
    dims = label_dims(node)
    space = tuple(dims[x] for x in sorted(dims))
    weight, rest = expr.as_coeff_Mul()
    factors: Iterable[sp.Expr] = sp.Mul.make_args(rest)
    operands = [elementwise.access(x, atoms.access.get, space) for x in factors]
    result = g.product(operands, node.shape)
    return result if weight == 1 else scaled(weight, result)
