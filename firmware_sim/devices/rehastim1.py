"""RehaStim 1 and MotionStim 8 (ScienceMode 1): two modules side by side, lists, single pulses. Sans-IO.

It has no timer of its own, no status and no word of what it can't deliver: a continuous list goes on for ever, also
after the cable is out; a pulse that its skin test suppresses is simply missing. ScienceMode is opened by hand on its
panel.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass

from firmware_sim.devices.interface import DeviceEvent, Pulse
from firmware_sim.devices.load_port import Load, ResistiveLoad
from firmware_sim.devices.options import Options
from firmware_sim.wire.sciencemode1 import (
    INIT,
    STOP,
    UPDATE,
    Command,
    ListInit,
    Reader,
    Train,
    answer,
    read_init,
    read_single,
    read_update,
)

CHANNELS = 8
SLOT_US = 1_500
MODULE_B_US = 600
GAP_US = 100
COMMAND_US = 2_000  # from a command to its pulse
MAIN_MIN_US = 3_000
OPEN_OHM, SHORT_OHM = 10_000, 50
CURRENT_MAX_MA = 126


@dataclass(frozen=True, slots=True)
class _Due:
    """A pulse on its way."""

    at_us: int
    channel: int
    train: Train


class RehaStim1:
    """A RehaStim 1 made of software.

    Args:
        options: what no source decides: `x_in_sum=1` counts the two idle bits of init into its check;
        `stop_keeps_list=1`
            leaves the list in place after a stop, so that an update starts it again; `sciencemode=closed` begins with
            ScienceMode not yet opened on the panel.
    """

    model = "rehastim1"
    channels = CHANNELS
    step_ua = 2_000
    # It has no timer. This is how long a list that was asked for once may last: 2 ms, two spacings of 17 ms, four slots
    # of 1.5 ms and the second module's 0.6 ms, the last pulse's 1.1 ms.
    timer_us = 45_000
    tells_of_leads = False
    plays_each_once = True

    def __init__(self, *, seed: int = 0, options: Mapping[str, str] | None = None) -> None:  # noqa: ARG002
        given = Options(self.model, options)
        self._x_in_sum = given.flag("x_in_sum")
        self._stop_keeps_list = given.flag("stop_keeps_list")
        self._open = given.choice("sciencemode", ("open", "closed")) == "open"
        given.finish()
        self.on_pulse: Callable[[Pulse], None] = lambda _pulse: None
        self._reader = Reader()
        self._out: list[bytes] = []
        self._loads: dict[int, Load] = {channel: ResistiveLoad() for channel in range(1, CHANNELS + 1)}
        self._dark = False  # switched off by the emergency button
        self._button = False
        self._hung = False
        self._refuse = 0
        self._ignores: dict[str, bool] = {}
        self._list: ListInit | None = None
        self._trains: dict[int, Train] = {}
        self._running = False  # a continuous list goes on
        self._passes = 0
        self._pass_us = 0  # when the next pass may begin
        self._due: list[_Due] = []

    def set_load(self, channel: int, load: Load) -> None:
        """Hang a load on a channel."""
        self._loads[channel] = load

    # -- time -------------------------------------------------------------------------------------------------------

    def advance(self, now_us: int) -> None:
        """Every pulse up to `now_us`, in its order."""
        while True:
            if self._running and (not self._due or self._pass_us <= self._due[0].at_us) and self._pass_us <= now_us:
                self._begin_pass()
                continue
            if not self._due or self._due[0].at_us > now_us:
                return
            due = self._due.pop(0)
            self._pulse(due)

    def _begin_pass(self) -> None:
        """One pass of the list: groups 0 to 2, in each module one slot after the other."""
        listed = self._list
        if listed is None:
            return
        group_us = 1_500 + 500 * listed.group
        for module, first in enumerate((1, 5)):
            mine = [channel for channel in listed.channels if first <= channel < first + 4]
            for slot, channel in enumerate(mine):
                train = self._trains.get(channel)
                rests = channel in listed.low and self._passes % (listed.factor + 1)
                if train is None or not train.current_ma // 2 or not train.width_us or rests:
                    continue
                for group in range(train.mode + 1):
                    at_us = self._pass_us + group * group_us + slot * SLOT_US + module * MODULE_B_US
                    self._due.append(_Due(at_us, channel, train))
        self._due.sort(key=lambda due: due.at_us)
        self._passes += 1
        longest = max((train.mode + 1 for train in self._trains.values()), default=1)
        self._pass_us += 1_000 + 500 * listed.main if listed.main else longest * group_us + SLOT_US

    def _pulse(self, due: _Due) -> None:
        load = self._loads[due.channel]
        if not SHORT_OHM <= load.test_ohm(due.at_us) <= OPEN_OHM:
            return  # the skin test: no pulse, and nobody is told
        asked = min(due.train.current_ma, CURRENT_MAX_MA) // 2 * 2_000
        width = due.train.width_us
        first = load.deliver(asked, width, GAP_US, due.at_us)
        second = load.deliver(asked, width, 0, due.at_us + width + GAP_US)
        self.on_pulse(Pulse(due.at_us, due.channel, first * width, -second * width, width, GAP_US, max(first, second)))

    def next_deadline_us(self) -> int | None:
        """The next pulse or pass."""
        due = [self._due[0].at_us] if self._due else []
        return min([*due, self._pass_us] if self._running else due, default=None)

    def inject(self, event: DeviceEvent, now_us: int) -> None:
        """Switch (the red button; 0 twists it out) | restart (main switch off and on) | panel (1 opens ScienceMode, 0
        is STOP on the panel) | hang | resume | refuse | ignore-stop | ignore-update.
        """
        self.advance(now_us)
        if event.kind == "switch":
            self._button = event.value != 0
            if self._button:
                self._drop_out()
                self._dark = True
        elif event.kind == "restart":
            self._drop_out()
            self._dark, self._open = self._button, False
        elif event.kind == "panel":
            if not event.value:
                self._drop_out()
            self._open = event.value != 0 and not self._dark
        elif event.kind in {"hang", "resume"}:
            self._hung = event.kind == "hang"
        elif event.kind in {"ignore-stop", "ignore-update"}:
            self._ignores[event.kind] = bool(event.value)
        elif event.kind == "refuse":
            self._refuse = event.value
        else:
            raise ValueError(f"a {self.model} knows no event {event.kind!r}")

    def _drop_out(self) -> None:
        self._running, self._due = False, []
        self._list, self._trains, self._reader.channels = None, {}, 0

    # -- bytes ------------------------------------------------------------------------------------------------------

    def data_to_send(self) -> list[bytes]:
        """Answers, a byte each."""
        out, self._out = self._out, []
        return out

    def receive(self, data: bytes, now_us: int) -> None:
        """Take bytes from the host."""
        self.advance(now_us)
        if not self._open or self._dark or self._hung:
            return
        for byte in data:
            command = self._reader.take(byte)
            if command is not None:
                self._out.append(answer(command.kind, ok=self._obey(command, now_us)))

    def _obey(self, command: Command, now_us: int) -> bool:
        if self._refuse:
            self._refuse -= 1
            return False
        if command.kind == STOP:
            return self._stop()
        if command.kind == INIT:
            return self._init(command)
        return self._update(command, now_us) if command.kind == UPDATE else self._single(command, now_us)

    def _stop(self) -> bool:
        if not self._ignores.get("ignore-stop"):
            kept = self._list
            self._drop_out()
            if self._stop_keeps_list and kept is not None:
                self._list, self._reader.channels = kept, len(kept.channels)
        return True

    def _init(self, command: Command) -> bool:
        listed = read_init(command, x_in_sum=self._x_in_sum)
        if listed is None:
            return False
        group_us, main_us = 1_500 + 500 * listed.group, 1_000 + 500 * listed.main
        if listed.main and group_us < SLOT_US * _slots(listed):
            return False
        if listed.main and main_us < max(MAIN_MIN_US, group_us + SLOT_US):
            return False
        self._drop_out()
        self._list, self._reader.channels = listed, len(listed.channels)
        self._passes = 0
        return True

    def _update(self, command: Command, now_us: int) -> bool:
        listed = self._list
        trains = read_update(command, listed.channels) if listed is not None else None
        if listed is None or trains is None:
            return False
        if listed.main and 1_000 + 500 * listed.main < _pass_us(listed, max(train.mode for train in trains.values())):
            return False
        if self._ignores.get("ignore-update"):
            return True
        self._trains = trains
        if not self._running:
            self._pass_us = max(self._pass_us, now_us + COMMAND_US)
            if listed.main:
                self._running, self._passes = True, 0
            else:
                self._begin_pass()
        return True

    def _single(self, command: Command, now_us: int) -> bool:
        found = read_single(command)
        if found is None:
            return False
        channel, train = found
        if train.current_ma // 2 and train.width_us:
            self._due.append(_Due(now_us + COMMAND_US, channel, train))
            self._due.sort(key=lambda due: due.at_us)
        return True


def _slots(listed: ListInit) -> int:
    """Of the module that has more channels."""
    first = sum(channel <= 4 for channel in listed.channels)
    return max(first, len(listed.channels) - first)


def _pass_us(listed: ListInit, mode: int) -> int:
    """The shortest main time of a list. The document's text wants one group for each pulse of a train, and 1.5 ms; its
    own printed example plays a triplet in less (16.5 ms, groups of 6 ms): there it is what fits.
    """
    group_us = 1_500 + 500 * listed.group
    return 2 * group_us + SLOT_US * _slots(listed) if mode == 2 else (mode + 1) * group_us + SLOT_US
