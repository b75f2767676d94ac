"""What the drivers encode, over drawn values, against the layouts of the wire written a second time as plain bits."""

from __future__ import annotations

import random

import pytest

from estim.drivers import sciencemode1 as sm1
from estim.drivers import sciencemode2 as sm2
from estim.drivers import sciencemode34 as sm34
from estim.safety.commands import ChannelOutput, SetOutput
from estim.safety.units import MicroAmp, Micros
from firmware_sim.devices import make_device
from firmware_sim.devices.interface import Pulse

Train = tuple[int, int, int]  # mode, pulse width in µs, mA
DRAWS = 300


@pytest.fixture
def chance() -> random.Random:
    return random.Random(1909)


def as_bytes(*rows: str) -> bytes:
    """Rows of eight binary digits; blanks are for the reader."""
    made = [row.replace(" ", "") for row in rows]
    assert {len(row) for row in made} <= {8}
    return bytes(int(row, 2) for row in made)


def some_channels(chance: random.Random, count: int = 8) -> tuple[int, ...]:
    return tuple(sorted(chance.sample(range(1, count + 1), chance.randint(1, count))))


def most_on_a_module(channels: tuple[int, ...]) -> int:
    return max(sum(channel <= 4 for channel in channels), sum(channel > 4 for channel in channels))


def train_of(channel: int, train: Train, *, spacing_us: int, period_us: int = 200_000) -> ChannelOutput:
    mode, width_us, current_ma = train
    return ChannelOutput(
        channel=channel,
        amplitude_ua=MicroAmp(1_000 * current_ma),
        pulse_width_us=Micros(width_us),
        interphase_us=Micros(100),
        period_us=Micros(period_us),
        burst_pulses=mode + 1,
        burst_interval_us=Micros(spacing_us if mode else 0),
    )


def one_init(channels: tuple[int, ...], group: int) -> bytes:
    """ScienceMode 1: a one-shot list (main time 0), no slow channels."""
    active = sum(1 << channel - 1 for channel in channels)
    check, s, g = f"{(active + group) % 8:03b}", f"{active:08b}", f"{group:05b}"
    return as_bytes(
        f"100 {check} 00", f"00 {s[:6]}", f"0 {s[6:]} 00000", f"0000 00 {g[:2]}", f"0 {g[2:]} 0000", "0" * 8
    )


def one_update(trains: list[Train]) -> bytes:
    rows = [f"101 {sum(map(sum, trains)) % 32:05b}"]
    for mode, width_us, current_ma in trains:
        w = f"{width_us:09b}"
        rows += [f"0 {mode:02b} 000 {w[:2]}", f"0 {w[2:]}", f"0 {current_ma:07b}"]
    return as_bytes(*rows)


def one_drawn(chance: random.Random) -> tuple[tuple[int, ...], int, list[Train]]:
    channels = some_channels(chance)
    group = chance.randint(max(0, 3 * most_on_a_module(channels) - 3), 31)
    trains = [(chance.randint(0, 2), chance.randint(20, 500), 2 * chance.randint(1, 63)) for _ in channels]
    return channels, group, trains


def test_lists_and_updates_of_science_mode_1(chance: random.Random) -> None:
    for _ in range(DRAWS):
        channels, group, trains = one_drawn(chance)
        trains = [train if chance.random() > 0.2 else (0, 0, 0) for train in trains]
        wanted = sm1.ChannelList(channels, 1_500 + 500 * group)
        assert sm1.encode_init(wanted) == one_init(channels, group)
        playing = [
            train_of(channel, train, spacing_us=wanted.spacing_us)
            for channel, train in zip(channels, trains, strict=True)
            if train[2]
        ]
        assert sm1.encode_update(SetOutput(channels=tuple(playing)), wanted) == one_update(trains)


def test_a_simulated_rehastim1_plays_each_drawn_list_once_in_its_slots(chance: random.Random) -> None:
    for _ in range(DRAWS):
        channels, group, trains = one_drawn(chance)
        device, seen = make_device("rehastim1"), list[Pulse]()
        device.on_pulse = seen.append
        for frame, answer in ((b"\xc0", 0x81), (one_init(channels, group), 0x01), (one_update(trains), 0x41)):
            device.receive(frame, 1_000)
            assert b"".join(device.data_to_send()) == bytes((answer,))
        device.advance(400_000)
        expected = []
        for channel, (mode, width_us, current_ma) in zip(channels, trains, strict=True):
            slot = sum((other <= 4) == (channel <= 4) and other < channel for other in channels)
            for again in range(mode + 1):
                at_us = again * (1_500 + 500 * group) + 1_500 * slot + (600 if channel > 4 else 0)
                expected.append((at_us, channel, width_us, 1_000 * current_ma, width_us * 1_000 * current_ma))
        expected.sort()
        first_us = seen[0].t_us - expected[0][0]
        played = [(p.t_us - first_us, p.channel, p.pulse_width_us, p.peak_ua, p.phase1_pc) for p in seen]
        assert sorted(played) == expected
        assert all(p.phase1_pc + p.phase2_pc == 0 for p in seen)


def test_lists_and_starts_of_science_mode_2(chance: random.Random) -> None:
    for _ in range(DRAWS):
        channels = some_channels(chance)
        low = tuple(c for c in channels if chance.random() < 0.3)
        factor = chance.randint(1, 7) if low else 0
        code, inter = chance.randint(max(14, 3 * len(channels) - 2), 2_048), chance.randint(13, 255)
        wanted = sm2.ChannelList(channels, 1_000 + 500 * code, low, factor, 1_500 + 500 * inter)
        masks = [f"{''.join('1' if c in group else '0' for c in range(8, 0, -1))}" for group in (channels, low)]
        main = f"{code:016b}"
        rows = (f"{factor:08b}", *masks, f"{inter:08b}", main[:8], main[8:], "0" * 8)
        assert sm2.encode_list_init(wanted) == as_bytes(*rows)
        most = min(2, wanted.period_us // wanted.interval_us - 1)
        trains = {
            c: (chance.randint(0, 2) if most >= 2 else 0, chance.randint(20, 500), 2 * chance.randint(1, 65))
            for c in channels
        }
        command = SetOutput(
            channels=tuple(
                train_of(c, train, spacing_us=wanted.interval_us, period_us=wanted.period_of(c))
                for c, train in trains.items()
            )
        )
        told = b"".join(
            as_bytes(f"{mode:08b}", f"{width >> 8:08b}", f"{width & 255:08b}", f"{ma:08b}")
            for mode, width, ma in trains.values()
        )
        assert sm2.encode_list_start(command, wanted) == told


@pytest.mark.parametrize(("channels", "quarter_ms"), [(8, True), (4, False)])
def test_updates_of_science_mode_3_and_4(chance: random.Random, channels: int, *, quarter_ms: bool) -> None:
    for _ in range(DRAWS):
        chosen = some_channels(chance, channels)
        outputs, told = [], [f"{''.join('1' if c in chosen else '0' for c in range(8, 0, -1))}"]
        for channel in chosen:
            width_us, gap_us = chance.randint(20, 500), chance.choice((0, chance.randint(10, 400)))
            steps = chance.randint(1, 260)  # of 0.5 mA
            period_us = chance.choice((500 * chance.randint(20, 2_000), 250 * chance.randint(40, 4_000)))
            if not quarter_ms:
                period_us -= period_us % 500
            outputs.append(
                ChannelOutput(
                    channel=channel,
                    amplitude_ua=MicroAmp(500 * steps),
                    pulse_width_us=Micros(width_us),
                    interphase_us=Micros(gap_us),
                    period_us=Micros(period_us),
                )
            )
            points = [(steps, width_us), *([(0, gap_us)] if gap_us else []), (-steps, width_us)]
            grid = f"{period_us // 500:015b} 0" if period_us % 500 == 0 else f"{period_us // 250:015b} 1"
            word = grid.replace(" ", "")
            told += [f"{len(points) - 1:04b} 0000", word[:8], word[8:]]
            for current, duration_us in points:
                point = f"{duration_us:012b}{current + 300:010b}{0:010b}"
                told += [point[at : at + 8] for at in range(0, 32, 8)]
        command = SetOutput(channels=tuple(outputs))
        assert sm34.encode_update(command, channels=channels, quarter_ms=quarter_ms) == as_bytes(*told)
