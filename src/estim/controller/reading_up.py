"""What the disk or a slow hash must answer before the engine can judge a request: read in a thread, in its order.

Signing in reads today's records, a second for each hour of treatment that no index knows yet; a PIN takes its time on
purpose; a protocol's file may lie on a disk that stands. The loop waits for none of it.
"""

from __future__ import annotations

import queue
import threading
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

from estim.controller.interface import ConfigureFrom
from estim.controller.loading import load_for
from estim.controller.signing_in import Reception, refused
from estim.platform.priority import raise_thread
from estim.safety.errors import ProtocolError, RecordError
from estim.session import events
from estim.session.effects import Reply
from estim.session.events import Event

Asked = ConfigureFrom | events.SignIn | events.Sign
TO_READ = (ConfigureFrom, events.SignIn, events.Sign)


class ReadingUp:
    """One thread, one request at a time.

    Args:
        own: the folder of own protocols.
        wake: called from the thread when there is an answer.
        apart: called first in the thread (`Waiting.apart`): while the disk keeps it, it keeps neither port nor pipe.
        device_refused: why this stimulator may put out nothing ("" if it may): what a bench found of it.
        qualified: what a bench last said of it, for the record.
    """

    def __init__(
        self,
        reception: Reception,
        own: Path,
        *,
        wake: Callable[[], None],
        apart: Callable[[], object],
        device_refused: Callable[[], str],
        qualified: Callable[[], str],
    ) -> None:
        self._reception, self._own = reception, own
        self._wake, self._apart = wake, apart
        self._device_refused, self._qualified = device_refused, qualified
        self._asked: queue.SimpleQueue[Asked | None] = queue.SimpleQueue()
        self._read: queue.SimpleQueue[Event | Reply | Exception] = queue.SimpleQueue()
        self.busy = False
        threading.Thread(target=self._work, name="reading-up", daemon=True).start()

    def ask(self, request: Asked) -> None:
        """Read up for this one; only when not `busy`."""
        self.busy = True
        self._asked.put(request)

    def leave(self) -> None:
        """The session is over: the patient may be in another one. Comes before whatever is asked next."""
        self._asked.put(None)

    def fetch(self) -> Event | Reply | None:
        """The request as the engine takes it, or why it is refused; None while it is being read."""
        try:
            read = self._read.get_nowait()
        except queue.Empty:
            return None
        self.busy = False
        if isinstance(read, Exception):
            raise read
        return read

    def _work(self) -> None:
        raise_thread()  # first of all: while it holds the interpreter, the control loop is no faster than it
        self._apart()
        while True:
            request = self._asked.get()
            try:
                if request is None:
                    self._reception.left()
                    continue
                self._read.put(self._answer(request))
            except Exception as error:  # raised again in the loop
                self._read.put(error)
            self._wake()

    def _answer(self, request: Asked) -> Event | Reply:
        try:
            if isinstance(request, events.SignIn):
                return replace(self._reception.sign_in(request), qualification=self._qualified())
            if isinstance(request, events.Sign):
                return self._reception.sign(request)
            if reason := self._device_refused():
                return Reply(id=request.id, accepted=False, problems=(refused(RecordError(reason), "device"),))
            return load_for(request, own=self._own, past=self._reception.recent)
        except (RecordError, OSError) as error:  # a home that can't be read or written lets nobody in; it kills nothing
            key = "sign-in" if isinstance(request, events.SignIn) else "sign"
            return Reply(id=request.id, accepted=False, problems=(refused(error, key),))
        except ProtocolError as error:
            return Reply(id=request.id, accepted=False, problems=error.problems)
