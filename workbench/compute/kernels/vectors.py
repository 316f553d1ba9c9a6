"""LLVM vectors of tokens: loaded from and stored to float32 or bfloat16, multiplied, summed.

numba keeps an accumulator of several vectors in memory, which makes a loop over it several times slower than
the processor is; so the inner loops are written as LLVM instructions (numba's `intrinsic`), with these.

bfloat16 is kept as uint16. A vector of 2 * LANES of them is read as LANES integers of 32 bits: even tokens
are their low halves and odd ones their high halves; moved to the high half, each is a float32.
"""

from llvmlite import ir
from numba.core import types
from numba.np.arrayobj import make_array

from workbench.compute.kernels.target import LANES

I16, I32, I64, F32 = ir.IntType(16), ir.IntType(32), ir.IntType(64), ir.FloatType()
FLOATS, INTS, SHORTS = (ir.VectorType(kind, LANES) for kind in (F32, I32, I16))
_HIGH_HALF = 0xFFFF0000


class BFloat(ir.Type):
    """LLVM's bfloat, which llvmlite does not name."""

    def _to_string(self) -> str:
        return "bfloat"

    def __eq__(self, other: object) -> bool:
        return isinstance(other, BFloat)

    def __hash__(self) -> int:
        return hash(BFloat)


def is_half(array: types.Array) -> bool:
    """Whether an array's numbers are bfloat16."""
    return array.dtype == types.uint16


def pointer(context, builder: ir.IRBuilder, kind: types.Array, array: ir.Value) -> ir.Value:
    """Where the numbers of a contiguous array begin."""
    return make_array(kind)(context, builder, array).data


def at(builder: ir.IRBuilder, start: ir.Value, place: ir.Value | int) -> ir.Value:
    """The address of the number at `place`."""
    return builder.gep(start, [ir.Constant(I64, place) if isinstance(place, int) else place])


def load(builder: ir.IRBuilder, place: ir.Value, kind: ir.Type, align: int = 4) -> ir.Value:
    """Loads a `kind` from an address of another type."""
    value = builder.load(builder.bitcast(place, kind.as_pointer()))
    value.align = align
    return value


def store(builder: ir.IRBuilder, value: ir.Value, place: ir.Value, align: int = 4) -> None:
    """Stores a value at an address of another type."""
    builder.store(value, builder.bitcast(place, value.type.as_pointer())).align = align


def constant(number: float) -> ir.Constant:
    """A vector with `number` in every lane: of integers if it is one, else of floats."""
    return ir.Constant(INTS if isinstance(number, int) else FLOATS, [number] * LANES)


def splat(builder: ir.IRBuilder, scalar: ir.Value) -> ir.Value:
    """A vector with the same float in every lane."""
    undefined = ir.Constant(FLOATS, ir.Undefined)
    first = builder.insert_element(undefined, scalar, ir.Constant(I32, 0))
    return builder.shuffle_vector(first, undefined, constant(0))


def fma(builder: ir.IRBuilder, x: ir.Value, y: ir.Value, z: ir.Value) -> ir.Value:
    """x * y + z, rounded once."""
    return _call(builder, f"llvm.fma.v{LANES}f32", FLOATS, x, y, z)


def dots(builder: ir.IRBuilder, sums: ir.Value, x: ir.Value, y: ir.Value) -> ir.Value:
    """`sums` plus the inner products of pairs of bfloat16, for processors that have `target.DOTS`."""
    halves = ir.VectorType(BFloat(), 2 * LANES)
    x, y = builder.bitcast(x, halves), builder.bitcast(y, halves)
    return _call(builder, f"llvm.x86.avx512bf16.dpbf16ps.{32 * LANES}", FLOATS, sums, x, y)


def _call(builder: ir.IRBuilder, name: str, result: ir.Type, *arguments: ir.Value) -> ir.Value:
    known = builder.module.globals.get(name)
    kind = ir.FunctionType(result, [argument.type for argument in arguments])
    return builder.call(known or ir.Function(builder.module, kind, name=name), arguments)


def prefetch(builder: ir.IRBuilder, place: ir.Value) -> None:
    """Asks for a line of memory that will be read."""
    flags = [ir.Constant(I32, flag) for flag in (0, 2, 1)]  # to read; into the second level; data
    _call(builder, "llvm.prefetch.p0", ir.VoidType(), place, *flags)


def pairs(builder: ir.IRBuilder, place: ir.Value, vectors: int) -> list[ir.Value]:
    """The bfloat16 numbers of `vectors` vectors of floats, two to an integer, so half as many vectors."""
    return [load(builder, at(builder, place, j * 2 * LANES), INTS) for j in range(vectors // 2)]


def widen(builder: ir.IRBuilder, pair: ir.Value) -> tuple[ir.Value, ir.Value]:
    """Two vectors of floats out of one of pairs of bfloat16."""
    even, odd = builder.shl(pair, constant(16)), builder.and_(pair, constant(_HIGH_HALF))
    return builder.bitcast(even, FLOATS), builder.bitcast(odd, FLOATS)


def load_tokens(builder: ir.IRBuilder, place: ir.Value, vectors: int, half: bool) -> list[ir.Value]:
    """Vectors of floats; of bfloat16 (`half`), even and odd tokens in alternating vectors."""
    if half:
        return [floats for pair in pairs(builder, place, vectors) for floats in widen(builder, pair)]
    return [load(builder, at(builder, place, j * LANES), FLOATS) for j in range(vectors)]


def store_tokens(builder: ir.IRBuilder, values: list[ir.Value], place: ir.Value, half: bool) -> None:
    """Stores vectors in the order of `load_tokens`."""
    if not half:
        for j, value in enumerate(values):
            store(builder, value, at(builder, place, j * LANES))
        return
    for j in range(0, len(values), 2):
        even = builder.lshr(rounded(builder, values[j]), constant(16))
        odd = builder.and_(rounded(builder, values[j + 1]), constant(_HIGH_HALF))
        store(builder, builder.or_(even, odd), at(builder, place, j * LANES))


def rounded(builder: ir.IRBuilder, floats: ir.Value) -> ir.Value:
    """The bits of floats, their high halves the nearest bfloat16, ties to even."""
    bits = builder.bitcast(floats, INTS)
    last = builder.and_(builder.lshr(bits, constant(16)), constant(1))
    return builder.add(bits, builder.add(last, constant(0x7FFF)))


def total(builder: ir.IRBuilder, floats: ir.Value, left: int = 1) -> ir.Value:
    """The sum of a vector's floats by repeated halving, or, for `left` above 1, of every left-th float."""
    while (width := floats.type.count) > left:
        half = width // 2
        low, high = (shuffle(builder, floats, floats, range(a, a + half)) for a in (0, half))
        floats = builder.fadd(low, high)
    return builder.extract_element(floats, ir.Constant(I32, 0)) if left == 1 else floats


def four_totals(builder: ir.IRBuilder, vectors: list[ir.Value]) -> ir.Value:
    """The sums of four vectors as one vector of four floats, in less than half the instructions."""
    a, b, c, d = vectors
    first, second = _fold(builder, a, b, (0, 0, 1, 1)), _fold(builder, c, d, (0, 0, 1, 1))
    return total(builder, _fold(builder, first, second, (0, 1, 0, 1)), left=4)


def _fold(builder: ir.IRBuilder, x: ir.Value, y: ir.Value, places: tuple[int, ...]) -> ir.Value:
    """Adds the halves of every four floats of x, and those of y, and puts both results side by side."""
    owners = (0, 1, 0, 1) if places == (0, 0, 1, 1) else (0, 0, 1, 1)
    low = [
        four + place + LANES * owner
        for four in range(0, LANES, 4)
        for place, owner in zip(places, owners, strict=True)
    ]
    high = [place + 2 for place in low]
    return builder.fadd(shuffle(builder, x, y, low), shuffle(builder, x, y, high))


def shuffle(builder: ir.IRBuilder, x: ir.Value, y: ir.Value, places) -> ir.Value:
    """The numbers at `places` of x and y, one after the other."""
    places = list(places)
    return builder.shuffle_vector(x, y, ir.Constant(ir.VectorType(I32, len(places)), places))
