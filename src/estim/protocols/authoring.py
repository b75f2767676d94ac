"""A new protocol file to start from: commented, and valid as it stands. Its numbers are placeholders and say so."""

from __future__ import annotations

import re

from estim.protocols import muscles
from estim.protocols.lines import basic_string
from estim.protocols.loader import parse
from estim.protocols.schema import Protocol
from estim.safety.errors import Problem

_HEAD = re.compile(r"^(id|version|title) = .*$", re.MULTILINE)
_TEMPLATE = """\
# Numbers below are placeholders: put your own, and in [provenance] where each comes from.
# `estim protocols check FILE` says what is wrong, all at once; `estim protocols schema` serves your editor.
schema = 1
id = "ID"                            # the file's name without .toml
version = "0.1.0"
title = "TITLE"
goal = "strength"                    # strength endurance disuse re-education function spasticity pain circulation
conditions = ["name the condition"]
indication = "Who it is for, and when"
position = "How the patient sits or lies"
cue = "What the patient is told"
expected_response = "What is seen when it works"
stop_criteria = ["pain that stays when the level is cut by 20 %"]
contraindications = ["suspected deep vein thrombosis"]
basis = "convention"                 # published partial recalled convention; reference-only is never run

[[evidence]]
citation = "none yet: name the publication"
effect = "not known"

[[channel]]                          # one block for each muscle
name = "quadriceps"
muscle = "quadriceps-femoris"         # an id of the vocabulary or an alias
region = "thigh"                     # thigh shank foot buttock forearm hand upper-arm shoulder upper-back low-back
side = "treated"                     # left right treated other
placement = "Pad 1: where it lies; pad 2: where it lies"
electrode_cm = [5.0, 9.0]            # both pads; [3.2] is a round pad's diameter
output = "motor"                     # motor, or sensory: below the motor threshold
amplitude_rule = "motor-visible"     # how the level is found; a file never holds a current to deliver
amplitude_instruction = "Raise until a contraction is seen"
plausible_ma = [10, 60]              # outside this you are asked; nothing is refused

[[phase]]                            # one block for each: warm-up, work, cool-down
name = "work"
kind = "work"
mode = "timed"                       # timed continuous triggered emg-triggered
effort = "join"                      # what the patient does: relax join try-first task free
waveform = "symmetric-biphasic"      # balanced pulses only: net charge is exactly 0
frequency_hz = 35
pulse_width_us = 250                 # one phase of the pulse, in µs
interphase_us = 100
on_s = 5                             # ramps included
off_s = 15
ramp_up_s = 1
ramp_down_s = 1
contractions = 10                    # or duration_s

[dose]
sessions_per_day = 1
days_per_week = 3
weeks = 4

[provenance]                         # read recalled convention derived not-stated; read says where:
# frequency_hz = { mark = "read", source = 1, where = "table 2" }
frequency_hz = "convention"
pulse_width_us = "convention"
interphase_us = "convention"
on_s = "convention"
off_s = "convention"
ramp_up_s = "convention"
ramp_down_s = "convention"
contractions = "convention"
electrode_cm = "convention"
plausible_ma = "convention"
dose = "convention"
"""


# What the template holds until somebody writes there: key of the file, words.
PLACEHOLDERS = {
    "conditions": "name the condition",
    "indication": "Who it is for, and when",
    "position": "How the patient sits or lies",
    "cue": "What the patient is told",
    "expected_response": "What is seen when it works",
    "evidence[0].citation": "none yet: name the publication",
    "evidence[0].effect": "not known",
    "channel[0].placement": "Pad 1: where it lies; pad 2: where it lies",
}


def placeholders(protocol: Protocol) -> list[Problem]:
    """Keys that still hold the template's words: nobody can treat by them."""
    held = {
        "conditions": protocol.conditions[0],
        "evidence[0].citation": protocol.evidence[0].citation,
        "evidence[0].effect": protocol.evidence[0].effect,
        "channel[0].placement": protocol.channel[0].placement,
    } | {key: getattr(protocol, key) for key in ("indication", "position", "cue", "expected_response")}
    return [
        Problem(severity="warn", key=key, message=f"{words!r} stands there from the template: write your own",
                asked=words, layer="schema", rule="placeholder")
        for key, words in PLACEHOLDERS.items()
        if held[key] == words
    ]  # fmt: skip


def _on_muscle(text: str, name: str) -> str:
    """The template with the vocabulary's entry for a muscle: its region, two places, usual size."""
    muscle = muscles.find(name).muscle
    place = muscle.placements[0]
    size = ", ".join(f"{side:g}" for side in place.size_cm)
    words = place.words()
    placed = words[0].upper() + words[1:]
    swaps = {
        'name = "quadriceps"\n': f'name = "{muscle.id}"\n',
        'muscle = "quadriceps-femoris"         #': f'muscle = "{muscle.id}"  #',
        'region = "thigh"                     #': f'region = "{muscle.region}"  #',
        f'placement = "{PLACEHOLDERS["channel[0].placement"]}"': f"placement = {basic_string(placed)}",
        "electrode_cm = [5.0, 9.0]            #": f"electrode_cm = [{size}]  #",
    }
    for before, after in swaps.items():
        text = text.replace(before, after, 1)
    return text


def new_protocol(id: str, *, title: str = "", based_on: str | None = None, muscle: str | None = None) -> str:  # noqa: A002
    """The text of a new protocol file.

    Args:
        id: its name, e.g. `calf-after-cast`: small letters, digits and hyphens.
        title: what people read; made from `id` if left out.
        muscle: a name of the vocabulary: region, two places and size of the pads come from it; not with `based_on`.
        based_on: another protocol file's text to start from; its version becomes 0.1.0. `basis`, evidence and
            provenance stay the original's, for the author to mend.

    Raises:
        ProtocolError: `id` or `title` can't be used, or `based_on` is no protocol.
        ValueError: no such muscle, one beside `based_on`, or a head that could not be replaced.
    """
    if based_on is not None and muscle is not None:
        raise ValueError(
            "a muscle is put into the template, not into a copy: its channel, pads and doses are another's"
        )
    text = (_on_muscle(_TEMPLATE, muscle) if muscle is not None else _TEMPLATE) if based_on is None else based_on
    if based_on is not None:
        parse(based_on.encode())
    values = {"id": id, "version": "0.1.0", "title": title or id.replace("-", " ").capitalize()}
    head, mark, rest = text.partition("[[")
    changed = _HEAD.sub(lambda line: f"{line[1]} = {basic_string(values[line[1]])}", head) + mark + rest
    _same(parse(changed.encode()), values)
    return changed


def _same(protocol: Protocol, values: dict[str, str]) -> None:
    """A head written in another way (dotted, over several lines) was not replaced: said, not passed over.

    Raises:
        ValueError: a value is not the one asked for.
    """
    for key, value in values.items():
        if getattr(protocol, key) != value:
            raise ValueError(f"{key} could not be put into the copy: it must stand on one line, before the first [[")
