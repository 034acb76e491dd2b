"""Convolution and pooling, with the shapes that users know from PyTorch, one example at a time.

A window is a product with an indicator (`graph`), so a convolution is one product, and its
derivatives by the signal and by the kernel follow from the product rule. A kernel is declared as
``IndexedBase("K", shape=(O, C, U))``; sizes may be symbolic.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import sympy as sp

from symgrad import graph as g
from symgrad.errors import DeclarationError, ShapeError
from symgrad.graph import Node, dim
from symgrad.lift import lift
from symgrad.spaces import HIDDEN, Factor, Space, full_shape, operand
from symgrad.symbols import call


def conv1d(
    x: Any, K: Any, b: Any = None, *, stride: int = 1, padding: int = 0, dilation: int = 1
) -> Any:
    """z[o, t] = b[o] + Σ_c Σ_u K[o, c, u]·x[c, stride·t + dilation·u − padding].

    x is C×T, K is O×C×U and b has O entries; the result is O×T′ with
    T′ = ⌊(T + 2·padding − dilation·(U − 1) − 1)/stride⌋ + 1. Outside x there are zeros. It is a
    cross-correlation, as every framework's convolution is.
    """
    x = operand(x, 2, "conv1d", "channels×length")
    return _convolution(conv1d, x, operand(K, 3, "conv1d", "out×in×width"), b, locals())


def conv2d(
    x: Any, K: Any, b: Any = None, *, stride: int = 1, padding: int = 0, dilation: int = 1
) -> Any:
    """z[o, s, t] = b[o] + Σ_c Σ_u Σ_v K[o, c, u, v]·x[c, stride·s + u − padding, stride·t + v − …].

    x is C×H×W, K is O×C×U×V and b has O entries; sizes as in `conv1d`, along both axes.
    """
    x = operand(x, 3, "conv2d", "channels×height×width")
    return _convolution(conv2d, x, operand(K, 4, "conv2d", "out×in×height×width"), b, locals())


def _convolution(function: Callable[..., Any], x: Any, K: Any, b: Any, given: Any) -> Any:
    options = {name: given[name] for name in ("stride", "padding", "dilation")}
    space = Space()
    axes = len(K.shape) - 2
    taps, places, sources = "uv"[:axes], "st"[:axes], "pq"[:axes]
    kernel = space.seen(K, "oc" + taps)
    channels = full_shape(x, axes + 1)[0]
    if channels != space.extents["c"]:
        raise ShapeError(
            f"{function.__name__} convolves {x}, which has {channels} channels, with {K}, which is "
            f"for {space.extents['c']}: the first axis of the one must equal the "
            "second of the other."
        )
    space.extents.update(zip(sources, full_shape(x, axes + 1)[1:], strict=True))
    signal = Factor(lift(x), "c" + sources)
    windows = [
        _window(space, function.__name__, *letters, **options)
        for letters in zip(sources, places, taps, strict=True)
    ]
    node = space.product("o" + places, kernel, signal, *windows)
    operands: tuple[Any, ...] = (x, K)
    if b is not None:
        b = operand(b, 1, function.__name__, "of one bias an output channel")
        bias = space.seen(b, "o")
        node = space.total("o" + places, (1, Factor(node, "o" + places)), (1, bias))
        operands = (x, K, b)
    return call(function, operands, node, tuple(space.extents[i] for i in "o" + places), options)


def _window(
    space: Space,
    what: str,
    source: str,
    place: str,
    tap: str,
    *,
    stride: int,
    padding: int,
    dilation: int = 1,
) -> Factor:
    """1[p = stride·t + dilation·u − padding], with the number of places worked out."""
    for name, value, least in (
        ("stride", stride, 1),
        ("padding", padding, 0),
        ("dilation", dilation, 1),
    ):
        if not isinstance(value, int) or value < least:
            raise DeclarationError(
                f"{what} was given the {name} {value}; expected a whole number ≥ {least}."
            )
    n, width = sp.sympify(space.extents[source]), sp.sympify(space.extents[tap])
    room = sp.expand(n + 2 * padding - dilation * (width - 1) - 1)
    if room.is_negative:
        size = sp.floor(room / stride) + 1
        raise ShapeError(
            f"{what} has no place for a window of {width} entries (dilation {dilation}) on {n} "
            f"with padding {padding}: the size of the result would be {size}; use a smaller window "
            "or more padding."
        )
    space.extents[place] = dim(sp.floor(room / stride) + 1)
    return space.where(source + place + tap, (1, -stride, -dilation), padding, "=")


def max_pool1d(x: Any, size: int, *, stride: int | None = None, padding: int = 0) -> Any:
    """z[c, t] = max_u x[c, stride·t + u − padding]; stride is ``size`` unless given.

    The gradient goes to the winner; of equal ones to the first, as in PyTorch. Padding never wins.
    """
    return _pool(max_pool1d, x, size, stride, padding, _largest)


def max_pool2d(x: Any, size: int, *, stride: int | None = None, padding: int = 0) -> Any:
    """z[c, s, t] = max over a size×size window of x[c, ·, ·]; see `max_pool1d`."""
    return _pool(max_pool2d, x, size, stride, padding, _largest)


def avg_pool1d(x: Any, size: int, *, stride: int | None = None, padding: int = 0) -> Any:
    """z[c, t] = (1/size) Σ_u x[c, stride·t + u − padding], the zeros outside x counting."""
    return _pool(avg_pool1d, x, size, stride, padding, _mean)


def avg_pool2d(x: Any, size: int, *, stride: int | None = None, padding: int = 0) -> Any:
    """z[c, s, t] = the mean over a size×size window of x[c, ·, ·]; see `avg_pool1d`."""
    return _pool(avg_pool2d, x, size, stride, padding, _mean)


def _pool(
    function: Callable[..., Any],
    x: Any,
    size: int,
    stride: int | None,
    padding: int,
    reduced: Callable[[Space, Factor, list[Factor], str, str, int], Node],
) -> Any:
    what = function.__name__
    axes = int(what[-2])
    x = operand(x, axes + 1, what, "channels×" + "×".join(["height", "width"][-axes:]))
    if not isinstance(size, int) or size < 1:
        raise DeclarationError(f"{what} was given the size {size}; expected a whole number ≥ 1.")
    options = {"size": size, "stride": stride, "padding": padding}
    if not 0 <= 2 * padding <= size:
        raise DeclarationError(
            f"{what} was given the padding {padding} for windows of {size}; expected at most half "
            "of the size, so that no window lies outside."
        )
    taps, places, sources = "uv"[:axes], "st"[:axes], "pq"[:axes]
    space = Space()
    space.extents.update(zip("c" + sources, full_shape(x, axes + 1), strict=True))
    space.extents.update(dict.fromkeys(taps, size))
    windows = [
        _window(space, what, *letters, stride=size if stride is None else stride, padding=padding)
        for letters in zip(sources, places, taps, strict=True)
    ]
    node = reduced(space, Factor(lift(x), "c" + sources), windows, "c" + places, taps, padding)
    shape = [space.extents[i] for i in "c" + places]
    return call(function, (x,), node, shape, options)


def _largest(
    space: Space, x: Factor, windows: list[Factor], out: str, taps: str, padding: int
) -> Node:
    """The maximum over one tap after the other, so that ties go to the first in row order."""
    node = space.product(out + taps, x, *windows)
    if padding:
        hidden = [(HIDDEN, outside) for window in windows for outside in _outside(space, window)]
        node = space.total(out + taps, (1, Factor(node, out + taps)), *hidden)
    for k in reversed(range(len(taps))):
        left = out + taps[:k]
        if space.extents[taps[k]] != 1:
            node = g.reduce("max", node, tuple(range(node.rank)), space.shape(left))
    return node


def _outside(space: Space, window: Factor) -> tuple[Factor, Factor]:
    """1[p < 0] and 1[p ≥ n], for the entry p of n that a window reads at a place and a tap.

    Each is a term of its own: x + HIDDEN·(1 − inside) would be expanded, and in floating point
    x + 10³⁰ − 10³⁰ is 0.
    """
    source, letters = window.letters[0], window.letters[1:]
    coefficients, offset, _ = window.node.affine
    steps = dict(zip(space.kept(window.letters), coefficients, strict=True))
    back = [steps.get(x, 0) for x in letters]
    n = space.extents[source]
    return (
        space.where(letters, back, offset - 1, "≥"),
        space.where(letters, [-c for c in back], -offset - n, "≥"),
    )


def _mean(
    space: Space, x: Factor, windows: list[Factor], out: str, taps: str, padding: int
) -> Node:
    total = Factor(space.product(out, x, *windows), out)
    size = sp.Mul(*(space.extents[u] for u in taps))
    return space.total(out, (1 / size, total))
