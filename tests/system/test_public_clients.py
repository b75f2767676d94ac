"""Public programs for these stimulators, unmodified, on our simulator over a pty."""

from __future__ import annotations

import asyncio
import subprocess
import sys
from collections.abc import Callable
from itertools import pairwise
from pathlib import Path

import pytest
from science_mode_4 import ChannelPoint, DeviceP24, MidLevelChannelConfiguration, SerialPortConnection
from science_mode_4.low_level import LowLevelHighVoltageSource, LowLevelMode
from science_mode_4.protocol.types import Channel, Connector

from tests.system.conftest import PATIENCE_S, RunningSimulator

PULSE = [ChannelPoint(200, 20), ChannelPoint(100, 0), ChannelPoint(200, -20)]
pytestmark = pytest.mark.filterwarnings("ignore")  # the client's own


async def mid_level(port: str) -> str:
    connection = SerialPortConnection(port)
    connection.open()
    device = DeviceP24(connection)
    await device.initialize()
    layer = device.get_layer_mid_level()
    await layer.init(True)
    train = MidLevelChannelConfiguration(True, 0, 20, PULSE)
    await layer.update([train, None, None, None, None, None, None, train])
    for _ in range(2):
        data = await layer.get_current_data()
        assert data.is_stimulation_active_per_channel == [True, *[False] * 6, True]
        await asyncio.sleep(0.1)
    await layer.stop()
    name = device.get_layer_general().device_id
    connection.close()
    return str(name)


async def low_level(port: str) -> None:
    connection = SerialPortConnection(port)
    connection.open()
    device = DeviceP24(connection)
    await device.initialize()
    layer = device.get_layer_low_level()
    await layer.init(LowLevelMode.NO_MEASUREMENT, LowLevelHighVoltageSource.STANDARD)
    for _ in range(3):
        layer.send_channel_config(True, Channel.RED, Connector.YELLOW, PULSE)
        await asyncio.sleep(0.05)
    await layer.stop()
    connection.close()


def test_science_mode_4_plays_mid_and_low_level(tmp_path: Path, simulator: Callable[..., RunningSimulator]) -> None:
    running = simulator("--pty", str(tmp_path / "p24"))
    assert asyncio.run(mid_level(running.device)).startswith("SIM")
    rows = running.rows()
    assert {row["channel"] for row in rows} == {"1", "8"}
    assert {(row["phase1_pc"], row["phase2_pc"]) for row in rows} == {("4000000", "-4000000")}
    before = len(rows)
    asyncio.run(low_level(running.device))
    assert len(running.rows()) - before == 3


def test_pysciencemode_plays_a_rehastim2(tmp_path: Path, simulator: Callable[..., RunningSimulator]) -> None:
    # This client is silent for up to 1.6 s: its thread wakes each 0.8 s and skips where the last command is younger.
    running = simulator("--pty", str(tmp_path / "rehastim2"), "--set", "watchdog_s=2.0", model="rehastim2")
    client = Path(__file__).with_name("rehastim2_client.py")
    for session in (1, 2):  # the port opens again with parity after the first client left it
        done = subprocess.run(
            [sys.executable, str(client), running.device],
            capture_output=True,
            text=True,
            timeout=PATIENCE_S,
            check=False,
        )
        assert done.stdout.endswith("done\n"), done.stderr
        rows = running.rows()
        by_channel = {number: [row for row in rows if row["channel"] == number] for number in "136"}
        assert {row["phase1_pc"] for row in by_channel["1"]} == {"5000000", "6000000"}, "20 and 24 mA of 250 µs"
        assert {row["phase1_pc"] for row in by_channel["6"]} == {"12000000"}
        assert {row["pulse_width_us"] for row in by_channel["3"]} == {"85"}, "a byte that this client stuffs"
        assert all(int(row["phase1_pc"]) == -int(row["phase2_pc"]) for row in rows)
        firsts = {int(row["t_us"]) for row in by_channel["1"]}
        assert {int(row["t_us"]) - 1_500 for row in by_channel["6"]} <= firsts, "1.5 ms apart, one source for both"
        # Each of a session's two trains may be stopped between the two channels' pulses.
        assert len(firsts) - len(by_channel["6"]) in range(2 * session + 1)
        assert len(by_channel["1"]) >= 90 * session, "0.6 s and 2.5 s at 30 ms: the device's watchdog never ended them"
        doublets = [int(row["t_us"]) for row in by_channel["3"]]
        assert {later - first for first, later in pairwise(doublets) if later - first < 50_000} == {10_000}
