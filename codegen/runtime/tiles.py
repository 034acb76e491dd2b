# mypy: disable-error-code="no-any-return, call-arg, attr-defined, operator, var-annotated"
# mypy: disable-error-code="unreachable"
"""Matrix products in tiles: what a core can do, for the sizes of one step of training.

The product of a block of `ROWS` rows of a and two vectors' width of columns of b stays in registers
while it runs along `DEPTH` of what both have in common: for each number of a, two fused
multiply-adds, which are as many as a core begins in a cycle. What it reads of b lies side by side,
copied there panel by panel where many rows will read it (Goto and van de Geijn, Anatomy of
High-Performance Matrix Multiplication, 2008; Van Zee and van de Geijn, BLIS, 2015). BLAS does the
same for large matrices; on the few dozen rows of a minibatch it spends a third of its time on
preparations, and it wakes threads of its own that two threads of a step would have to share their
cores with.

A number of the result is the sum of its terms in their order, in blocks of `DEPTH`, wherever in the
matrix it stands: so half of the columns comes out as in the whole, and half of the rows, if these
are not so few that dot products are faster. Distances are counted in numbers.

Copied by source into generated files.
"""

import ctypes
import os
from collections.abc import Callable
from functools import reduce
from typing import Any

import llvmlite.binding
from llvmlite import ir
from numba import cfunc, types
from numba.core import cgutils
from numba.core.errors import TypingError
from numba.extending import intrinsic

FEATURES = llvmlite.binding.get_host_cpu_features()
BYTES = 64 if FEATURES.get("avx512f") else 32 if FEATURES.get("avx2") else 16
"""The size of a vector register."""
ROWS, FEWER_ROWS = (6, 3) if BYTES == 32 else (8, 4)
"""The rows of a tile, and of one at the edge; AVX2 has 16 registers, others 32 or short ones."""
VECTORS, DEPTH, PANELS = 2, 256, 4
"""The vectors of a row of a tile; the terms of a block; how many panels of b are copied at once."""
COPIED, FEW_COPIED, FAR = 128, 32, 512
"""How many rows of a have to read a panel of b for a copy of it to be worth making, and how many
where the rows of b are far apart: so many numbers."""
DOTS_BELOW, DOTS_FROM = 32, 128
"""Below how many rows dot products of so many terms are faster than a panel transposed."""
APART = DEPTH + 16
"""How far apart copies of rows are: no power of two."""
DOT_ROWS, DOT_COLUMNS = (3, 3) if BYTES == 32 else (5, 4)
"""The rows and columns of dot products that are computed together."""
TILES = "symgrad_tiles_1"
"""The name of the compiled products, with the number of their version."""
INT, LANE = ir.IntType(64), ir.IntType(32)


class _Vectors:
    """LLVM's instructions for vectors of one type of numbers."""

    def __init__(self, context: Any, builder: Any, number: Any) -> None:
        self.builder, self.number = builder, context.get_value_type(number)
        self.size = number.bitwidth // 8
        self.lanes = BYTES // self.size
        self.type = ir.VectorType(self.number, self.lanes)
        self.suffix = f"v{self.lanes}f{number.bitwidth}"
        self.zero = ir.Constant(self.type, [self.number(0.0)] * self.lanes)

    def call(self, name: str, result: Any, given: list[Any]) -> Any:
        kind = ir.FunctionType(result, [x.type for x in given])
        function = cgutils.get_or_insert_function(self.builder.module, kind, f"llvm.{name}")
        return self.builder.call(function, given)

    def spread(self, x: Any) -> Any:
        """The vector of which each number is `x`."""
        kind = ir.VectorType(x.type, self.lanes)
        one = self.builder.insert_element(ir.Constant(kind, ir.Undefined), x, LANE(0))
        return self.shuffle(one, one, [0] * self.lanes)

    def shuffle(self, a: Any, b: Any, order: list[int]) -> Any:
        lanes = ir.Constant(ir.VectorType(LANE, len(order)), order)
        return self.builder.shuffle_vector(a, b, lanes)

    def times_plus(self, a: Any, b: Any, c: Any) -> Any:
        """a·b + c, in one instruction where there is one."""
        return self.call(f"fmuladd.{self.suffix}", self.type, [a, b, c])

    def at(self, pointer: Any, *offsets: Any) -> Any:
        """A pointer to a vector, so many numbers further on."""
        place = self.builder.gep(pointer, [reduce(self.builder.add, offsets)])
        return self.builder.bitcast(place, self.type.as_pointer())

    def loop(
        self, start: list[Any], first: Any, end: Any, step: int, body: Callable[..., list[Any]]
    ) -> list[Any]:
        """`for k in range(first, end, step): x = body(x, k)`, from x = start on; the last x."""
        builder, before = self.builder, self.builder.block
        head, inside, after = (builder.append_basic_block(x) for x in ("head", "inside", "after"))
        builder.branch(head)
        builder.position_at_end(head)
        k, held = builder.phi(INT), [builder.phi(x.type) for x in start]
        more = builder.icmp_signed("<", k, end)
        builder.cbranch(more, inside, after)
        builder.position_at_end(inside)
        made = [*body(held, k), builder.add(k, INT(step))]
        builder.branch(head)
        for phi, x, y in zip([*held, k], [*start, first], made, strict=True):
            phi.add_incoming(x, before)
            phi.add_incoming(y, builder.block)
        builder.position_at_end(after)
        return held

    def unrelated(self, pointer: Any) -> Any:
        """The pointer, of which LLVM does not know where it comes from.

        Of pointers to the rows of a matrix it would compute one from the other, in a long chain.
        """
        kind = ir.FunctionType(pointer.type, [pointer.type])
        return self.builder.asm(kind, "", "=r,0", [pointer], False)

    def load(self, pointer: Any, mask: Any = None) -> Any:
        """The vector at a pointer, with zeros where the mask has them; there nothing is read."""
        if mask is None:
            return self.builder.load(pointer, align=self.size)
        given = [pointer, LANE(self.size), mask, self.zero]
        return self.call(f"masked.load.{self.suffix}.p0{self.suffix}", self.type, given)

    def fetch(self, pointer: Any) -> None:
        """Begin to bring into the cache what is at a pointer."""
        place = self.builder.bitcast(pointer, ir.IntType(8).as_pointer())
        self.call("prefetch.p0i8", ir.VoidType(), [place, LANE(1), LANE(3), LANE(1)])

    def store(self, x: Any, pointer: Any, mask: Any = None) -> None:
        if mask is None:
            self.builder.store(x, pointer, align=self.size)
            return
        given = [x, pointer, LANE(self.size), mask]
        self.call(f"masked.store.{self.suffix}.p0{self.suffix}", ir.VoidType(), given)

    def masks(self, left: Any, vectors: int = VECTORS) -> list[Any]:
        """Which numbers of some vectors are among the first `left`."""
        kind, bound = ir.VectorType(INT, self.lanes), self.spread(left)
        places = [range(v * self.lanes, (v + 1) * self.lanes) for v in range(vectors)]
        return [self.builder.icmp_signed("<", ir.Constant(kind, [*x]), bound) for x in places]


def _tile(rows: int, vectors: int, beside: str, unrolled: int) -> Callable[..., Any]:
    """What computes a tile: c ← alpha·a·b + beta·c, for `rows` rows of c of so many vectors.

    The next row of a, b or c is `a_row`, `b_row` or `c_row` further on, the next term of a is
    `a_term`. `beside` names what is known to be 1 of these:
    "row", "term", or neither: then there are only `height` rows and `width` columns.
    """

    @intrinsic
    def tile(
        typing_context: Any,
        alpha: Any,
        depth: Any,
        a: Any,
        a_row: Any,
        a_term: Any,
        b: Any,
        b_row: Any,
        beta: Any,
        c: Any,
        c_row: Any,
        height: Any,
        width: Any,
    ) -> Any:
        def codegen(context: Any, builder: Any, signature: Any, args: Any) -> Any:
            alpha, depth, a, a_row, a_term, b, b_row, beta, c, c_row, height, width = args
            whole = beside in ("row", "term")
            a_row = INT(1) if beside == "row" else a_row
            a_term = INT(1) if beside == "term" else a_term
            v = _Vectors(context, builder, signature.args[0])
            masks = [None] * vectors if whole else v.masks(width, vectors)
            starts = []
            for r in range(rows):
                row = INT(r)
                if not whole:  # rows that are not there are the last one again
                    last = builder.sub(height, INT(1))
                    row = builder.select(builder.icmp_signed("<", row, last), row, last)
                start = builder.gep(a, [builder.mul(row, a_row)])
                starts.append(start if beside == "row" else v.unrelated(start))

            def add_terms(sums: list[Any], k: Any, at_once: int) -> list[Any]:
                for u in range(at_once):
                    term = builder.add(k, INT(u))
                    of_a, of_b = builder.mul(term, a_term), builder.mul(term, b_row)
                    row = [
                        v.load(v.at(b, of_b, INT(x)), m) for x, m in zip(places, masks, strict=True)
                    ]
                    for r, start in enumerate(starts):
                        x = v.spread(builder.load(builder.gep(start, [of_a])))
                        now = sums[r * vectors : (r + 1) * vectors]
                        now = [v.times_plus(x, y, z) for y, z in zip(row, now, strict=True)]
                        sums = [*sums[: r * vectors], *now, *sums[(r + 1) * vectors :]]
                return sums

            places = [n * v.lanes for n in range(vectors)]
            for r in range(rows if whole else 0):  # of what is added to, while the sums are made
                for place in places:
                    v.fetch(v.at(c, builder.mul(c_row, INT(r)), INT(place)))
            sums, first = [v.zero] * (rows * vectors), INT(0)
            if unrolled > 1:
                most = builder.and_(depth, INT(-unrolled))
                sums = v.loop(sums, first, most, unrolled, lambda x, k: add_terms(x, k, unrolled))
                first = most
            sums = v.loop(sums, first, depth, 1, lambda x, k: add_terms(x, k, 1))
            scale, keep = v.spread(alpha), v.spread(beta)

            # Where nothing is added, zeros stand in for what is there, which may be a NaN.
            zeros = cgutils.alloca_once_value(builder, v.zero)
            none = builder.fcmp_ordered("==", beta, v.number(0.0))
            ends = builder.append_basic_block("ends")
            for r in range(rows):
                row = builder.mul(c_row, INT(r))
                for n in range(vectors):
                    pointer = v.at(c, row, INT(places[n]))
                    before = v.load(builder.select(none, zeros, pointer), masks[n])
                    x = builder.fmul(scale, sums[r * vectors + n])
                    v.store(v.times_plus(keep, before, x), pointer, masks[n])
                if not whole and r + 1 < rows:
                    go_on = builder.append_basic_block("row")
                    builder.cbranch(builder.icmp_signed("<", INT(r + 1), height), go_on, ends)
                    builder.position_at_end(go_on)
            builder.branch(ends)
            builder.position_at_end(ends)
            return context.get_dummy_value()

        p, n = types.CPointer(alpha), types.int64
        return types.void(alpha, n, p, n, n, p, n, alpha, p, n, n, n), codegen

    return tile


_tile_of_rows = _tile(ROWS, VECTORS, "row", 4)
_tile_of_terms = _tile(ROWS, VECTORS, "term", 4)
_low = _tile(FEWER_ROWS, VECTORS, "neither", 1)
_narrow = _tile(ROWS, 1, "neither", 2)


@intrinsic
def _dots(
    typing_context: Any,
    alpha: Any,
    depth: Any,
    a: Any,
    a_row: Any,
    b: Any,
    b_column: Any,
    beta: Any,
    c: Any,
    c_row: Any,
    height: Any,
    width: Any,
) -> Any:
    """c ← alpha·a·b + beta·c for a few rows and columns, with terms beside each other.

    Vectors run along the terms here, of rows of a and of columns of b.
    """

    def codegen(context: Any, builder: Any, signature: Any, args: Any) -> Any:
        alpha, depth, a, a_row, b, b_column, beta, c, c_row, height, width = args
        v = _Vectors(context, builder, signature.args[0])

        def lines(first: Any, apart: Any, count: Any, most: int) -> list[Any]:
            """Pointers to rows or columns; of those that are not there, the last one again."""
            found, last = [], builder.sub(count, INT(1))
            for x in map(INT, range(most)):
                place = builder.select(builder.icmp_signed("<", x, last), x, last)
                found.append(v.unrelated(builder.gep(first, [builder.mul(place, apart)])))
            return found

        of_a, of_b = lines(a, a_row, height, DOT_ROWS), lines(b, b_column, width, DOT_COLUMNS)

        def term(sums: list[Any], k: Any, mask: Any) -> list[Any]:
            columns = [v.load(v.at(x, k), mask) for x in of_b]
            rows = [v.load(v.at(x, k), mask) for x in of_a]
            pairs = ((x, y) for x in rows for y in columns)
            return [v.times_plus(x, y, z) for (x, y), z in zip(pairs, sums, strict=True)]

        most = builder.and_(depth, INT(-v.lanes))
        count = DOT_ROWS * DOT_COLUMNS
        held = v.loop([v.zero] * count, INT(0), most, v.lanes, lambda x, k: term(x, k, None))
        held = term(held, most, v.masks(builder.sub(depth, most))[0])
        held += [v.zero] * (-count % v.lanes)
        # Halves of two vectors are added, until each has the sums of as many as it has numbers.
        group = v.lanes
        while group > 1:
            group //= 2
            low = [x for x in range(2 * v.lanes) if x // group % 2 == 0]
            halves = [low, [x + group for x in low]]
            pairs = [*zip(held[::2], held[1::2], strict=True)]
            held = [builder.fadd(*(v.shuffle(x, y, half) for half in halves)) for x, y in pairs]
        sums = cgutils.alloca_once(builder, ir.ArrayType(v.number, len(held) * v.lanes))
        sums = builder.bitcast(sums, v.number.as_pointer())
        for number, x in enumerate(held):
            v.store(x, v.at(sums, INT(number * v.lanes)))
        zero = cgutils.alloca_once_value(builder, v.number(0.0))
        none = builder.fcmp_ordered("==", beta, v.number(0.0))
        rows, columns = (cgutils.for_range(builder, n) for n in (height, width))
        with rows as i, columns as j:
            own = builder.add(builder.mul(i.index, INT(DOT_COLUMNS)), j.index)
            x = builder.fmul(alpha, builder.load(builder.gep(sums, [own])))
            pointer = builder.gep(c, [builder.add(builder.mul(i.index, c_row), j.index)])
            before = builder.load(builder.select(none, zero, pointer))
            builder.store(builder.fadd(x, builder.fmul(beta, before)), pointer)
        return context.get_dummy_value()

    p, n = types.CPointer(alpha), types.int64
    return types.void(alpha, n, p, n, p, n, alpha, p, n, n, n), codegen


@intrinsic
def _copy_panel(
    typing_context: Any,
    depth: Any,
    b: Any,
    row: Any,
    column: Any,
    width: Any,
    to: Any,
) -> Any:
    """Copy `depth` rows of a panel of b side by side.

    A row of b is `row` further on, a column `column`; one of the two is 1. Where there are fewer
    columns than a panel has, zeros or others stand in for them.
    """

    def codegen(context: Any, builder: Any, signature: Any, args: Any) -> Any:
        depth, b, row, column, width, to = args
        v = _Vectors(context, builder, signature.args[1].dtype)
        lanes, panel = v.lanes, VECTORS * v.lanes

        def as_it_is() -> None:
            masks = v.masks(width)
            with cgutils.for_range(builder, depth) as loop:
                start, end = builder.mul(loop.index, row), builder.mul(loop.index, INT(panel))
                for n in range(VECTORS):
                    x = v.load(v.at(b, start, INT(n * lanes)), masks[n])
                    v.store(x, v.at(to, end, INT(n * lanes)))

        def transposed(first: Any, column_from: Any) -> None:
            """A square block: `lanes` terms from the first, of as many columns."""
            last = builder.sub(width, INT(1))
            low = [x for t in range(lanes // 2) for x in (t, lanes + t)]
            mask, block = v.masks(builder.sub(depth, first))[0], []
            for r in map(INT, range(lanes)):
                own = builder.add(column_from, r)
                own = builder.select(builder.icmp_signed("<", own, last), own, last)
                block.append(v.load(v.at(b, first, builder.mul(own, column)), mask))
            # Dealing the halves of a block out like cards, until each row has been a column.
            for _ in range(lanes.bit_length() - 1):
                halves = zip(block[: lanes // 2], block[lanes // 2 :], strict=True)
                orders = low, [x + lanes // 2 for x in low]
                block = [v.shuffle(x, y, order) for x, y in halves for order in orders]
            end = builder.mul(first, INT(panel))
            for r, x in enumerate(block):
                v.store(x, v.at(to, end, column_from, INT(r * panel)))

        with builder.if_else(builder.icmp_signed("==", column, INT(1))) as (then, otherwise):
            with then:
                as_it_is()
            with otherwise:
                ends = depth, INT(panel)
                terms, places = (
                    cgutils.for_range_slice(builder, INT(0), end, INT(lanes)) for end in ends
                )
                with terms as (first, _), places as (place, _):
                    transposed(first, place)
        return context.get_dummy_value()

    n = types.int64
    return types.void(n, b, n, n, n, b), codegen


@intrinsic
def _copy_rows(typing_context: Any, depth: Any, a: Any, row: Any, term: Any, to: Any) -> Any:
    """Copy `depth` terms of `ROWS` rows of a, as they are if terms are side by side, else by terms.

    Rows come to lie `APART`: a cache has little room for rows that are apart by a power of two.
    """

    def codegen(context: Any, builder: Any, signature: Any, args: Any) -> Any:
        depth, a, row, term, to = args
        v = _Vectors(context, builder, signature.args[1].dtype)
        with builder.if_else(builder.icmp_signed("==", term, INT(1))) as (then, otherwise):
            with then, cgutils.for_range_slice(builder, INT(0), depth, INT(v.lanes)) as (k, _):
                mask = v.masks(builder.sub(depth, k))[0]
                for r in map(INT, range(ROWS)):
                    x = v.load(v.at(a, builder.mul(r, row), k), mask)
                    v.store(x, v.at(to, builder.mul(r, INT(APART)), k))
            with otherwise, cgutils.for_range(builder, depth) as loop:
                kind = ir.VectorType(v.number, ROWS).as_pointer()
                start = builder.gep(a, [builder.mul(loop.index, term)])
                end = builder.gep(to, [builder.mul(loop.index, INT(ROWS))])
                x = builder.load(builder.bitcast(start, kind), align=v.size)
                builder.store(x, builder.bitcast(end, kind), align=v.size)
        return context.get_dummy_value()

    n = types.int64
    return types.void(n, a, n, n, a), codegen


@intrinsic
def _at(typing_context: Any, pointer: Any, place: Any) -> Any:
    """The pointer to what is at a place, counted from that of another pointer."""

    def codegen(context: Any, builder: Any, signature: Any, args: Any) -> Any:
        return builder.gep(args[0], [args[1]])

    return pointer(pointer, types.int64), codegen


def _room(size: int) -> Callable[..., Any]:
    """What gives room on the stack, of so many bytes, for numbers like those of a pointer."""

    @intrinsic
    def room(typing_context: Any, like: Any) -> Any:
        def codegen(context: Any, builder: Any, signature: Any, args: Any) -> Any:
            with builder.goto_entry_block():
                found = builder.alloca(ir.ArrayType(ir.IntType(8), size))
            found.align = BYTES
            return builder.bitcast(found, args[0].type)

        return like(like), codegen

    return room


_room_for_panels, _room_for_rows = _room(PANELS * DEPTH * VECTORS * BYTES), _room(ROWS * APART * 8)


def _multiply(
    m: int,
    n: int,
    terms: int,
    alpha: float,
    a: Any,
    a_row: int,
    a_term: int,
    b: Any,
    b_row: int,
    b_column: int,
    beta: float,
    c: Any,
    c_row: int,
    columns: int,
) -> None:
    """The loops over the tiles of an m×n product, each of so many columns."""
    turned = a_term != 1
    if b_column != 1 and not turned and m < DOTS_BELOW and terms >= DOTS_FROM:
        for i in range(0, m, DOT_ROWS):
            for j in range(0, n, DOT_COLUMNS):
                high, wide = min(DOT_ROWS, m - i), min(DOT_COLUMNS, n - j)
                a_at, b_at, c_at = _at(a, i * a_row), _at(b, j * b_column), _at(c, i * c_row + j)
                _dots(alpha, terms, a_at, a_row, b_at, b_column, beta, c_at, c_row, high, wide)
        return
    copies = b_column != 1 or m >= (FEW_COPIED if b_row >= FAR else COPIED)
    copies_rows = max(a_row, a_term) >= FAR and n >= PANELS * columns
    panels, rows = _room_for_panels(b), _room_for_rows(a)
    for first in range(0, max(terms, 1), DEPTH):
        depth = min(DEPTH, terms - first)
        for left in range(0, n, PANELS * columns):
            right = min(n, left + PANELS * columns)
            if copies:
                for j in range(left, right, columns):
                    b_at, to = _at(b, first * b_row + j * b_column), _at(panels, (j - left) * DEPTH)
                    _copy_panel(depth, b_at, b_row, b_column, n - j, to)
            for i in range(0, m, ROWS):
                high = min(ROWS, m - i)
                a_at, row, term = _at(a, i * a_row + first * a_term), a_row, a_term
                if copies_rows and high == ROWS:
                    _copy_rows(depth, a_at, a_row, a_term, rows)
                    a_at, row, term = (rows, 1, ROWS) if turned else (rows, APART, 1)
                for j in range(left, right, columns):
                    wide = min(columns, n - j)
                    b_at, gap = _at(b, first * b_row + j), b_row
                    if copies:
                        b_at, gap = _at(panels, (j - left) * DEPTH), columns
                    at = _at(c, i * c_row + j)
                    if 2 * wide <= columns:
                        _narrow(
                            alpha, depth, a_at, row, term, b_at, gap, beta, at, c_row, high, wide
                        )
                    elif high < ROWS or wide < columns:
                        for r in range(0, high, FEWER_ROWS):
                            low, to = _at(a_at, r * row), _at(at, r * c_row)
                            few = min(FEWER_ROWS, high - r)
                            _low(
                                alpha,
                                depth,
                                low,
                                row,
                                term,
                                b_at,
                                gap,
                                beta,
                                to,
                                c_row,
                                few,
                                wide,
                            )
                    elif turned:
                        _tile_of_rows(
                            alpha, depth, a_at, row, term, b_at, gap, beta, at, c_row, high, wide
                        )
                    else:
                        _tile_of_terms(
                            alpha, depth, a_at, row, term, b_at, gap, beta, at, c_row, high, wide
                        )
        beta = 1.0


def register_tiles(number: Any) -> None:
    """Compile the products of matrices of such numbers, and let compiled code call them by name.

    (Linked into each function that multiplies, they would be compiled with each again.)
    """
    name = f"{TILES}_{number}"
    if llvmlite.binding.address_of_symbol(name) is None:
        x, p, i = number, types.CPointer(number), types.int64
        kinds = types.void(i, i, i, x, p, i, i, p, i, i, x, p, i, i)
        in_a_file = os.path.exists(_multiply.__code__.co_filename)
        compiled = cfunc(kinds, cache=in_a_file, error_model="numpy")(_multiply)
        # Never freed: what other files have compiled calls it as well.
        ctypes.pythonapi.Py_IncRef(ctypes.py_object(compiled))
        llvmlite.binding.add_symbol(name, compiled.address)


@intrinsic
def tiled_gemm(typing_context: Any, alpha: Any, a: Any, b: Any, beta: Any, c: Any) -> Any:
    """c ← alpha·a·b + beta·c on one thread, for matrices whose rows are contiguous, or transposes.

    Shapes are not checked. c, row by row, must not overlap a or b. Nothing is allocated.
    """
    if not (a.dtype == b.dtype == c.dtype and c.dtype in (types.float32, types.float64)):
        raise TypingError("gemm: the matrices must all be float32, or all float64")
    if c.layout != "C" or {a.layout, b.layout} - {"C", "F"}:
        raise TypingError("gemm: every matrix must be contiguous; the result, row by row")
    return types.void(alpha, a, b, beta, c), call_tiles


def call_tiles(context: Any, builder: Any, signature: Any, args: Any) -> Any:
    """The call of what is compiled for numbers of this type, by name."""
    c = signature.args[4]
    size = c.dtype.bitwidth // 8
    placed: list[Any] = []
    for x in (1, 2, 4):
        kind = signature.args[x]
        array = context.make_array(kind)(context, builder, args[x])
        apart = cgutils.unpack_tuple(builder, array.strides)
        apart = [builder.ashr(bytes, INT(size.bit_length() - 1)) for bytes in apart]
        apart[kind.layout == "C"] = INT(1)
        placed += [array.data, *apart]
        if x == 1:
            _, terms = cgutils.unpack_tuple(builder, array.shape)
        elif x == 4:
            m, n = cgutils.unpack_tuple(builder, array.shape)
    alpha, beta = (context.cast(builder, args[x], signature.args[x], c.dtype) for x in (0, 3))
    given = [m, n, terms, alpha, *placed[:6], beta, *placed[6:8], INT(VECTORS * BYTES // size)]
    kind = ir.FunctionType(ir.VoidType(), [x.type for x in given])
    name = f"{TILES}_{c.dtype}"
    builder.call(cgutils.get_or_insert_function(builder.module, kind, name), given)
    return context.get_dummy_value()
