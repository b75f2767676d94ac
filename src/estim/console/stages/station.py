"""What a station knows before anybody is chosen, and of the stimulator that stands beside it."""

from __future__ import annotations

from collections.abc import Sequence

from estim.console.contract import Console
from estim.console.home_view import OpenSession, PastPatient
from estim.console.language import Words
from estim.drivers.models import MODELS
from estim.session.snapshot import Snapshot
from estim.session.state import Phase


def bench_words(console: Console, snapshot: Snapshot) -> str:
    """When this device was last qualified, or that it never was; a simulated one need not be."""
    told = console.home_view.qualified(snapshot.model, snapshot.device_id, simulated=snapshot.simulated)
    return told or ("" if snapshot.simulated else console.say("self.never-qualified"))


def station_lines(
    snapshot: Snapshot | None, say: Words, *, bench: str, patients: Sequence[PastPatient], opened: Sequence[OpenSession]
) -> list[str]:
    """For whoever signs in: the stimulator, how much is due, what did not end. Numbers alone: nobody has signed in."""
    if snapshot is None:
        return [say("station.no-word")]
    here = snapshot.phase is not Phase.DISCONNECTED
    device = say("station.device", title=snapshot.device_title, id=snapshot.device_id or "–")
    lines = [device if here else say("station.no-device")]
    if bench:
        lines.append(say("station.bench", words=bench))
    in_course = [one for one in patients if one.course is not None]
    due = sum(one.due for one in in_course)
    lines.append(say("station.due", due=due, all=len(in_course)) if in_course else say("station.no-course"))
    days = [one.last_day for one in patients if one.last_day]
    lines.append(say("station.patients", count=len(patients), day=max(days)) if days else say("station.nobody"))
    broken = sum(one.runs is None for one in opened)
    if broken:
        lines.append(say("station.unfinished" if broken > 1 else "station.unfinished-one", count=broken))
    elif here:
        lines.append(say("station.all-signed"))
    if running := len(opened) - broken:
        lines.append(say("station.running", count=running))
    return lines


def unit_lines(snapshot: Snapshot, say: Words, *, bench: str) -> list[str]:
    """What this model can do, what it can't tell, and how it is made safe."""
    if snapshot.model not in MODELS:
        return []
    profile = MODELS[snapshot.model].profile
    width = {"least": profile.pulse_width_min_us, "most": profile.pulse_width_max_us}
    noticed = profile.lead_off_min_ua
    lines = [
        say("unit.most", ma=f"{profile.amplitude_max_ua / 1000:g}", channels=profile.channels, **width),
        say("unit.pad-unseen") if noticed is None else say("unit.pad", ma=f"{noticed / 1000:g}"),
        say("unit.switch" if profile.has_stop_switch else "unit.no-switch"),
        say("unit.silent", s=f"{snapshot.watchdog_us / 1e6:g}") if snapshot.watchdog_us else say("unit.silent-unsure"),
        say("unit.says-off" if "output" in profile.tells else "unit.silent-off"),
        say("unit.safe", safe=say.heard(snapshot.make_safe)),
    ]
    if bench:
        lines.append(say("station.bench", words=bench))
    if snapshot.battery_percent is not None:
        lines.insert(0, say("unit.battery", percent=snapshot.battery_percent))
    return lines
