"""When the next list of a RehaStim 1 is asked for: a period after the last and never earlier, for as long as the
session goes on asking. Pure.

The pulse comes when the update arrives, which nobody tells. On a line that held an update up, a period counted from
its sending would end right after that pulse; so it is counted from the answer, less what one takes, where the line was
seen to hold it: a host that slept itself, and found the answer when it woke, knows nothing of the line.
"""

from __future__ import annotations

from estim.safety.commands import SetOutput

LATE_US = 2_000  # an update later than this is counted ...
TOO_LATE_US = 250_000  # ... and one so late is the end (L23)
LEASE_US = 750_000  # a session that asks for no status for so long gets no more pulses
USUAL_US = 1_000  # what an answer takes, until this line has shown its own ...
USUAL_STEP_US = 20  # ... which is followed in such steps, one for each answer: it stays about the median of them ...
USUAL_MOST_US = 16_000  # ... up to an FTDI chip's latency timer, which holds an answer back so long at most
HELD_UP_US = 1_200  # one that is looked for so much later and is not there: the update itself may be on its way


class Pace:
    """The output that plays, the one that takes its place, and their time.

    Attributes:
        upcoming: the output that was asked for and not sent yet, with its number.
        behind: what follows it: single pulses in the place of a doublet that was not sent yet.
        playing: the one that is repeated.
        due_us: when the next update may go out.
        planned_us: when it would be due if nothing were late; too late is counted from here.
        usual_us: what an answer takes on this line.
        held: the answer to the last update was looked for in vain.
        asked_us: when the session last asked for anything.
        late_n: updates that went out late.
    """

    def __init__(self) -> None:
        self.upcoming: tuple[SetOutput, int] | None = None
        self.behind: tuple[SetOutput, int] | None = None
        self.playing: tuple[SetOutput, int] | None = None
        self.due_us = self.planned_us = 0
        self.usual_us = USUAL_US
        self.held = False
        self.asked_us = 0
        self.late_n = 0

    @property
    def goes_on(self) -> bool:
        """There is something to play."""
        return self.upcoming is not None or self.playing is not None

    def put(self, command: SetOutput, seq: int, now_us: int) -> list[int]:
        """Play this from the next period on; gives the numbers of those that are never sent.

        A doublet that waits for a list to be made, or for its own late period, is played once all the same.
        """
        if not self.goes_on:
            self.due_us = max(self.due_us, now_us)
        if self.upcoming is not None and _ends_bursts(self.upcoming[0], command):
            never, self.behind = _numbers(self.behind), (command, seq)
            return never
        never = _numbers(self.upcoming, self.behind)
        self.upcoming, self.behind = (command, seq), None
        return never

    def take(self, now_us: int) -> tuple[SetOutput, int] | None:
        """What to send now; None before its time."""
        return (self.upcoming or self.playing) if now_us >= self.due_us else None

    def sent(self, now_us: int) -> None:
        """It went out."""
        current = self.upcoming or self.playing
        if current is None:
            return
        if self.upcoming is None:
            self.late_n += now_us - self.due_us > LATE_US
        self.upcoming, self.behind, self.playing = self.behind, None, current
        self.due_us = self.planned_us = now_us + _period_us(current[0])
        self.held = False

    def looks_us(self, sent_us: int) -> int:
        """When to look for the answer to what was sent then."""
        return sent_us + self.usual_us + HELD_UP_US

    def look(self, sent_us: int, now_us: int) -> None:
        """What has arrived was read: an answer that should be there by now, and is not, is held up."""
        self.held = self.held or now_us >= self.looks_us(sent_us)

    def answered(self, sent_us: int, now_us: int) -> None:
        """The last update was answered: its pulse has been, at the latest now."""
        took_us = now_us - sent_us
        if self.playing is not None and self.held:
            self.due_us = max(self.due_us, now_us - self.usual_us + _period_us(self.playing[0]))
            self.late_n += 1
        step_us = USUAL_STEP_US if took_us > self.usual_us else -USUAL_STEP_US
        self.usual_us = min(max(self.usual_us + step_us, 0), USUAL_MOST_US)

    def clear(self) -> list[int]:
        """Nothing plays any more; gives the numbers of those that are never sent."""
        never = _numbers(self.upcoming, self.behind)
        self.upcoming = self.behind = self.playing = None
        return never

    def late(self) -> int:
        """How many updates were late since this was asked last."""
        late, self.late_n = self.late_n, 0
        return late

    def ended(self, now_us: int) -> str:
        """Why no more pulse is asked for; "" while all is well."""
        if self.playing is None:
            return ""
        if now_us - self.asked_us >= LEASE_US:
            return f"the session asked for no status for {LEASE_US // 1_000} ms, so no pulse is asked for any more"
        if now_us - self.planned_us > TOO_LATE_US:
            return f"an update would be {(now_us - self.planned_us) // 1_000} ms late, so none is sent any more"
        return ""

    def deadline_us(self) -> int | None:
        """When to send, or when the session's lease ends."""
        if not self.goes_on:
            return None
        return self.due_us if self.playing is None else min(self.due_us, self.asked_us + LEASE_US)


def _numbers(*waiting: tuple[SetOutput, int] | None) -> list[int]:
    return [each[1] for each in waiting if each is not None]


def _ends_bursts(first: SetOutput, then: SetOutput) -> bool:
    """The second has single pulses for doublets or triplets of the first, and less of nothing else."""
    pairs = list(zip(first.channels, then.channels, strict=False))
    same = [output.channel for output in first.channels] == [output.channel for output in then.channels]
    fewer = any(other.burst_pulses < one.burst_pulses for one, other in pairs)
    return same and fewer and all(other.amplitude_ua >= one.amplitude_ua for one, other in pairs)


def _period_us(command: SetOutput) -> int:
    return next(output.period_us for output in command.channels if output.amplitude_ua)
