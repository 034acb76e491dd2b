"""Small edits of a formula, each of which undoes a mistake that people make.

Why it exists: a wrong claim is explained by what makes it right. Each row of `EDITS` is one kind of
edit: ``proposals`` takes a node of the claim's graph and gives nodes to put in its place, with the
words that say what was wrong; `edits` does so for every node of the claim. What is right after one
edit is explained by it (`search`); what needs two, by both (`pairs`).

**To add a mistake**, add its name to `mistakes`, what proposes the edit to `sum_edits`,
`product_edits` or `value_edits`, and a row here.
"""

from __future__ import annotations

from collections.abc import Callable, Container, Iterator, Sequence
from typing import NamedTuple

from symgrad import graph as g
from symgrad.graph import Node
from symgrad.verification.pool import Pool
from symgrad.verification.product_edits import (
    factors_dropped,
    factors_inserted,
    factors_of_terms,
    other_orders,
    slopes_inserted,
    slopes_replaced,
    sums_dropped,
    sums_missing,
    transposes,
    wrong_indices,
    wrong_orders,
    wrong_products,
)
from symgrad.verification.proposals import Edit, Proposal
from symgrad.verification.sum_edits import (
    identities,
    means,
    other_weights,
    signs,
    sums_of_terms,
    terms_added,
    terms_dropped,
    terms_exchanged,
    values_added,
    weights,
)
from symgrad.verification.value_edits import (
    exchanged_everywhere,
    exchanged_functions,
    exchanged_once,
    inverses,
    steps_shifted,
    turned_branches,
)


class Row(NamedTuple):
    """One kind of edit: its law ``what was written → what is due``, and what proposes it."""

    law: str
    cost: float
    proposals: Callable[[Node, Node, Pool], Iterator[Proposal]]
    """The node, the whole claim, the pool."""


def edits(
    root: Node,
    pool: Pool,
    rows: Sequence[Row] | None = None,
    sites: Container[Node] | None = None,
) -> Iterator[Edit]:
    """Every edit of a claim, the most common mistakes first; with ``sites``, of these nodes only.

    What stands in several places is edited in all of them, and then in one place at a time.
    """
    below = pool.sites(root)
    places = _places(below, pool)
    below = below if sites is None else [node for node in below if node in sites]
    seen = {root}
    for row in rows if rows is not None else EDITS:
        once: list[Edit] = []
        for site in below:
            several = places.get(site, ())
            for found in row.proposals(site, root, pool):
                for edit in _made(root, site, found, several, row.cost, pool):
                    if edit.root in seen:
                        continue
                    seen.add(edit.root)
                    if edit.old is site:
                        yield edit
                    else:
                        once.append(edit)
        yield from once


def _made(
    root: Node,
    site: Node,
    found: Proposal,
    several: Sequence[tuple[Node, int]],
    cost: float,
    pool: Pool,
) -> Iterator[Edit]:
    """A proposal wherever its site stands, and where it stands several times, in each place."""
    changes = [(site, found.node)]
    for parent, k in several if len(several) > 1 else ():
        args = [*parent.args[:k], found.node, *parent.args[k + 1 :]]
        changes.append((parent, g.rebuild(parent, args)))
    for old, new in changes:
        edited = pool.replaced(root, old, new)
        yield Edit(edited, found.mistake, found.words, cost, old, new, found.node, found.swap)


def _places(sites: Sequence[Node], pool: Pool) -> dict[Node, list[tuple[Node, int]]]:
    """Where each node stands: the nodes that it is an operand of, and which of theirs it is."""
    found: dict[Node, list[tuple[Node, int]]] = {}
    for site in sites:
        if site not in pool.atoms:
            for k, arg in enumerate(site.args):
                found.setdefault(arg, []).append((site, k))
    return found


EDITS: tuple[Row, ...] = (
    Row("a − b → a + b", 1.0, signs),
    Row("a → a ⊙ f′(z)", 1.0, slopes_inserted),
    Row("1[z > 0] → 1[z < 0]", 1.0, turned_branches),
    Row("A → Aᵀ", 1.0, transposes),
    Row("A·B → B·A", 1.0, wrong_orders),
    Row("A·B·x → B·A·x", 1.0, other_orders),
    Row("A ⊙ B → A·B", 1.0, wrong_products),
    Row("c·a + b → 2c·a + b", 1.1, weights),
    Row("h → z everywhere", 1.1, exchanged_everywhere),
    Row("A → A⁻¹", 1.1, inverses),
    Row("A + c·1 → A + c·I", 1.1, identities),
    Row("h3, h2 → h2, h1 in every term", 1.1, steps_shifted),
    Row("Σ a → mean of a, everywhere", 1.1, means),
    Row("h → z in one place", 1.15, exchanged_once),
    Row("a ⊙ u → a ⊙ f′(z)", 1.2, slopes_replaced),
    Row("a + b → a", 1.2, terms_dropped),
    Row("c·a + b → 2c·a + b, where 2c is no factor of the truth", 1.22, other_weights),
    Row("a → a + b, 1 − a, where a + b is in the truth", 1.25, terms_added),
    Row("a + Σ b → a + b", 1.28, sums_of_terms),
    Row("a·b → a", 1.3, factors_dropped),
    Row("a → a·b", 1.3, factors_inserted),
    Row("a + c → a + c·b", 1.3, factors_of_terms),
    Row("a_i → a_j", 1.35, wrong_indices),
    Row("a → Σ a", 1.35, sums_missing),
    Row("Σ a → a", 1.35, sums_dropped),
    Row("f(a) → f̃(a)", 1.4, exchanged_functions),
    Row("a + b → a + c, where c is in the truth", 1.42, terms_exchanged),
    Row("a → a + b", 1.45, values_added),
)
"""Every kind of edit, the most common mistakes first."""
