"""Levels: when a person may raise one, how marks are made, and what a fall does. Pure.

Rises need a reason (a key, one step, while the muscle is held, with a durable authorisation); falls need none.
"""

from __future__ import annotations

from estim.record_lines.kinds import Levels, Lowered, Raised, WarningAccepted
from estim.safety import measures
from estim.safety.caps import level_grid_ua, level_step_ua, sensory_ceiling_ua, smaller_pad_mm2, target_ua
from estim.safety.limits_table import BY_KEY
from estim.safety.rises import Rise
from estim.safety.schedule import Window
from estim.safety.units import UA_PER_MA, US_PER_S, ceil_div, floor_to_step
from estim.session.core import Core
from estim.session.player import WindowPlayer
from estim.session.run import Run
from estim.session.state import Cycle, Phase

BLOCK_UA = 10 * UA_PER_MA  # L16: at least 1 s between blocks of 10 mA
BLOCK_PAUSE_US = US_PER_S
RAISE_MAX_US = US_PER_S  # a raise that is not durable within 1 s is dropped, never applied late
MARK_WORDS = {"sensory": "felt", "motor": "contracts", "max-tolerated": "strongest"}
CUT_PERCENT = 20  # docs/decisions/session.md 18: one key, all channels; by itself after a stop for pain
MARK_AGE_US = 600 * US_PER_S  # L26: an older motor mark locks raising


def step_ua(core: Core, channel: int) -> int:
    """One step up: what L15 allows on the device's grid, or one device step × phase ratio where that is more."""
    _, cleared = core.playing
    raise_ua = core.limits["raise_step_ua"].value
    return level_step_ua(cleared.schedule, channel, step_ua=core.profile.amplitude_step_ua, raise_ua=raise_ua)


def cap_ua(core: Core, channel: int) -> tuple[int, str]:
    """The most that `channel` may be raised to now, and which rule says so."""
    _, cleared = core.playing
    cap = cleared.caps_ua.get(channel, 0)
    rule = cleared.cap_reasons.get(channel, "")
    scheduled = cleared.schedule.channel(channel)
    found = core.sitting.found.get(scheduled.name)
    if scheduled.output == "sensory" and core.sitting.purpose == "therapy":
        marked = sensory_ceiling_ua(found.motor_ua if found and found.motor_ua is not None else 0)
        if marked < cap:
            cap, rule = floor_to_step(marked, core.profile.amplitude_step_ua), "L26"
    return cap, rule


def raise_locked(core: Core, channel: int) -> str:
    """Why one step up on `channel` is not possible now; "" if it is."""
    run, sitting = core.run, core.sitting
    if core.phase is not Phase.RUNNING or run is None or sitting.cleared is None:
        return "not running"
    if channel not in run.levels_ua:
        return "no such channel"
    players = [player for player in run.players if player.window.channel == channel and not player.ended]
    held = [player for player in players if player.cycle(core.now_us) is Cycle.HOLD]
    if not held:
        return "only while the contraction is held"
    if core.authority.raising:
        return "the last raise is being written"
    leader = next((p.window.follows for p in players if _led(run, p.window)), None)
    if leader is not None:
        return f"it follows {sitting.cleared.schedule.channel(leader.channel).name}: raise that one"
    step, level_ua = step_ua(core, channel), run.levels_ua[channel]
    since_us = core.authority.since_raise_us(channel, core.now_us)
    if since_us < _interval_us(core, channel, step):
        return "too fast"
    if (level_ua + step) // BLOCK_UA > level_ua // BLOCK_UA and since_us < BLOCK_PAUSE_US:
        return "1 s between blocks of 10 mA"
    if not any(_flows_whole(core, player) for player in held):
        return "the last step has not come yet"
    cap, rule = cap_ua(core, channel)
    if level_ua + step > cap:
        return f"at its limit {cap / UA_PER_MA:g} mA ({rule})"
    if any(code.startswith(f"warn-{channel}-") for code in sitting.alarms):
        return "a warning waits for its reason: acknowledge it first"
    scheduled = sitting.cleared.schedule.channel(channel)
    if scheduled.output == "sensory" and sitting.purpose == "therapy":
        found = sitting.found.get(scheduled.name)
        if found is None or found.motor_at_us is None or core.now_us - found.motor_at_us > MARK_AGE_US:
            return "the motor mark is older than 10 min: mark it again"
    return ""


def _flows_whole(core: Core, player: WindowPlayer) -> bool:
    """The device has taken the whole level: steps that late turns hold back would add up, and come at once (L16)."""
    return player.amplitude_ua >= player.target_ua and player.sent_n <= core.link.answer.number


def _came(core: Core, run: Run, channel: int) -> bool:
    """What is the level now was played since output was last off."""
    for player in (player for player in run.players if player.window.channel == channel):
        fell = player.amplitude_ua < player.target_ua <= player.peak_ua
        if fell or _flows_whole(core, player):
            return True
    windows = (window for window in run.phase.windows if window.channel == channel)
    return any(run.held.came(window, run.target_ua(window)) for window in windows)


def _led(run: Run, window: Window) -> bool:
    """Another channel's share decides what plays: a raise of the own level would not be felt until that one rises."""
    return window.follows is not None and run.level_ua(window) < run.levels_ua[window.channel]


def _interval_us(core: Core, channel: int, step: int) -> int:
    """At least so long between two raises: L15's rate, L16's slope above what this patient has tolerated, and a period,
    so that each is felt before the next.
    """
    run, cleared = core.playing
    periods_us = [player.window.period_us for player in run.players if player.window.channel == channel]
    rate_us = max([ceil_div(US_PER_S, core.limits["raises_per_s"].value), *periods_us])
    found = core.sitting.found.get(cleared.schedule.channel(channel).name)
    tolerated_ua = (found.max_tolerated_ua or 0) if found is not None else 0
    if run.levels_ua[channel] + step <= tolerated_ua:
        return rate_us
    return max(rate_us, ceil_div(step * US_PER_S, core.limits["ceiling_rise_ua_per_s"].value))


def warn_level(core: Core, channel: int) -> None:
    """Say which warnings the level now crosses; raising waits until each has its reason, output goes on."""
    run, cleared = core.playing
    scheduled = cleared.schedule.channel(channel)
    area_mm2 = smaller_pad_mm2(cleared.schedule, scheduled)
    crossed: dict[str, tuple[int, int]] = {}
    for window in (window for phase in cleared.schedule.phases for window in phase.windows):
        if window.channel != channel:
            continue
        amplitude_ua = target_ua(run.levels_ua[channel], window, core.profile.amplitude_step_ua)
        for key, value in measures.of_amplitude(window, amplitude_ua, area_mm2, scheduled.output):
            warn = BY_KEY[key].warn
            if warn is not None and BY_KEY[key].breaks(value, warn):
                crossed[key] = (max(value, crossed.get(key, (0, 0))[0]), warn)
    alarms = core.sitting.alarms
    for key, guardrail in BY_KEY.items():
        code = f"warn-{channel}-{guardrail.rule}"
        if key in crossed and not core.sitting.accepts(code) and code not in alarms:
            value, warn = crossed[key]
            words = f"{scheduled.name}: {guardrail.words} {guardrail.shown(value):g} {guardrail.unit}"
            alarms.sound(code, "low", f"{words}, above {guardrail.shown(warn):g} ({guardrail.rule}). Raising waits.")
    rules = {BY_KEY[key].rule for key in crossed}
    for code in [code for code in alarms if code.startswith(f"warn-{channel}-")]:
        if code.removeprefix(f"warn-{channel}-") not in rules:
            alarms.drop(code)  # lowered again: nothing waits


def accept_warning(core: Core, code: str, reason: str) -> None:
    """A person goes on above a warning, once a channel and session."""
    core.sitting.accept_warning(code)
    core.sitting.alarms.drop(code)
    core.out.log(WarningAccepted(code=code, reason=reason, operator=core.sitting.operator))


def ask_raise(core: Core, channel: int) -> None:
    """One step up, as a new authorisation: the level follows when that is durable."""
    run, _ = core.playing
    from_ua = run.levels_ua[channel]
    rise = Rise(channel=channel, from_ua=from_ua, to_ua=from_ua + step_ua(core, channel))
    core.authority.note_raise(channel, core.now_us)
    core.authority.ask(run, "raise", core.now_us, rise)


def drop_late_raises(core: Core, run: Run) -> None:
    """Forget raises that the record did not hold in time: never applied late."""
    if core.authority.drop_raises(run, "not durable within 1 s", core.now_us - RAISE_MAX_US):
        core.sitting.alarms.sound("raise-dropped", "low", "A raise was dropped: the record was too slow to hold it.")


def granted(core: Core, n: int) -> None:
    """Authorisation `n` is durable: its cover counts, and a raise that came with it is played."""
    if core.run is None:
        return  # revoked meanwhile
    drop_late_raises(core, core.run)  # this may be the first that is heard in a turn that comes late
    for channel, level_ua in (core.authority.granted(n) or {}).items():
        core.authority.note_raise(channel, core.now_us)  # the pace is what is felt, not when a slow disk was asked
        falls = core.run.set_level(channel, level_ua, core.now_us)
        if falls:  # in a ramp down that late turns held back the pulse that is due lies below the last one all the same
            core.send_run(falls)
        core.out.log(Raised(channel=channel, level_ua=level_ua, authorise=n))
        note_level(core, channel)


def note_level(core: Core, channel: int) -> None:
    """Keep the level that is played now as the one found, while levels are being found or adjusted; warn of it.

    What a low-rate test plays is nobody's level: levels belong to their rate. One that was lost is found again by
    playing, not by a fall with output off.
    """
    run, cleared = core.playing
    warn_level(core, channel)
    if core.sitting.purpose == "low-rate":
        return
    name = cleared.schedule.channel(channel).name
    if core.phase is not Phase.RUNNING and core.sitting.found.get(name) is None:
        return
    titrated = None
    if core.sitting.purpose == "titration":
        windows = (window for phase in cleared.schedule.phases for window in phase.windows)
        titrated = next(window for window in windows if window.channel == channel)
    core.sitting.found.note_level(name, run.levels_ua[channel], titrated)


def lower(core: Core, channel: int | None, percent: int) -> bool:
    """Down by `percent` of the level, or by one step for 0; all channels for None. Needs nobody's permission."""
    run = core.run
    if run is None:
        return False
    core.authority.drop_raises(run, "lowered")
    for number in [channel] if channel is not None else list(run.levels_ua):
        if number in run.levels_ua:
            _lower_one(core, run, number, percent)
    return True


def _lower_one(core: Core, run: Run, channel: int, percent: int) -> None:
    before_ua = run.levels_ua[channel]
    wanted_ua = before_ua * (100 - percent) // 100 if percent else before_ua - step_ua(core, channel)
    _, cleared = core.playing
    grid_ua = level_grid_ua(cleared.schedule, channel, step_ua=core.profile.amplitude_step_ua)
    level_ua = floor_to_step(min(before_ua, max(0, wanted_ua)), grid_ua)
    falls = run.set_level(channel, level_ua, core.now_us)
    core.authority.lower_ceiling(channel, run)  # told first: a train that falls untold never rises again
    if falls:
        core.send_run(falls)
    core.authority.note_raise(
        channel, core.now_us
    )  # a raise right behind a fall is two changes in one pulse (L15, L17)
    core.out.log(Lowered(channel=channel, before_ua=before_ua, level_ua=level_ua))
    note_level(core, channel)


def mark_wrong(core: Core, channel: int, kind: str) -> str:
    """Why the present level can't be this mark; "" if it can.

    A mark is of current that came: caps and the treatment's level rest on it. While levels are found the marks stand
    in their order, felt ≤ contracts ≤ strongest.
    """
    run, cleared = core.playing
    level_ua = run.levels_ua[channel]
    if not level_ua:
        return "nothing flows yet: raise first, then mark"
    acknowledged = core.link.answer.number
    flows = any(
        player.window.channel == channel and player.amplitude_ua and player.sent_n <= acknowledged
        for player in run.players
    )
    if not flows and not core.ledger.account(core.sitting.purpose, channel).pulses:
        return "no current has come yet: wait for the contraction, then mark"
    if not _came(core, run, channel):
        return "this level has not come yet: wait for the contraction, then mark"
    found = core.sitting.found.get(cleared.schedule.channel(channel).name)
    if found is None or core.sitting.purpose != "titration":
        return ""
    marks = {"sensory": found.sensory_ua, "motor": found.motor_ua, "max-tolerated": found.max_tolerated_ua}
    order = ("sensory", "motor", "max-tolerated")
    place = order.index("motor" if kind == "no-twitch" else kind)
    for other, other_ua in marks.items():
        above = order.index(other) > place
        if other_ua is not None and other != order[place] and (other_ua < level_ua if above else other_ua > level_ua):
            words = f"{MARK_WORDS[other]} was marked at {other_ua / UA_PER_MA:g} mA"
            side = "below" if above else "above"
            return f"{words}, {side} the {level_ua / UA_PER_MA:g} mA that play now: mark that one again first"
    return ""


def mark(core: Core, channel: int, kind: str) -> None:
    """The level that plays now is this patient's sensory, motor or maximum tolerated one; the twitch of a low-rate
    test.
    """
    run, cleared = core.playing
    name, level_ua = cleared.schedule.channel(channel).name, run.levels_ua[channel]
    windows = (*run.phase.windows, *(w for phase in cleared.schedule.phases for w in phase.windows))
    window = next(window for window in windows if window.channel == channel)
    core.out.log(
        Levels(
            channel=channel,
            mark=kind,
            level_ua=level_ua,
            frequency_mhz=window.frequency_mhz,
            pulse_width_us=window.pulse_width_us,
        )
    )
    if kind != "twitch":
        note_level(core, channel)
    core.sitting.found.mark(name, kind, level_ua, core.now_us)


def contraction_seen(core: Core, channel: int) -> None:
    """A sensory channel made the muscle contract: cut to 80 %, and that level is the mark (L26)."""
    if core.run is None or channel not in core.run.levels_ua:
        return
    lower(core, channel, 20)
    if core.sitting.purpose != "low-rate":
        mark(core, channel, "motor")
