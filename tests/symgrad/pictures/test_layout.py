"""The geometry of pictures: boxes and labels apart, edges around them, whatever the graph."""

from __future__ import annotations

from functools import cache
from random import Random

import networks
import pytest
from geometry import check
from hypothesis import given, settings
from hypothesis import strategies as st
from networks import NETWORKS

import symgrad as sg
from symgrad.pictures.layout import DIRECTIONS, DOWN, RIGHT, layout
from symgrad.pictures.ranks import Edge, Size, ranks
from symgrad.pictures.scene import Scene
from symgrad.pictures.svg import arrow_size, card_size, placed

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


@cache
def scene_of(name: str, detail: str) -> Scene:
    network = NETWORKS[name]()
    return sg.gradient(network.loss, network.wrt).picture(detail=detail).scene


@pytest.mark.parametrize("direction", DIRECTIONS)
@pytest.mark.parametrize("detail", ["values", "operations"])
@pytest.mark.parametrize("name", NETWORKS)
def test_networks(name: str, detail: str, direction: str) -> None:
    scene = scene_of(name, detail)
    sizes = [card_size(x) for x in scene.cards]
    edges = [Edge(x.tail, x.head, arrow_size(x)) for x in scene.arrows]
    check(layout(sizes, edges, direction), sizes, edges, direction)


@pytest.mark.parametrize("direction", DIRECTIONS)
@pytest.mark.parametrize("detail", ["values", "operations"])
@pytest.mark.parametrize("name", NETWORKS)
def test_edges_hardly_bend(name: str, detail: str, direction: str) -> None:
    """Once, or twice around a box, and never by so little that it looks like a slip."""
    scene = scene_of(name, detail)
    found, _ = placed(scene, direction)
    across = 1 if direction == RIGHT else 0
    for route in found.routes:
        bends = [abs(p[-1][across] - p[0][across]) for p in route.pieces if len(p) == 4]
        assert len(bends) <= 2
        assert all(bend >= 2.5 for bend in bends)


def test_what_is_made_of_inputs_stands_where_it_is_used() -> None:
    """The 1 − y of a cross-entropy stands beside the logarithm, and y before both its uses."""
    #        y → 1 − y → product ← log ← … ← w;  y → other product
    edges = [Edge(0, 1), Edge(1, 5), Edge(2, 3), Edge(3, 4), Edge(4, 5), Edge(0, 6), Edge(4, 6)]
    assert ranks(7, edges) == [1, 2, 0, 1, 2, 3, 3]
    first_exercise = [Edge(0, 1), Edge(1, 2), Edge(0, 3), Edge(2, 4), Edge(3, 4)]
    assert ranks(5, first_exercise) == [0, 1, 2, 1, 3]  # nothing gets shorter


def test_inputs_stand_around_what_a_value_is_computed_from() -> None:
    network = networks.residual()
    scene = sg.gradient(network.loss, network.wrt).picture().scene
    found, _ = placed(scene, RIGHT)
    y = {c.label.split(" ")[0]: p[1] for c, p in zip(scene.cards, found.centres, strict=True)}
    for k in (1, 2):
        assert y[f"W{k}"] < y[f"h{k - 1}"] < y[f"b{k}"]
    assert y["h0"] == y["h1"] == y["h2"] == y["L"]


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
    assert ranks(5, chain) == [0, 1, 2, 1, 0]
    labelled = [e._replace(label=(10.0, 10.0)) for e in chain]
    assert ranks(5, labelled) == [0, 2, 4, 2, 0]  # between them, the labels


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
