"""What one step of the engine wants done, in its order: the emitter that every owner is handed. Pure."""

from __future__ import annotations

from estim.record_lines.base import Line
from estim.record_lines.bounds import Bounds, BoundsOfDose
from estim.session.effects import CloseRecord, Effect, Log, OpenRecord


class Outbox:
    """The effects of the present step, and whether a record is open to take lines."""

    def __init__(self) -> None:
        self._effects: list[Effect] = []
        self._recording = False
        self._now_us = 0
        self._bounds = BoundsOfDose()

    def begin_step(self, now_us: int) -> None:
        """Time is `now_us`."""
        self._now_us = now_us

    @property
    def recording(self) -> bool:
        """A record is open."""
        return self._recording

    def emit(self, effect: Effect) -> None:
        """Have `effect` done at the end of this step."""
        self._effects.append(effect)

    def emit_first(self, effect: Effect) -> None:
        """Have `effect` done before everything else of this step: off goes out before anything is written about it."""
        self._effects.insert(0, effect)

    def log(self, line: Line) -> None:
        """A line for the record; before sign-in there is none and nothing to record."""
        if self._recording:
            self.emit(Log(line=line))
            if line.KIND in BoundsOfDose.KINDS:
                self._bounds.take(line.KIND, line.to_fields(), self._now_us)

    def proved(self, purpose: str, channel: int) -> Bounds:
        """What the lines of this record prove that a channel was given so far, at least and at most."""
        self._bounds.pass_time(self._now_us)
        return self._bounds.of(purpose, channel)

    def open_record(self, patient_id: str) -> None:
        """A record begins; the next line is its header."""
        self._recording = True
        self._bounds = BoundsOfDose()
        self.emit(OpenRecord(patient_id=patient_id))

    def close_record(self) -> None:
        """The record ends here and is sealed."""
        self.emit(CloseRecord())
        self._recording = False

    def record_is_lost(self) -> None:
        """It could not even be begun: nothing is written, and there is nothing to close."""
        self._recording = False

    def take(self) -> tuple[Effect, ...]:
        """All of it, off first; nothing is left."""
        taken, self._effects = tuple(self._effects), []
        return taken
