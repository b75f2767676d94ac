"""A scripted session on a simulated device, in real time."""

from __future__ import annotations

from collections.abc import Callable

from estim.controller.interface import SessionClient
from estim.desk.acting import VirtualPatient
from estim.desk.script import ScriptedTherapist
from estim.lines.front import LOOK_S, Front
from estim.lines.keyboard import Bystander
from estim.session.events import Sign


def play(
    client: SessionClient,
    person: ScriptedTherapist,
    *,
    say: Callable[[str], None],
    patient: VirtualPatient | None = None,
    bystander: Bystander | None = None,
) -> None:
    """Until the session is signed, nobody reads what it says, or the controller is lost; the client is closed then.

    `patient` does what the protocol asks of who is treated.

    Ctrl-C and its like stop, and so does who types (`Bystander`); the session is signed as stopped.
    """
    front = Front(client, say, drill=person.setup.drill)
    bystander, told = bystander or Bystander(), False  # a terminal's end is there for good: it is told once
    try:
        while not person.done and not front.over() and not front.unread:
            if front.stopped():
                person.halt()
                front.say("stopped")
            if still_s := front.beat():
                person.halt()
                front.say(f"stopped: this program stood still for {still_s:.1f} s")
            for answer in client.poll():
                for note in answer.problems if answer.accepted else ():
                    front.say(f"  ! {note['message']}")
                front.heard(answer.id)
                person.replied(answer)
            snapshot = client.snapshot
            if snapshot is not None:
                front.tell(snapshot)
                if client.takeover is None:
                    for request in [*person.act(snapshot), *(patient.act(snapshot) if patient is not None else ())]:
                        client.send(request)
                        if isinstance(request, Sign):
                            front.signs(request.id)
            if bystander.wait(LOOK_S):
                client.stop("line")
                if not told:
                    front.say("stopped")
                person.halt()
                told = True
    finally:
        front.close()
        bystander.close()
