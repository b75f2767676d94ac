"""Electrode and skin as a load: Rs + (Rp ‖ Cp), with Rp falling as current rises, behind 150 V.

Closed form for each phase: Vc(t) = I·Rp + (Vc0 - I·Rp)·e^(-t/RpCp); needed voltage is I·Rs + Vc. Where that exceeds
the rail, current sags and less charge is delivered than was asked. Values are engineering estimates that give the usual
2.3 kΩ at 10 mA, 1 kΩ at 60 mA and 0.65 kΩ at 130 mA (300 µs); Rp falls with current as in Vargas Luna 2015.
"""

from __future__ import annotations

import math
from dataclasses import dataclass, replace

from firmware_sim.words import quoted

RAIL_V = 150.0
OPEN_OHM = 100_000_000


@dataclass(frozen=True, slots=True)
class Skin:
    """A pair of pads on skin: Rs and Rp at no current in ohm, Cp in farad, I0 in ampere (Rp halves there)."""

    rs: float
    rp0: float
    cp: float
    i0: float


STATES: dict[str, Skin] = {
    "good": Skin(350, 20_000, 100e-9, 0.002),
    "fresh": Skin(400, 40_000, 80e-9, 0.002),
    "warm": Skin(300, 8_000, 150e-9, 0.002),
    "dry": Skin(700, 60_000, 60e-9, 0.002),
    "partial": Skin(700, 80_000, 25e-9, 0.0005),
    "small": Skin(500, 35_000, 45e-9, 0.001),
    "short": Skin(80, 1e-3, 1e-9, 1.0),  # pads touch: no skin between them
    "bridge": Skin(200, 1e-3, 1e-9, 1.0),  # sweat or gel from pad to pad: current flows past the muscle
}


def needed_v(skin: Skin, current_a: float, width_s: float) -> float:
    """Voltage at the end of a phase that begins without charge on the skin."""
    rp = skin.rp0 / (1 + abs(current_a) / skin.i0)
    return current_a * skin.rs + current_a * rp * (1 - math.exp(-width_s / (rp * skin.cp)))


def charge_share(skin: Skin, current_a: float, width_s: float, rail_v: float = RAIL_V) -> float:
    """Delivered charge over asked charge of a first phase."""
    if current_a <= 0 or needed_v(skin, current_a, width_s) <= rail_v:
        return 1.0
    rp = skin.rp0 / (1 + current_a / skin.i0)
    tau = rp * skin.cp
    room = rail_v - current_a * skin.rs  # what the skin may take before the rail is reached
    if room <= 0:
        held, charge, vc = 0.0, 0.0, 0.0
    else:
        held = -tau * math.log((current_a * rp - room) / (current_a * rp))
        charge, vc = current_a * held, room
    # From here on the rail drives: Vc runs toward rail·Rp/(Rs+Rp) with the time constant Cp·(Rs‖Rp).
    left = width_s - held
    final = rail_v * rp / (skin.rs + rp)
    slow = skin.cp * skin.rs * rp / (skin.rs + rp)
    decay = 1 - math.exp(-left / slow)
    mean_vc = final * left + (vc - final) * slow * decay
    return min(1.0, (charge + (rail_v * left - mean_vc) / skin.rs) / (current_a * width_s))


SETTLING_US = 480_000_000  # Rp falls by 30 % of its end value with 8 min; EMG pads: -13 % at 10 min, then flat
DRYING_PER_H = 0.2  # 10 to 30 % an hour
SLOT_US = 10_000_000  # drift is looked up in slots of this length: within one the skin stands still
PAST_THE_MUSCLE = frozenset({"lift", "short", "bridge"})


class SkinLoad:
    """The load on one channel, as the output stage meets it; a person may lift, dry or place the pads.

    Attributes:
        state: "lift", or one of `STATES`.
    """

    def __init__(self, state: str = "good") -> None:
        self._state = state
        self._placed_us = 0
        self._known: dict[tuple[int, int, int], int] = {}

    @property
    def state(self) -> str:
        """State of pads and skin."""
        return self._state

    def set_state(self, state: str, now_us: int) -> None:
        """Pads are moved, dried, wetted; what settles begins anew.

        Raises:
            ValueError: no such state; all are listed.
        """
        if state != "lift" and state not in STATES:
            raise ValueError(f"no state of pads {quoted(state)}; there are lift, {', '.join(STATES)}")
        self._state, self._placed_us = state, now_us
        self._known.clear()

    @property
    def contact(self) -> float:
        """Share of the pad that touches."""
        return {"lift": 0.0, "partial": 0.25}.get(self._state, 1.0)

    def skin(self, now_us: int) -> Skin:
        """Skin as it is now: still settling, and drying."""
        since_us = max(0, now_us - self._placed_us) // SLOT_US * SLOT_US
        base = STATES[self._state]
        drift = (1 + 0.3 * math.exp(-since_us / SETTLING_US)) * (1 + DRYING_PER_H * since_us / 3.6e9)
        return replace(base, rp0=base.rp0 * drift)

    def test_ohm(self, now_us: int) -> int:
        """What a small test pulse of 1 mA for 30 µs sees."""
        if self._state == "lift":
            return OPEN_OHM
        return round(needed_v(self.skin(now_us), 0.001, 30e-6) / 0.001)

    def deliver(self, current_ua: int, width_us: int, interphase_us: int, now_us: int) -> int:  # noqa: ARG002
        """Mean current of the phase in whole µA; both phases of a pulse sag alike."""
        if self._state == "lift":
            return 0
        key = (current_ua, width_us, max(0, now_us - self._placed_us) // SLOT_US)
        known = self._known.get(key)
        if known is None:
            if len(self._known) > 4_000:
                self._known.clear()
            share = charge_share(self.skin(now_us), current_ua * 1e-6, width_us * 1e-6)
            known = self._known[key] = min(current_ua, int(current_ua * share + 1e-9))
        return known
