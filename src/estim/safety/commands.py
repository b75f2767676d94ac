"""Commands: what may be asked of a stimulator. Two nouns only: the whole output, or off.

`SetOutput` is absolute and complete: a channel that it does not name is off. So no command depends on one that was
lost, and the last one sent says what the device does.
"""

from __future__ import annotations

from dataclasses import dataclass

from estim.safety.units import ZERO_US, MicroAmp, Micros


@dataclass(frozen=True, slots=True, kw_only=True)
class ChannelOutput:
    """One channel's pulse train from now on.

    A pulse is phase 1 (`+amplitude_ua` for `pulse_width_us`), the interphase interval, and phase 2 that takes back the
    charge exactly: amplitude / `phase_ratio` for width × `phase_ratio`. A burst repeats it `burst_pulses` times, starts
    `burst_interval_us` apart, within one period.

    Attributes:
        channel: device channel, from 1.
        amplitude_ua: peak of phase 1, a multiple of the device's step × `phase_ratio`.
        pulse_width_us: phase 1.
        interphase_us: gap without current.
        period_us: from pulse (or burst) to pulse.
        phase_ratio: 1 symmetric, 2 or 4 asymmetric and balanced.
        shape: of a free pulse, (duration in µs, share of the amplitude in permille, signed); its sum is 0. Then
            `pulse_width_us` is the width of the rectangle of the same charge, `phase_ratio` only divides the amplitude.
    """

    channel: int
    amplitude_ua: MicroAmp
    pulse_width_us: Micros
    interphase_us: Micros
    period_us: Micros
    phase_ratio: int = 1
    burst_pulses: int = 1
    burst_interval_us: Micros = ZERO_US
    shape: tuple[tuple[int, int], ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class SetOutput:
    """Make the output exactly this; channels that are not named are off. Channels ascend and are unique."""

    channels: tuple[ChannelOutput, ...]

    @property
    def is_zero(self) -> bool:
        """No channel carries current."""
        return all(output.amplitude_ua == 0 for output in self.channels)


@dataclass(frozen=True, slots=True, kw_only=True)
class OutputOff:
    """All output off, the stimulation level left. Needs no permission of anybody, ever.

    Attributes:
        reason: code for the record, e.g. `stop-key`, `pause`, `fault`, `end`.
    """

    reason: str


Command = SetOutput | OutputOff
