"""Arrays handed to compiled code by their addresses: as many as there are, of any lengths, in one number and without a copy.

numba compiles a function anew for every number of arrays that it is given, and counts the owners of each at every call. An address is
one number, whatever stands there, and a record of structured data is a pointer. Whoever passes an address keeps its array alive for as long as it is used; nothing checks
that an index is inside.
"""

import ctypes
from collections.abc import Callable, Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from tidewright.domain.bars import Integers
from tidewright.domain.compiled import numba


def addresses(arrays: Sequence[NDArray[Any] | None]) -> Integers:
    """Where each array begins, shape (m,); 0 for none. Raises ValueError for one that is not contiguous."""
    if any(array is not None and not array.flags.c_contiguous for array in arrays):
        raise ValueError(
            "an array is not contiguous, so its address does not say where its elements are; copy it first"
        )
    return np.array([0 if array is None else array.ctypes.data for array in arrays], dtype=np.int64)


def real(address: int, index: int) -> float:
    """Element `index` of the float64 that begin at `address`."""
    return ctypes.c_double.from_address(int(address) + 8 * int(index)).value


def whole(address: int, index: int) -> int:
    """Element `index` of the int64 that begin at `address`."""
    return ctypes.c_int64.from_address(int(address) + 8 * int(index)).value


def code(address: int, index: int) -> int:
    """Element `index` of the int8 that begin at `address`."""
    return ctypes.c_int8.from_address(int(address) + int(index)).value


def write_real(address: int, index: int, value: float) -> None:
    """Set element `index` of the float64 that begin at `address`."""
    ctypes.c_double.from_address(int(address) + 8 * int(index)).value = value


def write_whole(address: int, index: int, value: int) -> None:
    """Set element `index` of the int64 that begin at `address`."""
    ctypes.c_int64.from_address(int(address) + 8 * int(index)).value = int(value)


def fetch(address: int, index: int) -> None:
    """Have the processor bring element `index` of the 8-byte numbers at `address` near, without waiting for it; nothing else."""


def record(address: int, index: int, kind: np.dtype[Any]) -> Any:  # noqa: ANN401 - a record has the fields of its type
    """Record `index` of those of this structured type that begin at `address`; writing to it writes there."""
    place = int(address) + kind.itemsize * int(index)
    memory: Any = (ctypes.c_char * kind.itemsize).from_address(place)
    return np.frombuffer(memory, dtype=kind).view(np.recarray)[0]


_C_FUNCTION = ctypes.CFUNCTYPE(ctypes.c_int64, ctypes.c_int64)


def call(function: int, argument: int) -> int:
    """Call the C function at an address, which takes an address and gives a number."""
    return int(_C_FUNCTION(int(function))(int(argument)))


def c_function(function: Callable[[int], int]) -> Any:  # noqa: ANN401
    """A Python function as a C function for `call`, at its `address_of`; keep it alive as long as it may be called."""
    return _C_FUNCTION(function)


def address_of(function: Any) -> int:  # noqa: ANN401
    """Where a C function begins that `c_function` or the compiler has made."""
    if hasattr(function, "address"):
        return int(function.address)
    return int(ctypes.cast(function, ctypes.c_void_p).value or 0)


def _teach_numba() -> None:  # noqa: C901 - it is what it teaches that is many
    """Give the functions above their meaning within compiled code: one instruction each."""
    types, ir = numba.types, numba.core.cgutils.ir
    number, single = ir.IntType(64), ir.DoubleType()
    intrinsic: Callable[[Any], Any] = numba.extending.intrinsic

    def place(builder: Any, address: Any, index: Any, kind: Any) -> Any:  # noqa: ANN401
        return builder.gep(builder.inttoptr(address, kind.as_pointer()), [index])

    def loads(kind: Any, stored: Any) -> Any:  # noqa: ANN401
        @intrinsic
        def load(_typing: Any, address: Any, index: Any) -> Any:  # noqa: ANN401
            def generate(_context: Any, builder: Any, _signature: Any, given: Any) -> Any:  # noqa: ANN401
                value = builder.load(place(builder, given[0], given[1], stored))
                return value if stored is not ir.IntType(8) else builder.sext(value, number)

            return kind(types.int64, types.int64), generate

        return lambda address, index: lambda address, index: load(address, index)  # noqa: PLW0108 - numba asks for these forms

    def stores(kind: Any, stored: Any) -> Any:  # noqa: ANN401
        @intrinsic
        def store(_typing: Any, address: Any, index: Any, value: Any) -> Any:  # noqa: ANN401
            def generate(context: Any, builder: Any, _signature: Any, given: Any) -> Any:  # noqa: ANN401
                builder.store(given[2], place(builder, given[0], given[1], stored))
                return context.get_dummy_value()

            return types.void(types.int64, types.int64, kind), generate

        return lambda address, index, value: lambda address, index, value: store(address, index, value)  # noqa: PLW0108

    @intrinsic
    def prefetch(_typing: Any, address: Any, index: Any) -> Any:  # noqa: ANN401
        def generate(context: Any, builder: Any, _signature: Any, given: Any) -> Any:  # noqa: ANN401
            byte, flag = ir.IntType(8).as_pointer(), ir.IntType(32)
            kind = ir.FunctionType(ir.VoidType(), [byte, flag, flag, flag])
            function = builder.module.declare_intrinsic("llvm.prefetch", [byte], kind)
            where = builder.inttoptr(builder.add(given[0], builder.mul(given[1], number(8))), byte)
            builder.call(function, [where, flag(0), flag(3), flag(1)])
            return context.get_dummy_value()

        return types.void(types.int64, types.int64), generate

    @intrinsic
    def call_at(_typing: Any, function: Any, argument: Any) -> Any:  # noqa: ANN401
        def generate(_context: Any, builder: Any, _signature: Any, given: Any) -> Any:  # noqa: ANN401
            kind = ir.FunctionType(number, [number])
            return builder.call(builder.inttoptr(given[0], kind.as_pointer()), [given[1]])

        return types.int64(types.int64, types.int64), generate

    @intrinsic
    def record_at(_typing: Any, address: Any, index: Any, kind: Any) -> Any:  # noqa: ANN401
        def generate(context: Any, builder: Any, signature: Any, given: Any) -> Any:  # noqa: ANN401
            size = number(signature.return_type.size)
            start = builder.add(given[0], builder.mul(given[1], size))
            return builder.inttoptr(start, context.get_value_type(signature.return_type))

        return kind.dtype(types.int64, types.int64, kind), generate

    numba.extending.overload(real)(loads(types.float64, single))
    numba.extending.overload(whole)(loads(types.int64, number))
    numba.extending.overload(code)(loads(types.int64, ir.IntType(8)))
    numba.extending.overload(write_real)(stores(types.float64, single))
    numba.extending.overload(write_whole)(stores(types.int64, number))
    numba.extending.overload(fetch)(lambda address, index: lambda address, index: prefetch(address, index))  # noqa: PLW0108
    numba.extending.overload(call)(lambda function, argument: lambda function, argument: call_at(function, argument))  # noqa: PLW0108
    numba.extending.overload(record)(
        lambda address, index, kind: lambda address, index, kind: record_at(address, index, kind)  # noqa: PLW0108
    )


if numba is not None:
    _teach_numba()
