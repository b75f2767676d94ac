"""The integer units of estim, as types that mypy keeps apart.

All quantities that decide about output are integers whose unit stands in the name, so that `µA × µs = pC` is exact and
charge balance is `==`, never a tolerance. Rounding goes toward zero for amplitude and width and upward for a period: a
device never delivers more than was asked.
"""

from __future__ import annotations

import re
from typing import NewType

from estim.safety.errors import quoted

MicroAmp = NewType("MicroAmp", int)
Micros = NewType("Micros", int)  # a duration or a point on the session's own clock, in microseconds
PicoCoulomb = NewType("PicoCoulomb", int)
SquareMm = NewType("SquareMm", int)
MilliHertz = NewType("MilliHertz", int)

_NUMBER = re.compile(r"-?[0-9]+(\.[0-9]+)?")
FAR_OUT = 1e15  # no range of a number that a person types comes near
US_PER_S = 1_000_000
UA_PER_MA = 1_000
ZERO_US = Micros(0)


def seconds(value: float) -> Micros:
    """`value` seconds as microseconds, rounded to the nearest (a protocol file gives times to at most 1 µs)."""
    return Micros(round(value * US_PER_S))


def milliamps(value: float) -> MicroAmp:
    """`value` mA as µA. A fraction of a µA is cut toward zero, so nothing grows on its way in."""
    return MicroAmp(int(round(value * UA_PER_MA, 6)))


def floor_to_step(value: int, step: int) -> int:
    """The greatest multiple of `step` that is not above `value`; 0 for anything negative.

    Raises:
        ValueError: `step` is not positive.
    """
    if step <= 0:
        raise ValueError(f"step must be positive, not {step}")
    return max(0, value) // step * step


def ceil_div(numerator: int, denominator: int) -> int:
    """Division rounded upward, for periods and counts."""
    return -(-numerator // denominator)


def is_whole(text: str, digits: int = 18) -> bool:
    """Whether a person wrote a whole number from 0 on, in the digits 0 to 9 alone: Python takes `²` and `٣` for some,
    too, and ends by a fault where there are thousands.
    """
    return text.isascii() and text.isdigit() and len(text) <= digits


def plain_number(text: str) -> float:
    """A number as a person writes it: digits, at most one point, a minus sign where one makes sense. One of hundreds of
    digits is as far out of every range as `FAR_OUT`, and never infinite.

    Raises:
        ValueError: anything else that Python takes for a number: `1_0`, `1e1`, `nan`, the digits of another script.
    """
    if not _NUMBER.fullmatch(text):
        raise ValueError(f"{quoted(text)} is not a number: digits, with at most one point between them")
    return max(-FAR_OUT, min(float(text), FAR_OUT))
