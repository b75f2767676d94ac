"""What must be true before output may begin: the list that the screen shows as `wants` and that arming checks. Pure."""

from __future__ import annotations

from estim.safety.errors import Problem
from estim.safety.reports import OutputState
from estim.safety.units import US_PER_S
from estim.session.core import Core
from estim.session.screening import VALID_US as SCREENING_VALID_US
from estim.session.state import Phase

CONFIRM_VALID_US = 600 * US_PER_S  # docs/decisions/session.md 19: confirmed at most 10 min before

CONFIRMATIONS = {
    "identity": "this is the patient whose pseudonym the record carries",
    "pads": "pads are where the screen says, of the size it says, and stick everywhere",
    "skin": "the skin under the pads was looked at after the levels were found",
    "stop-control": "the stop works and is held by the one who was named",
    "red-button": "this stimulator tells neither that a lead is off nor that it is off: its red button is in reach",
    "still-felt": "the patient still feels it",
    "support": "a person or a harness holds the patient if the limb gives way",
    "bends": "the differences between file and device were read",
    "warnings": "the warnings were read",
}
STOOD_STILL = "the console stood still until just now: look at the screen, then again"


def wanted(core: Core) -> tuple[str, ...]:
    """What a person must still confirm or answer before arming, in the order in which it is asked."""
    wants: list[str] = []
    if core.sitting.screened_us is None or core.now_us - core.sitting.screened_us > SCREENING_VALID_US:
        wants.append("screening")
    wants.extend(what for what in _needed(core) if not _fresh(core, what))
    return tuple(wants)


def _needed(core: Core) -> tuple[str, ...]:
    cleared = core.sitting.cleared
    if cleared is None:
        return ()
    needed = ["identity", "pads", "stop-control"]
    if core.profile.off_reading == "acknowledged":
        needed.append("red-button")
    if core.sitting.purpose == "therapy":
        needed.append("skin")
    if cleared.schedule.weight_bearing:
        needed.append("support")
    if any(bend.severity == "warn" for bend in cleared.schedule.bends):
        needed.append("bends")
    if any(problem.severity == "warn" for problem in cleared.warnings):
        needed.append("warnings")
    return tuple(needed)


def _fresh(core: Core, what: str) -> bool:
    confirmed_us = core.sitting.confirmed_us(what)
    return confirmed_us is not None and core.now_us - confirmed_us <= CONFIRM_VALID_US


def missing(core: Core) -> tuple[Problem, ...]:
    """Why arming is not possible now, all of it; () if it is."""
    problems: list[Problem] = []

    def no(key: str, message: str) -> None:
        problems.append(Problem(severity="refuse", key=key, message=message, rule="arm"))

    if core.lease.console_stood_still(core.now_us):
        no("console", STOOD_STILL)
    if core.phase is not Phase.CONFIGURED:
        no("arm", f"only possible in CONFIGURED, it is {core.phase.value}")
    if core.link.output is not OutputState.OFF:
        no("output", f"the device's output is {core.link.output.value}, not OFF")
    elif core.link.off_asked_us is not None:
        no("output", "the device has not confirmed the last off yet")
    if not core.out.recording:
        no("record", "there is no open record")
    for what in wanted(core):
        no(what, f"not confirmed: {CONFIRMATIONS.get(what, 'the screening was not answered in the last 60 min')}")
    if core.sitting.purpose == "therapy" and core.sitting.cleared is not None:
        lost = core.sitting.found.missing(channel.name for channel in core.sitting.cleared.schedule.channels)
        if lost:  # a lost pad, a long pause or a fault took them away
            no("levels", f"the level of {', '.join(lost)} must be found again first")
    for alarm in core.sitting.alarms.values():
        if alarm.priority == "high" and alarm.active:
            no(alarm.code, alarm.text)
    return tuple(problems)
