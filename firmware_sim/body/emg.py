"""The EMG channel: voluntary effort, M-wave, artefact with its tail, noise. Whole µV, made only when somebody reads."""

from __future__ import annotations

import math
import random
from collections import deque

RATE_HZ = 2_000
BATCH_US = 50_000
RAIL_UV = 5_000.0  # the amplifier at high gain
NOISE_UV = 2.0
M_WAVE_UV = 4_000.0  # half of a peak-to-peak of 8 mV: quadriceps and tibialis anterior 5 to 12, wrist extensors 4 to 8
LATENCY_MS, WIDTH_MS = 3.0, 2.25
LOOK_BACK_MS = 40.0  # after this nothing of a pulse is left
ENVELOPE_S = 0.075  # an effort rises in about 150 ms
EMPTY_LEAD_UV = 1_000.0  # mains hum of a lead that hangs in the air


class Emg:
    """Remembers the latest pulses and makes batches of samples."""

    def __init__(self, effort_uv: int, seed: int) -> None:
        self.effort_uv = effort_uv  # rms of a full effort below the recording pads
        self._random = random.Random(seed)
        self._pulses: deque[tuple[int, float, float]] = deque(maxlen=4_000)
        self._slow = self._fast = 0.0
        self._envelope = 0.0
        self._made_us = 0

    def pulse(self, t_us: int, current_ma: float, m_wave: float) -> None:
        """A pulse, and the share of the largest M-wave that it evokes."""
        self._pulses.append((t_us, current_ma, m_wave))

    def batch(self, begin_us: int, effort: float, *, lead_off: bool = False) -> list[int]:
        """The samples of 50 ms. What lies between them and the last ones is not made: the effort alone goes on."""
        if begin_us > self._made_us:
            gone_s = (begin_us - self._made_us) / 1e6
            self._envelope += (effort - self._envelope) * -math.expm1(-gone_s / ENVELOPE_S)
        self._made_us = begin_us + BATCH_US
        horizon_us = begin_us - round(LOOK_BACK_MS * 1000)
        while self._pulses and self._pulses[0][0] < horizon_us:
            self._pulses.popleft()
        near = [pulse for pulse in self._pulses if pulse[0] < begin_us + BATCH_US]
        out = []
        for index in range(RATE_HZ * BATCH_US // 1_000_000):
            at_us = begin_us + index * 1_000_000 // RATE_HZ
            if lead_off:
                out.append(round(EMPTY_LEAD_UV * math.sin(2 * math.pi * 50 * at_us / 1e6)))
                continue
            self._envelope += (effort - self._envelope) / (ENVELOPE_S * RATE_HZ)
            value = self._voluntary() * self.effort_uv * self._envelope + self._random.gauss(0.0, NOISE_UV)
            for t_us, current_ma, m_wave in near:
                since_ms = (at_us - t_us) / 1000
                if 0 <= since_ms < LOOK_BACK_MS:
                    value += _evoked(since_ms, current_ma, m_wave)
            out.append(round(max(-RAIL_UV, min(RAIL_UV, value))))
        return out

    def _voluntary(self) -> float:
        """White noise through 20 to 450 Hz, of rms 1 (first order each; 1.356 makes it so, over 10^6 samples)."""
        white = self._random.gauss(0.0, 1.0)
        self._fast += (white - self._fast) * 0.757  # 1 - exp(-2 pi 450 / 2000)
        self._slow += (self._fast - self._slow) * 0.061  # 1 - exp(-2 pi 20 / 2000)
        return (self._fast - self._slow) * 1.356


def _evoked(since_ms: float, current_ma: float, m_wave: float) -> float:
    """Artefact with its tail, and the M-wave: a biphasic wave that begins about 3 ms after the pulse."""
    gain = current_ma / 50
    rail = RAIL_UV if since_ms < 1.0 and current_ma > 0 else 0.0  # both phases drive the amplifier to its rail
    x = (since_ms - LATENCY_MS - 2.5 * WIDTH_MS) / WIDTH_MS
    wave = -x * math.exp((1 - x * x) / 2) * M_WAVE_UV * m_wave
    return rail + gain * (2_000 * math.exp(-since_ms / 1.5) + 200 * math.exp(-since_ms / 10)) + wave
