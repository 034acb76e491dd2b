"""The geometry of pictures: boxes and labels apart, edges around them, whatever the graph."""

from __future__ import annotations

from random import Random

import networks
import pytest
from geometry import check
from hypothesis import given, settings
from hypothesis import strategies as st
from networks import NETWORKS

import symgrad as sg
from symgrad.pictures.layout import DIRECTIONS, DOWN, RIGHT, Edge, Size, layers, layout
from symgrad.pictures.svg import arrow_size, card_size

Graph = tuple[list[Size], list[Edge]]


@st.composite
def graphs(draw: st.DrawFn) -> Graph:
    """Boxes of any size, and edges from earlier ones to later ones, some with labels."""
    count = draw(st.integers(1, 14))
    random = Random(draw(st.integers(0, 10**6)))
    labelled = draw(st.sampled_from([0.0, 0.6, 1.0]))
    sizes = [(random.uniform(20, 220), random.uniform(20, 90)) for _ in range(count)]
    edges = []
    for head in range(1, count):
        for tail in random.sample(range(head), min(head, random.choice((0, 1, 1, 2, 3, 5)))):
            label = (random.uniform(30, 120), 40.0) if random.random() < labelled else None
            edges.append(Edge(tail, head, label))
    return sizes, edges


@settings(max_examples=60, deadline=None)
@given(graphs(), st.sampled_from(DIRECTIONS))
def test_any_graph(graph: Graph, direction: str) -> None:
    sizes, edges = graph
    check(layout(sizes, edges, direction), sizes, edges, direction)


@pytest.mark.parametrize("direction", DIRECTIONS)
@pytest.mark.parametrize("detail", ["values", "operations"])
@pytest.mark.parametrize("name", NETWORKS)
def test_networks(name: str, detail: str, direction: str) -> None:
    network = NETWORKS[name]()
    scene = sg.gradient(network.loss, network.wrt).picture(detail=detail).scene
    sizes = [card_size(x) for x in scene.cards]
    edges = [Edge(x.tail, x.head, arrow_size(x)) for x in scene.arrows]
    check(layout(sizes, edges, direction), sizes, edges, direction)


def test_the_check_sees_an_edge_through_a_box() -> None:
    sizes = [(40.0, 40.0)] * 3
    edges = [Edge(0, 1), Edge(1, 2), Edge(0, 2)]
    found = layout(sizes, edges)
    through = found.routes[2]._replace(
        pieces=(((found.centres[0][0] + 20, 20.0), (found.centres[2][0] - 20, 20.0)),)
    )
    with pytest.raises(AssertionError):
        check(found._replace(routes=(*found.routes[:2], through)), sizes, edges, RIGHT)
    crowded = (found.centres[0], found.centres[0], found.centres[2])
    with pytest.raises(AssertionError):
        check(found._replace(centres=crowded), sizes, edges, RIGHT)


def test_an_input_stands_before_its_first_use() -> None:
    chain = [Edge(0, 1), Edge(1, 2), Edge(3, 2), Edge(4, 1), Edge(4, 2)]
    assert layers(5, chain) == [0, 1, 2, 1, 0]
    labelled = [e._replace(label=(10.0, 10.0)) for e in chain]
    assert layers(5, labelled) == [0, 2, 4, 2, 0]  # between them, the labels


def test_a_chain_is_straight() -> None:
    scene = networks.classifier()
    picture = sg.gradient(scene.loss, scene.wrt).picture()
    cards = picture.scene.cards
    sizes = [card_size(x) for x in cards]
    edges = [Edge(x.tail, x.head) for x in picture.scene.arrows]
    for direction, axis in ((RIGHT, 1), (DOWN, 0)):
        found = layout(sizes, edges, direction)
        at = {c.label.split(" ")[0]: p[axis] for c, p in zip(cards, found.centres, strict=True)}
        assert max(abs(at[a] - at["z1"]) for a in ("h", "z2", "p")) < 1


def test_nothing_and_one_box() -> None:
    assert layout([], []).size == (0.0, 0.0)
    assert layout([(30.0, 20.0)], []).size == (30.0, 20.0)
