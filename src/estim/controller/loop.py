"""The loop around one `Runner`: what comes in, a turn, what goes out. It waits for no disk, no pipe and no person."""

from __future__ import annotations

import datetime
import gc
from dataclasses import replace

from estim.controller.clock import JUMP_US, SessionClock
from estim.controller.held_up import HeldUp
from estim.controller.interface import ConfigureFrom
from estim.controller.journal import Journal
from estim.controller.messages import (
    LINE_MAX,
    Refused,
    decode_request,
    encode_reply,
    encode_snapshot,
    stop_in,
)
from estim.controller.observers import Observers
from estim.controller.pipe import LineReader, LineWriter
from estim.controller.reading_up import TO_READ, ReadingUp
from estim.controller.runner import Runner
from estim.controller.signing_in import Reception
from estim.drivers.address import Address, open_link
from estim.drivers.link import ByteLink
from estim.drivers.models import MODELS
from estim.drivers.room import open_room
from estim.platform.handing_over import Giver
from estim.platform.signals import StopSignals
from estim.platform.waiting import LOOK_S, waiting
from estim.records.chain import Chain
from estim.records.folders import folder_name
from estim.records.home import Home
from estim.records.keys import station_signer
from estim.records.qualification import qualified_words, refusal_of
from estim.records.site import limits_in_force
from estim.records.writer import RecordWriter
from estim.safety.errors import Problem
from estim.safety.reports import OutputState
from estim.session import events
from estim.session.effects import Reply
from estim.session.engine import SessionEngine
from estim.session.events import Event
from estim.session.snapshot import Snapshot
from estim.session.state import BEGUN, Cycle

SNAPSHOT_US = 50_000
WAIT_MAX_S = 0.05
LEAVE_MAX_US = 10_000_000
COLLECT_US = 5_000_000  # between two looks for garbage while nothing runs
# What leads up to output has an order, and waits behind what is being read up. Falls never do.
_IN_ORDER = (
    *TO_READ, events.Screen, events.Confirm, events.Arm, events.Start, events.Resume, events.Raise, events.Mark,
    events.NextChannel, events.Note, events.RoomAction, events.ResetFault,
)  # fmt: skip


class Controller:
    """Turn by turn, until the front is gone and output is off.

    Args:
        files: descriptors of standard input and output.
        keeper: the front gets each open port, so that it can take over whoever else has it open.
    """

    def __init__(
        self, address: Address, side: str, home: Home, *, files: tuple[int, int] = (0, 1), keeper: Giver | None = None
    ) -> None:
        self._clock = SessionClock()
        self._home = home
        self._address = address
        self._waiting = waiting()
        self._journal = Journal(self._waiting.apart)
        limits = limits_in_force(home)
        self._reception = Reception(home, simulated=address.simulated, device=address.said, limits=limits)
        model = MODELS[address.model]
        self._keeper = keeper or Giver()
        link = self._open_link()
        self._reading = ReadingUp(
            self._reception, home.protocols,
            wake=self._waiting.wake, apart=self._waiting.apart,
            device_refused=self._device_refused, qualified=self._qualified,
        )  # fmt: skip
        self._held: list[events.Request] = []  # what was asked after something that is still being read up
        engine = SessionEngine(model.profile, limits, simulated=address.simulated)
        self._runner = Runner(
            engine,
            model.make(),
            link,
            clock=self._clock.now_us,
            open_record=self._open_record,
            room=open_room(side),
            reconnect=lambda: (model.make(), self._open_link()),
        )
        self._reader = LineReader(self._waiting.source(files[0]), line_max=LINE_MAX)
        self._writer = LineWriter(self._waiting.sink(files[1]))
        self._observers = self._let_look_on()
        self._signals: list[str] = []
        self._stop_signals = StopSignals(self._caught)
        self._leave_at_us: int | None = None
        self._due_us: int | None = 0
        self._snapshot_us = self._collect_us = self._woke_us = 0
        self._held_up = HeldUp()
        self._occupied = False

    def _device_refused(self) -> str:
        """What a bench found of this stimulator; read in the thread that reads up, never in the loop."""
        key = station_signer(self._home.root).public_hex
        return refusal_of(self._home.root, self._address.model, self._runner.engine.device_id, public_hex=key)

    def _qualified(self) -> str:
        """What a bench last said of this stimulator; read in the same thread."""
        engine, simulated = self._runner.engine, self._address.simulated
        said = qualified_words(
            self._home.root, self._address.model, engine.device_id, firmware=engine.firmware, simulated=simulated
        )
        return said or "not qualified"

    def _open_link(self) -> ByteLink:
        link = open_link(self._address)
        self._keeper.give(link.fileno())
        return link

    def _open_record(self, patient_id: str) -> RecordWriter:
        name = folder_name(datetime.datetime.now(datetime.UTC), patient_id)
        folder = self._home.records(simulated=self._address.simulated) / name
        chain = Chain(simulated=self._address.simulated)
        return RecordWriter(
            folder, chain, self._reception.signer,
            changed=self._waiting.wake, apart=self._waiting.apart, cover=self._reception.cover,
        )  # fmt: skip

    def _let_look_on(self) -> Observers | None:
        """Those who look on; where that is not possible a session goes on without them."""
        try:
            return Observers(self._home.root / "observe", self._waiting)
        except OSError as error:
            self._journal.say(f"nobody can look on: {error.strerror or error}")
            return None

    def _caught(self, name: str) -> None:
        self._signals.append(name)
        self._waiting.wake()

    def run(self) -> int:
        """0 when all went well, 4 if output stayed uncertain."""
        gc.collect()
        gc.freeze()  # what stands now stays: no later collection looks at it
        gc.disable()
        try:
            return self._run()
        finally:
            if self._observers is not None:
                self._observers.close()
            self._stop_signals.restore()

    def _run(self) -> int:
        self._runner.start()
        self._woke_us = self._clock.now_us()
        while True:
            late_us = self._wait()
            incoming = self._incoming(late_us)
            self._due_us = self._runner.turn(incoming)
            self._open_the_room()
            self._say()
            if self._runner.engine.finished and not self._runner.recording.busy:
                self._say(last=True)
                return 4 if self._runner.engine.output is OutputState.UNCERTAIN else 0
            if self._leave_at_us is not None and self._clock.now_us() > self._leave_at_us:
                return 4 if self._runner.engine.output is OutputState.UNCERTAIN else 0

    def _open_the_room(self) -> None:
        """A session that is over, or that could not be begun, holds its patient no longer."""
        recording = self._runner.recording
        open_now = recording.record is not None or recording.busy or self._reading.busy
        if self._occupied and not open_now:
            self._reading.leave()
        self._occupied = open_now

    def _wait(self) -> int:
        """Until something comes in or is due; gives by how much the last turn or this wait was longer than is normal.

        Both are looked at by one reading of the clock, so that no moment lies between them: whoever is held up while
        working is as late as whoever is held up while waiting.
        """
        now_us = self._clock.now_us()
        turn_us = now_us - self._woke_us
        if turn_us > JUMP_US:
            self._journal.say(f"a turn was {self._held_up.since(turn_us)}")
            self._woke_us = now_us
            self._held_up.look()
            return turn_us
        until_us = min(self._snapshot_us, self._due_us if self._due_us is not None else self._snapshot_us)
        wait_s = min(WAIT_MAX_S, max(0.0, (until_us - now_us) / 1e6))
        others: list[int] = []
        link = self._runner.link
        if link is not None:
            number = link.fileno()
            others += [number] if number >= 0 else []
            wait_s = wait_s if number >= 0 else min(wait_s, LOOK_S)  # a port that knows no readiness
        if self._observers is not None:
            others += self._observers.filenos()
        self._waiting.wait(wait_s, others)
        self._woke_us = self._clock.now_us()
        passed_us = self._woke_us - now_us
        late = passed_us > JUMP_US + int(wait_s * 1e6)
        if late:
            self._journal.say(f"a wait was {self._held_up.since(passed_us)}")
        self._held_up.look()
        return passed_us if late else self._clock.slept_us()

    def _incoming(self, late_us: int) -> list[Event]:
        incoming: list[Event] = []
        if late_us > JUMP_US:
            incoming.append(events.ClockJumped(late_us=late_us))
        while self._signals:
            self._note_leaving()
            incoming.append(events.Signal(name=self._signals.pop(0)))
        if self._observers is not None:
            incoming += self._observers.poll(self._clock.now_us())
        if self._leave_at_us is None or not self._reader.ended:
            incoming += self._heard()
        incoming += self._read_up()
        if self._leave_at_us is not None:
            incoming.append(events.Heartbeat())  # nobody is left to send one; the stop is on its way already
        return incoming

    def _heard(self) -> list[Event]:
        """What the front sent; half a line that carries a stop is one already."""
        found = [event for line in self._reader.lines() for event in self._asked(line)]
        if (stop := self._reader.in_half(stop_in)) is not None:
            found.append(stop)
        if self._reader.ended:
            self._note_leaving()
            found.append(events.ConsoleGone())
        return found

    def _note_leaving(self) -> None:
        if self._leave_at_us is None:
            self._leave_at_us = self._clock.now_us() + LEAVE_MAX_US

    def _asked(self, line: bytes) -> list[Event]:
        request = decode_request(line)
        if isinstance(request, Refused):
            self._journal.say(f"{request.reason}: {line[:80]!r}")
            problem = Problem(severity="refuse", key="pipe", message=request.reason, rule="pipe")
            self._writer.put(encode_reply(Reply(id=request.id, accepted=False, problems=(problem,))))
            return []
        if (self._reading.busy or self._held) and isinstance(request, _IN_ORDER):
            self._held.append(request)
            return []
        return self._judge(request)

    def _judge(self, request: events.Request | events.Heartbeat) -> list[Event]:
        """The request for the engine, or nothing while it is read up."""
        recording = self._runner.recording
        if isinstance(request, events.SignIn) and recording.record is not None:
            return [replace(request, pin="")]  # refused: a session is open, and output may be on
        if isinstance(request, events.SignIn) and recording.busy:
            self._held.insert(0, request)  # until the last session is sealed
            return []
        if isinstance(request, events.Sign) and self._runner.engine.phase in BEGUN:
            return [replace(request, pin="")]  # refused: output may be on
        if isinstance(request, ConfigureFrom | events.SignIn | events.Sign):
            self._reading.ask(request)
            return []
        return [request]

    def _read_up(self) -> list[Event]:
        """What was read up, and what was asked after it, in its order.

        One turn lies between a sign-in and what follows, so that a session is open when the rest is judged.
        """
        if self._reading.busy:
            read = self._reading.fetch()
            if isinstance(read, Reply):
                self._writer.put(encode_reply(read))
                return []
            return [] if read is None else [read]
        found: list[Event] = []
        held, self._held = self._held, []
        while held:
            found += self._judge(held.pop(0))
            if self._reading.busy or self._held:
                break
        self._held += held
        return found

    def _say(self, *, last: bool = False) -> None:
        replies = self._runner.take_replies()
        now_us = self._clock.now_us()
        if now_us >= self._snapshot_us or replies or last:
            # Snapshot before answers: who hears an answer has already seen what it led to.
            self._snapshot_us = now_us + SNAPSHOT_US
            snapshot = self._runner.snapshot()
            picture = encode_snapshot(snapshot)
            self._writer.put_latest(picture)
            if self._observers is not None:
                self._observers.publish(picture)
            self._collect(snapshot, now_us)
        for reply in replies:
            if reply.id:  # an observer's stop has no number
                self._writer.put(encode_reply(reply))
        self._writer.flush()

    def _collect(self, snapshot: Snapshot, now_us: int) -> None:
        """Garbage is collected where nothing flows: whole while nothing runs, the young alone in the rests of a run."""
        if now_us < self._collect_us:
            return
        if snapshot.phase not in BEGUN:
            generation = 2
        elif all(view.cycle is Cycle.REST for view in snapshot.channels):
            generation = 0
        else:
            return
        self._collect_us = now_us + COLLECT_US
        gc.collect(generation)
