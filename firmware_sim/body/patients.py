"""Virtual patients: drawn with a seed around the thresholds of their muscle and what their condition does to them.

Medians at 300 µs with 5 × 5 cm pads; log-normal between people (log-SD about 0.3: quadriceps force thresholds vary by
28 to 42 % between people). Those of the quadriceps agree with a study of 150 adults (Eur J Integr Med 2013;5:279), the
other muscles' and the conditions' factors are engineering estimates.
"""

from __future__ import annotations

import math
import random
from dataclasses import dataclass, replace

from firmware_sim.body.muscle import SETS, Parameters
from firmware_sim.words import quoted

DAY_TO_DAY = 0.10  # pads are placed anew: all currents move by about 10 %
SHARED, OWN = 0.8, 0.6  # weights of what moves all thresholds together (skinfold, pads) and of each one's own chance


@dataclass(frozen=True, slots=True)
class Site:
    """A muscle under its pads: median thresholds in mA at 300 µs, their log-SD, and the muscle itself."""

    sensory_ma: float
    motor_ma: float
    half_ma: float
    discomfort_ma: float
    log_sd: float
    muscle: Parameters


_DING = SETS["ding2003"]
SITES: dict[str, Site] = {
    "quadriceps": Site(8, 23, 60, 38, 0.30, _DING),
    "tibialis-anterior": Site(5, 13, 26, 22, 0.28, replace(_DING, a=1200, tau1=0.045, km=0.10)),
    "wrist-extensors": Site(4, 9, 17, 15, 0.28, replace(_DING, a=800, tauc=0.018, tau1=0.040, tau2=0.050, km=0.10)),
    "plantar-flexors": Site(7, 18, 42, 32, 0.30, replace(_DING, a=3000, tauc=0.025, tau1=0.075, tau2=0.100, km=0.10)),
    "biceps": Site(5, 12, 26, 20, 0.28, replace(_DING, a=1800, tauc=0.018, tau1=0.045, tau2=0.055, km=0.10)),
}


@dataclass(frozen=True, slots=True)
class Profile:
    """What a condition does. Factors are on the site's medians.

    Attributes:
        strength: of the muscle; `fatigue` how fast it tires (0.70 able-bodied, 0.94 acute and 1.30 chronic spinal cord
            injury reproduce the declines of Bickel 2004).
        feels: False below a complete lesion. `sensory`, `discomfort`, `motor`: factors on thresholds.
        effort_uv: rms EMG at full effort. `sessions` had before: habituation.
        pads: state of the skin under the pads (`load.STATES`).
    """

    site: str = "quadriceps"
    strength: float = 1.0
    fatigue: float = 0.7
    feels: bool = True
    sensory: float = 1.0
    motor: float = 1.0
    discomfort: float = 1.0
    effort_uv: int = 300
    sessions: int = 0
    pads: str = "good"


PROFILES: dict[str, Profile] = {
    "able": Profile(),
    "knee-replacement": Profile(strength=0.5, fatigue=0.8, motor=1.08, effort_uv=120),
    "stroke": Profile(site="wrist-extensors", strength=0.6, fatigue=0.9, sensory=1.5, effort_uv=30),
    "foot-drop": Profile(site="tibialis-anterior", strength=0.7, fatigue=0.9, sensory=1.3, effort_uv=40),
    "spinal-cord-injury": Profile(strength=0.6, fatigue=1.3, feels=False, motor=1.15, effort_uv=0),
    "older": Profile(strength=0.6, fatigue=0.8, sensory=1.25, motor=0.92, effort_uv=200),
    "child": Profile(site="tibialis-anterior", strength=0.4, motor=0.8, sensory=0.8, discomfort=0.7, effort_uv=150),
    "multiple-sclerosis": Profile(site="tibialis-anterior", strength=0.6, fatigue=1.1, sensory=1.4, effort_uv=80),
    "sensitive": Profile(sensory=0.6, motor=0.85, discomfort=0.6),
    "trained": Profile(sessions=6),
    "dry-pads": Profile(pads="dry"),
}


@dataclass(frozen=True, slots=True)
class Patient:
    """One person, today. Currents in µA at 300 µs; `spread` is the log-SD of the fibres' thresholds."""

    profile: Profile
    muscle: Parameters
    sensory_ua: int
    motor_ua: int
    half_ua: int
    discomfort_ua: int
    spread: float = 0.40


def names() -> tuple[str, ...]:
    """The virtual patients."""
    return tuple(PROFILES)


def draw(name: str, seed: int, *, day: int = 0) -> Patient:
    """The person that this seed makes of a profile; another day moves all currents by about 10 %.

    Raises:
        ValueError: nobody has this name; all names are listed.
    """
    if name not in PROFILES:
        raise ValueError(f"no virtual patient {quoted(name)}; there are {', '.join(PROFILES)}")
    profile = PROFILES[name]
    site = SITES[profile.site]
    chance = random.Random(f"{name} {seed}")
    today = math.exp(DAY_TO_DAY * random.Random(f"{name} {seed} {day}").gauss(0.0, 1.0)) if day else 1.0
    medians = (
        site.sensory_ma * profile.sensory,
        site.motor_ma * profile.motor,
        site.half_ma * profile.motor,
        site.discomfort_ma * profile.discomfort,
    )
    while True:
        shared = chance.gauss(0.0, 1.0)
        sensory, motor, half, discomfort = (
            round(1000 * today * median * math.exp(site.log_sd * (SHARED * shared + OWN * chance.gauss(0.0, 1.0))))
            for median in medians
        )
        if sensory < motor < half and sensory < discomfort:
            break  # the order that people have; what breaks it is drawn again
    return Patient(
        profile=profile,
        muscle=_scaled(site.muscle, profile),
        sensory_ua=sensory,
        motor_ua=motor,
        half_ua=half,
        discomfort_ua=discomfort,
    )


def _scaled(base: Parameters, profile: Profile) -> Parameters:
    """A weaker muscle by scale covariance (A·s, aK/s, aT/s), and the patient's own pace of fatigue."""
    scale = profile.strength * base.a / _DING.a  # fatigue constants were identified at the quadriceps' size
    return replace(
        base,
        a=base.a * profile.strength,
        aa=base.aa * profile.fatigue,
        ak=base.ak * profile.fatigue / scale,
        at=base.at * profile.fatigue / scale,
    )
