"""An open port in the hands of two processes: the one that is left still has it, whoever else has it open."""

from __future__ import annotations

import os
from collections.abc import Iterator
from pathlib import Path

import pytest

from estim.drivers.kept_link import KeptLink
from estim.drivers.models import MODELS
from estim.drivers.serial_link import SerialLink
from estim.platform.handing_over import NOTHING, Giver, Keeper
from estim.safety.errors import LinkLost

tty = pytest.importorskip("tty")  # on Windows the port of a dead process is free


@pytest.fixture
def handed() -> Iterator[tuple[Keeper, Giver]]:
    keeper = Keeper()
    giver = Giver(os.dup(keeper.fd))
    keeper.started()
    yield keeper, giver
    giver.close()
    keeper.close()


@pytest.fixture
def port() -> Iterator[tuple[int, str]]:
    master, slave = os.openpty()
    tty.setraw(slave)
    yield master, os.ttyname(slave)
    os.close(slave)
    os.close(master)


def test_what_was_handed_over_is_the_port_itself(handed: tuple[Keeper, Giver], port: tuple[int, str]) -> None:
    keeper, giver = handed
    master, name = port
    owner = SerialLink(name, MODELS["p24"])
    giver.give(owner.fileno())
    keeper.look()
    os.close(owner.fileno())  # as a killed process leaves it: nothing is given back
    owner._port.is_open = False  # or it closes, when it is collected, whatever has that number by then
    kept = KeptLink(keeper.take())
    assert keeper.take() == NOTHING
    assert kept.read() == b""
    kept.write(b"stop")
    assert os.read(master, 100) == b"stop"
    os.write(master, b"idle")
    assert kept.read() == b"idle"
    kept.close()
    kept.close()
    SerialLink(name, MODELS["p24"]).close()  # neither lock nor exclusive use is left


def test_a_port_that_its_owner_gave_back_is_free_whoever_keeps_it(
    handed: tuple[Keeper, Giver], port: tuple[int, str]
) -> None:
    keeper, giver = handed
    owner = SerialLink(port[1], MODELS["p24"])
    giver.give(owner.fileno())
    keeper.look()
    owner.close()
    again = SerialLink(port[1], MODELS["p24"])
    giver.give(again.fileno())
    kept = keeper.take()
    assert os.fstat(kept).st_rdev == os.fstat(again.fileno()).st_rdev
    os.close(kept)
    again.close()


def test_a_device_that_is_unplugged_gets_its_name_back(handed: tuple[Keeper, Giver]) -> None:
    keeper, giver = handed
    master, slave = os.openpty()
    giver.give(slave)
    keeper.look()
    kept = KeptLink(os.dup(slave))
    os.close(slave)
    os.close(master)
    assert keeper.take() == NOTHING
    with pytest.raises(LinkLost):
        kept.read()
    with pytest.raises(LinkLost):
        kept.write(b"x")
    kept.close()


def test_a_connection_is_not_kept_open_and_a_keeper_that_is_gone_is_no_trouble(
    handed: tuple[Keeper, Giver], tmp_path: Path
) -> None:
    keeper, giver = handed
    with (tmp_path / "no port").open("wb") as file:
        giver.give(file.fileno())
    assert keeper.take() == NOTHING
    Giver().give(0)
    keeper.close()
    keeper.close()
    master, slave = os.openpty()
    giver.give(slave)
    os.close(slave)
    os.close(master)
