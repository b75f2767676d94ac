"""The controller process: one plain loop, no asyncio, no drawing. Composition root of the child.

`python -m estim.controller --device ADDRESS [--simulated] [--side URL] --home DIR`, requests on standard input,
snapshots and answers on standard output. It ends when its parent does; output is stopped first.
"""

from __future__ import annotations

import argparse
import contextlib
import datetime
import gc
import os
import queue
import select
import signal
import sys
import threading
from dataclasses import replace
from pathlib import Path

from estim.controller.clock import JUMP_US, SessionClock
from estim.controller.interface import ConfigureFrom
from estim.controller.loading import load_for
from estim.controller.messages import LINE_MAX, decode_request, encode_fatal, encode_reply, encode_snapshot
from estim.controller.observers import Observers
from estim.controller.pipe import LineReader, LineWriter
from estim.controller.runner import Runner
from estim.controller.signing_in import Reception, refused
from estim.drivers.address import Address, open_link
from estim.drivers.models import MODELS
from estim.drivers.room import open_room
from estim.records.chain import Chain
from estim.records.home import Home
from estim.records.keys import station_signer
from estim.records.site import limits_in_force
from estim.records.today import folder_name
from estim.records.writer import RecordWriter
from estim.safety.errors import EstimError, ProtocolError, RecordError, UsageError
from estim.session import events
from estim.session.effects import Reply
from estim.session.engine import SessionEngine
from estim.session.events import Event
from estim.session.state import Phase

SNAPSHOT_US = 50_000
WAIT_MAX_S = 0.05  # a reply of the disk's thread has no file to wait for
LEAVE_MAX_US = 10_000_000
_LIVE = frozenset({Phase.ARMED, Phase.RUNNING})
_NEVER_HELD = (events.Stop, events.Heartbeat)


class Controller:
    """The loop around one `Runner`."""

    def __init__(self, address: Address, side: str, home: Home) -> None:
        self._clock = SessionClock()
        self._home = home
        self._address = address
        self._reception = Reception(home, simulated=address.simulated, device=address.url)
        self._from_reception: queue.SimpleQueue[events.SignIn | Reply | Exception] = queue.SimpleQueue()
        self._reading_up = False
        self._held: list[Event | ConfigureFrom] = []  # what was asked after a sign-in that is still being read up
        model = MODELS[address.model]
        link = open_link(address)
        engine = SessionEngine(model.profile, limits_in_force(home), simulated=address.simulated)
        self._runner = Runner(
            engine,
            model.make(),
            link,
            clock=self._clock.now_us,
            open_record=self._open_record,
            room=open_room(side),
            reconnect=lambda: (model.make(), open_link(address)),
        )
        self._reader = LineReader(sys.stdin.fileno(), line_max=LINE_MAX)
        self._writer = LineWriter(sys.stdout.fileno())
        self._observers = _observers(home)
        self._signals: list[str] = []
        self._leave_at_us: int | None = None
        self._due_us: int | None = 0
        self._snapshot_us = 0
        self._frozen = False
        for number in (signal.SIGTERM, signal.SIGINT, getattr(signal, "SIGHUP", signal.SIGTERM)):
            signal.signal(number, lambda caught, _frame: self._signals.append(signal.Signals(caught).name))

    def _open_record(self, patient_id: str) -> RecordWriter:
        name = folder_name(datetime.datetime.now(datetime.UTC), patient_id)
        folder = self._home.records(simulated=self._address.simulated) / name
        return RecordWriter(folder, Chain(simulated=self._address.simulated), station_signer(self._home.root))

    def run(self) -> int:
        """Turn by turn, until the front is gone and output is off."""
        try:
            return self._run()
        finally:
            if self._observers is not None:
                self._observers.close()

    def _run(self) -> int:
        self._runner.start()
        while True:
            late = self._wait()
            incoming = self._incoming(late)
            self._due_us = self._runner.turn(incoming)
            if self._runner.record is None and not self._reading_up:
                self._reception.left()
            self._say()
            self._collect_garbage()
            if self._runner.engine.finished:
                return 0
            if self._leave_at_us is not None and self._clock.now_us() > self._leave_at_us:
                return 4  # output stayed uncertain

    def _wait(self) -> int:
        """Until something comes in or is due; gives by how much that turn is late, beyond what is normal."""
        now_us = self._clock.now_us()
        until_us = min(self._snapshot_us, self._due_us if self._due_us is not None else self._snapshot_us)
        wait_s = min(WAIT_MAX_S, max(0.0, (until_us - now_us) / 1e6))
        files: list[int] = [] if self._reader.ended else [sys.stdin.fileno()]
        link = self._runner.link
        if link is not None and link.fileno() >= 0:
            files.append(link.fileno())
        if self._observers is not None:
            files += self._observers.filenos()
        with contextlib.suppress(InterruptedError):
            select.select(files, (), (), wait_s)
        passed_us = self._clock.now_us() - now_us
        return passed_us if passed_us > JUMP_US + int(wait_s * 1e6) else self._clock.slept_us()

    def _incoming(self, late_us: int) -> list[Event]:
        incoming: list[Event] = []
        if late_us > JUMP_US:
            incoming.append(events.ClockJumped(late_us=late_us))
        while self._signals:
            self._note_leaving()
            incoming.append(events.Signal(name=self._signals.pop(0)))
        if self._observers is not None:
            incoming += self._observers.poll(self._clock.now_us())
        if not self._reader.ended:
            for line in self._reader.lines():
                incoming += self._asked(line)
            if self._reader.ended:
                self._note_leaving()
                incoming.append(events.ConsoleGone())
        incoming += self._signed_in()
        if self._leave_at_us is not None:
            incoming.append(events.Heartbeat())  # nobody is left to send one; the stop is on its way already
        return incoming

    def _note_leaving(self) -> None:
        if self._leave_at_us is None:
            self._leave_at_us = self._clock.now_us() + LEAVE_MAX_US

    def _asked(self, line: bytes) -> list[Event]:
        try:
            request = decode_request(line)
        except UsageError as error:
            sys.stderr.write(f"{error}\n")
            return []
        if (self._reading_up or self._held) and not isinstance(request, _NEVER_HELD):
            self._held.append(request)
            return []
        event = self._event(request)
        return [] if event is None else [event]

    def _event(self, request: Event | ConfigureFrom) -> Event | None:
        if isinstance(request, events.SignIn | events.Sign):
            return self._at_reception(request)
        if not isinstance(request, ConfigureFrom):
            return request
        try:
            return load_for(request, own=self._home.protocols)
        except ProtocolError as error:
            self._writer.put(encode_reply(Reply(id=request.id, accepted=False, problems=error.problems)))
            return None

    def _at_reception(self, request: events.SignIn | events.Sign) -> Event | None:
        """Refused here: who it is, what the patient had today or what tightens limits is not known well enough.

        Signing in reads today's records: a second for each hour of treatment that no index knows yet. The loop can't
        stand still for so long, its console would take it for dead: a thread reads, and `_signed_in` fetches.
        """
        if isinstance(request, events.SignIn):
            if self._runner.record is not None:
                return replace(request, pin="")  # refused: a session is open; nothing is read while output may be on
            self._reading_up = True
            threading.Thread(target=self._read_up, args=(request,), name="reception", daemon=True).start()
            return None
        try:
            return self._reception.sign(request)
        except RecordError as error:
            self._writer.put(encode_reply(Reply(id=request.id, accepted=False, problems=(refused(error, "sign"),))))
            return None

    def _read_up(self, request: events.SignIn) -> None:
        try:
            self._from_reception.put(self._reception.sign_in(request))
        except RecordError as error:
            self._from_reception.put(Reply(id=request.id, accepted=False, problems=(refused(error, "sign-in"),)))
        except Exception as error:  # raised again in the loop
            self._from_reception.put(error)

    def _signed_in(self) -> list[Event]:
        """The sign-in that was read up, and what was asked after it, in its order; a second sign-in is read up again.

        One turn lies between both, so that a session is open when the rest is judged.
        """
        if not self._reading_up:
            return self._asked_meanwhile()
        if self._from_reception.empty():
            return []
        self._reading_up = False
        read = self._from_reception.get()
        if isinstance(read, Exception):
            raise read
        if isinstance(read, Reply):
            self._writer.put(encode_reply(read))
            return []
        return [read]

    def _asked_meanwhile(self) -> list[Event]:
        found: list[Event] = []
        while self._held and not self._reading_up:
            event = self._event(self._held.pop(0))
            if event is not None:
                found.append(event)
        return found

    def _say(self) -> None:
        replies, self._runner.replies = self._runner.replies, []
        now_us = self._clock.now_us()
        if now_us >= self._snapshot_us or replies:
            # Snapshot before answers: who hears an answer has already seen what it led to.
            self._snapshot_us = now_us + SNAPSHOT_US
            picture = encode_snapshot(self._runner.snapshot())
            self._writer.put_latest(picture)
            if self._observers is not None:
                self._observers.publish(picture)
        for reply in replies:
            if reply.id:  # an observer's stop has no number
                self._writer.put(encode_reply(reply))
        self._writer.flush()

    def _collect_garbage(self) -> None:
        """No collection while output may be on: it would hold up a turn."""
        live = self._runner.engine.phase in _LIVE
        if live and not self._frozen:
            gc.collect()
            gc.freeze()
            gc.disable()
        elif not live and self._frozen:
            gc.enable()
            gc.unfreeze()
        self._frozen = live


def _observers(home: Home) -> Observers | None:
    """Those who look on; where that is not possible a session goes on without them."""
    try:
        return Observers(home.root / "observe")
    except OSError as error:
        sys.stderr.write(f"nobody can look on: {error}\n")
        return None


def main() -> int:
    """0 when all went well, 3 if the device can't be reached, 4 if output stayed uncertain."""
    parser = argparse.ArgumentParser(prog="python -m estim.controller", description=__doc__)
    parser.add_argument("--device", required=True)
    parser.add_argument("--model", required=True, choices=sorted(MODELS))
    parser.add_argument("--simulated", action="store_true")
    parser.add_argument("--side", default="")
    parser.add_argument("--home", required=True)
    given = parser.parse_args()
    home = Home(Path(given.home))
    try:
        controller = Controller(Address(given.model, given.device, given.simulated), given.side, home)
    except EstimError as error:
        os.set_blocking(sys.stdout.fileno(), True)
        sys.stdout.buffer.write(encode_fatal(str(error)))
        sys.stdout.buffer.flush()
        return 3
    return controller.run()


if __name__ == "__main__":
    sys.exit(main())
