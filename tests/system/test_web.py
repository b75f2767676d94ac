"""`estim console --web`: one practice session over the browser's own connection, from sign-in to the sealed record."""

from __future__ import annotations

import asyncio
import contextlib
import socket
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from aiohttp import ClientSession, ClientWebSocketResponse, WSMsgType, WSServerHandshakeError

from estim.records.verify import verify_session
from tests.support import sample
from tests.system import browser_session, therapist
from tests.system.conftest import PATIENCE_S, environment, wait_until
from tests.system.machine import once_more
from tests.system.terminal import KEYS, Hands, Picture
from tests.turns import its_turn

COLUMNS, ROWS = 100, 30


class Tab(Hands):
    """A browser's tab, as far as textual-serve sees one."""

    def __init__(self, port: int, loop: asyncio.AbstractEventLoop) -> None:
        self._loop = loop
        self.picture = Picture(COLUMNS, ROWS)
        self._session, self._socket = self._do(self._open(port))

    def _do(self, what: Any) -> Any:
        return self._loop.run_until_complete(what)

    async def _open(self, port: int) -> tuple[ClientSession, ClientWebSocketResponse]:
        session = ClientSession()
        url = f"http://127.0.0.1:{port}/ws?width={COLUMNS}&height={ROWS}"
        return session, await session.ws_connect(url, origin=f"http://127.0.0.1:{port}")

    async def _read(self, seconds: float) -> None:
        until = time.monotonic() + seconds
        while (left := until - time.monotonic()) > 0:
            try:
                message = await asyncio.wait_for(self._socket.receive(), left)
            except TimeoutError:
                return
            if message.type is WSMsgType.BINARY:
                self.picture.feed(message.data)
            elif message.type in {WSMsgType.CLOSED, WSMsgType.CLOSE}:
                return

    def look(self, seconds: float = 0.0) -> None:
        self._do(self._read(max(seconds, 0.01)))

    def press(self, *keys: str) -> None:
        for key in keys:
            text = (KEYS.get(key) or key.encode()).decode()
            self._do(self._socket.send_json(["stdin", text]))
            self.look(0.05)

    def close(self) -> None:
        self._do(self._socket.close())
        self._do(self._session.close())


@pytest.fixture
def loop() -> Iterator[asyncio.AbstractEventLoop]:
    loop = asyncio.new_event_loop()
    yield loop
    loop.close()


@pytest.fixture
def port(tmp_path: Path) -> Iterator[int]:
    """A served console on a free port."""
    with served(tmp_path) as number:
        yield number


@contextlib.contextmanager
def served(home: Path) -> Iterator[int]:
    """A served console on a free port, with this home."""
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        number = free.getsockname()[1]
    # Two long ones: a second tab takes seconds to come up on a busy machine, and finds the first still at therapy.
    text = sample("contractions = 3", "contractions = 2").replace("on_s = 2\noff_s = 2", "on_s = 10\noff_s = 10")
    therapist.own_protocol(home, text)
    with (home / "web.log").open("wb") as log:
        server = subprocess.Popen(
            [sys.executable, "-m", "estim", "console", "--web", "--port", str(number), "--home", str(home)],
            stdin=subprocess.DEVNULL, stdout=log, stderr=log, env=environment(home),
        )  # fmt: skip

    def listens() -> bool:
        assert server.poll() is None, (home / "web.log").read_text()
        with socket.socket() as probe:
            return probe.connect_ex(("127.0.0.1", number)) == 0

    try:
        wait_until(listens, what="it serves")
        yield number
    finally:
        server.terminate()
        server.wait(PATIENCE_S)


@pytest.mark.skipif(not its_turn(0, 2), reason="a whole session in a browser is played on the other days")
def test_a_practice_session_in_a_tab_and_a_second_tab_that_looks_on(
    tmp_path: Path, port: int, loop: asyncio.AbstractEventLoop
) -> None:
    tab: Any = Tab(port, loop)
    therapist.to_therapy(tab)
    other: Any = Tab(port, loop)
    other.sees("OBSERVER")
    other.sees("STIM ON", "RUNNING")
    other.press("p", "+", "e")
    other.close()
    tab.sees("on to the outcome")
    therapist.end_and_sign(tab)
    tab.close()
    (record,) = (tmp_path / "records" / "simulated").glob("2*/record.jsonl")
    verdict = verify_session(record.parent)
    assert verdict.ok
    assert verdict.sealed
    assert verdict.outcome == "completed"


def test_closing_the_tab_stops(tmp_path: Path, loop: asyncio.AbstractEventLoop) -> None:
    once_more(tmp_path, lambda home: _closed_tab(home, loop))


def _closed_tab(home: Path, loop: asyncio.AbstractEventLoop) -> None:
    with served(home) as port:
        tab: Any = Tab(port, loop)
        try:
            therapist.to_therapy(tab)
        finally:
            tab.close()
        (record,) = (home / "records" / "simulated").glob("2*/record.jsonl")
        wait_until(lambda: verify_session(record.parent).sealed, what="stopped and closed")
        assert verify_session(record.parent).outcome == "stopped"


def test_another_page_gets_nothing(port: int, loop: asyncio.AbstractEventLoop) -> None:
    async def attempts() -> tuple[list[int], str, str]:
        codes = []
        async with ClientSession() as session:
            for headers in ({"Host": "example.org"}, {"Host": f"127.0.0.1:{port}", "Origin": "http://example.org"}):
                async with session.get(f"http://127.0.0.1:{port}/", headers=headers) as answer:
                    codes.append(answer.status)
            try:
                await session.ws_connect(f"http://127.0.0.1:{port}/ws", origin="http://example.org")
            except WSServerHandshakeError as error:
                codes.append(error.status)
            async with session.get(f"http://127.0.0.1:{port}/") as answer:
                return codes, answer.headers["Content-Security-Policy"], await answer.text()

    codes, policy, page = loop.run_until_complete(attempts())
    assert codes == [403, 403, 403]
    assert "googleapis" not in policy
    assert policy.startswith("default-src 'self'")
    assert page.count("querySelector('.xterm-helper-textarea')") == 1  # it takes the keys without a click


@pytest.mark.parametrize("device", ["/dev/ttyUSB0", "socket://127.0.0.1:9", "sim+p24:socket://127.0.0.1:9"])
def test_real_devices_are_refused_with_the_reason(tmp_path: Path, device: str) -> None:
    done = subprocess.run(
        [sys.executable, "-m", "estim", "console", "--web", "--device", device],
        stdin=subprocess.DEVNULL, capture_output=True, env=environment(tmp_path), timeout=PATIENCE_S, check=False,
    )  # fmt: skip
    assert done.returncode == 1
    assert b"simulated devices alone" in done.stderr
    assert not (tmp_path / "logs").exists()


@pytest.mark.skipif(not its_turn(1, 2), reason="a whole session in two tabs is played on the other days")
@pytest.mark.skipif(bool(browser_session.missing()), reason=f"not on the path: {', '.join(browser_session.missing())}")
def test_a_practice_session_in_a_real_browser(tmp_path: Path) -> None:
    browser_session.whole_session(tmp_path, tmp_path)
    (record,) = (tmp_path / "records" / "simulated").glob("2*/record.jsonl")
    verdict = verify_session(record.parent)
    assert (verdict.ok, verdict.sealed, verdict.outcome) == (True, True, "completed")
    assert all('"simulated":true' in line for line in record.read_text(encoding="utf-8").splitlines())
    assert len(list(tmp_path.glob("*.png"))) == 6
