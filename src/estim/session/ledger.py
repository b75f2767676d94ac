"""The ledger of one sitting: what each channel got, how long it was on, what limits on time leave of it. Pure."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace

from estim.record_lines.events import Contraction, Dose
from estim.record_lines.rows import DoseRow, ReachedRow
from estim.safety.limits import Limits
from estim.safety.schedule import Purpose, ScheduleChannel, Window
from estim.safety.units import US_PER_S, ceil_div
from estim.safety.verdict import ClearedSchedule
from estim.session.after_off import StillOn
from estim.session.booking import Booking
from estim.session.contractions import REACHED_PERMILLE, Ended
from estim.session.on_time import DUTY_WINDOW_US, OnTime, counts
from estim.session.outbox import Outbox

US_PER_MIN = 60 * US_PER_S
UNTIL_OFF = 1 << 62  # number of no command: the off that follows says when they had ended


@dataclass(slots=True)
class Account:
    """What one channel got in one purpose, by the device's acknowledgements."""

    pulses: int = 0
    charge_pc: int = 0
    on_us: int = 0
    peak_ua: int = 0
    unacknowledged_pulses: int = 0

    def doubted(self, pulses: int) -> None:
        """Pulses that may have come: nothing says so, and nothing says that they did not."""
        self.unacknowledged_pulses += pulses

    def add(self, booking: Booking, pulse_width_us: int, acknowledged_n: int) -> None:
        """Pulses that are over."""
        if booking.sent_n > acknowledged_n:
            self.unacknowledged_pulses += booking.most_pulses
            return
        self.pulses += booking.pulses
        self.charge_pc += booking.pulses * booking.amplitude_ua * pulse_width_us
        self.on_us += booking.on_us
        self.peak_ua = max(self.peak_ua, booking.amplitude_ua)


@dataclass(slots=True)
class Reached:
    """How far the contractions of one channel came.

    Attributes:
        contractions: that were played to their end.
        reached: those of at least 95 % of their level.
        worst_permille, sum_permille: of the share of the level.
    """

    contractions: int = 0
    reached: int = 0
    worst_permille: int = 0
    sum_permille: int = 0

    def add(self, row: ReachedRow) -> None:
        """One more."""
        permille = _share(row)
        self.worst_permille = min(self.worst_permille, permille) if self.contractions else permille
        self.sum_permille += permille
        self.contractions += 1
        self.reached += permille >= REACHED_PERMILLE

    @property
    def mean_percent(self) -> int:
        """Of the level, rounded down; 0 before the first."""
        return self.sum_permille // (10 * self.contractions) if self.contractions else 0


def _share(row: ReachedRow) -> int:
    """Peak of the level, in permille."""
    return row["peak_ua"] * 1000 // row["level_ua"] if row["level_ua"] else 1000


class Evoked:
    """The share of the maximum voluntary contraction that was measured while a channel played."""

    def __init__(self) -> None:
        self._onset_us: dict[int, int] = {}  # device channel → when the contraction that plays began
        self._now: dict[int, int] = {}  # the highest of it
        self._last: dict[int, int] = {}  # of the one before

    def hear(self, channel: int, onset_us: int, percent: int) -> None:
        """So much is measured now, in the contraction that began then: one that was broken off counts no more."""
        before = self._now.get(channel, 0) if self._onset_us.get(channel) == onset_us else 0
        self._now[channel], self._onset_us[channel] = max(percent, before), onset_us

    def shown(self, channel: int) -> int | None:
        """The highest of the contraction that plays, else of the last one; None while nothing measures it."""
        return self._now.get(channel, self._last.get(channel))

    def close(self, rows: Iterable[ReachedRow]) -> None:
        """A contraction ended: its rows keep what was measured in it; one in which nothing was shows nothing."""
        for row in rows:
            percent = self._now.pop(row["channel"], None)
            if percent is None:
                self._last.pop(row["channel"], None)
            else:
                self._last[row["channel"]] = row["evoked_percent_mvic"] = percent

    def clear(self) -> None:
        """What follows is another run."""
        self._now.clear()
        self._last.clear()


class Ledger:
    """The accounts and the ON time of one patient's sitting.

    Args:
        out: takes the lines of contractions and dose.
        limits: absolute & site & device.
        minutes_today: what each `muscle/side` had today before this sitting (L27).
    """

    def __init__(self, out: Outbox, limits: Limits, minutes_today: Mapping[str, int]) -> None:
        self._out = out
        self._limits = limits
        self._minutes_today = minutes_today
        self._accounts: dict[tuple[Purpose, int], Account] = {}
        self._on_time = OnTime()
        self.evoked = Evoked()
        self._reached: dict[tuple[Purpose, int], Reached] = {}
        self._whole: dict[Purpose, Reached] = {}  # of whole contractions, each by its weakest channel
        self._doubtful: tuple[Purpose, tuple[StillOn, ...]] | None = None  # an off was sent and is not confirmed
        self._leaving: list[tuple[int, Purpose, StillOn]] = []  # a command that ends them is on its way
        self._dose_due = False  # a run began and its dose is not in the record yet

    def account(self, purpose: Purpose, channel: int) -> Account:
        """What device channel `channel` got in `purpose`."""
        return self._accounts.get((purpose, channel), Account())

    def so_far(self, purpose: Purpose, window: Window, bookings: Sequence[Booking], acknowledged_n: int) -> Account:
        """The same with what a window that still plays has given."""
        account = self.account(purpose, window.channel)
        if bookings:
            account = replace(account)
        for booking in bookings:
            account.add(booking, window.pulse_width_us, acknowledged_n)
        return account

    def reach(self, purpose: Purpose, rows: Sequence[ReachedRow]) -> None:
        """A contraction ended, and so far each channel came."""
        for row in rows:
            self._reached.setdefault((purpose, row["channel"]), Reached()).add(row)
        if rows and all(row["peak_ua"] for row in rows):
            self._whole.setdefault(purpose, Reached()).add(min(rows, key=_share))

    def whole(self, purpose: Purpose) -> Reached:
        """How far whole contractions came; each counts as far as its weakest channel did."""
        return self._whole.get(purpose, Reached())

    def reached(self, purpose: Purpose, channel: int) -> Reached:
        """How far the contractions of device channel `channel` came."""
        return self._reached.get((purpose, channel), Reached())

    def gave(self, purpose: Purpose) -> bool:
        """Some channel got pulses in `purpose`."""
        return any(
            account.pulses + account.unacknowledged_pulses
            for (of, _), account in self._accounts.items()
            if of == purpose
        )

    def take(
        self,
        ended: Iterable[Ended],
        purpose: Purpose,
        cleared: ClearedSchedule | None,
        acknowledged_n: int,
        now_us: int,
    ) -> bool:
        """Book the pulses of windows that ended at `now_us`, and note contractions that did; True if one did.

        Args:
            ended: what ended, with its bookings.
            purpose: what it was played for.
            cleared: what is played.
            acknowledged_n: the highest command that the device acknowledged.
            now_us: now.
        """
        contracted = False
        for item in ended:
            player, window = item.player, item.player.window
            bookings = player.take_bookings()
            if bookings and cleared is not None:
                scheduled = cleared.schedule.channel(window.channel)
                self.note_on(scheduled, window, player.onset_us, now_us, therapy=purpose == "therapy")
            self.book(purpose, window, bookings, acknowledged_n)
            if item.contraction is not None:
                contracted = True
                whole = all(one["peak_ua"] for one in item.rows)
                self.evoked.close(item.rows)
                self._out.log(Contraction(n=item.contraction, whole=whole, purpose=purpose, channels=list(item.rows)))
                self.reach(purpose, item.rows)
        return contracted

    def book(self, purpose: Purpose, window: Window, bookings: list[Booking], acknowledged_n: int) -> None:
        """Pulses of a window that are over."""
        account = self._accounts.setdefault((purpose, window.channel), Account())
        for booking in bookings:
            account.add(booking, window.pulse_width_us, acknowledged_n)

    def doubt(self, windows: Iterable[StillOn], purpose: Purpose) -> None:
        """An off was sent, and these may play on."""
        self._doubtful = (purpose, tuple(windows))

    def leave(self, number: int, windows: Iterable[StillOn], purpose: Purpose) -> None:
        """These end by command `number`: what falls before it is answered may have come."""
        self._leaving += [(number, purpose, one) for one in windows]

    def obeyed(self, acknowledged_n: int, now_us: int, cleared: ClearedSchedule | None) -> None:
        """The device took every command up to `acknowledged_n`."""
        done = [(purpose, one) for number, purpose, one in self._leaving if number <= acknowledged_n]
        self._leaving = [row for row in self._leaving if row[0] > acknowledged_n]
        self._went_on(done, now_us, cleared)

    def settle(self, end_us: int, cleared: ClearedSchedule | None) -> None:
        """What was in doubt had ended at `end_us`: until then it counts as ON, its pulses as unacknowledged."""
        (purpose, windows), self._doubtful = self._doubtful or ("therapy", ()), None
        rows = [(purpose, one) for one in windows] + [(of, one) for _, of, one in self._leaving]
        self._leaving = []
        self._went_on(rows, end_us, cleared)

    def _went_on(self, rows: Iterable[tuple[Purpose, StillOn]], end_us: int, cleared: ClearedSchedule | None) -> None:
        for purpose, one in rows:
            pulses, number = one.pulses_until(end_us), one.window.channel
            if not pulses:
                continue
            self._accounts.setdefault((purpose, number), Account()).doubted(pulses)
            self._dose_due = True  # a fault has written it down before
            if cleared is not None:
                channel = cleared.schedule.channel(number)
                self.note_on(channel, one.window, one.from_us, end_us, therapy=purpose == "therapy")

    def note_on(self, channel: ScheduleChannel, window: Window, begin_us: int, end_us: int, *, therapy: bool) -> None:
        """`channel` was on in `window`, where limits on time speak of that."""
        if counts(channel, window):
            self._on_time.note(channel, begin_us, end_us, therapy=therapy)

    # -- the record -------------------------------------------------------------------------------------------------

    def begin_run(self) -> None:
        """A run begins: its dose will be written."""
        self.evoked.clear()
        self._dose_due = True

    def log_dose(self, purpose: Purpose) -> None:
        """Once for each run, however it ended: what the record's reader must not have to guess after a fault."""
        if self._dose_due:
            self._dose_due = False
            self._out.log(Dose(purpose=purpose, channels=self.rows(purpose)))

    def rows(self, purpose: Purpose) -> list[DoseRow]:
        """The accounts of one purpose, as the record and the command line give them; sums since the session began."""
        rows: list[DoseRow] = []
        for (of, channel), account in sorted(self._accounts.items()):
            if of == purpose:
                proved = self._out.proved(of, channel)
                rows.append({
                    "channel": channel,
                    "pulses": account.pulses,
                    "charge_pc": account.charge_pc,
                    "on_us": account.on_us,
                    "peak_ua": account.peak_ua,
                    "unacknowledged_pulses": account.unacknowledged_pulses,
                    "pulses_shown": proved.pulses_shown,
                    "pulses_least": proved.pulses_least,
                    "pulses_most": proved.pulses_most,
                    "charge_shown_pc": proved.charge_shown_pc,
                    "charge_least_pc": proved.charge_least_pc,
                    "charge_most_pc": proved.charge_most_pc,
                })  # fmt: skip
        return rows

    # -- limits on time ---------------------------------------------------------------------------------------------

    def begin_plan(self) -> None:
        """A new plan is loaded: what was had so far lies before it."""
        self._on_time.begin_plan()

    def had(self, *, goes_on: bool) -> tuple[Mapping[str, int], Mapping[int, int]]:
        """What a plan must be judged with: `muscle/side` → minutes of today, device channel → ON time of this session.

        Args:
            goes_on: the plan was broken off and goes on: what it had itself is no part of that.
        """
        on_us, muscles_us = self._on_time.total_before_plan() if goes_on else self._on_time.total_of_session()
        minutes = dict(self._minutes_today)
        for muscle, had_us in muscles_us.items():
            minutes[muscle] = minutes.get(muscle, 0) + ceil_div(had_us, US_PER_MIN)
        return minutes, on_us

    def withholds(self, channel: ScheduleChannel, window: Window, now_us: int) -> str:
        """The rule (L20, L21b) by which a gate that would open now stays shut; "" if it may open."""
        if not counts(channel, window):
            return ""
        had_us = self._on_time.had_us(channel.channel, now_us + window.max_on_us - DUTY_WINDOW_US)
        if (had_us + window.max_on_us) * 1000 > self._limits["duty_triggered_permille"].value * DUTY_WINDOW_US:
            return "L20"
        if self._on_time.total_us(channel.channel) + window.max_on_us > self._limits["motor_on_us"].value:
            return "L21b"
        return ""

    def used_up(self, channel: ScheduleChannel, window: Window) -> bool:
        """`channel` was on for as long as one session allows (L21b)."""
        return (
            counts(channel, window)
            and self._on_time.total_us(channel.channel) + window.on_us > self._limits["motor_on_us"].value
        )

    def ready_us(self, channel: ScheduleChannel, window: Window, now_us: int) -> int:
        """The earliest time at which `window` may begin by its share of five minutes (L20)."""
        if not counts(channel, window):
            return now_us
        return self._on_time.ready_us(channel.channel, window.on_us, self._limits["duty_permille"].value, now_us)
