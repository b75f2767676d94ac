"""The interlock beside an engine under test is told of every effect here, as the controller tells it."""

from __future__ import annotations

from typing import Any, Protocol

from estim.safety.interlock import Interlock
from estim.session import effects
from tests.session.desk import Desk


class Bench(Protocol):
    """Attributes: interlock, of what was installed last; written, authorisations that are not durable yet."""

    interlock: Interlock
    written: list[int]
    desk: Desk


def tell(bench: Bench, effect: Any) -> bool:
    """True if the effect was the interlock's."""
    now_us = bench.desk.now_us
    if isinstance(effect, effects.Install):
        bench.interlock = Interlock(effect.cleared, bench.interlock)
    elif isinstance(effect, effects.Revoke):
        bench.interlock.revoke()
        bench.written.clear()
    elif isinstance(effect, effects.Authorise):
        bench.interlock.authorise(effect.n, effect.peaks, effect.until_us, now_us, effect.rise)
        bench.written.append(effect.n)
    elif isinstance(effect, effects.LowerCeiling):
        bench.interlock.lower(effect.channel, effect.peak_ua, effect.level_ua, now_us)
    else:
        return False
    return True
