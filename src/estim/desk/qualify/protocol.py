"""The protocol that plays one step of a bench: a dummy load in place of a muscle; kernel, record and stop as ever."""

from __future__ import annotations

from pathlib import Path

from estim.desk.qualify.steps import BenchStep

RAMP_S, DOWN_S = 2.0, 0.5
LOAD = "load{}"
BENCH = "bench"  # the pseudonym under which a bench's sessions stand in the records


def protocol_of(step: BenchStep, *, together: int = 1) -> str:
    """The step as a protocol file.

    Args:
        together: channels that play at once; one but in a step of kind `together`.
    """
    up_s = step.ramp_s if step.kind == "ramp" else RAMP_S
    on_s = up_s + step.seconds + DOWN_S
    channels = "".join(
        f"""
[[channel]]
name = "{LOAD.format(number)}"
muscle = "quadriceps-femoris"
region = "thigh"
placement = "a dummy load on the bench, no person"
electrode_cm = [10, 10]
amplitude_rule = "motor-visible"
amplitude_instruction = "the current of the step"
plausible_ma = [1, 100]
"""
        for number in range(1, together + 1)
    )
    return f"""schema = 1
id = "bench-{step.id.lower().replace(".", "-")}"
version = "1.0.0"
title = "Bench, {step.id}: no person connected"
goal = "function"
conditions = ["bench"]
indication = "qualification of a stimulator on a dummy load"
position = "no person: every pad cable is off the people of the bench"
cue = "none"
expected_response = "what the oscilloscope shows"
stop_criteria = ["a person is connected"]
contraindications = ["any person on any channel"]
basis = "convention"
[[evidence]]
citation = "none: a bench"
{channels}
[[phase]]
name = "step"
kind = "work"
mode = "timed"
effort = "free"
waveform = "symmetric-biphasic"
frequency_hz = {step.rate_hz:g}
pulse_width_us = {step.width_us}
interphase_us = {step.gap_us}
on_s = {on_s:g}
off_s = {on_s:g}
ramp_up_s = {up_s:g}
ramp_down_s = {DOWN_S:g}
contractions = 1
[dose]
sessions_per_day = 1
days_per_week = 1
weeks = 1
[provenance]
frequency_hz = "convention"
"""


def protocol_file(step: BenchStep, folder: Path, together: int) -> Path:
    """The same, written into `folder/protocols`."""
    path = folder / "protocols" / f"{step.id}.toml"
    path.parent.mkdir(exist_ok=True)
    path.write_text(protocol_of(step, together=together), encoding="utf-8", newline="\n")
    return path
