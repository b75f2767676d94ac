"""The room around a simulated device: a patient on the electrodes, pads that can be lifted, words, a switch, EMG.

It stands for the room and not for the device: nothing that a driver needs passes through it. Everything that leaves it
is rounded to integers, so a seed gives the same messages on any machine. Muscles are advanced in batches when practice
lines are due, EMG is made when messages are fetched, and neither when nobody looks.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from functools import lru_cache
from typing import Any, Protocol

from firmware_sim.body import patients
from firmware_sim.body.emg import BATCH_US, RATE_HZ, Emg
from firmware_sim.body.load import PAST_THE_MUSCLE, SkinLoad
from firmware_sim.body.muscle import Parameters
from firmware_sim.body.patients import Patient
from firmware_sim.body.recruitment import Pools, recruited
from firmware_sim.body.sensation import Sensation

CHANNELS = 8
PRACTICE_EVERY_US = 200_000
LISTENING_US = 1_000_000  # EMG that nobody fetched for longer is not made
SOUND_EFFORT_UV = 200  # rms of a sound forearm's full effort at the skin (100 to 300 are usual; convention)
TAIL_US = 2_000_000  # practice lines go on for so long after the last pulse
FULL_HZ, FULL_S = 50, 1.0  # "100 %" is the whole fresh muscle at 50 Hz for 1 s
JITTER = 0.03  # thresholds vary by 2 to 5 % from pulse to pulse
MISPLACED = 1.6  # pads 2 to 4 cm off the motor point: so much more current for the same contraction
FATIGUED_M_WAVE = 0.3  # an exhausted muscle's M-wave is smaller by this
MESSAGES_MAX = 256
LONGEST_EFFORT_S = 3_600
# A slow walk after a stroke (67 steps a minute, a stride of 1.8 s), and where in a stride the foot's sensors speak, in
# thousandths: the heel rises at 31 %, the toes leave at 62 % (Perry, Gait Analysis; recalled); mid-stance is before.
STEPS_PER_MIN = 67
STRIDE: tuple[tuple[int, str], ...] = ((0, "heel-strike"), (210, "mid-stance"), (310, "heel-off"), (620, "toe-off"))
TURNS_PER_MIN = 40
CADENCE_MAX = 200
CRANK_EVERY_US = 20_000


class FeltPulse(Protocol):
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


def names() -> tuple[str, ...]:
    """The virtual patients."""
    return patients.names()


def make_room(name: str, seed: int) -> Room:
    """The room with this patient.

    Raises:
        ValueError: nobody has this name; all names are listed.
    """
    return Room(patients.draw(name, seed), seed)


@dataclass(slots=True)
class _Site:
    """One channel: pads, the muscle below, and the pulses since the last practice line."""

    load: SkinLoad
    muscle: Pools
    misplaced: bool = False
    last_us: int = -TAIL_US
    period_us: int = 28_571
    waiting: list[tuple[int, float, int]] = field(default_factory=list)


class Room:
    """A patient, the pads, the switch. See the module's text.

    Attributes:
        shows_force, shows_emg: somebody looks at it. What nobody looks at is not worked out (it is most of the work);
            what the patient feels, says and presses always is.
    """

    def __init__(self, patient: Patient, seed: int) -> None:
        self.patient = patient
        self._sites = {
            channel: _Site(load=SkinLoad(patient.profile.pads), muscle=_muscle(patient, seed * CHANNELS + channel))
            for channel in range(1, CHANNELS + 1)
        }
        self.shows_force = self.shows_emg = True
        self._sensation = Sensation(patient)
        self._emg = Emg(patient.profile.effort_uv, seed)
        self._emg_us = 0
        self._emg_elsewhere = False  # the recording pads lie on the other, sound limb, which makes the effort
        self._out: list[dict[str, Any]] = []
        self._practice_us = 0
        self._effort = 0.0
        self._effort_until_us: int | None = None
        self._stride_us: int | None = None  # when the present stride began; None: stands still
        self._step = 0
        self._steps_per_min = STEPS_PER_MIN
        self._crank_us: int | None = None  # when the crank began to turn at 0°; None: nobody rides
        self._turns_per_min = TURNS_PER_MIN
        self._cranked = 0
        self._now_us = 0

    def load(self, channel: int) -> SkinLoad:
        """The load on a channel."""
        return self._sites[channel].load

    def on_pulse(self, pulse: FeltPulse) -> None:
        """A pulse left the output stage."""
        site = self._sites.get(pulse.channel)
        if site is None or site.load.state in PAST_THE_MUSCLE or pulse.peak_ua <= 0:
            return
        if 0 < pulse.t_us - site.last_us < 1_000_000:
            site.period_us = pulse.t_us - site.last_us
        site.last_us = pulse.t_us
        site.waiting.append((pulse.t_us, pulse.peak_ua / 1000, pulse.pulse_width_us))
        if self.shows_emg and self._emg.effort_uv and not self._emg_elsewhere:
            self._emg.pulse(pulse.t_us, pulse.peak_ua / 1000, self._m_wave(site, pulse.peak_ua, pulse.pulse_width_us))

    def _m_wave(self, site: _Site, peak_ua: int, width_us: int) -> float:
        current_ma = peak_ua / 1000 / (MISPLACED if site.misplaced else 1.0)
        share = recruited(self.patient.half_ua / 1000, self.patient.spread, current_ma, width_us)
        return share * (1 - FATIGUED_M_WAVE * site.muscle.lost)

    def handle(self, message: dict[str, Any]) -> None:
        """Something is done: pads lifted, dried, placed; an effort; the switch. What makes no sense changes nothing."""
        kind = message.get("type")
        channel = message.get("channel")
        if kind == "pad" and isinstance(channel, int) and channel in self._sites:
            self._pad(self._sites[channel], str(message.get("do", message.get("action", ""))))
        elif kind == "effort":
            self._emg_elsewhere = message.get("limb") == "other"
            self._emg.effort_uv = SOUND_EFFORT_UV if self._emg_elsewhere else self.patient.profile.effort_uv
            percent, seconds = message.get("percent", 0), message.get("seconds")
            self._effort = max(0.0, min(1.0, float(percent) / 100)) if isinstance(percent, int | float) else 0.0
            self._effort_until_us = None
            if isinstance(seconds, int | float) and 0 <= seconds <= LONGEST_EFFORT_S:
                self._effort_until_us = self._now_us + round(seconds * 1e6)
        elif kind == "walk":
            self._stride_us, self._step = (self._now_us if message.get("walks", True) else None), 0
            self._steps_per_min = _cadence(message, STEPS_PER_MIN)
        elif kind == "ride":
            self._crank_us, self._cranked = (self._now_us if message.get("rides", True) else None), 0
            self._turns_per_min = _cadence(message, TURNS_PER_MIN)
        elif kind == "switch":
            self._out.append({"type": "patient-switch", "pressed": bool(message.get("pressed", True))})
        elif kind == "sensor":
            self._out.append({"type": "sensor", "name": str(message.get("name", ""))})

    def _pad(self, site: _Site, action: str) -> None:
        states = {
            "lift": "lift", "dry": "dry", "place": self.patient.profile.pads, "misplace": self.patient.profile.pads,
            "corner": "partial", "sweat": "warm", "short": "short", "bridge": "bridge",
        }  # fmt: skip
        if action in states:
            site.misplaced = action == "misplace" or (site.misplaced and action != "place")
            site.load.set_state(states[action], self._now_us)

    def advance(self, now_us: int) -> None:
        """Let time pass; words and practice come as their time comes."""
        self._now_us = now_us
        if self._effort_until_us is not None and now_us >= self._effort_until_us:
            self._effort, self._effort_until_us = 0.0, None
        self._walk(now_us)
        self._ride(now_us)
        if now_us - self._practice_us < PRACTICE_EVERY_US:
            return
        self._practice_us = now_us
        for channel, site in self._sites.items():
            if site.waiting or now_us - site.last_us < TAIL_US:
                self._practice(channel, site, now_us)

    def _walk(self, now_us: int) -> None:
        """What the foot's sensors say as the strides go by; strides that nobody saw are not told afterwards."""
        if self._stride_us is None:
            return
        stride_us = 120_000_000 // self._steps_per_min
        if now_us - self._stride_us > 2 * stride_us:
            self._stride_us, self._step = now_us, 0
        while now_us >= self._stride_us + stride_us * STRIDE[self._step][0] // 1000:
            self._out.append({"type": "sensor", "name": STRIDE[self._step][1]})
            self._step += 1
            if self._step == len(STRIDE):
                self._stride_us, self._step = self._stride_us + stride_us, 0

    def _ride(self, now_us: int) -> None:
        """Where the crank stands, every 20 ms; what nobody fetched in between is not told afterwards."""
        if self._crank_us is None or (ticks := (now_us - self._crank_us) // CRANK_EVERY_US) < self._cranked:
            return
        self._cranked = ticks + 1
        turned = ticks * CRANK_EVERY_US * self._turns_per_min * 360 // 60_000_000
        self._out.append({"type": "crank", "deg": turned % 360})

    def _practice(self, channel: int, site: _Site, now_us: int) -> None:
        """Play the waiting pulses into the muscle; then what is felt, said and seen."""
        share = vas = strongest_ma = 0.0
        width_us = 0
        for t_us, current_ma, pulse_width_us in site.waiting:
            effective_ma = current_ma / MISPLACED if site.misplaced else current_ma
            share = max(share, site.muscle.pulse(t_us, effective_ma, pulse_width_us))
            if current_ma * pulse_width_us > strongest_ma * width_us:
                strongest_ma, width_us = current_ma, pulse_width_us
        site.waiting.clear()
        site.muscle.advance(now_us)
        if strongest_ma > 0:
            rate_hz = 1e6 / site.period_us
            vas = self._sensation.vas(strongest_ma, width_us, rate_hz, now_us, density=1 / (site.load.contact or 1.0))
            self._out += self._sensation.says(strongest_ma, width_us, share, vas, now_us)
        if not self.shows_force:
            return
        self._out.append(
            {
                "type": "practice",
                "channel": channel,
                "force_n": round(site.muscle.force_n),
                "force_percent": round(100 * site.muscle.force_n / _full_n(self.patient.muscle, self.patient.spread)),
                "fatigue": round(100 * site.muscle.lost),
                "comfort": round(vas),
            }
        )
        del self._out[:-MESSAGES_MAX]

    def _emg_lifted(self) -> bool:
        return not self._emg_elsewhere and self._sites[1].load.state == "lift"

    def messages(self) -> list[dict[str, Any]]:
        """What there is to say; drains. Bounded, since perhaps nobody listens; EMG is made here."""
        if self.shows_emg and self._emg.effort_uv:
            self._emg_us = max(self._emg_us, (self._now_us - LISTENING_US) // BATCH_US * BATCH_US)
            while self._now_us - self._emg_us >= BATCH_US:
                samples = self._emg.batch(self._emg_us, self._effort, lead_off=self._emg_lifted())
                self._out.append({"type": "emg", "t0_us": self._emg_us, "rate_hz": RATE_HZ, "samples_uv": samples})
                self._emg_us += BATCH_US
        out, self._out = self._out, []
        return out


def _cadence(message: dict[str, Any], usual: int) -> int:
    """Steps or turns a minute that a message states; what makes no sense is the usual."""
    said = message.get("cadence")
    return said if isinstance(said, int) and not isinstance(said, bool) and 0 < said <= CADENCE_MAX else usual


def _muscle(patient: Patient, seed: int) -> Pools:
    return Pools(patient.muscle, half_ma=patient.half_ua / 1000, spread=patient.spread, jitter=JITTER, seed=seed)


@lru_cache(maxsize=64)
def _full_n(parameters: Parameters, spread: float) -> float:
    """What the whole fresh muscle holds: the reference of `force_percent`."""
    muscle = Pools(parameters, half_ma=1.0, spread=spread, count=1)
    for k in range(round(FULL_HZ * FULL_S)):
        muscle.pulse(k * 1_000_000 // FULL_HZ, 1e6, 300)
    return max(1.0, muscle.force_n)
