"""The exact GELU, x * Phi(x), and its slope, on vectors of floats.

GELU is that of Hendrycks and Gimpel 2016 (arXiv 1606.08415). With z = |x| / sqrt(2) the normal tail Phi(-|x|)
is exp(-z^2) * erfcx(z) / 2. Here erfcx / 2 is a polynomial of t = 1 / (1 + 0.4 z) and 2^r one of r in
[-0.5, 0.5], fitted by least squares of the relative error on Chebyshev nodes and at most 2e-7 off.
"""

import math

from llvmlite import ir

from workbench.compute.kernels.vectors import FLOATS, INTS, constant, fma

_TAIL = (
    *(0.037032064, -0.19833191, 0.34842116, -0.19974998, 0.217995),
    *(0.061522447, 0.12114391, 0.111924276, 4.299721e-05),
)
_POWER = (0.00015337578, 0.001339986, 0.00961852, 0.05550329, 0.24022646, 0.6931472, 1.0)
_NEAREST = 12582912.0  # 1.5 * 2^23: adding it rounds to an integer


def gelu(builder: ir.IRBuilder, x: ir.Value) -> ir.Value:
    """X * Phi(x)."""
    below, _ = _normal(builder, x)
    return builder.fmul(x, below)


def slope(builder: ir.IRBuilder, x: ir.Value) -> ir.Value:
    """The derivative of GELU, Phi(x) + x * phi(x)."""
    below, bell = _normal(builder, x)
    return fma(builder, builder.fmul(x, constant(1 / math.sqrt(2 * math.pi))), bell, below)


def _normal(builder: ir.IRBuilder, x: ir.Value) -> tuple[ir.Value, ir.Value]:
    """Phi(x) and exp(-x^2 / 2)."""
    bell = _power_of_two(builder, builder.fmul(builder.fmul(x, x), constant(-0.5 / math.log(2))))
    bits = builder.and_(builder.bitcast(x, INTS), constant(0x7FFFFFFF))
    size = builder.bitcast(bits, FLOATS)
    t = builder.fdiv(constant(1.0), fma(builder, size, constant(0.4 * math.sqrt(0.5)), constant(1.0)))
    tail = builder.fmul(bell, _polynomial(builder, _TAIL, t))
    negative = builder.fcmp_ordered("<", x, constant(0.0))
    return builder.select(negative, tail, builder.fsub(constant(1.0), tail)), bell


def _power_of_two(builder: ir.IRBuilder, y: ir.Value) -> ir.Value:
    """2^y for y <= 0, and 2^-126 below that."""
    y = builder.select(builder.fcmp_ordered(">", y, constant(-126.0)), y, constant(-126.0))
    whole = builder.fadd(y, constant(_NEAREST))
    fraction = builder.fsub(y, builder.fsub(whole, constant(_NEAREST)))
    # The last bits of `whole` are the integer; moved to the exponent they multiply by its power of two.
    exponent = builder.shl(builder.bitcast(whole, INTS), constant(23))
    power = builder.add(builder.bitcast(_polynomial(builder, _POWER, fraction), INTS), exponent)
    return builder.bitcast(power, FLOATS)


def _polynomial(builder: ir.IRBuilder, coefficients: tuple[float, ...], x: ir.Value) -> ir.Value:
    value = constant(coefficients[0])
    for coefficient in coefficients[1:]:
        value = fma(builder, value, x, constant(coefficient))
    return value
