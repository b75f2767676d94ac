"""Discovery: ports by USB id, asked only when told to, with the reason where nobody answers."""

from __future__ import annotations

from dataclasses import dataclass

import pytest

from estim.drivers.address import Address, parse_address
from estim.drivers.discovery import FoundPort, find, list_devices
from estim.safety.errors import LinkLost
from estim.safety.reports import Identified


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


def test_ports_are_told_by_usb_id_and_nobody_is_asked() -> None:
    found = find(PORTS, ask=None, latency_ms=lambda _device: None)
    assert [(port.address, port.model, port.could_be) for port in found] == [
        ("/dev/ttyACM0", "p24", ("p24",)),
        ("/dev/ttyACM1", "", ()),
        ("/dev/ttyS0", "", ()),
        ("/dev/ttyUSB0", "", ("rehamove3", "rehastim2", "rehastim1")),
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
    assert asked == ["p24 /dev/ttyACM0", "rehamove3 /dev/ttyUSB0", "rehastim2 /dev/ttyUSB0"]
    assert (found[0].model, found[0].device_id, found[0].firmware) == ("p24", "X1", "1.2")
    assert parse_address(found[3].address) == Address("rehastim2", "/dev/ttyUSB0", simulated=False)


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
