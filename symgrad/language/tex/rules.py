r"""What the nodes that only LaTeX has mean: ``\mathbf{1}``, cases, entries of any value.

Why it exists: lectures write ``\mathbf{1}`` for as many ones as fit, and I for the identity that
fits. What stands beside them says how many; beside nothing of a shape, ``\mathbf{1}`` is 1.
`TEX_RULES` are the rules of `expressions` and these.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

import sympy as sp
from sympy.matrices.expressions.matexpr import MatrixExpr

import symgrad.language.arithmetic as a
import symgrad.language.syntax as s
from symgrad import functions as f
from symgrad.language.chains import application
from symgrad.language.chains import chain as chain_of
from symgrad.language.expressions import RULES
from symgrad.language.functions import KNOWN, called, where
from symgrad.language.relations import Comparison
from symgrad.language.scope import Rules, Scope
from symgrad.symbols import LabelSymbol


@dataclass(frozen=True)
class Built(s.Expr):
    """A value that has been built already."""

    value: Any


def _built(node: Built, scope: Scope) -> Any:
    return node.value


def _lonely_ones(node: s.Ones, scope: Scope) -> Any:
    return sp.S.One


# --------------------------------------------------------------------------------------- ones


def _turned(node: s.Expr) -> tuple[s.Expr, bool] | None:
    r"""Whether a factor is ``\mathbf{1}`` or ``\mathbf{1}^\top``: the ones, and if turned."""
    if isinstance(node, s.Ones):
        return node, False
    if not (isinstance(node, s.Item) and isinstance(node.base, s.Ones)):
        return None
    plain = all(isinstance(x, s.Transposition) for x in node.suffixes)
    return (node.base, len(node.suffixes) % 2 == 1) if plain else None


def _chain(node: s.Chain, scope: Scope) -> Any:
    """A product, in which ones and identities have the size that fits."""
    if not any(_may_fit(x.item, scope) for x in node.links):
        return chain_of(node, scope)
    links = [replace(x, item=_once(x.item, scope)) for x in node.links]
    fitted: list[s.Link] = []
    for k, link in enumerate(links):
        found, square = _turned(link.item), _identity(links, k, scope)
        value = square
        if found is not None or square is not None:
            before = _neighbour(links, k, -1, scope)
            after = _neighbour(links, k, 1, scope)
            if found is not None:
                value = _ones(found[1], before, after)
            elif before or after:
                value = fitted_to(square, (before[1] if before else after[0],) * 2)
            else:
                value = fitted_to(square, _entrywise(links, k, node, scope))
        if value is not None:
            link = replace(link, item=Built(link.item.at, link.item.height, value))
        fitted.append(link)
    return chain_of(replace(node, links=tuple(fitted)), scope)


def _may_fit(node: s.Expr, scope: Scope) -> bool:
    """Whether ones or an identity stand here, perhaps inside parentheses."""
    if _turned(node) is not None or _is_identity(node, scope):
        return True
    if isinstance(node, s.Item):
        return _may_fit(node.base, scope)
    if isinstance(node, s.Arguments):
        return any(_may_fit(x, scope) for x in node.positional)
    if isinstance(node, s.Chain):
        return any(_may_fit(x.item, scope) for x in node.links)
    return isinstance(node, s.Terms) and any(_may_fit(x, scope) for _, x in node.terms)


def _identity(links: Sequence[s.Link], at: int, scope: Scope) -> Any:
    """A factor that is an identity of a size that is not known yet, perhaps scaled; else None."""
    item = links[at].item
    base = item.base if isinstance(item, s.Item) else item
    head = links[at - 1].item if at and links[at].operator == "" else None
    head = head.base if isinstance(head, s.Item) else head
    applied = isinstance(head, s.Name) and head.name not in scope.names and head.name in KNOWN
    if isinstance(base, s.Arguments):
        if applied or len(base.positional) != 1 or not isinstance(base.positional[0], Built):
            return None
    elif not (isinstance(base, Built) or _is_identity(base, scope)):
        return None
    value = scope.build(item)
    free = _free_sizes(value)
    return value if len(free) == 2 and free[0] == free[1] else None


def _entrywise(links: Sequence[s.Link], at: int, node: s.Chain, scope: Scope) -> tuple[Any, ...]:
    """The shape of what a factor is multiplied with entry by entry, () where there is no such."""
    operands: list[list[int]] = [[]]
    for k, link in enumerate(links):
        if link.operator in _ENTRYWISE:
            operands.append([])
        operands[-1].append(k)
    for operand in operands:
        if at not in operand and all(_identity(links, k, scope) is None for k in operand):
            run = (replace(links[operand[0]], operator=""), *(links[k] for k in operand[1:]))
            sizes = a.shape(scope.build(replace(node, links=run)))
            if sizes:
                return sizes
    return ()


def _once(node: s.Expr, scope: Scope) -> s.Expr:
    """The factor with what is inside it built, so that asking for its shape builds nothing anew."""
    if isinstance(node, s.Arguments):
        inner = tuple(_once_argument(x, scope) for x in node.positional)
        return replace(node, positional=inner)
    if isinstance(node, s.Item) and isinstance(node.base, s.Arguments):
        return replace(node, base=_once(node.base, scope))
    if _turned(node) or isinstance(node, s.Name | s.Number | s.Item):
        return node
    return Built(node.at, node.height, scope.build(node))


def _once_argument(node: s.Expr, scope: Scope) -> s.Expr:
    """An argument; a word such as inf has a meaning only as one."""
    if isinstance(node, s.Name | s.Number):
        return node
    return Built(node.at, node.height, scope.build(node))


def _neighbour(links: Sequence[s.Link], at: int, step: int, scope: Scope) -> tuple[Any, ...]:
    """The shape of the nearest factor that has one, on one side, up to a ⊙; () where none does."""
    at += step
    while 0 <= at < len(links):
        joint = links[at if step > 0 else at + 1].operator
        if joint in _ENTRYWISE or joint in ("/", "./"):
            return ()
        item = links[at].item
        ahead = links[at + 1] if at + 1 < len(links) and links[at + 1].operator == "" else None
        if isinstance(item, s.Name) and ahead is not None and isinstance(ahead.item, s.Arguments):
            if item.name not in scope.names:  # a function before its argument
                item = s.Chain(item.at.to(ahead.item.at), item.height + 2, (links[at], ahead))
                item = replace(item, links=(replace(links[at], operator=""), ahead))
        elif isinstance(item, s.Arguments) and at > 0 and step < 0:
            head = links[at - 1].item
            if isinstance(head, s.Name) and head.name not in scope.names:
                pair = (replace(links[at - 1], operator=""), links[at])
                item = s.Chain(head.at.to(item.at), item.height + 2, pair)
                at -= 1
        if _turned(item) is None and _identity(links, at, scope) is None:
            sizes = a.shape(a.scalar_of(scope.build(item)))
            if sizes:
                return sizes
        at += step
    return ()


def _ones(turned: bool, before: tuple[Any, ...], after: tuple[Any, ...]) -> Any:
    """Ones beside what has the shapes ``before`` and ``after`` (() is a scalar)."""
    if turned and after and after[0] != 1:
        return sp.OneMatrix(1, after[0])
    if not turned and before and before[1] != 1:
        return sp.OneMatrix(before[1], 1)
    free = sp.Dummy(_FREE, integer=True, positive=True)
    if turned and before and before[1] == 1:  # v 1ᵀ, as many columns as fit
        return sp.OneMatrix(1, free)
    if not turned and after and after[0] == 1:  # 1 vᵀ, as many rows as fit
        return sp.OneMatrix(free, 1)
    return sp.S.One


_FREE = "as many as fit"
_SIZE = sp.Dummy(_FREE, integer=True, positive=True)
"""The size of an identity where nothing says it yet."""
_ENTRYWISE = frozenset({"⊙", "∘", ".*"})


def _free_sizes(value: Any) -> list[sp.Symbol]:
    return [x for x in a.shape(value) if isinstance(x, sp.Dummy) and x.name == _FREE]


def fitted_to(value: Any, shape: tuple[Any, ...]) -> Any:
    """A value whose sizes are not all known, with those of ``shape`` where it has none."""
    free = _free_sizes(value)
    sizes = zip(a.shape(value), shape, strict=False)
    sizes_of = {old: new for old, new in sizes if old in free}
    return value.xreplace(sizes_of) if sizes_of else value


def is_fitted(value: Any) -> bool:
    """Whether the sizes of a value are all known."""
    return not _free_sizes(value)


def is_known(n: Any) -> bool:
    """Whether a number is not that of the rows of an identity that fits nothing."""
    symbols = getattr(n, "free_symbols", ())
    return not any(isinstance(x, sp.Dummy) and x.name == _FREE for x in symbols)


# ---------------------------------------------------------------------------------- identity


def _is_identity(node: s.Expr, scope: Scope) -> bool:
    return isinstance(node, s.Name) and node.name == "I" and not scope.knows("I")


def _terms(node: s.Terms, scope: Scope) -> Any:
    """A sum: an identity and what has as many rows as fit take the shape of the others."""
    built = [(sign, x, scope.build(x)) for sign, x in node.terms]
    _check_ones([(x, y) for _, x, y in built], scope)
    shapes = [a.shape(a.scalar_of(y)) for _, _, y in built]
    like = next((x for x, (_, _, y) in zip(shapes, built, strict=True) if x and is_fitted(y)), ())
    like = like or next((x for x in shapes if x), ())
    return a.total([(sign, a.Shown(fitted_to(y, like), scope.text(x))) for sign, x, y in built])


def _check_ones(terms: Sequence[tuple[s.Expr, Any]], scope: Scope) -> None:
    """Ones beside a product of matrices are the identity to some, and ones at all entries."""
    ones = [x for x, y in terms if a.shape(y) == () and any(isinstance(z, s.Ones) for z in _in(x))]
    if ones and any(a.is_map(y) for _, y in terms):
        raise scope.error(
            ones[0],
            "it is not clear whether this is the identity or a matrix of ones; write I, or "
            "\\mathbf{1} \\mathbf{1}^\\top.",
        )


def _in(node: s.Expr) -> list[s.Expr]:
    """The factors of a term."""
    return [x.item for x in node.links] if isinstance(node, s.Chain) else [node]


def _name(node: s.Name, scope: Scope) -> Any:
    if _is_identity(node, scope):
        return sp.Identity(_SIZE)
    return RULES[s.Name](node, scope)


# ----------------------------------------------------------------------------------- the rest


class WithName(Mapping[str, Any]):
    """Names and one more; the others are not looked up for it."""

    def __init__(self, names: Mapping[str, Any], name: str, value: Any) -> None:
        self.names, self.name, self.value = names, name, value

    def __getitem__(self, name: str) -> Any:
        return self.value if name == self.name else self.names[name]

    def __contains__(self, name: object) -> bool:
        return name == self.name or name in self.names

    def __iter__(self) -> Iterator[str]:
        yield self.name
        yield from (x for x in self.names if x != self.name)

    def __len__(self) -> int:
        return len(self.names) + (self.name not in self.names)


def _item(node: s.Item, scope: Scope) -> Any:
    """Entries of any value, ``(W x)_k``, and of what a name stands for."""
    positions = node.suffixes[0]
    if isinstance(node.base, s.Name) or not isinstance(positions, s.Positions):
        return RULES[s.Item](node, scope)
    value = scope.build(node.base)
    if not isinstance(value, MatrixExpr):
        raise scope.error(
            node, f"this is {a.described_shape(value)}, which has no entries of this kind."
        )
    if not isinstance(value, sp.MatrixSymbol):  # opaque, for SymPy would work every product out
        t = sp.Symbol("t", real=True)
        value = f.mapped(sp.Lambda(t, t), value)
    named = s.Name(node.base.at, 1, scope.text(node.base))
    inner = replace(scope, names=WithName(scope.names, named.name, value))
    return RULES[s.Item](replace(node, base=named), inner)


def _application(node: s.Application, scope: Scope) -> Any:
    """``\\mathbf{1}_y``, whose size is that of the label; others as in text."""
    given = node.arguments.positional
    if node.function.name == "onehot" and len(given) == 1:
        label = scope.build(given[0])
        if isinstance(label, LabelSymbol):
            return f.onehot(label, label.classes)
    return application(node, scope)


def _cases(node: s.Cases, scope: Scope) -> Any:
    """Values where their conditions hold, the last one elsewhere."""
    *before, (last, conditions) = node.cases
    value = scope.build(last)
    if conditions and before:
        _check_last(conditions, scope)
    for given, given_conditions in reversed(before):
        chosen = scope.build(given)
        for condition in reversed(given_conditions):
            built = scope.build(condition)
            if isinstance(built, Comparison):
                value = called("where", where, (built, chosen, value), {})
            else:
                if a.shape(chosen) or a.shape(value):
                    raise scope.error(condition, "a condition on indices chooses between scalars.")
                value = sp.Piecewise((chosen, built), (value, True))
            chosen = value
    return value


def _check_last(conditions: Sequence[s.Expr], scope: Scope) -> None:
    """The last condition is built for its errors; it is what the others leave."""
    for condition in conditions:
        scope.build(condition)


TEX_RULES: Rules = {
    **RULES,
    Built: _built,
    s.Ones: _lonely_ones,
    s.Chain: _chain,
    s.Terms: _terms,
    s.Name: _name,
    s.Item: _item,
    s.Application: _application,
    s.Cases: _cases,
}
"""A node and its meaning in LaTeX."""
