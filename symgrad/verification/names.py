"""What the left side of a claim may be called, and the true value that each name stands for.

Why it exists: one gradient is written ∂L/∂W1, dL/dW1, dW1, grad_W1, ∇_W1 L, W̄1, and the adjoint of
a value δ2, delta2, δ_z2 or z̄2. A reader knows what is meant; here the same is a table of spellings
and one class, `Truth`, that derives each true value when it is first asked for.
"""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Callable, Iterator, Mapping, Sequence
from functools import cached_property
from typing import Any, NamedTuple

import sympy as sp
from sympy.core.function import AppliedUndef, UndefinedFunction
from sympy.matrices.expressions.matexpr import MatrixExpr

from symgrad import graph as g
from symgrad.declare import named_symbol
from symgrad.errors import DerivativeError, UnsupportedError
from symgrad.facts import is_parameter
from symgrad.graph import Kind, Node
from symgrad.language.limits import is_constant
from symgrad.language.names import canonical
from symgrad.lift import lift
from symgrad.show.derivation import Derivation
from symgrad.show.gradient import gradient
from symgrad.show.index_form import Letters
from symgrad.show.matrix_form import entry_form, leaf_symbol, matrix_form
from symgrad.simplify import unname
from symgrad.subject import Subject, symbols_of
from symgrad.symbols import ARRAYS, Opaque

NABLA = "ᐁ"
"""A letter that stands for ∇, which is none, in a text that is about to be parsed."""

ONE = "ᐅ"
"""A letter that stands for the 1 of 1_y, the indicator of a class, in such a text."""

SLOPE = "ᐟ"
"""What stands behind the name of a value h = f(z) in a tree where f′(z) is meant."""

_LAMBDA = ("λ", "lam", "lmbda", "lambd")
"""λ as it is typed where lambda is a keyword."""

LOSSES = frozenset({"L", "E", "J", "l", "ℓ", "loss", "cost"})
"""What people call the loss in ∂L/∂w, whatever its name is."""


class Target(NamedTuple):
    """Something that a claim may be about: its name as it reads best, and its true value.

    ``symbol`` is what it is a derivative by, None for a value of the forward pass. ``shape`` is
    SymPy's, () for a scalar. ``whole`` is False for a part of such a value, its transpose, and a
    name of the reader's own.
    """

    name: str
    node: Node
    shape: tuple[Any, ...]
    symbol: Any
    whole: bool = True

    @property
    def what(self) -> str:
        """What it is, in a sentence."""
        return "the true value" if self.symbol is None else "the gradient"

    @property
    def key(self) -> tuple[bool, Node] | None:
        """What tells it from all others, however it is called; None for what is not whole."""
        if not self.whole:
            return None
        return (False, self.node) if self.symbol is None else (True, lift(self.symbol))


class Truth:
    """The true values of a loss: its leaves, its named values, and all their gradients.

    ``loss`` is a scalar SymPy expression, or the model of a text. ``wrt`` are the symbols that the
    derivation is by, which numbers its adjoints; all parameters, unless it is given.
    """

    def __init__(self, loss: Any, wrt: Any = None) -> None:
        declared: Mapping[str, Any] = getattr(loss, "names", {}) if hasattr(loss, "loss") else {}
        self.loss = getattr(loss, "loss", loss)
        self._targets: dict[str, Target | None] = {}
        self._gradients: dict[Node, Target] = {}
        self._by: dict[Node, tuple[Derivation, int]] = {}
        self._subject = Subject(self.loss, []).scalar()
        self._constants = {name: x for name, x in declared.items() if _is_constant(x)}
        functions = {name: x for name, x in declared.items() if isinstance(x, UndefinedFunction)}
        self.root: Node = self._subject.root
        self.leaves: dict[str, Any] = {}
        for node in g.leaves([self.root]):
            self.leaves[node.name] = leaf_symbol(node)
        self.forward: dict[str, Any] = {
            node.name: named_symbol(node) for node in self._subject.declared
        }
        self.functions = {**_functions_in(self.root), **functions}
        self.wrt = None if wrt is None else [self.symbol(x) for x in _listed(wrt)]

    def symbol(self, x: Any) -> Any:
        """A symbol that was given, perhaps by its name."""
        if not isinstance(x, str):
            return x
        found = self.value(x)
        if found is None:
            target = self.target(x)
            found = None if target is None else target.symbol
        if found is None:
            known = ", ".join([*self.leaves, *self.forward])
            raise DerivativeError(f"the loss has no value named {x}; it depends on {known}.")
        return found

    # ------------------------------------------------------------------------------ values

    @cached_property
    def dims(self) -> dict[str, Any]:
        """The symbols of dimensions, by name."""
        sizes = [n for leaf in g.leaves([self.root]) for n in leaf.shape]
        sizes += [n.leaf.classes for n in g.leaves([self.root]) if n.leaf.classes is not None]
        constants = [n.value for n in g.topological([self.root]) if n.kind is Kind.CONST]
        found = {s for n in (*sizes, *constants) if isinstance(n, sp.Basic) for s in n.free_symbols}
        return {s.name: s for s in sorted(found, key=str) if isinstance(s, sp.Symbol)}

    @cached_property
    def names(self) -> dict[str, Any]:
        """Every name that the declaration has: leaves, values, dimensions, functions, constants."""
        given = {**self._constants, **self.functions, **self.dims, **self.leaves, **self.forward}
        return {canonical(name): x for name, x in given.items()}

    def value(self, name: str) -> Any:
        """The SymPy object that a declared name stands for, however it is spelled, or None."""
        for spelling in (name, canonical(name), canonical(name).replace("_", "")):
            if spelling in self.names:
                return self.names[spelling]
        for spelling in _LAMBDA if canonical(name) in _LAMBDA else ():
            if spelling in self.names:
                return self.names[spelling]
        plain = canonical(name).replace("_", "")
        return self._loosely.get(plain, self._of_examples.get(plain))

    @cached_property
    def _of_examples(self) -> dict[str, Any]:
        """Other names for the values of all examples: x for X (N×D), and F for f (N×C)."""
        data = [leaf for leaf in g.leaves([self.root]) if leaf.leaf.origin is not None]
        batch = {leaf.shape[0] for leaf in data}
        found = {
            name[:1].upper() + name[1:]: x
            for name, x in self.forward.items()
            if isinstance(x, ARRAYS) and lift(x).shape[0] in batch
        }
        return {**found, **{str(leaf.leaf.origin): self.leaves[leaf.name] for leaf in data}}

    @cached_property
    def _loosely(self) -> dict[str, Any]:
        """The names without their underscores, where these are not needed to tell them apart."""
        found: dict[str, list[Any]] = {}
        for name, x in self.names.items():
            found.setdefault(name.replace("_", ""), []).append(x)
        return {name: xs[0] for name, xs in found.items() if len(xs) == 1}

    @property
    def stable(self) -> list[Node]:
        """The stable forms of the loss and its values, in which activations are recognised."""
        return [self._subject.value, *self._subject.known]

    # ----------------------------------------------------------------------------- targets

    @cached_property
    def derivation(self) -> Derivation:
        """The derivation that ``print(sg.gradient(…))`` shows; its adjoints have their numbers."""
        if self.wrt is not None:
            return gradient(self.loss, self.wrt)
        wanted = [n for n in g.leaves([self.root]) if is_parameter(n)]
        wanted = wanted or [n for n in g.leaves([self.root]) if n.leaf.classes is None]
        return gradient(self.loss, [leaf_symbol(n) for n in wanted])

    @cached_property
    def adjoints(self) -> dict[str, str]:
        """δ2 → z2: the names that the derivation gives to adjoints, and whose they are."""
        return {
            step.names[0]: step.names[-1].rpartition("∂")[2]
            for step in self.derivation.lines(fold=False)
            if step.phase == "backward" and len(step.names) > 1
        }

    def gradient(self, symbol: Any) -> Target:
        """The true gradient with respect to a leaf or a named value."""
        node = lift(symbol)
        if node not in self._gradients:
            d, k = self._derived(symbol)
            name = f"∂{self.root.name}/∂{node.name}"
            self._gradients[node] = Target(name, d.roots[k], d.shapes[k], symbol)
        return self._gradients[node]

    def _derived(self, symbol: Any) -> tuple[Derivation, int]:
        """A derivation that has the gradient by ``symbol``, and which of its results that is."""
        node = lift(symbol)
        if node not in self._by:
            known = [lift(x) for x in self.derivation.wrt]
            own = node in known
            d = self.derivation if own else gradient(self.loss, [symbol])
            self._by[node] = (d, known.index(node) if own else 0)
        return self._by[node]

    def written(self, target: Target, indices: Sequence[Any] = ()) -> Any:
        """The true value as a SymPy expression: in declared values, without names of adjoints.

        With ``indices`` of all axes it is one entry.
        """
        if indices and len(indices) == target.node.rank:
            return entry_of(self.plain(target.node), indices)
        if not target.whole or target.symbol is None:
            value = target.node.args[0] if target.node.kind is Kind.NAMED else target.node
            return written(value if target.symbol is None else self.plain(value), target.shape)
        d, k = self._derived(target.symbol)
        return d.in_values(d.wrt[k])

    def plain(self, node: Node) -> Node:
        """A graph without names of adjoints: in leaves and declared values."""
        below = [n for n in g.topological([node]) if n.kind is Kind.NAMED]
        return unname([node], [n for n in below if n.name not in self.forward])[0]

    def tidied(self, node: Node) -> Node:
        """A graph in the form that reads best, in leaves and declared values."""
        return self._subject.rewriter([self.plain(node)])[0]

    def target(self, name: str) -> Target | None:
        """What a name on a left side stands for, or None for one that is nobody's yet."""
        if name not in self._targets:
            self._targets[name] = self._found(name)
        return self._targets[name]

    def _found(self, name: str) -> Target | None:
        symbol = self.differentiated(name)
        if symbol is not None:
            return self.gradient(symbol)
        declared = self.value(name)
        if declared is None or not (isinstance(declared, ARRAYS) or _is_variable(declared)):
            return None
        node = lift(declared)
        if node.kind is not Kind.NAMED:
            return None
        shape = tuple(declared.shape) if isinstance(declared, ARRAYS) else ()
        return Target(node.name, node, shape, None)

    def differentiated(self, name: str) -> Any:
        """The symbol of which ``name`` is the gradient, or None where it is no gradient's name."""
        if self.value(name) is not None:
            return None
        for spelling in SPELLINGS:
            for value in spelling(unicodedata.normalize("NFC", name), self):
                found = self.value(value)
                if found is not None and self._varies(found):
                    return found
        return None

    def _varies(self, x: Any) -> bool:
        """Whether there is a derivative by a declared name: it is no dimension and no label."""
        if isinstance(x, UndefinedFunction) or not (isinstance(x, ARRAYS) or _is_variable(x)):
            return False
        node = lift(x)
        return node.kind is Kind.NAMED or (node.kind is Kind.LEAF and node.leaf.classes is None)

    def is_loss(self, name: str) -> bool:
        """Whether ``name`` is what somebody may call the loss in ∂L/∂w."""
        return name == self.root.name or (name in LOSSES and self.value(name) is None)

    def numbered(self, number: str) -> Iterator[str]:
        """The value whose adjoint is δ with a number: the derivation's, else the first such."""
        own = self.adjoints.get(f"δ{number}")
        if own is not None:
            yield own
        found = [x for x in self.forward if x != self.root.name]
        if number:
            found = [x for x in found if x.rstrip("0123456789") + number == x]
        yield from found[: 1 if number or len(self.adjoints) == 1 else 0]


def written(node: Node, shape: tuple[Any, ...] = ()) -> Any:
    """A graph as a SymPy expression in named values, a row where ``shape`` is one."""
    if node.rank > 2:
        return entry_form(node)
    below = [n for n in g.topological([node]) if n.kind is Kind.NAMED and n.rank <= 2]
    expr = matrix_form(node, {n: named_symbol(n) for n in below})
    is_row = len(shape) == 2 and shape[0] == 1 and node.rank == 1
    return expr.T if is_row and isinstance(expr, MatrixExpr) else expr


def entry_of(node: Node, indices: Sequence[Any]) -> Any:
    """One entry of a graph, as a SymPy expression in entries of named values."""
    below = [n for n in g.topological([node]) if n.kind is Kind.NAMED and n.rank <= 2]
    taken = {n.name for n in g.topological([node]) if n.kind in (Kind.LEAF, Kind.NAMED)}
    taken |= {str(s) for n in below for d in n.shape for s in sp.sympify(d).free_symbols}
    letters = Letters(taken | {str(x) for x in indices})  # what is summed over has another letter
    entry = entry_form(node, {n: named_symbol(n) for n in below}, letters)
    return entry(*indices)


def _functions_in(root: Node) -> dict[str, Any]:
    """The undefined functions of a graph, by name."""
    bodies = [n.body for n in g.topological([root]) if n.kind is Kind.MAP]
    return {f.func.__name__: f.func for body in bodies for f in body.atoms(AppliedUndef)}


def _is_variable(x: Any) -> bool:
    """Whether a scalar is a variable, and no dimension."""
    return isinstance(x, sp.Symbol) and not (x.is_integer and not isinstance(x, Opaque))


def _is_constant(x: Any) -> bool:
    """Whether what a model names is a number, perhaps in dimensions."""
    return isinstance(x, sp.Expr) and not isinstance(x, ARRAYS) and is_constant(x)


def _listed(wrt: Any) -> Sequence[Any]:
    if isinstance(wrt, str):
        return [wrt]
    return [wrt] if not isinstance(wrt, list | tuple | set) else symbols_or_names(wrt)


def symbols_or_names(wrt: Any) -> list[Any]:
    """A list of symbols, each perhaps by its name; UnsupportedError for anything else."""
    for x in wrt:
        if not isinstance(x, str | sp.Basic):
            raise UnsupportedError(
                f"the symbol {x!r} is of type {type(x).__name__}; expected a SymPy symbol or "
                "a name."
            )
    return [x if isinstance(x, str) else symbols_of([x])[0] for x in wrt]


# ----------------------------------------------------------------------------------- spellings


def _affixed(pattern: str) -> Callable[[str, Truth], Iterator[str]]:
    """Names made of a value's: dW1, grad_W1, W1_bar. The group is the value."""
    compiled = re.compile(pattern)

    def spelling(name: str, truth: Truth) -> Iterator[str]:
        match = compiled.fullmatch(name)
        if match:
            yield match[1]

    return spelling


def _quotient(name: str, truth: Truth) -> Iterator[str]:
    """∂L/∂W1, dL/dW1, dL_dW1 and dLdW1."""
    match = re.fullmatch(r"[∂d](\w+?)[_/]?[∂d](.+)", name)
    while match:
        if truth.is_loss(match[1]):
            yield match[2]
            return
        match = re.fullmatch(rf"[∂d](\w{{{len(match[1]) + 1},}}?)[_/]?[∂d](.+)", name)


def _barred(name: str, truth: Truth) -> Iterator[str]:
    """W̄1, with one line over all letters or one over each."""
    plain = re.sub("[\u0304\u0305]", "", unicodedata.normalize("NFD", name))
    if plain != unicodedata.normalize("NFD", name):
        yield unicodedata.normalize("NFC", plain)


def _delta(name: str, truth: Truth) -> Iterator[str]:
    """δ2, δ_2, δ^(2), δ_z2, δz2, and δ where there is one adjoint."""
    if not name.startswith("δ"):
        return
    if name in truth.adjoints:
        yield truth.adjoints[name]
    rest = name[1:].lstrip("_")
    if rest.isdigit() or not rest:
        yield from truth.numbered(rest)
    else:
        yield rest


SPELLINGS: tuple[Callable[[str, Truth], Iterator[str]], ...] = (
    _quotient,
    _delta,
    _barred,
    _affixed(rf"(?:∇|{NABLA})_?(.+)"),
    _affixed(r"(?:grad|gradient|adj|bar)_?(.+)"),
    _affixed(r"(.+?)_?(?:bar|grad|adj)"),
    _affixed(r"[∂dg]_?(.+)"),
)
"""How the gradient by a value is named: a row yields the names of values that may be meant."""
