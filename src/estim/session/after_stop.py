"""What must be so before it goes on after a stop: lower after a pain, another look after something of skin or pads, and
never a level that was lowered since. Pure.
"""

from __future__ import annotations

from estim.record_lines.kinds import Lowered
from estim.safety.caps import level_grid_ua
from estim.safety.schedule import ScheduleChannel
from estim.safety.units import floor_to_step
from estim.session.arming import CONFIRMATIONS
from estim.session.core import Core
from estim.session.levels import CUT_PERCENT, lower
from estim.session.run import Run

LOOKS = ("pads", "skin")


def heed(core: Core, why: object) -> None:
    """Why it was stopped, paused or ended decides how it may go on, however late that is said."""
    if why == "pain":
        lower_what_hurt(core)
    elif why in ("skin", "electrode"):
        core.sitting.look_again()


def lower_what_hurt(core: Core) -> None:
    """It was stopped for pain: whatever has a level goes on a fifth lower (rule 18); a person raises, step by step.

    What plays or is paused goes down; of what does not, what was found does. Where nothing runs any more, also another
    protocol may be in hand than the one that hurt: what is no channel of it is found again.
    """
    run, sitting = core.run, core.sitting
    done: set[int] = set()
    for channel, level_ua in list(run.levels_ua.items() if run is not None else ()):
        if level_ua and lower(core, channel, CUT_PERCENT):
            done.add(channel)
    if sitting.loaded is None or (run is not None and sitting.purpose == "low-rate"):
        return  # nobody's level: levels belong to their rate
    numbers = {channel.name: channel.channel for channel in sitting.loaded.setup.channels}
    if run is None:
        sitting.found.lose([name for name in sitting.found.names if name not in numbers])
    for name in sitting.found.names:
        if name in numbers and numbers[name] not in done:
            _lower_found(core, name, numbers[name])


def _lower_found(core: Core, name: str, channel: int) -> None:
    found, cleared = core.sitting.found.get(name), core.sitting.cleared
    if found is None or not found.level_ua:
        return
    grid_ua: int = core.profile.amplitude_step_ua
    if cleared is not None:
        grid_ua = level_grid_ua(cleared.schedule, channel, step_ua=grid_ua)
    level_ua = floor_to_step(found.level_ua * (100 - CUT_PERCENT) // 100, grid_ua)
    core.sitting.found.note_level(name, level_ua, None)
    core.out.log(Lowered(channel=channel, before_ua=found.level_ua, level_ua=level_ua))


def known_ua(core: Core, scheduled: ScheduleChannel) -> int:
    """The level with which a start would begin: as it was configured, or what it was lowered to since."""
    found = core.sitting.found.get(scheduled.name) if core.sitting.purpose == "therapy" else None
    return scheduled.level_ua if found is None else min(scheduled.level_ua, found.level_ua)


def keep_falls(core: Core, before: Run | None) -> None:
    """What was lowered in this plan, while it ran or since it ended, stays lowered: a new start brings no level back.
    What was raised begins as it was found.
    """
    run, cleared = core.playing
    lately = before.levels_ua if before is not None and before.schedule is cleared.schedule else {}
    for channel, level_ua in list(run.levels_ua.items()):
        lowered_ua = min(known_ua(core, cleared.schedule.channel(channel)), lately.get(channel, level_ua))
        if lowered_ua < level_ua:
            run.set_level(channel, lowered_ua, core.now_us)
            core.authority.lower_ceiling(channel, run)


def not_looked_at(core: Core) -> list[str]:
    """What must be looked at anew before output goes on: something of skin or pads was told of since it was armed."""
    needed = LOOKS if core.sitting.purpose == "therapy" else LOOKS[:1]
    return [CONFIRMATIONS[what] for what in needed if core.sitting.confirmed_us(what) is None]
