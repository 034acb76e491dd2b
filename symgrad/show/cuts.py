"""Derivatives by a named value: is the adjoint that the sweep gives the whole of it?

Why it exists: a named value may be bypassed. In −log p with p = softmax(z), the stable form of the
loss never passes p, so the adjoint of p in its sweep is no derivative by p. `Cut` makes the value a
variable and compares; the derivative by one that is bypassed is a sweep of that graph.

Comparing takes a pass over the loss for each value. `Cuts` spares most of them: where a definition
by itself, in variables for the values in it, has the same stable form as inside the loss, nothing
reaches across those values. Only from a definition where something does are values looked at one
by one, downwards as far as they are bypassed.
"""

from __future__ import annotations

from functools import cached_property

import sympy as sp

from symgrad import graph as g
from symgrad.graph import Kind, Node
from symgrad.reverse import Trail, adjoint_name, adjoints
from symgrad.subject import Subject, variable


class Cuts:
    """The cuts of a loss, at its values."""

    def __init__(self, subject: Subject) -> None:
        self.subject = subject
        self._found: dict[Node, Cut] = {}

    def at(self, target: Node) -> Cut:
        """The cut at a value."""
        if target not in self._found:
            self._found[target] = Cut(self.subject, target)
        return self._found[target]

    def is_whole(self, target: Node) -> bool:
        """Whether the whole derivative passes a named value in the stable form of the loss, too."""
        return target not in self._bypassed

    def is_passed(self, target: Node) -> bool:
        """Whether the adjoint of the sweep is the derivative by the value.

        A row's adjoint, which is a column, is no gradient by it.
        """
        return target.kind is Kind.NAMED and not target.is_row and self.is_whole(target)

    @cached_property
    def _bypassed(self) -> set[Node]:
        """The named values that a recognised primitive bypasses, at least in part."""
        values = self.subject.declared
        inside = {
            n: [
                x
                for x in g.topological(n.args, lambda y: () if y.kind is Kind.NAMED else y.args)
                if x.kind is Kind.NAMED
            ]
            for n in values
        }
        leaves = {n: _placeholder(n) for n in values}
        alone = self.subject.rewriter(
            [g.substitute([n.args[0]], {x: leaves[x] for x in inside[n]})[0] for n in values]
        )
        normal = dict(zip(values, self.subject.known, strict=True))
        back = {leaves[n]: normal[n] for n in values}
        looked: set[Node] = set()
        bypassed: set[Node] = set()
        for n, form in zip(values, alone, strict=True):
            whole = normal[n].args[0] if normal[n].kind is Kind.NAMED else normal[n]
            if g.substitute([form], back)[0] is whole:
                continue
            stack = list(inside[n])
            while stack:
                value = stack.pop()
                if value not in looked:
                    looked.add(value)
                    if not self.at(value).is_whole:
                        bypassed.add(value)
                        stack.extend(inside[value])
        return bypassed


def _placeholder(value: Node) -> Node:
    """A leaf for a value, another one for each: two values may go by one name."""
    name = f"{value.name}@{value.place.digest.hex()}"
    return g.leaf(name, value.shape, sp.Symbol(name))


class Cut:
    """The loss as a function of a value below it, ``target``, which is varied by itself."""

    def __init__(self, subject: Subject, target: Node) -> None:
        self.subject, self.target = subject, target
        self.leaf = variable(target)
        (self.normal,) = subject.rewriter([target])

    @cached_property
    def root(self) -> Node:
        """The loss, in its stable form, with a leaf for the value."""
        opened = g.substitute([self.subject.root], {self.target: self.leaf})
        (root,) = self.subject.rewriter(opened)
        return root

    @property
    def is_whole(self) -> bool:
        """Whether the loss with the value replaced is its stable form with the value replaced."""
        swap = {self.normal: self.leaf}
        return self.subject.rewriter(g.substitute([self.subject.value], swap)) == [self.root]

    def gradient(self, trail: Trail | None = None) -> Node:
        """∂loss/∂target, raw, the target put back."""
        named = [n for n in g.topological([self.root]) if n.kind is Kind.NAMED]
        back = self.subject.rewriter(g.substitute(named, {self.leaf: self.normal}))
        original = dict(zip(named, back, strict=True))
        sweep = adjoints(
            self.root, [self.leaf], name=lambda n: adjoint_name(original[n]), trail=trail
        )
        result = sweep.get(self.leaf, g.const(0, self.target.shape))
        return g.substitute([result], {self.leaf: self.normal})[0]
