"""A snapshot by hand, for what is pure: data alone, nothing plays in it."""

from __future__ import annotations

import dataclasses
from typing import Any

from estim.safety.reports import OutputState
from estim.session.snapshot import ChannelView, Practice, Snapshot
from estim.session.state import Cycle, Phase

S = 1_000_000
NAMES = ("quadriceps-femoris", "hamstrings", "tibialis-anterior", "gastrocnemius", "gluteus-maximus", "peroneus-longus",
         "soleus", "vastus-medialis")  # fmt: skip


def view(channel: int, /, **changed: Any) -> ChannelView:
    """One channel: level 23 mA found, at rest."""
    fields: dict[str, Any] = {
        "name": NAMES[channel - 1], "channel": channel, "muscle": NAMES[channel - 1], "side": "left", "output": "motor",
        "cycle": Cycle.REST, "level_ua": 23_000, "target_ua": 23_000, "sent_ua": 0, "cap_ua": 60_000, "cap_rule": "L1",
        "plausible_ua": (20_000, 100_000), "sensory_ua": None, "motor_ua": 18_000, "max_tolerated_ua": None,
        "raise_locked": "",
        "raise_step_ua": 1_000, "frequency_mhz": 50_000, "pulse_width_us": 250, "pulses": 0, "charge_uc": 0,
        "density_ua_per_cm2": 60, "on_us": 0, "remaining_us": 0,
    }  # fmt: skip
    return ChannelView(**(fields | changed))


def snapshot(count: int = 1, /, **changed: Any) -> Snapshot:
    """A therapy that is configured, output off."""
    fields: dict[str, Any] = {
        "n": 1, "now_us": 60 * S, "answered": 0, "phase": Phase.CONFIGURED, "purpose": "therapy",
        "output": OutputState.OFF, "output_since_us": 48 * S, "cause": "", "simulated": True, "model": "p24",
        "device_id": "SIM-1", "device_title": "P24 Science", "intended_use": "For research (maker)",
        "battery_percent": None, "protocol_id": "test", "protocol_title": "Quadriceps strength, early",
        "patient_id": "P-017", "operator": "PT1", "plan_phase": "work", "plan_phase_index": 0, "plan_phases": 1,
        "plan_set": 1, "plan_sets": 1, "contraction": 0, "contractions": 15, "countdown_us": None, "elapsed_us": 0,
        "total_us": 900 * S, "cue": "Relax and let the muscle work",
        "channels": tuple(view(number) for number in range(1, count + 1)), "alarms": (), "wants": (), "warnings": (),
        "record_path": "x", "record_durable": True, "word_head": "", "lease_us": (4000, 120_000, 80_000, 20_000),
        "watchdog_us": 2 * S, "off_word": "OFF",
        "make_safe": "pull the P24's USB cable",
    }  # fmt: skip
    return Snapshot(**(fields | changed))


def hold(count: int = 1, /, **changed: Any) -> Snapshot:
    """The same in the middle of a contraction."""
    views = tuple(view(number, sent_ua=23_000, cycle=Cycle.HOLD, pulses=50) for number in range(1, count + 1))
    fields = {"phase": Phase.RUNNING, "output": OutputState.ON, "channels": views, "contraction": 1} | changed
    return snapshot(count, **fields)


def practice(**changed: Any) -> Practice:
    """A virtual patient's answer."""
    fields: dict[str, Any] = {
        "channel": 1,
        "force_n": 15,
        "force_percent": 40,
        "fatigue_percent": 7,
        "comfort": 3,
        "says": "firm",
    }
    return Practice(**(fields | changed))


replaced = dataclasses.replace
