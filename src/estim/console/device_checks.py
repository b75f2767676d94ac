"""The stimulator's self-test as it can be seen from here: who it is, whether it answers, idles is recorded. Pure."""

from __future__ import annotations

from dataclasses import dataclass

from estim.console.coach import channel_words
from estim.console.language import ENGLISH, Words
from estim.drivers.models import MODELS
from estim.safety.reports import OutputState
from estim.session.lease import STATUS_FRESH_US
from estim.session.snapshot import Snapshot
from estim.session.state import Phase

BATTERY_LOW_PERCENT = 20  # convention: enough for one long session


@dataclass(frozen=True, slots=True, kw_only=True)
class DeviceCheck:
    """One line of the self-test."""

    ok: bool
    words: str


def device_checks(snapshot: Snapshot, say: Words = ENGLISH) -> tuple[DeviceCheck, ...]:
    """What must be true of stimulator and record before the stop is tried; all of it, good or bad."""
    tells = MODELS[snapshot.model].profile.tells if snapshot.model in MODELS else ()
    names_itself = "id" in tells or snapshot.model not in MODELS  # RehaStim 1 and 2 have no question for it
    identified = snapshot.phase is not Phase.DISCONNECTED and bool(snapshot.device_id or not names_itself)
    off = snapshot.output is OutputState.OFF or snapshot.phase in {Phase.ARMED, Phase.STOPPING}
    idle = "self.idle" if "output" in tells or not off else "self.acknowledged"  # RehaStim 1 only answers a stop
    battery = snapshot.battery_percent
    who = say("self.identified", title=snapshot.device_title, id=snapshot.device_id or "–")
    checks = [
        (identified, who if names_itself else say("self.nameless", title=snapshot.device_title)),
        (snapshot.lease_us[1] <= STATUS_FRESH_US, say("self.answers", age=snapshot.lease_us[1] // 1000)),
        (off, say(idle, state=say.of("output-state", snapshot.output.value))),
        (bool(snapshot.record_path), say("self.record")),
    ]
    if battery is not None:
        checks.append((battery >= BATTERY_LOW_PERCENT, say("self.battery", percent=battery, low=BATTERY_LOW_PERCENT)))
    return tuple(DeviceCheck(ok=ok, words=words) for ok, words in checks)


def cable_lines(snapshot: Snapshot, say: Words = ENGLISH) -> tuple[str, ...]:
    """Which cable goes to which muscle."""
    return tuple(f"   {channel_words(snapshot, view, say)}" for view in snapshot.channels)
