"""Texts of declarations in a process with a history: what it has built before must not show.

``python tests/support/histories.py SEED NAME…`` prints a JSON object, name → kind of text → text.
With a seed other than 0 the declarations are made in a shuffled order; unrelated nodes exist before
the first; and when a declaration is rendered, every node of its graph exists already and was made
in a random order, as if other declarations had used parts of it.
"""

from __future__ import annotations

import functools
import gc
import json
import sys
import warnings
from collections.abc import Callable, Iterator, Sequence
from random import Random
from typing import Any, NamedTuple

from lecture_networks import SYSTEMS
from network_checks import planned
from networks import NETWORKS
from random_networks import Network
from sympy.core.cache import clear_cache

import symgrad as sg
from symgrad import graph as g
from symgrad.graph import Kind, Labels, Node, Shape
from symgrad.lift import lift
from symgrad.show.matrix_form import leaf_symbol

UNRELATED = 3000
"""Nodes that are there before the first declaration."""


def declaration(name: str) -> Any:
    """A network of `NETWORKS` or `SYSTEMS`, or the random one of a seed such as ``random 7``."""
    word, _, seed = name.rpartition(" ")
    if word == "random":
        return Network(int(seed), planned(int(seed)))
    return {**NETWORKS, **SYSTEMS}[name]()


def texts(made: Any) -> dict[str, str]:
    """Everything that is printed about a loss and its gradient."""
    d = sg.gradient(made.loss, made.wrt)
    picture = d.picture()
    leaves = sorted((leaf_symbol(x) for x in g.leaves([lift(made.loss)])), key=str)
    return {
        "text": d.text(),
        "index, bar": d.text(form="index", notation="bar"),
        "full, row": d.text(level="full", convention="row", notation="nabla"),
        "LaTeX": d.latex(notation="partial"),
        "HTML": d.html(),
        "SVG": picture.svg(),
        "DOT": picture.dot(),
        "Mermaid": d.picture(detail="operations").mermaid(),
        "cost": str(d.cost()),
        "graph": sg.graph_text(made.loss),
        "NumPy": sg.function(leaves, [made.loss, d]).source,
        "Numba": sg.function(leaves, [made.loss, d], target="numba").source,
    }


class Recipe(NamedTuple):
    """What a node is made of: its operands are places in a list of recipes."""

    kind: Kind
    operands: tuple[int, ...]
    labels: tuple[Labels, ...]
    shape: Shape
    data: Any


def recipes(root: Node) -> list[Recipe]:
    """Every node below a root, which they do not keep alive."""
    order = g.topological([root])
    place = {node: k for k, node in enumerate(order)}
    return [
        Recipe(n.kind, tuple(place[x] for x in n.args), n.labels, n.shape, n.data) for n in order
    ]


def remade(known: Sequence[Recipe], random: Random) -> list[Node]:
    """All of these nodes, made in a random order."""
    made: dict[int, Node] = {}
    while len(made) < len(known):
        ready = [k for k, r in enumerate(known) if k not in made and made.keys() >= {*r.operands}]
        k = random.choice(ready)
        kind, operands, labels, shape, data = known[k]
        args = [made[x] for x in operands]
        match kind:
            case Kind.SUM:
                made[k] = g.add(zip(data, args, labels, strict=True), shape)
            case Kind.PRODUCT:
                made[k] = g.product(zip(args, labels, strict=True), shape)
            case _:
                made[k] = g._intern(kind, tuple(args), labels, shape, data)
    return list(made.values())


def forget() -> None:
    """Let nodes that only caches refer to go."""
    clear_cache()
    for cache in gc.get_objects():
        if type(cache) is functools._lru_cache_wrapper:
            module = str(getattr(cache, "__module__", ""))
            if module.partition(".")[0] in ("symgrad", "sympy"):
                cache.cache_clear()
    gc.collect()


def rendered(seed: int, names: Sequence[str]) -> Iterator[tuple[str, dict[str, str]]]:
    """The texts of declarations, with the history of a seed."""
    random = Random(seed)
    if not seed:
        yield from ((name, texts(declaration(name))) for name in names)
        return
    unrelated = [g.const(k) for k in range(UNRELATED)]
    for name in random.sample(list(names), len(names)):
        known = recipes(lift(declaration(name).loss))
        forget()
        others = remade(known, random)
        yield name, texts(declaration(name))
        del others
    assert len(unrelated) == UNRELATED  # they have been there all the time


def main(of: Callable[[int, Sequence[str]], Iterator[tuple[str, dict[str, str]]]]) -> None:
    warnings.simplefilter("ignore")  # a random network takes logarithms of what it knows to be > 0
    print(json.dumps(dict(of(int(sys.argv[1]), sys.argv[2:]))))


if __name__ == "__main__":
    main(rendered)
