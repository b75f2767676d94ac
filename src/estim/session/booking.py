"""Pulses that are over, as a player hands them to whoever keeps the dose; and which command was answered last. Pure."""

from __future__ import annotations

from typing import NamedTuple

from estim.safety.units import MicroAmp


class Booking(NamedTuple):
    """Pulses of one amplitude that are over.

    Attributes:
        pulses: how many, bursts counted out.
        amplitude_ua: of each.
        sent_n: the command that asked for them; they count as acknowledged if that was.
        on_us: time they took.
        most_pulses: how many there may have been in that time, if the device had not taken that command and went on
            with what it was told before: the window's faster rate, or its doublets.
    """

    pulses: int
    amplitude_ua: MicroAmp
    sent_n: int
    on_us: int
    most_pulses: int


class LastAck(NamedTuple):
    """What the device acknowledged last.

    Attributes:
        number: of the command, and with it all before; 0: none yet.
        at_us: when it was heard.
        took_us: since it was sent.
    """

    number: int = 0
    at_us: int = 0
    took_us: int = 0


NO_ACK = LastAck()
