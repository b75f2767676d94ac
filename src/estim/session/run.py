"""A run: one passage through a cleared schedule. Knows where it is, which windows play, what comes next. Pure.

Time of the plan stands still while it waits (for an authorisation, for the device): the cycle's start moves with it.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Mapping
from dataclasses import replace
from types import MappingProxyType

from estim.record_lines.rows import ReachedRow
from estim.safety.commands import SetOutput
from estim.safety.schedule import PhasePlan, Schedule, Window
from estim.safety.units import US_PER_S, MicroAmp, Micros, floor_to_step
from estim.session.booking import NO_ACK, LastAck
from estim.session.common_grid import join_grid
from estim.session.contractions import Contractions, Ended, Reminders
from estim.session.held import Held, PulseKey
from estim.session.player import WindowPlayer
from estim.session.route import BEGINNING, PlanPlace, Route
from estim.session.trigger import Gatekeeper


class Run:
    """Plays `schedule` from `place`, first cycle at `start_us`.

    Args:
        gentle: every contraction has the long ramp (L17a), whatever was held before.
        common_grid, first_alone: it pulses all its channels on one grid; it takes no command before its second pulse.
        proven_ua: what today's titration held at each pulse: it counts as held until output is off.
        governor: says which rule withholds a gate that would open now; "" if none does.

    Attributes:
        place: the cycle that is being played or comes next.
        cycle_start_us: when it begins (began).
        begun, done: its windows were handed out; the plan has no further cycle, and windows may still play.
        levels_ua: device channel → the level that full intensity plays now.
        held, gatekeeper: what was held since output was last off; that of the triggered phase that plays.
        held_since_us: since when an onset waits at 0 mA for what it needs.
        pause_after_gate: why it pauses once the running contraction is over; "" where it does not.
    """

    def __init__(
        self,
        schedule: Schedule,
        step_ua: int,
        start_us: int,
        *,
        gentle: bool,
        common_grid: bool = False,
        first_alone: bool = False,
        place: PlanPlace = BEGINNING,
        contractions: int = 0,
        governor: Callable[[Window, int], str] = lambda _window, _now_us: "",
        proven_ua: Mapping[PulseKey, int] = MappingProxyType({}),
    ) -> None:
        self.schedule = schedule
        self._step_ua = step_ua
        self._gentle, self._common_grid, self._first_alone = gentle, common_grid, first_alone
        self._route = Route(schedule)
        self.place = place
        self.cycle_start_us = start_us
        self.begun = self.done = False
        self.players: list[WindowPlayer] = []
        self.levels_ua: dict[int, int] = {channel.channel: channel.level_ua for channel in schedule.channels}
        self.reminders = Reminders()
        self.held = Held(proven_ua)
        self._played_us = 0  # of a phase without cycles, before the last pause
        self.gates = 0  # gates that opened in the present triggered phase
        self._opened: Counter[tuple[int, int]] = Counter()  # (phase, channel) → gates that opened
        self._counted = Contractions(contractions)
        self._governor = governor
        self.gatekeeper: Gatekeeper | None = None
        self.held_since_us: int | None = None
        self.pause_after_gate = ""
        self.skipped = False  # some of the plan was left out

    def given_permille(self, elapsed_us: int) -> int:
        """Share of the plan that was given: of its contractions, or where it has none of its time."""
        if self.contractions_total:
            return self.contractions * 1000 // self.contractions_total
        return elapsed_us * 1000 // max(1, sum(phase.duration_us for phase in self.schedule.phases))

    @property
    def contractions(self) -> int:
        """Completed cycles whose channels all reached their plateau."""
        return self._counted.done

    @property
    def phase(self) -> PhasePlan:
        """The phase of `place`."""
        return self.schedule.phases[self.place.phase]

    @property
    def contraction_number(self) -> int:
        """Number of the present cycle within the whole plan, from 1."""
        by_gates = self.phase.trigger is not None
        return self._route.number_of_gate(self.place, self.gates) if by_gates else self._route.number(self.place)

    @property
    def contractions_total(self) -> int:
        """Cycles in the whole plan."""
        return self._route.contractions

    @property
    def last_of_phase(self) -> int:
        """Number of the present phase's last cycle."""
        return self._route.last_of_phase(self.place)

    def step_ua(self, window: Window) -> int:
        """Amplitude step of the window's pulse: device step × phase ratio, so that phase 2 stays on the grid."""
        return self._step_ua * window.phase_ratio

    def target_ua(self, window: Window) -> MicroAmp:
        """Plateau of `window` at the present level."""
        return MicroAmp(floor_to_step(self.level_ua(window) * window.intensity_permille // 1000, self.step_ua(window)))

    def level_ua(self, window: Window) -> int:
        """The level that `window` plays now: its channel's own, or where it follows another the share of that one's."""
        own_ua = self.levels_ua[window.channel]
        if window.follows is None:
            return own_ua
        return window.follows.level_ua(own_ua, self.levels_ua[window.follows.channel])

    # -- what is due ------------------------------------------------------------------------------------------------

    def next_due_us(self) -> int | None:
        """When `turn` has something to do next; None when the run is over."""
        if self._common_grid:
            join_grid(self.players)
        due = [player.due_us() for player in self.players if not player.ended]
        if not self.done:
            due += [] if (begin_us := self._next_begin_us()) is None else [begin_us]
        return min(due, default=None)

    def _next_begin_us(self) -> int | None:
        """When the next cycle begins, or may be looked for; None while windows play that must end first."""
        if not self.begun:
            return self.cycle_start_us
        following = self._route.after(self.place)
        playing = any(not player.ended for player in self.players)
        if playing and (following is None or following.phase != self.place.phase):
            return None
        rest_us = self.phase.set_rest_us if following is not None and following.cycle == 0 and playing else 0
        return self.cycle_start_us + self._cycle_us() + rest_us

    def _cycle_us(self) -> int:
        """How long the present cycle lasts; a triggered phase is one cycle that lasts until its time is over."""
        if self.phase.trigger is not None:
            return max(1, self.phase.duration_us - self._played_us) if self.phase.duration_us else 1 << 60
        return self.phase.cycle_us

    @property
    def over(self) -> bool:
        """Nothing plays and nothing comes."""
        return self.done and all(player.ended for player in self.players)

    def onset_due(self, now_us: int) -> bool:
        """The next cycle should begin now: the caller asks for permission first, then calls `begin`."""
        self._move_on(now_us)
        return not self.done and not self.begun and now_us >= self.cycle_start_us

    def wait(self, until_us: int) -> None:
        """Hold the plan before the cycle that comes next: it begins at `until_us` at the earliest."""
        self.cycle_start_us = max(self.cycle_start_us, until_us)

    def go_on(self, at_us: int) -> None:
        """After a pause: the broken cycle begins anew at `at_us`."""
        self.cycle_start_us = at_us

    def hold_onset(self, now_us: int) -> int:
        """The onset that is due can't be given: 0 mA is held. Gives for how long that has lasted."""
        if self.held_since_us is None:
            self.held_since_us = now_us
        return now_us - self.held_since_us

    def pause_later(self, reason: str) -> None:
        """Pause once the running contraction is over: the limb carries the patient."""
        self.pause_after_gate = reason

    def begin(self, now_us: int) -> None:
        """The cycle begins: its windows start to play."""
        self.cycle_start_us = max(self.cycle_start_us, now_us)
        self.begun, self.held_since_us = True, None
        if self.phase.trigger is not None:  # its windows open by themselves
            if self.gatekeeper is None or self.gatekeeper.phase is not self.phase:
                self.gatekeeper = Gatekeeper(self.phase, self._governor)
            return
        self.gatekeeper = None
        self._counted.begin(self.contraction_number, len(self.phase.windows))
        for window in self.phase.windows:
            self._play(self._rest_of(window), self.cycle_start_us + window.offset_us)

    def _rest_of(self, window: Window) -> Window:
        """A continuous window that was paused goes on for what is left of it."""
        if self.phase.mode != "continuous" or not self._played_us:
            return window
        left_us = max(window.on_us - self._played_us, window.first_ramp_up_us + window.ramp_down_us + US_PER_S)
        return replace(window, on_us=Micros(left_us))

    def _play(self, window: Window, onset_us: int) -> None:
        self.players.append(
            WindowPlayer(
                window,
                self.level_ua(window),
                self.step_ua(window),
                onset_us,
                first=self._gentle or not self.held.is_held(window, self.target_ua(window)),
                contraction=self.contraction_number,
                spaced=self._common_grid,
                first_alone=self._first_alone,
                pass_us=min(beside.period_us for beside in self.phase.windows) if self._common_grid else 0,
                led_ua=0 if self._gentle else self.held.led_ua(window),
            )
        )

    def open_gates(self, windows: list[Window], now_us: int) -> None:
        """Gates of the present triggered phase open: their windows play for at most `max_on_us`."""
        self.gates += 1
        self._counted.begin(self.contraction_number, len(windows))
        for window in windows:
            self._opened[self.place.phase, window.channel] += 1
            self._play(replace(window, on_us=window.max_on_us), now_us + window.offset_us)

    def close_gates(self, windows: list[Window], now_us: int) -> None:
        """Gates close: their windows ramp down."""
        channels = {window.channel for window in windows}
        for player in self.players:
            if player.window.channel in channels and not player.ended:
                player.close(now_us)

    def _move_on(self, now_us: int) -> None:
        """Once the present cycle's windows are over, the next cycle is the present one; it begins in its own time."""
        if self.done or not self.begun:
            return
        playing = any(not player.ended for player in self.players)
        if self.phase.trigger is not None and not self._phase_is_over(now_us):
            return
        following = self._route.after(self.place)
        if following is None:
            self.done = not playing
            return
        rest_us = self.phase.set_rest_us if following.cycle == 0 and following.phase == self.place.phase else 0
        timed = self.phase.trigger is None
        next_us = self.cycle_start_us + self._cycle_us() + rest_us if timed else now_us + US_PER_S
        if playing and (now_us < next_us or following.phase != self.place.phase):
            return  # windows may reach into the next cycle of their phase, never into the next phase
        if following.phase != self.place.phase:
            self._played_us, self.gates = 0, 0
        self.place = following
        self.cycle_start_us = next_us
        self.begun = False

    def _phase_is_over(self, now_us: int) -> bool:
        """A triggered phase ends after its time, or after its contractions; a gate that runs is never cut."""
        return all(self.shut(window, now_us) for window in self.phase.windows)

    def shut(self, window: Window, now_us: int) -> bool:
        """No gate of this window opens any more: the phase's time is over, or the channel had its contractions."""
        count = self.phase.cycles * self.phase.sets
        had = self._opened[self.place.phase, window.channel]
        return 0 < count <= had or now_us >= self.cycle_start_us + self._cycle_us()

    def skip_phase(self, now_us: int) -> list[Ended]:
        """End this phase's windows here and go to the next phase in 1 s, or to the end."""
        proven_ua = self.proven_ua()
        ended = self.drop_output(now_us)
        self.held, self.skipped = Held(proven_ua), True
        following = self._route.next_phase(self.place)
        if following is not None:
            self.place = following
            self.cycle_start_us = now_us + US_PER_S
            self.begun = False
            self._played_us, self.gates = 0, 0
        else:
            self.done = True
        return ended

    # -- playing ----------------------------------------------------------------------------------------------------

    def turn(self, now_us: int, *, unanswered_us: int = 0, answer: LastAck = NO_ACK) -> list[WindowPlayer]:
        """Play what is due; gives the windows whose amplitude changed, so that the caller sends the new output."""
        if self._common_grid:
            join_grid(self.players)
        return [each for each in self.players if each.turn(now_us, unanswered_us=unanswered_us, answer=answer)]

    def collect(self, now_us: int) -> list[Ended]:
        """Take away the windows that ended by themselves; counts contractions, notes which levels were held."""
        ended = [player for player in self.players if player.ended]
        if not ended:
            return []
        self.players = [player for player in self.players if not player.ended]
        results: list[Ended] = []
        for player in ended:
            self.held.note(player.window, player.peak_ua, held=player.reached_hold)
            row = ReachedRow(channel=player.window.channel, peak_ua=player.peak_ua, level_ua=player.target_ua)
            rows = self._counted.end_window(player.contraction, row)
            results.append(Ended(player, None if rows is None else player.contraction, tuple(rows or ())))
        self._shut_gates(ended, now_us)
        self._move_on(now_us)
        return results

    def _shut_gates(self, ended: list[WindowPlayer], now_us: int) -> None:
        if self.gatekeeper is not None:
            for player in ended:
                self.gatekeeper.ended(player.window, now_us)

    def proven_ua(self) -> dict[PulseKey, int]:
        """What was held since output was last off, by pulse; what is held right now too."""
        for player in self.players:
            if player.reached_hold:
                self.held.note(player.window, player.peak_ua, held=True)
        return self.held.proven_ua()

    def off(self, now_us: int, ended_us: int) -> list[Ended]:
        """Output is off: all windows end here, and what the plan waited for is over.

        Args:
            ended_us: when the device's own timer had ended them, if that was before.
        """
        self.held_since_us, self.pause_after_gate = None, ""
        return self.drop_output(now_us, ended_us)

    def drop_output(self, now_us: int, ended_us: int | None = None) -> list[Ended]:
        """All windows end here (pause, stop, fault): the broken cycle will be played again from its beginning."""
        broken = [player for player in self.players if not player.ended]
        for player in broken:
            player.end(now_us if ended_us is None else min(now_us, ended_us))
        ended, self.players = self.players, []
        self.held.lose()
        self._counted.break_off()
        self._shut_gates(ended, now_us)
        if self.begun and self.phase.mode != "timed":
            self._played_us += max(0, now_us - self.cycle_start_us)
        if broken or self.phase.trigger is not None:
            self.begun = False
        return [Ended(player) for player in ended]

    def output(self) -> SetOutput:
        """The whole output as it should be now; channels at 0 mA are left out, they are off."""
        playing = [player.output() for player in self.players if player.amplitude_ua > 0]
        return SetOutput(channels=tuple(sorted(playing, key=lambda channel: channel.channel)))

    def set_level(self, channel: int, level_ua: int, now_us: int) -> list[WindowPlayer]:
        """Another level for `channel` and all that follow it; gives the windows whose fall must be sent at once."""
        self.levels_ua[channel] = level_ua
        concerned = [player for player in self.players if not player.ended and channel in player.window.levels_of]
        return [player for player in concerned if player.set_level(self.level_ua(player.window), now_us)]
