"""What a patient feels and says: VAS from current, width and rate; habituation; the moment the stop switch is pressed.

VAS = 10 Phi(ln(I / ((1 + c_p/pw) x_p)) / 0.45 + 0.25 log10(f / 35 Hz) - habit), x_p where VAS is 5. The shape is an
engineering estimate; habituation follows the direction of Alon & Smith 2005 (0.6 over six sessions, 0.15 within one).
"""

from __future__ import annotations

import math
from statistics import NormalDist
from typing import Any

from firmware_sim.body.patients import Patient
from firmware_sim.body.recruitment import PAIN_US, SENSORY_US, at_table_width

WITHIN_SESSION_US = 1_200_000_000  # habituation within a session is complete after 20 min
STRONG_VAS, LIMIT_VAS, PAIN_VAS, SWITCH_VAS = 3.0, 4.5, 6.0, 7.0
REPEAT_US = 5_000_000  # words of one kind are not repeated sooner, and no weaker ones follow the strongest felt
WEAKER = ("sensory", "motor", "strong", "limit", "pain")  # from the weakest on
SWITCH_REPEAT_US = 10_000_000
WORDS = {
    "sensory": "I feel a tingling.",
    "motor": "The muscle moves.",
    "strong": "That is strong.",
    "limit": "That is as much as I can take.",
}


class Sensation:
    """What one patient feels on all channels; the strongest counts."""

    def __init__(self, patient: Patient) -> None:
        self._patient = patient
        self._said: dict[str, int] = {}
        self._pressed_us = -SWITCH_REPEAT_US

    def vas(self, current_ma: float, width_us: float, rate_hz: float, now_us: int, *, density: float = 1.0) -> float:
        """Discomfort 0 to 10; `density` is 1 over the share of the pad that still touches."""
        profile = self._patient.profile
        if not profile.feels or current_ma <= 0:
            return 0.0
        habit = 0.6 * min(1.0, profile.sessions / 6) + 0.15 * min(1.0, now_us / WITHIN_SESSION_US)
        five_ma = self._patient.discomfort_ua / 1000 / 0.79  # the table gives VAS 3
        level = math.log(at_table_width(current_ma, width_us, PAIN_US) / five_ma) / 0.45
        value = 10 * NormalDist().cdf(level + 0.25 * math.log10(max(1.0, rate_hz) / 35) - habit)
        return min(10.0, value + math.log(density))

    def says(self, current_ma: float, width_us: float, share: float, vas: float, now_us: int) -> list[dict[str, Any]]:
        """The words for this, if it is time for them, and the stop switch above VAS 7."""
        if not self._patient.profile.feels:
            return []
        felt_ua = 1000 * at_table_width(current_ma, width_us, SENSORY_US)
        word = (
            "pain" if vas >= PAIN_VAS
            else "limit" if vas >= LIMIT_VAS
            else "strong" if vas >= STRONG_VAS
            else "motor" if share >= 0.01 and felt_ua >= self._patient.sensory_ua
            else "sensory" if felt_ua >= self._patient.sensory_ua
            else ""
        )  # fmt: skip
        out: list[dict[str, Any]] = []
        if vas > SWITCH_VAS and now_us - self._pressed_us >= SWITCH_REPEAT_US:
            self._pressed_us = now_us
            out.append({"type": "patient-switch", "pressed": True})
        if word and now_us - self._last_said(word) >= REPEAT_US:
            self._said[word] = now_us
            out.append({"type": "says", "sensation": word, "text": WORDS.get(word, f"It hurts: {round(vas)}.")})
        return out

    def _last_said(self, word: str) -> int:
        """When this or anything stronger was said: each ramp passes through all that is weaker than its plateau."""
        return max(self._said.get(known, -REPEAT_US) for known in WEAKER[WEAKER.index(word) :])
