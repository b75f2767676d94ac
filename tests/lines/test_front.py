"""A front that is held up: for as long as its lease allows nothing happens, for longer it stops."""

from __future__ import annotations

import random
from collections.abc import Iterator

import pytest

from estim.lines.front import LOOK_S, SEALED_S, SLOW_S, STILL_S, Front
from estim.session.lease import HEARTBEAT_FRESH_US, Lease

STALL_S = 0.6
BUSY_S = 0.25  # what a busy machine adds to a stall before the front goes on: with 0.6 s still nobody's fault


class Client:
    """Hears the heartbeats as the controller does."""

    def __init__(self) -> None:
        self.now_s = 100.0
        self.stops: list[str] = []
        self.said: list[str] = []
        self.lease = Lease()
        self.beaten = 0
        self.takeover = None
        self.fatal = ""
        self.beat()

    def beat(self) -> None:
        self.lease.beat(round(self.now_s * 1e6))
        self.beaten += 1

    heartbeat = beat

    def stop(self, source: str) -> int:
        self.stops.append(source)
        return 0

    def close(self) -> None:
        """Nothing to close."""

    def silent(self) -> bool:
        now_us = round(self.now_s * 1e6)
        self.lease.status(now_us)
        return self.lease.lapsed(now_us) == "console-silent"


@pytest.fixture
def client() -> Client:
    return Client()


@pytest.fixture
def front(client: Client) -> Iterator[Front]:
    made = Front(client, client.said.append, clock=lambda: client.now_s)  # type: ignore[arg-type]
    yield made
    made.close()


def test_a_thousand_stalls_of_a_working_front_end_nothing(client: Client, front: Front) -> None:
    chance = random.Random(6)
    for _ in range(1_000):
        for _ in range(chance.randint(1, 30)):
            client.now_s += LOOK_S + chance.random() * 0.02
            assert not client.silent()
            assert front.beat() == 0.0
        client.now_s += chance.uniform(0.3, STALL_S) + chance.random() * BUSY_S
        assert not client.silent(), "judged before it could beat again"
        assert front.beat() == 0.0
    assert client.stops == []
    assert client.beaten > 5_000


def test_a_front_that_stood_for_longer_than_its_lease_stops(client: Client, front: Front) -> None:
    front.beat()
    client.now_s += STILL_S + 0.1
    assert client.silent()
    assert front.beat() > STILL_S
    assert client.stops == ["line"]
    assert round(STILL_S * 1e6) == HEARTBEAT_FRESH_US


@pytest.mark.parametrize("waits_s", [0.5, 12.0, 29.0, 31.0])
def test_a_signature_waits_for_a_slow_disk_and_not_for_one_that_stands(
    client: Client, front: Front, waits_s: float
) -> None:
    """Of a disk that took 20 s for each wait nobody was told, and the front had not ended 45 s after the stop."""
    front.signs(7)
    until_s = client.now_s + waits_s
    over = False
    while client.now_s < until_s and not over:
        client.now_s += LOOK_S
        over = front.over()
    assert over == (waits_s > SEALED_S)
    told = [line for line in client.said if "disk" in line]
    assert len(told) == (waits_s > SLOW_S) + (waits_s > SEALED_S)
    if not over:
        front.heard(7)
        client.now_s += 2 * SEALED_S
        assert not front.over(), "it was answered"
