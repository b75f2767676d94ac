"""The room around a simulated device: a patient on the electrodes, pads that can be lifted, words, a switch, EMG.

It stands for the room and not for the device: nothing that a driver needs passes through it. Everything that leaves
    it is
rounded to integers, so a seed gives the same messages on any machine.
"""

from __future__ import annotations

import math
import random
from dataclasses import dataclass, replace
from typing import Any, Protocol

from firmware_sim.body.load import SkinLoad
from firmware_sim.body.muscle import SETS, Fibre, Parameters

CHRONAXIE_US = 460.0
PRACTICE_EVERY_US = 200_000
EMG_RATE_HZ = 2_000
EMG_BATCH_US = 50_000
PAIN_REST_US = 5_000_000  # words of one kind are not repeated sooner


class Pulse(Protocol):
    """What left the output stage."""

    @property
    def t_us(self) -> int:
        """Begin."""

    @property
    def channel(self) -> int:
        """From 1."""

    @property
    def pulse_width_us(self) -> int:
        """Phase 1."""

    @property
    def peak_ua(self) -> int:
        """Greatest current."""


@dataclass(frozen=True, slots=True)
class Patient:
    """A virtual patient.

    Attributes:
        half_ma: current at 300 µs at which half of the muscle is recruited; `spread` is the width of that curve.
        sensory_ma, motor_ma, limit_ma, pain_ma: thresholds at 300 µs for what the patient says.
        strength: scales force; `fatigue` scales how fast it is lost (0.7 able-bodied, 1.3 chronic spinal cord injury).
        pads: state of the skin under the pads.
        effort_uv: rms of the EMG at full effort.
        speaks: False for someone who can't tell.
    """

    half_ma: float = 60.0
    spread: float = 0.40
    sensory_ma: float = 8.0
    motor_ma: float = 18.0
    limit_ma: float = 70.0
    pain_ma: float = 85.0
    strength: float = 1.0
    fatigue: float = 0.7
    pads: str = "good"
    effort_uv: float = 300.0
    speaks: bool = True


PATIENTS: dict[str, Patient] = {
    "able": Patient(),
    "knee-replacement": Patient(half_ma=65, limit_ma=55, pain_ma=70, strength=0.5, effort_uv=120),
    "stroke": Patient(half_ma=35, sensory_ma=6, motor_ma=12, limit_ma=40, pain_ma=50, strength=0.4, effort_uv=30),
    "spinal-cord-injury": Patient(half_ma=70, strength=0.6, fatigue=1.3, speaks=False, effort_uv=0),
    "older": Patient(half_ma=55, sensory_ma=10, limit_ma=45, pain_ma=60, strength=0.6, fatigue=0.9),
    "sensitive": Patient(sensory_ma=4, motor_ma=14, limit_ma=22, pain_ma=28),
    "dry-pads": Patient(pads="dry"),
}
WORDS = {
    "sensory": "I feel a tingling.",
    "motor": "The muscle moves.",
    "strong": "That is strong.",
    "limit": "That is as much as I can take.",
    "pain": "Ow, that hurts!",
}


def names() -> tuple[str, ...]:
    """The virtual patients."""
    return tuple(PATIENTS)


def make_room(name: str, seed: int) -> Room:
    """The room with this patient.

    Raises:
        ValueError: nobody has this name; all names are listed.
    """
    if name not in PATIENTS:
        raise ValueError(f"no virtual patient {name!r}; there are {', '.join(PATIENTS)}")
    return Room(PATIENTS[name], seed)


def recruited(patient: Patient, current_ma: float, width_us: float) -> float:
    """Share of the muscle that a pulse recruits: thresholds are log-normal and follow the strength-duration curve."""
    if current_ma <= 0 or width_us <= 0:
        return 0.0
    half = patient.half_ma / (1 + CHRONAXIE_US / 300.0)
    x = math.log(current_ma / ((1 + CHRONAXIE_US / width_us) * half)) / patient.spread
    return 0.5 * (1 + math.erf(x / math.sqrt(2)))


class Muscle:
    """The muscle under one channel."""

    def __init__(self, patient: Patient) -> None:
        base = SETS["ding2003"]
        self._patient = patient
        self._fibre = Fibre(_scaled(base, patient), fatigue=True)
        self._full_n = base.a * patient.strength * 0.09  # about what a fresh muscle holds at 33 Hz, full recruitment
        self._now_us = 0
        self.peak_n = 0.0
        self.share = 0.0
        self.last_pulse_us = -1

    def pulse(self, t_us: int, current_ma: float, width_us: int) -> None:
        """A pulse reached this muscle."""
        self.advance(t_us)
        self.share = recruited(self._patient, current_ma, width_us)
        self._fibre.pulse(t_us / 1e6, share=self.share if self.share > 1e-3 else 0.0)
        self.last_pulse_us = t_us

    def advance(self, now_us: int) -> None:
        """Let time pass."""
        if now_us > self._now_us:
            self._fibre.advance(self._now_us / 1e6, now_us / 1e6)
            self._now_us = now_us
            self.peak_n = max(self.peak_n, self._fibre.force_n)

    def practice(self, channel: int) -> dict[str, Any]:
        """What the practice line shows."""
        base = SETS["ding2003"]
        left = max(0.0, 1 + base.aa * self._patient.fatigue * self._fibre.debt_ns / base.a)
        return {
            "type": "practice",
            "channel": channel,
            "force_n": round(self._fibre.force_n),
            "force_percent": round(100 * self._fibre.force_n / self._full_n),
            "fatigue": round(100 * (1 - left)),
            "comfort": 0,
        }


def _scaled(base: Parameters, patient: Patient) -> Parameters:
    """A weaker muscle by scale covariance (A·s, aK/s, aT/s), and the patient's own pace of fatigue."""
    s = patient.strength
    return replace(
        base,
        a=base.a * s,
        aa=base.aa * patient.fatigue,
        ak=base.ak * patient.fatigue / s,
        at=base.at * patient.fatigue / s,
    )


class Room:
    """A patient, the pads, the switch. See the module's text."""

    def __init__(self, patient: Patient, seed: int) -> None:
        self.patient = patient
        self._random = random.Random(seed)
        self._loads = {channel: SkinLoad(patient.pads) for channel in range(1, 9)}
        self._muscles: dict[int, Muscle] = {}
        self._out: list[dict[str, Any]] = []
        self._said: dict[str, int] = {}
        self._practice_us = 0
        self._emg_us = 0
        self._effort = 0.0
        self._effort_until_us: int | None = None
        self._strongest: dict[int, float] = {}
        self._now_us = 0

    def load(self, channel: int) -> SkinLoad:
        """The load on a channel."""
        return self._loads[channel]

    def on_pulse(self, pulse: Pulse) -> None:
        """A pulse left the output stage."""
        muscle = self._muscles.get(pulse.channel)
        if muscle is None:
            muscle = self._muscles[pulse.channel] = Muscle(self.patient)
        current_ma = pulse.peak_ua / 1000
        muscle.pulse(pulse.t_us, current_ma, pulse.pulse_width_us)
        felt = current_ma * (1 + CHRONAXIE_US / 300.0) / (1 + CHRONAXIE_US / pulse.pulse_width_us)
        self._strongest[pulse.channel] = max(self._strongest.get(pulse.channel, 0.0), felt)

    def handle(self, message: dict[str, Any]) -> None:
        """Something is done: pads lifted, dried or placed; an effort; the switch."""
        kind = message.get("type")
        if kind == "pad" and message.get("channel") in self._loads:
            action = str(message.get("do", message.get("action", "")))
            state = {"lift": "lift", "dry": "dry", "place": self.patient.pads}.get(action)
            if state is not None:
                self._loads[int(message["channel"])].state = state
        elif kind == "effort":
            self._effort = max(0.0, min(1.0, float(message.get("percent", 0)) / 100))
            seconds = message.get("seconds")
            self._effort_until_us = self._now_us + round(float(seconds) * 1e6) if seconds is not None else None
        elif kind == "switch":
            self._out.append({"type": "patient-switch", "pressed": bool(message.get("pressed", True))})
        elif kind == "sensor":
            self._out.append({"type": "sensor", "name": str(message.get("name", ""))})

    def advance(self, now_us: int) -> None:
        """Let time pass; words, practice and EMG come as their time comes."""
        self._now_us = now_us
        if self._effort_until_us is not None and now_us >= self._effort_until_us:
            self._effort, self._effort_until_us = 0.0, None
        if now_us - self._practice_us >= PRACTICE_EVERY_US:
            self._practice_us = now_us
            self._speak(now_us)
            for channel, muscle in sorted(self._muscles.items()):
                muscle.advance(now_us)
                line = muscle.practice(channel)
                line["comfort"] = self._discomfort(self._strongest.get(channel, 0.0))
                self._out.append(line)
            self._strongest.clear()
        while self.patient.effort_uv and now_us - self._emg_us >= EMG_BATCH_US:
            self._emg_us += EMG_BATCH_US
            self._out.append(self._emg(self._emg_us))

    def _discomfort(self, felt_ma: float) -> int:
        """0 to 10, as on a visual scale: 10 at the pain threshold."""
        return max(
            0, min(10, round(10 * (felt_ma - self.patient.motor_ma) / (self.patient.pain_ma - self.patient.motor_ma)))
        )

    def _speak(self, now_us: int) -> None:
        if not self.patient.speaks or not self._strongest:
            return
        felt = max(self._strongest.values())
        patient = self.patient
        steps = (("pain", patient.pain_ma), ("limit", patient.limit_ma), ("strong", 0.8 * patient.limit_ma))
        sensation = next(
            (word for word, at in (*steps, ("motor", patient.motor_ma), ("sensory", patient.sensory_ma)) if felt >= at),
            "",
        )
        if sensation and now_us - self._said.get(sensation, -PAIN_REST_US) >= PAIN_REST_US:
            self._said[sensation] = now_us
            self._out.append({"type": "says", "sensation": sensation, "text": WORDS[sensation]})

    def _emg(self, end_us: int) -> dict[str, Any]:
        """A batch: noise, voluntary effort, and artefact with its tail where a pulse fell lately."""
        count = EMG_RATE_HZ * EMG_BATCH_US // 1_000_000
        rms = 2.0 + self.patient.effort_uv * self._effort
        last = max((muscle.last_pulse_us for muscle in self._muscles.values()), default=-1)
        samples = []
        for index in range(count):
            at_us = end_us - EMG_BATCH_US + (index + 1) * 1_000_000 // EMG_RATE_HZ
            value = self._random.gauss(0.0, rms)
            since_ms = (at_us - last) / 1000
            if last >= 0 and 0 <= since_ms < 40:
                value += 2_000 * math.exp(-since_ms / 1.5) + 200 * math.exp(-since_ms / 10)
            samples.append(round(max(-5_000.0, min(5_000.0, value))))
        return {"type": "emg", "t0_us": end_us - EMG_BATCH_US, "rate_hz": EMG_RATE_HZ, "samples_uv": samples}

    def messages(self) -> list[dict[str, Any]]:
        """What there is to say; drains. Bounded, since perhaps nobody listens."""
        out, self._out = self._out[-256:], []
        return out
