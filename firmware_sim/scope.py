"""A simulated oscilloscope across a shunt in one channel's lead: writes what it sees as CSV, 2 MS/s around each pulse.

Faults that a bench must find can be planted: they change what the stimulator delivers, not what it is told.
"""

from __future__ import annotations

import random
import re
from dataclasses import dataclass
from typing import TextIO

from firmware_sim.devices.interface import Pulse
from firmware_sim.words import quoted

SAMPLE_NS = 500
BEFORE_US, AFTER_US = 150, 100
_NUMBER = re.compile(r"[+-]?[0-9]{1,9}(\.[0-9]{1,9})?")
FULL_SCALE_UA = 140_000
LEVELS = 1 << 12
FAULTS = ("gain", "width", "phase-lost", "period-jitter", "late-stop", "dc", "lead-open")
JITTER_US = 600  # of each pulse: half of all periods are then wrong by more than 0.35 ms
GHOSTS = 12  # pulses that a stimulator which stops late goes on with


@dataclass(frozen=True, slots=True)
class Planted:
    """What is wrong with the stimulator: `gain` and `width` as factors, `dc_ua`; the others are there or not."""

    gain: float = 1.0
    width: float = 1.0
    dc_ua: int = 0
    phase_lost: bool = False
    period_jitter: bool = False
    late_stop: bool = False
    lead_open: bool = False

    @classmethod
    def read(cls, texts: list[str]) -> Planted:
        """From `gain=1.2`, `width=+5%`, `dc=0.3mA`, `phase-lost`, ...

        Raises:
            ValueError: no such fault, or a value that is none.
        """
        found: dict[str, object] = {}
        for text in texts:
            name, _, value = text.partition("=")
            try:
                if name == "gain":
                    found["gain"] = _number(value)
                elif name == "width":
                    found["width"] = 1 + _number(value.removesuffix("%")) / 100
                elif name == "dc":
                    found["dc_ua"] = round(_number(value.removesuffix("mA").strip()) * 1_000)
                elif name in FAULTS and not value:
                    found[name.replace("-", "_")] = True
                else:
                    raise ValueError(f"one of {', '.join(FAULTS)}")
            except ValueError as error:
                raise ValueError(f"--scope-fault {quoted(text)}: {error}") from None
        return cls(**found)  # type: ignore[arg-type]


def _number(text: str) -> float:
    if _NUMBER.fullmatch(text) is None:
        raise ValueError("such as gain=1.2, width=+5%, dc=0.3mA")
    return float(text)


class Scope:
    """Give `see` to a device's `on_pulse`, and `close` at the end.

    Args:
        file: the CSV.
        shunt_ohm: across which the voltage is taken.
        channel: of the stimulator.
        step: the step of the plan, for the head of the file.
    """

    def __init__(
        self, file: TextIO, *, shunt_ohm: float, channel: int = 1, step: str = "", load_ohm: int = 1_000,
        planted: Planted | None = None, seed: int = 0,
    ) -> None:  # fmt: skip
        self._file, self._shunt_ohm, self._channel = file, shunt_ohm, channel
        self._planted = planted or Planted()
        self._chance = random.Random(seed)
        self._last: Pulse | None = None
        self._period_us = 0
        full_v = FULL_SCALE_UA * shunt_ohm / 1e6
        self._lsb_v = 2 * full_v / LEVELS
        file.write(
            f"# estim-waveform 1; step={step}; channel={channel}; load_ohm={load_ohm}; shunt_ohm={shunt_ohm:g}; "
            f"probe=1; full_scale_v={full_v:g}; instrument=simulated oscilloscope; taken=simulated\nt_s,v,marker_v\n"
        )
        self._rest(-3_000, -1_000)

    def see(self, pulse: Pulse) -> None:
        """A pulse left the output stage."""
        if pulse.channel != self._channel:
            return
        if self._last is not None:
            self._period_us = pulse.t_us - self._last.t_us
        self._last = pulse
        if not self._planted.lead_open:
            jitter = self._chance.randint(-JITTER_US, JITTER_US) if self._planted.period_jitter else 0
            self._write(pulse, pulse.t_us + jitter, marker=0.0)

    def close(self) -> None:
        """The last pulse was asked for: from here on the marker is up, and nothing should come."""
        last = self._last
        end_us = last.t_us + 5_000 if last is not None else 10_000
        if last is not None and self._planted.late_stop and not self._planted.lead_open:
            for number in range(1, GHOSTS + 1):
                self._write(last, last.t_us + number * (self._period_us or 20_000), marker=3.3)
                end_us = last.t_us + number * (self._period_us or 20_000) + 5_000
        self._rest(end_us, end_us + 2_000, marker=3.3)
        self._file.flush()

    def _write(self, pulse: Pulse, at_us: int, *, marker: float) -> None:
        width_us = pulse.pulse_width_us * self._planted.width
        first_ua = pulse.phase1_pc / pulse.pulse_width_us * self._planted.gain
        second_ua = 0.0 if self._planted.phase_lost else pulse.phase2_pc / pulse.pulse_width_us * self._planted.gain
        second_from = width_us + pulse.interphase_us
        start_us, end_us = at_us - BEFORE_US, at_us + second_from + width_us + AFTER_US
        for index in range(round((end_us - start_us) * 1_000 / SAMPLE_NS)):
            since_us = index * SAMPLE_NS / 1_000 - BEFORE_US
            current_ua = first_ua if 0 <= since_us < width_us else 0.0
            if second_from <= since_us < second_from + width_us:
                current_ua = second_ua
            self._sample(at_us + since_us, current_ua, marker)

    def _rest(self, begin_us: float, end_us: float, *, marker: float = 0.0) -> None:
        at_us = begin_us
        while at_us < end_us:
            self._sample(at_us, 0.0, marker)
            at_us += 2.0

    def _sample(self, t_us: float, current_ua: float, marker: float) -> None:
        volt = (current_ua + self._planted.dc_ua) * self._shunt_ohm / 1e6 + self._chance.gauss(0, self._lsb_v / 2)
        self._file.write(f"{t_us / 1e6:.7f},{round(volt / self._lsb_v) * self._lsb_v:.6f},{marker:g}\n")
