"""The wire: what a command costs, framing, a round trip over a pty; each beside something measured in the same run.

python bench/wire.py                  ratios
python bench/wire.py --fuzz 10000000  framers against a plain state machine, that many bytes each
python bench/wire.py --stops          Markdown table: cause → last pulse → OFF confirmed, simulated time
"""

from __future__ import annotations

import argparse
import asyncio
import json
import os
import select
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Awaitable
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
sys.path[:0] = [str(ROOT), str(ROOT / "src")]

from bench.timing import best  # noqa: E402
from estim.drivers import framing  # noqa: E402
from estim.drivers.models import MODELS  # noqa: E402
from estim.drivers.serial_link import SerialLink  # noqa: E402
from estim.safety.reports import Acknowledged, Identified, Prepared  # noqa: E402
from tests.contract.stops import table  # noqa: E402
from tests.drivers.test_framing import FAMILIES, fuzz, reference  # noqa: E402
from tests.drivers.wire_bench import admit, output, pulse  # noqa: E402

COMMANDS = 5_000
ROUND_TRIPS = 300
ECHO = "import os,sys\nwhile True:\n d=os.read(0,4096)\n if not d: break\n os.write(1,d)\n"


def ours() -> None:
    """Submit, encode, decode again and compare, hand out; read the answer."""
    driver = MODELS["p24"].make()
    answers = [framing.encode34(packet, 33, b"\0") for packet in range(64)]
    command = output(pulse(1, 20))
    for number in range(COMMANDS):
        now_us = number * 25_000
        driver.submit(admit(command, now_us), now_us)
        driver.data_to_send(now_us)
        driver.receive_data(answers[number % 64], now_us + 500)


def theirs() -> None:
    """The same frames by science_mode_4: build, find, take apart. It neither checks nor matches while doing so."""
    from science_mode_4.mid_level.mid_level_types import MidLevelChannelConfiguration
    from science_mode_4.mid_level.mid_level_update import PacketMidLevelUpdate
    from science_mode_4.protocol.channel_point import ChannelPoint
    from science_mode_4.protocol.packet_factory import PacketFactory
    from science_mode_4.protocol.protocol import Protocol

    answers = [framing.encode34(packet, 33, b"\0") for packet in range(64)]
    points = [ChannelPoint(250, 20), ChannelPoint(100, 0), ChannelPoint(250, -20)]
    factory = PacketFactory()
    for number in range(COMMANDS):
        packet = PacketMidLevelUpdate()
        packet.channel_configuration = [MidLevelChannelConfiguration(True, 3, 20, points)]  # noqa: FBT003
        packet.number = number % 64
        Protocol.packet_to_bytes(packet)
        found = Protocol.find_packet_in_buffer(answers[number % 64])
        command, packet_number, data = Protocol.extract_packet_data(answers[number % 64][found[0] : found[1] + 1])
        factory.create_packet_with_data(command, packet_number, data)


def quiet() -> None:
    """Its log lines are not what is compared."""
    import logging

    from science_mode_4.utils import logger

    logger().setLevel(logging.ERROR)


def codec() -> None:
    mine, peer = best(ours), best(theirs)
    print(
        f"a command, both ways: {mine / COMMANDS * 1e6:.1f} µs; science_mode_4 {peer / COMMANDS * 1e6:.1f} µs; "
        f"ratio {peer / mine:.1f}"
    )


def framers() -> None:
    for family, (framer, encode, _, _) in FAMILIES.items():
        stream = b"".join(encode(number % 64, 33, bytes((number % 256,)) * 8) for number in range(5_000))
        mine = best(lambda framer=framer, stream=stream: framer().feed(stream))  # type: ignore[misc]
        plain = best(lambda family=family, stream=stream: reference(family, stream), 2)  # type: ignore[misc]
        print(
            f"framer {family}: {len(stream) / mine / 1e6:.1f} MB/s; byte by byte {len(stream) / plain / 1e6:.1f} MB/s; "
            f"ratio {plain / mine:.1f}"
        )


def growth() -> None:
    """Processor time for four and sixteen times the bytes, of what is hardest to a framer; 4 and 16 if it is linear."""
    for family in FAMILIES:
        for noise in (b"\xf0", b"\x81\xf0", b"\xf0\x81"):
            small, middle, large = (
                min(_feed_s(family, (noise * size)[:size]) for _ in range(5)) for size in (4_096, 16_384, 65_536)
            )
            print(
                f"framer {family}, {noise.hex()} repeated: 4 kB {small * 1e3:.2f} ms; 16 kB {middle / small:.1f} x, "
                f"64 kB {large / small:.1f} x"
            )


def _feed_s(family: str, stream: bytes) -> float:
    framer = FAMILIES[family][0]()
    began = time.process_time()
    framer.feed(stream)
    return time.process_time() - began


def report(name: str, trips: list[float], against: float | None = None) -> float:
    middle = statistics.median(trips)
    p99 = sorted(trips)[int(len(trips) * 0.99)]
    ratio = f"; {middle / against:.1f} x the bare pty" if against else ""
    print(f"{name}: p50 {middle * 1e3:.2f} ms, p99 {p99 * 1e3:.2f} ms{ratio}")
    return middle


def bare_pty() -> float:
    """A frame's bytes to a child process that sends them back."""
    import pty
    import tty

    master, slave = pty.openpty()
    tty.setraw(slave)
    child = subprocess.Popen([sys.executable, "-c", ECHO], stdin=slave, stdout=slave)
    os.close(slave)
    trips, data = [], framing.encode34(1, 62)
    for number in range(ROUND_TRIPS + 20):
        began = time.perf_counter()
        os.write(master, data)
        got = 0
        while got < len(data):
            got += len(os.read(master, 4096))
        if number >= 20:  # the child has to start
            trips.append(time.perf_counter() - began)
    child.kill()
    child.wait()
    os.close(master)
    return report("bare pty, an echo in another process", trips)


def our_round_trips(port: str, bare: float) -> float:
    """Ml_update and its answer, by driver and serial link."""
    link, driver = SerialLink(port, MODELS["p24"]), MODELS["p24"].make()
    began_at = time.monotonic()

    def now_us() -> int:
        return int((time.monotonic() - began_at) * 1e6)

    def until(kind: type) -> None:
        while True:
            while data := driver.data_to_send(now_us()):
                link.write(data)
            select.select((link.fileno(),), (), (), 0.1)
            if any(isinstance(found, kind) for found in driver.receive_data(link.read(), now_us())):
                return

    driver.connect(now_us())
    until(Identified)
    driver.prepare((1,), 20_000, now_us())  # type: ignore[arg-type]
    until(Prepared)
    trips = []
    for _ in range(ROUND_TRIPS):
        began = time.perf_counter()
        at_us = now_us()
        driver.submit(admit(output(pulse(1, 20)), at_us), at_us)
        until(Acknowledged)
        trips.append(time.perf_counter() - began)
    link.write(driver.stop_bytes())
    link.close()
    return report("estim, Ml_update and its answer", trips, bare)


def their_round_trips(port: str, bare: float) -> float:
    """The same by science_mode_4, whose wait for an answer looks every 10 ms."""
    from science_mode_4 import DeviceP24
    from science_mode_4.mid_level.mid_level_types import MidLevelChannelConfiguration
    from science_mode_4.protocol.channel_point import ChannelPoint
    from science_mode_4.utils.serial_port_connection import SerialPortConnection

    points = [ChannelPoint(250, 20), ChannelPoint(100, 0), ChannelPoint(250, -20)]

    async def run() -> list[float]:
        connection = SerialPortConnection(port)
        connection.open()
        device = DeviceP24(connection)
        await device.initialize()
        layer = device.get_layer_mid_level()
        await layer.init(True)  # noqa: FBT003
        trips = []
        for _ in range(ROUND_TRIPS // 10):
            began = time.perf_counter()
            await layer.update([MidLevelChannelConfiguration(True, 3, 20, points)])  # noqa: FBT003
            trips.append(time.perf_counter() - began)
        stopping: Awaitable[None] = layer.stop()
        await stopping
        connection.close()
        return trips

    return report("science_mode_4, the same", asyncio.run(run()), bare)


def round_trips() -> None:
    bare = bare_pty()
    with tempfile.TemporaryDirectory() as folder:
        child = subprocess.Popen(
            [sys.executable, "-m", "firmware_sim", "p24", "--pty", f"{folder}/p24", "--until-parent"],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            cwd=ROOT,
        )
        try:
            assert child.stdout is not None
            port = json.loads(child.stdout.readline())["device"]
            mine = our_round_trips(port, bare)
            print(f"ratio {their_round_trips(port, bare) / mine:.1f}")
        finally:
            child.kill()
            child.communicate()


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--fuzz", type=int, metavar="BYTES")
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--stops", action="store_true")
    given = parser.parse_args()
    if given.stops:
        print(table())
    elif given.fuzz:
        for family in FAMILIES:
            began = time.perf_counter()
            good = fuzz(family, seed=given.seed, size=given.fuzz)
            print(
                f"framer {family}, seed {given.seed}: {given.fuzz} bytes, {good} whole frames, none lost, none more, "
                f"{time.perf_counter() - began:.0f} s"
            )
    else:
        quiet()
        codec()
        framers()
        growth()
        round_trips()


if __name__ == "__main__":
    main()
