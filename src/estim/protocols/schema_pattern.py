"""The part of the schema that says how pulses differ: free shapes, trains, followers, leads of a crank."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Annotated, Literal

from pydantic import Field

from estim.protocols.schema_base import Strict, rule

POINTS_MIN, POINTS_MAX = 2, 16  # of both devices that have free points
PER_MILLE = 1_000


class PulsePoint(Strict):
    """One step of a free pulse."""

    us: Annotated[int, Field(ge=10, le=4_095)]
    share: Annotated[float, Field(ge=-1, le=1)]

    def broken(self) -> Iterator[ValueError]:
        """Devices play thousandths."""
        if abs(self.permille - self.share * PER_MILLE) > 1e-6:
            yield rule("points", f"share = {self.share:g}: shares are given in thousandths", at="share")

    @property
    def permille(self) -> int:
        """The share in thousandths of the level."""
        return round(self.share * PER_MILLE)


class FirstPulses(Strict):
    """What stands at the beginning of a contraction in place of single pulses."""

    pulses: Annotated[int, Field(ge=2, le=3)]
    interval_us: Annotated[int, Field(gt=0)]
    times: Annotated[int, Field(ge=1, le=10)] = 1
    at_least_device: bool = False


class TrainSpec(Strict):
    """What one contraction's train looks like."""

    kind: Literal["constant", "catch", "two-rate", "jitter"]
    first: FirstPulses | None = None
    repeat_every_s: Annotated[float, Field(ge=0)] | None = None
    then_hz: Annotated[float, Field(gt=0)] | None = None
    after_s: Annotated[float, Field(gt=0)] | None = None
    spread_percent: Annotated[float, Field(gt=0, le=50)] | None = None
    seed: Annotated[int, Field(ge=0)] | None = None

    def broken(self) -> Iterator[ValueError]:
        """What each kind of train needs."""
        needs = {"catch": ("first",), "two-rate": ("then_hz", "after_s"), "jitter": ("spread_percent", "seed")}
        may = {"catch": ("repeat_every_s",)}
        for key in ("first", "repeat_every_s", "then_hz", "after_s", "spread_percent", "seed"):
            given, kind = getattr(self, key) is not None, self.kind
            if given and key not in (*needs.get(kind, ()), *may.get(kind, ())):
                yield rule("train", f"kind = {kind!r} has no {key}", at=key)
            if not given and key in needs.get(kind, ()):
                yield rule("train", f"kind = {kind!r} needs {' and '.join(needs[kind])}", at=key)


class Follows(Strict):
    """A share of another channel's level, never more than the own one."""

    channel: Annotated[str, Field(min_length=1, max_length=60)]
    share: Annotated[float, Field(ge=0.001, le=1)]
    at_most_ma: Annotated[float, Field(gt=0)] | None = None


class Lead(Strict):
    """How much earlier than its angles a crank window opens and closes."""

    on: Annotated[float, Field(ge=0, le=500)]
    off: Annotated[float, Field(ge=0, le=500)]


def balanced(points: tuple[PulsePoint, ...]) -> int:
    """The width in µs of the rectangle that carries the charge of one side of these points at the full level.

    Raises:
        ValueError: they are no balanced pulse.
    """
    if not POINTS_MIN <= len(points) <= POINTS_MAX:
        raise rule("points", f"{len(points)} points: a pulse has {POINTS_MIN} to {POINTS_MAX}", at="point")
    net = sum(point.us * point.permille for point in points)
    if net:
        raise rule(
            "L12",
            f"the points leave {net / PER_MILLE:g} µs × level in the tissue: the sum of share × us must be exactly 0",
            at="point",
        )
    if max(abs(point.permille) for point in points) != PER_MILLE:
        raise rule("points", "the largest share must be 1 (or -1): the channel's level is its peak", at="point")
    width, rest = divmod(sum(point.us * point.permille for point in points if point.permille > 0), PER_MILLE)
    if rest:
        raise rule("points", "the charge of one side must be a whole number of µs × level: change a length", at="point")
    return width
