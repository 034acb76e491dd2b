"""Matrix products that scale and accumulate: SciPy's BLAS, called straight from compiled code.

`np.dot(a, b, out)` can neither scale nor add to what is there, so a plain SGD step written with it
needs a buffer for the gradient and one more pass over the weights. BLAS does both in the product:
`gemm(-eta / m, delta.T, x, 1.0, W)` is W ← W − (η/m)·δᵀ·x.

The address of each routine is registered with LLVM under a name, and compiled code refers to the
name. (A ctypes function held in a global would write the address itself into the machine code,
which Numba therefore refuses to cache.) So `cache=True` works, in any later process that has run
the registration below. The scalars that BLAS wants by reference live on the stack: a call allocates
nothing.
"""

from typing import Any

import llvmlite.binding
from llvmlite import ir
from numba import types
from numba.core import cgutils
from numba.core.errors import TypingError
from numba.extending import get_cython_function_address, intrinsic

GEMM = {types.float32: "sgemm", types.float64: "dgemm"}
for _name in GEMM.values():
    _address = get_cython_function_address("scipy.linalg.cython_blas", _name)
    llvmlite.binding.add_symbol(f"symgrad_{_name}", _address)


@intrinsic
def gemm(typing_context: Any, alpha: Any, a: Any, b: Any, beta: Any, c: Any) -> Any:
    """c ← alpha·a·b + beta·c, for matrices whose rows are contiguous, or transposes of such.

    Shapes are not checked. c must not overlap a or b.
    """
    if not (a.dtype == b.dtype == c.dtype and c.dtype in GEMM):
        raise TypingError("gemm: the matrices must all be float32, or all float64")
    if c.layout != "C" or {a.layout, b.layout} - {"C", "F"}:
        raise TypingError("gemm: every matrix must be contiguous; the result, row by row")

    def codegen(context: Any, builder: Any, signature: Any, args: Any) -> Any:
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
            address = builder.bitcast(array.data, pointer)
            return reference(flag), address, reference(leading), shape

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

    return types.void(alpha, a, b, beta, c), codegen
