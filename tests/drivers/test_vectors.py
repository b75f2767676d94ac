"""Every frame of the wire document: host frames as the driver's side encodes them, device frames as it reads them."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from estim.drivers import framing
from estim.drivers import sciencemode2 as sm2
from estim.drivers import sciencemode34 as sm34
from estim.drivers.base import QUESTION_RETRIES
from estim.drivers.models import MODELS
from estim.safety.reports import (
    Battery,
    ChannelFault,
    DeviceFault,
    DeviceLost,
    DeviceStatus,
    DriverReport,
    Identified,
    Noise,
)

from .wire_bench import output, pulse

VECTORS: list[dict[str, Any]] = json.loads((Path(__file__).parent / "wire_vectors.json").read_text("utf-8"))
MODEL = {"P24": "p24", "RehaMove3": "rehamove3", "RehaStim2": "rehastim2"}


def pick(**wanted: object) -> list[Any]:
    """Vectors as parameters, with a name."""
    found = [
        v
        for v in VECTORS
        if all(bool(v.get("malformed")) == w if k == "malformed" else v[k] == w for k, w in wanted.items())
    ]
    return [pytest.param(v, id=f"{v['device']}-{v['name']}-{index}") for index, v in enumerate(found)]


def framer(device: str) -> framing.Framer:
    return framing.ScienceMode2Framer() if device == "RehaStim2" else framing.ScienceMode34Framer()


def command_of(fields: dict[str, Any]) -> int:
    return int(fields["cmd"] if "cmd" in fields else fields["decodes_to_cmd"])


def packet_of(fields: dict[str, Any]) -> int:
    return int(fields["packet_number"] if "packet_number" in fields else fields["decodes_to_packet_number"])


@pytest.mark.parametrize("vector", pick(malformed=False))
def test_every_good_frame_is_read(vector: dict[str, Any]) -> None:
    raw = bytes.fromhex(vector["hex"])
    (frame,) = framer(vector["device"]).feed(raw)
    assert isinstance(frame, framing.WireFrame), frame
    fields = vector["fields"]
    assert (frame.packet, frame.command) == (packet_of(fields), command_of(fields))
    if "payload_hex" in fields and not fields["payload_hex"].endswith("..."):
        assert frame.data.hex().upper() == fields["payload_hex"].upper()


@pytest.mark.parametrize("vector", [p for p in pick(malformed=False) if "quirk" not in p.values[0].get("variant", "")])
def test_every_good_frame_is_written_byte_for_byte(vector: dict[str, Any]) -> None:
    raw = bytes.fromhex(vector["hex"])
    (frame,) = framer(vector["device"]).feed(raw)
    assert isinstance(frame, framing.WireFrame)
    encode = framing.encode2 if vector["device"] == "RehaStim2" else framing.encode34
    assert encode(frame.packet, frame.command, frame.data) == raw


@pytest.mark.parametrize("vector", pick(malformed=True))
def test_malformed_frames_are_read_no_further_than_they_are_good(vector: dict[str, Any]) -> None:
    """What is good as a frame (a device must refuse its content) is a frame; what is not is a BadFrame and no more."""
    frames = framer(vector["device"]).feed(bytes.fromhex(vector["hex"]))
    bad = [frame for frame in frames if isinstance(frame, framing.BadFrame)]
    good = [frame for frame in frames if isinstance(frame, framing.WireFrame)]
    if "CRC" in vector["name"] or "checksum" in vector["name"] or "length" in vector["name"]:
        assert len(bad) == 1
        assert not good
        assert ("checksum" in bad[0].reason) == ("length" not in vector["name"])
    else:
        assert not bad
        assert len(good) == 1


@pytest.mark.hazard("H13")
@pytest.mark.parametrize("vector", [p for p in pick(name="Ml_update") if p.values[0]["fields"].get("channels")])
def test_updates_decode_to_what_they_say(vector: dict[str, Any]) -> None:
    (frame,) = framer(vector["device"]).feed(bytes.fromhex(vector["hex"]))
    assert isinstance(frame, framing.WireFrame)
    offset = 1 if vector["device"] == "RehaMove3" else 0  # its library counts channels from 0
    data = bytes((frame.data[0] & ~0x10,)) + frame.data[1:] if vector["fields"].get("softstart") else frame.data
    decoded = sm34.decode_update(data)
    for entry in vector["fields"]["channels"]:
        period_us, ramp, points = decoded[entry["channel"] + offset]
        assert ramp == entry["ramp"]
        assert abs(period_us - entry["period_ms"] * 1_000) <= 500
        assert [(duration, current / 1_000) for current, duration in points] == [
            tuple(p) for p in entry["points_us_mA"]
        ]


def test_the_drivers_own_update_is_the_documents() -> None:
    """P24 Ml_update of one channel, three points: the bytes of the vector with one 20 ms channel at 20 mA."""
    command = output(pulse(8, 20, period_us=25_000, width_us=200))
    data = sm34.encode_update(command, channels=8, quarter_ms=True)
    wanted = next(
        v
        for v in VECTORS
        if v["name"] == "Ml_update"
        and len(v["fields"].get("channels", ())) == 1
        and v["fields"]["channels"][0]["channel"] == 8
    )
    raw = bytes.fromhex(wanted["hex"])
    assert framing.encode34(wanted["fields"]["packet_number"], 32, data) == raw


def test_the_drivers_own_list_commands_are_the_documents() -> None:
    wanted = next(v for v in VECTORS if v["name"] == "StartChannelListMode" and v["fields"].get("packet_number") == 7)
    data = sm2.encode_list_start(output(pulse(1, 50, width_us=100)), sm2.ChannelList((1,), 20_000))
    assert framing.encode2(7, 32, data) == bytes.fromhex(wanted["hex"])
    wanted = next(v for v in VECTORS if v["name"] == "InitChannelListMode" and v["fields"]["active_mask"] == 83)
    data = sm2.encode_list_init(sm2.ChannelList((1, 2, 5, 7), 8_000))
    assert framing.encode2(wanted["fields"]["packet_number"], 30, data) == bytes.fromhex(wanted["hex"])


@pytest.mark.parametrize("model", MODELS)
def test_every_device_frame_out_of_nothing_is_told_and_ends_nothing(model: str) -> None:
    """Answers that nobody asked for: noise, a fault or a lost device; never an acknowledgement, never off."""
    for vector in VECTORS:
        if MODEL[vector["device"]] == model and vector["direction"] == "device_to_host":
            driver = MODELS[model].make()
            reports = driver.receive_data(bytes.fromhex(vector["hex"]), 1)
            kinds = (Noise, DeviceFault, ChannelFault, DeviceLost)
            unconnected_init = vector["name"] == "Init"
            assert unconnected_init or reports, vector["name"]
            assert all(isinstance(report, kinds) for report in reports), (vector["name"], reports)


def reports_of(model: str, name: str, index: int = 0) -> tuple[DriverReport, ...]:
    """What the driver makes of a device frame that answers a question of its own."""
    vectors = [v for v in VECTORS if MODEL[v["device"]] == model and v["name"] == name]
    fields, raw = vectors[index]["fields"], bytes.fromhex(vectors[index]["hex"])
    driver = MODELS[model].make()
    driver.request_status(0)
    exchange = driver._exchange  # type: ignore[attr-defined]
    exchange.clear()
    kind = {37: "data", 63: "status", 55: "battery"}[fields["cmd"]]
    exchange._packet = fields["packet_number"]
    driver._ask(kind, fields["cmd"] - 1)  # type: ignore[attr-defined]
    assert driver.data_to_send(0)
    return driver.receive_data(raw, 1_000)


def test_status_answers_of_the_document() -> None:
    assert reports_of("p24", "Get_stim_status_ack") == (DeviceStatus(output_on=False, level_open=False),)
    assert reports_of("p24", "Get_stim_status_ack", 1) == (DeviceStatus(output_on=False, level_open=True),)
    idle = DeviceStatus(output_on=False, level_open=True, active_channels=())
    assert reports_of("p24", "Ml_get_current_data_ack") == (idle,)
    assert reports_of("p24", "Ml_get_current_data_ack", 2) == ()  # result 7: the status is asked for next
    (running,) = reports_of("rehamove3", "Ml_get_current_data_ack")
    assert running == DeviceStatus(output_on=True, level_open=True)
    assert reports_of("rehamove3", "Get_battery_status_ack") == (Battery(percent=87, millivolt=3972),)


def test_identity_answers_of_the_document() -> None:
    """P24: version, id and idle status, each as the vectors print them, only with the numbers of this conversation."""
    driver = MODELS["p24"].make()
    driver.connect(0)
    by_command = {
        v["fields"]["cmd"]: bytes.fromhex(v["hex"])
        for v in reversed(VECTORS)
        if v["device"] == "P24" and v["direction"] == "device_to_host" and not v["fields"].get("result")
    }
    reports: list[DriverReport] = []
    for _ in range(4 * (1 + QUESTION_RETRIES)):
        for frame in framing.ScienceMode34Framer().feed(driver.data_to_send(0)):
            assert isinstance(frame, framing.WireFrame)
            (answer,) = framing.ScienceMode34Framer().feed(by_command[frame.command + 1])
            assert isinstance(answer, framing.WireFrame)
            reports += driver.receive_data(framing.encode34(frame.packet, answer.command, answer.data), 1)
    assert reports == [Identified(model="p24", device_id="P240012345", firmware="1.2.15 (ScienceMode 4.0.0)")]
