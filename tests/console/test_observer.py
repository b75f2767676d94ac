"""Looking on: pictures in, a stop out, nothing else, whatever is pressed; the controller's second end."""

from __future__ import annotations

import json
import os
import socket
import stat
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager, suppress
from pathlib import Path
from typing import Any, cast

import pytest

from estim.console.keys import ACTIONS
from estim.console.observer import ObserverConsole, SameRoomDialog, WatchScreen
from estim.controller.observers import KEY_WITHIN_US, OBSERVERS_MAX, Observers
from estim.controller.observing import ObserverClient, running_sessions
from estim.platform.waiting import waiting
from estim.safety.errors import UsageError
from estim.safety.reports import OutputState
from estim.session import events
from estim.session.snapshot import Snapshot
from estim.session.state import Phase

from .conftest import NEVER_S, Bench
from .fake_session import FakeSession


class WatchedSession(FakeSession):
    """A session of somebody else's."""

    ended = False
    standing = False

    def picture(self) -> Snapshot:
        import dataclasses

        return dataclasses.replace(super().picture(), weight_bearing=self.standing)


@asynccontextmanager
async def watching(*, standing: bool = False) -> AsyncIterator[Bench]:
    session = WatchedSession()
    session.standing = standing
    session.configured(2)
    session.phase, session.output = Phase.RUNNING, OutputState.ON
    app = ObserverConsole(cast("ObserverClient", session), look_s=NEVER_S)
    async with app.run_test(size=(100, 30)) as pilot:
        await pilot.pause()
        bench = Bench(app, pilot, session)
        await bench.look(2.0)
        yield bench


async def test_it_shows_the_session_and_says_who_it_is() -> None:
    async with watching() as b:
        assert isinstance(b.app.screen, WatchScreen)
        assert "OBSERVER" in b.text("#banner")
        assert "STIM ON" in b.text("#banner")
        assert "You look on" in b.text("#watch-note")
        assert "SPACE = STOP" in b.text("#keys")


async def test_no_key_but_the_stops_does_anything() -> None:
    async with watching() as b:
        keys = [key for action in ACTIONS.values() for key in action.keys if action.id not in {"leave", "help"}]
        await b.press(*keys, *"12345678yjklq", "enter", "tab")
        assert b.session.requests == []
        assert b.session.stops == []
        assert isinstance(b.app.screen, WatchScreen)


@pytest.mark.parametrize("key", ["space", "f12", "escape"])
async def test_a_stop_key_stops(key: str) -> None:
    async with watching() as b:
        await b.press(key)
        assert b.session.stops == ["key"]


async def test_the_palette_offers_nothing_of_the_session() -> None:
    async with watching() as b:
        titles = [command.title for command in b.app.get_system_commands(b.app.screen)]
        assert titles
        assert not any("Practice" in title for title in titles)


async def test_a_standing_patient_is_stopped_from_the_same_room_alone() -> None:
    async with watching(standing=True) as b:
        assert "drops the patient" in b.text("#watch-note")
        await b.press("space")
        assert isinstance(b.app.screen, SameRoomDialog)
        await b.press("space", "f12")
        assert b.session.stops == []
        await b.press("f7")
        assert b.session.stops == []
        await b.press("space", "y")
        assert b.session.stops == ["key"]


async def test_leaving_leaves_the_session_alone() -> None:
    async with watching() as b:
        await b.pilot.press("ctrl+q")
        await b.pilot.pause()
        assert b.app.return_code == 0
        assert b.session.stops == []


# -- the controller's end -------------------------------------------------------------------------------------------


@pytest.fixture
def second_end(tmp_path: Path) -> Iterator[Observers]:
    observers = Observers(tmp_path / "observe", waiting())
    yield observers
    observers.close()


def card(home: Path) -> dict[str, Any]:
    return dict(json.loads((home / "observe" / f"{os.getpid()}.json").read_text()))


def connect(home: Path, key: str | None = None) -> socket.socket:
    place = card(home)["place"]
    connection = socket.socket(socket.AF_UNIX if place.startswith("/") else socket.AF_INET)
    if place.startswith("/"):
        connection.connect(place)
    else:
        connection.connect(("127.0.0.1", int(place.rpartition(":")[2])))
    if key is not None:
        connection.sendall(json.dumps({"key": key}).encode() + b"\n")
    return connection


def test_the_card_and_the_socket_are_their_owners_alone(tmp_path: Path, second_end: Observers) -> None:
    path = tmp_path / "observe" / f"{os.getpid()}.json"
    assert stat.S_IMODE(path.stat().st_mode) == 0o600
    assert stat.S_IMODE((tmp_path / "observe").stat().st_mode) == 0o700
    place = Path(card(tmp_path)["place"])
    if place.is_absolute():
        assert stat.S_IMODE(place.stat().st_mode) == 0o600
    assert running_sessions(tmp_path) == {os.getpid(): path}
    second_end.close()
    assert running_sessions(tmp_path) == {}


def test_a_known_observer_gets_pictures_and_may_stop(tmp_path: Path, second_end: Observers) -> None:
    connection = connect(tmp_path, card(tmp_path)["key"])
    assert second_end.poll(0) == []
    assert second_end.poll(1) == []
    second_end.publish(b'{"type":"snapshot"}\n')
    assert connection.recv(100) == b'{"type":"snapshot"}\n'
    connection.sendall(b'{"type":"Stop","who":"PT2"}\n' * 100)
    assert second_end.poll(2) == [events.Stop(id=0, source="observer:PT2")]
    connection.close()


@pytest.mark.parametrize(
    "line",
    [
        b'{"type":"Raise","channel":1,"snapshot_n":1}\n',
        b'{"type":"Heartbeat"}\n',
        b'{"type":"Start","id":1}\n',
        b"[]\n",
        b"nothing\n",
        b"\xff\xfe\n",
    ],
)
def test_nothing_else_is_taken(tmp_path: Path, second_end: Observers, line: bytes) -> None:
    connection = connect(tmp_path, card(tmp_path)["key"])
    second_end.poll(0)
    second_end.poll(1)
    connection.sendall(line)
    assert second_end.poll(2) == []
    connection.close()


@pytest.mark.parametrize("key", ["", "0" * 64, None])
def test_without_the_key_there_is_no_picture_and_no_stop(
    tmp_path: Path, second_end: Observers, key: str | None
) -> None:
    connection = connect(tmp_path, key)
    connection.setblocking(False)
    second_end.poll(0)
    with suppress(BrokenPipeError, ConnectionResetError):
        connection.sendall(b'{"type":"Stop"}\n')
    assert second_end.poll(1) == []
    second_end.publish(b"picture\n")
    assert second_end.poll(KEY_WITHIN_US + 2) == []
    second_end.publish(b"picture\n")
    with suppress(ConnectionResetError):
        assert connection.recv(100) == b""
    connection.close()


def test_there_is_room_for_a_few(tmp_path: Path, second_end: Observers) -> None:
    many = [connect(tmp_path, card(tmp_path)["key"]) for _ in range(OBSERVERS_MAX + 1)]
    for at in range(20):
        second_end.poll(at)
    assert len(second_end) == OBSERVERS_MAX
    for connection in many:
        connection.close()
    for at in range(20, 40):
        second_end.poll(at)
    assert len(second_end) == 0


def test_a_long_home_gets_a_port_instead_of_a_socket(tmp_path: Path) -> None:
    home = tmp_path / ("long" * 30)
    observers = Observers(home / "observe", waiting())
    try:
        assert card(home)["place"].startswith("127.0.0.1:")
        connection = connect(home, card(home)["key"])
        observers.poll(0)
        observers.poll(1)
        observers.publish(b"picture\n")
        assert connection.recv(100) == b"picture\n"
        connection.close()
    finally:
        observers.close()


def test_looking_on_needs_a_session(tmp_path: Path) -> None:
    with pytest.raises(UsageError, match="none runs"):
        ObserverClient(tmp_path, pid=None, who="x")
