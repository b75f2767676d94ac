"""Discovery: ports by USB id, asked only when told to, with the reason where nobody answers."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path

import pytest

from estim.cli import main
from estim.drivers.address import Address, parse_address
from estim.drivers.discovery import FoundPort, find, linux_lasting, list_devices
from estim.drivers.models import MODELS
from estim.platform.processes import who_holds
from estim.safety.errors import LinkLost
from estim.safety.reports import Identified
from tests.support import SHORT


@dataclass
class FakePort:
    device: str
    vid: int | None = None
    pid: int | None = None
    description: str = "a port"
    serial_number: str | None = None


PORTS = [
    FakePort("/dev/ttyUSB0", 0x0403, 0x6001),
    FakePort("/dev/ttyACM0", 0x0483, 0x5740),
    FakePort("/dev/ttyACM1", 0x2341, 0x0043),
    FakePort("/dev/ttyS0"),
]


SERIAL_CHIP = tuple(name for name, model in MODELS.items() if model.usb[0] == 0x0403)  # whatever may be behind it


def test_ports_are_told_by_usb_id_and_nobody_is_asked() -> None:
    found = find(PORTS, ask=None, latency_ms=lambda _device: None)
    assert [(port.address, port.model, port.could_be) for port in found] == [
        ("/dev/ttyACM0", "p24", ("p24",)),
        ("/dev/ttyACM1", "", ()),
        ("/dev/ttyS0", "", ()),
        ("/dev/ttyUSB0", "", SERIAL_CHIP),
    ]
    assert "not intended for medical" in found[0].intended_use.lower()


def test_asking_names_model_id_firmware_and_how_to_address_it() -> None:
    asked: list[str] = []

    def ask(address: Address) -> Identified:
        asked.append(f"{address.model} {address.url}")
        if address.model == "rehamove3":
            raise LinkLost("no answer to leave within 250 ms")
        return Identified(model=address.model, device_id="X1", firmware="1.2")

    found = find(PORTS, ask=ask, latency_ms=lambda _device: None)
    tried = [name for name in SERIAL_CHIP if MODELS[name].asked]
    answers = next(name for name in tried if name != "rehamove3")
    assert asked == ["p24 /dev/ttyACM0", *(f"{name} /dev/ttyUSB0" for name in tried[: tried.index(answers) + 1])]
    assert (found[0].model, found[0].device_id, found[0].firmware) == ("p24", "X1", "1.2")
    assert parse_address(found[3].address) == Address(answers, "/dev/ttyUSB0", simulated=False)


@pytest.mark.hazard("H29")
def test_a_port_in_use_says_so() -> None:
    def ask(address: Address) -> Identified:
        raise LinkLost(f"{address.url} is in use: another program holds it")

    found: list[FoundPort] = find(PORTS, ask=ask, latency_ms=lambda _device: None)
    assert "another program holds it" in found[0].note
    assert found[0].model == ""


def test_latency_advice_where_it_matters() -> None:
    found = find(PORTS, ask=None, latency_ms=lambda _device: 16)
    assert [port.note != "" for port in found] == [False, False, False, True]
    assert "16 ms" in found[3].note
    assert not any(port.note for port in find(PORTS, ask=None, latency_ms=lambda _device: 1))


def test_this_computers_ports_are_listed_without_asking() -> None:
    for row in list_devices(probe=False):
        assert row["address"]


def test_a_port_is_told_so_that_a_clinic_understands_it() -> None:
    from estim.cli.tables import _port_lines

    row = {"address": "/dev/ttyUSB0", "model": "", "could_be": ["rehamove3", "rehastim2"], "device_id": "",
           "description": "", "firmware": "", "intended_use": "", "note": "another program holds it"}  # fmt: skip
    assert _port_lines(row) == [
        "/dev/ttyUSB0: could be a rehamove3 or rehastim2; name it: --device rehamove3:/dev/ttyUSB0",
        "    note: another program holds it",
    ]
    named = {**row, "model": "p24", "device_id": "P240012345", "note": "", "intended_use": "For research."}
    assert _port_lines(named) == ["/dev/ttyUSB0: p24, serial number P240012345", "    intended use: For research."]
    assert "no stimulator that estim knows" in _port_lines({**row, "could_be": [], "note": ""})[0]


@pytest.mark.skipif(sys.platform == "win32", reason="a silent port is made of a pty")
def test_a_port_where_nobody_answers_says_what_to_look_at(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """A stimulator that is off, or a cable without data behind a hub: the note had a packet's name and a time alone."""
    master, slave = os.openpty()
    try:
        silent = FakePort(os.ttyname(slave), 0x0483, 0x5740)
        monkeypatch.setattr("serial.tools.list_ports.comports", lambda: [silent])
        monkeypatch.setattr("estim.drivers.discovery._holder", lambda _device: "")
        home = ["--home", str(tmp_path)]
        assert main(["devices", "--probe", *home]) == 0
        assert "do: nobody answered: is it switched on, and plugged in with its own cable (" in capsys.readouterr().out
        assert (
            main(
                [
                    "run",
                    str(SHORT),
                    "--device",
                    f"p24:{silent.device}",
                    "--patient",
                    "p1",
                    "--level",
                    "quadriceps=8",
                    *home,
                ]
            )
            == 3
        )
        assert "is it switched on, and plugged in with its own cable (" in capsys.readouterr().err
        assert main(["devices", *home]) == 0
        assert "nobody answered" not in capsys.readouterr().out
        monkeypatch.setattr("estim.drivers.discovery._holder", lambda _device: "python (process 7)")
        main(["doctor", *home])
        said = capsys.readouterr().out
        assert f"! ports     {silent.device}: p24\n" in said
        assert "cure: held by python (process 7)" in said
    finally:
        os.close(master)
        os.close(slave)


def test_a_port_that_is_held_says_by_whom_and_is_not_asked() -> None:
    asked: list[str] = []

    def ask(address: Address) -> Identified:
        asked.append(address.url)
        return Identified(model=address.model, device_id="X1", firmware="1.2")

    found = find(
        PORTS,
        ask=ask,
        latency_ms=lambda _device: None,
        holder=lambda device: "estim (process 7)" * device.endswith("ACM0"),
    )
    assert found[0].holder == "estim (process 7)"
    assert "end that program" in found[0].cure
    assert "--observe" in found[0].cure
    assert "/dev/ttyACM0" not in asked, "who holds a port has a patient on it"


def test_two_of_a_kind_are_told_apart_and_keep_a_name_that_lasts() -> None:
    twins = [FakePort(f"/dev/ttyACM{n}", 0x0483, 0x5740, serial_number=f"P24{n}") for n in (0, 1)]
    names = {"/dev/ttyACM0": "/dev/serial/by-id/usb-one"}
    found = find(twins, ask=None, latency_ms=lambda _device: None, lasting=lambda device: names.get(device, ""))
    assert [(port.usb_serial, port.lasting) for port in found] == [("P240", "/dev/serial/by-id/usb-one"), ("P241", "")]
    assert all("2 ports could be this stimulator" in port.cure for port in found)
    assert "P241" in found[1].cure
    again = find([twins[0]], ask=None, latency_ms=lambda _device: None)
    assert again[0].cure == ""


@pytest.mark.skipif(sys.platform != "linux", reason="only Linux gives a port a name that lasts, by a link")
def test_the_name_that_lasts_follows_the_port_that_a_hub_renamed(tmp_path: Path) -> None:
    by_id = tmp_path / "by-id"
    by_id.mkdir()
    for number in (0, 1):
        (tmp_path / f"ttyACM{number}").touch()
    link = by_id / "usb-P24-if00"
    link.symlink_to("../ttyACM0")
    assert linux_lasting(str(tmp_path / "ttyACM0"), by_id) == str(link)
    link.unlink()
    link.symlink_to("../ttyACM1")  # as udev does when the device comes back under another number
    assert linux_lasting(str(tmp_path / "ttyACM1"), by_id) == str(link)
    assert linux_lasting(str(tmp_path / "ttyACM0"), by_id) == ""
    assert linux_lasting("/dev/ttyACM0", tmp_path / "no") == ""


@pytest.mark.skipif(sys.platform != "linux", reason="only Linux tells who has a device open")
def test_who_has_a_device_open_is_found(tmp_path: Path) -> None:
    held = tmp_path / "tty"
    held.touch()
    waits = "import sys; f = open(sys.argv[1]); print(1, flush=True); sys.stdin.read()"
    with subprocess.Popen(
        [sys.executable, "-c", waits, str(held)], stdin=subprocess.PIPE, stdout=subprocess.PIPE
    ) as other:
        assert other.stdout is not None
        other.stdout.readline()
        found = who_holds(str(held))
        other.communicate(b"")
    assert found is not None
    assert found[0] == other.pid
    assert who_holds(str(held)) is None


def test_no_stimulator_says_what_to_plug(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> None:
    monkeypatch.setattr("serial.tools.list_ports.comports", lambda: [])
    assert main(["devices"]) == 0
    said = capsys.readouterr().out
    assert "switch it on" in said
    assert "a cable that only charges has no data lines" in said
    assert main(["devices", "--json"]) == 0
    assert "only charges" in json.loads(capsys.readouterr().out)["cure"]
