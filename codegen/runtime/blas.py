"""Matrix products that scale and accumulate, called straight from compiled code.

`np.dot(a, b, out)` can neither scale nor add to what is there, so a plain SGD step written with it
needs a buffer for the gradient and one more pass over the weights. Here the product does both:
`gemm(-eta / m, delta.T, x, 1.0, W)` is W ← W − (η/m)·δᵀ·x. SciPy's BLAS makes small products, and
large ones, which it shares between the cores; those between are made in `tiles`.

The address of each routine is registered with LLVM under a name, and compiled code refers to the
name. (A ctypes function held in a global would write the address itself into the machine code,
which Numba therefore refuses to cache.) So `cache=True` works, in any later process that has run
the registration below. The scalars that BLAS wants by reference live on the stack: a call allocates
nothing.
"""

from functools import reduce
from typing import Any

import llvmlite.binding
from llvmlite import ir
from numba import types
from numba.core import cgutils
from numba.core.errors import TypingError
from numba.extending import get_cython_function_address, intrinsic

from .tiles import DOTS_BELOW, DOTS_FROM, call_tiles

GEMM = {types.float32: "sgemm", types.float64: "dgemm"}
for _name in GEMM.values():
    _address = get_cython_function_address("scipy.linalg.cython_blas", _name)
    llvmlite.binding.add_symbol(f"symgrad_{_name}", _address)


SMALL, SHARED = 131_072, 32_768
"""Up to how many multiply-adds BLAS makes a product: OpenBLAS has code for small matrices, which
needs neither copies nor threads. And how many numbers each of the three matrices has, and more,
where BLAS shares their product between the cores. (Two threads that have half of the rows of a step
each have fewer parameters than that, so neither finds its core taken by BLAS.)
"""


@intrinsic
def gemm(typing_context: Any, alpha: Any, a: Any, b: Any, beta: Any, c: Any) -> Any:
    """c ← alpha·a·b + beta·c, for matrices whose rows are contiguous, or transposes of such.

    Shapes are not checked. c, row by row, must not overlap a or b. Nothing is allocated.
    """
    if not (a.dtype == b.dtype == c.dtype and c.dtype in GEMM):
        raise TypingError("gemm: the matrices must all be float32, or all float64")
    if c.layout != "C" or {a.layout, b.layout} - {"C", "F"}:
        raise TypingError("gemm: every matrix must be contiguous; the result, row by row")

    dots = a.layout == "C" and b.layout == "F"

    def codegen(context: Any, builder: Any, signature: Any, args: Any) -> Any:
        both, either, integer = builder.and_, builder.or_, ir.IntType(64)

        def at_most(x: Any, bound: int) -> Any:
            return builder.icmp_signed("<=", x, integer(bound))

        arrays = [
            context.make_array(signature.args[x])(context, builder, args[x]) for x in (1, 2, 4)
        ]
        (m, k), (_, n), _ = (cgutils.unpack_tuple(builder, x.shape) for x in arrays)
        by_blas = at_most(builder.mul(builder.mul(m, n), k), SMALL)
        if dots:  # which BLAS is slow at, but for few rows of many terms
            few = both(at_most(m, DOTS_BELOW - 1), builder.not_(at_most(k, DOTS_FROM - 1)))
            by_blas = both(by_blas, few)
        sizes = [builder.not_(at_most(x.nitems, SHARED)) for x in arrays]
        by_blas = either(by_blas, reduce(both, sizes))
        with builder.if_else(by_blas) as (then, otherwise):
            with then:
                call_blas(context, builder, signature, args)
            with otherwise:
                call_tiles(context, builder, signature, args)
        return context.get_dummy_value()

    return types.void(alpha, a, b, beta, c), codegen


@intrinsic
def blas_gemm(typing_context: Any, alpha: Any, a: Any, b: Any, beta: Any, c: Any) -> Any:
    """`gemm` by BLAS, whatever the sizes."""
    return types.void(alpha, a, b, beta, c), call_blas


def call_blas(context: Any, builder: Any, signature: Any, args: Any) -> Any:
    """The call of BLAS's routine, by name."""
    c = signature.args[4]
    integer, pointer = ir.IntType(32), ir.IntType(8).as_pointer()

    def reference(value: Any) -> Any:
        return builder.bitcast(cgutils.alloca_once_value(builder, value), pointer)

    def number(position: int) -> Any:
        given = signature.args[position]
        return reference(context.cast(builder, args[position], given, c.dtype))

    def matrix(position: int) -> Any:
        """The flag, address and leading dimension of one matrix, and its shape."""
        kind = signature.args[position]
        array = context.make_array(kind)(context, builder, args[position])
        shape = [builder.trunc(n, integer) for n in cgutils.unpack_tuple(builder, array.shape)]
        row = shape[1] if kind.layout == "C" else shape[0]
        empty = builder.icmp_signed("==", row, integer(0))
        leading = builder.select(empty, integer(1), row)
        flag = ir.IntType(8)(ord("N" if kind.layout == "C" else "T"))
        return reference(flag), builder.bitcast(array.data, pointer), reference(leading), shape

    # BLAS counts by columns, so it sees every matrix transposed: cᵀ = bᵀ·aᵀ.
    flag_a, address_a, leading_a, (m, k) = matrix(1)
    flag_b, address_b, leading_b, (_, n) = matrix(2)
    _, address_c, leading_c, _ = matrix(4)
    passed = [flag_b, flag_a, reference(n), reference(m), reference(k), number(0)]
    passed += [address_b, leading_b, address_a, leading_a, number(3), address_c, leading_c]
    routine = ir.FunctionType(ir.VoidType(), [pointer] * len(passed))
    name = f"symgrad_{GEMM[c.dtype]}"
    builder.call(cgutils.get_or_insert_function(builder.module, routine, name), passed)
    return context.get_dummy_value()
