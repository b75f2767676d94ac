"""Every library file against the clinical reference, field by field: numbers, pads, schedule, evidence, provenance.

`tests/data/protocol_reference.json` is the reference's numbers and codes, copied once. What a file plays otherwise is
listed in `PLAYED_OTHERWISE` with its reason, and nothing else may differ.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from typing import Any

import pytest

from estim.protocols import library
from estim.protocols.loader import load
from estim.protocols.muscles import accounts, muscles
from estim.protocols.schema import Protocol
from estim.protocols.schema_phase import PhaseSpec
from tests.support import DATA

ROWS: list[dict[str, Any]] = json.loads((DATA / "protocol_reference.json").read_text(encoding="utf-8"))

# (file, phase, field): what the reference says, what is played; and why.
PLAYED_OTHERWISE = {
    # Reference ramps of 0 s are played at 0.2 s, 0.5 s for spinal cord injury (docs/decisions/limits.md, L17b).
    ("stroke-gait-dorsi-plantarflexors", "gait", "ramp_up_s"): (0, 0.2),
    ("stroke-gait-dorsi-plantarflexors", "gait", "ramp_down_s"): (0, 0.2),
    ("spinal-cord-injury-quadriceps-resistance", "work", "ramp_up_s"): (0, 0.5),
    ("spinal-cord-injury-quadriceps-resistance", "work", "ramp_down_s"): (0, 0.5),
    # 1 s ramps do not fit a crank window: they are the session's, the window's are L17b.
    **{
        (name, "work", ramp): (1, 0.2)
        for name in ("multiple-sclerosis-cycling-slow", "spinal-cord-injury-cycling")
        for ramp in ("ramp_up_s", "ramp_down_s")
    },
    # No session longer than an hour (L21a): blocks, each with a look at the skin.
    ("knee-replacement-vastus-medialis-home", "work", "duration_s"): (7_200, 3_600),
    ("hip-fracture-quadriceps-home", "work", "duration_s"): (10_800, 3_600),
    ("stroke-wrist-emg-triggered", "work", "duration_s"): (5_400, 2_700),
    # 15 contractions in the first two weeks, 20 from week 3 on: a progression.
    ("knee-osteoarthritis-quadriceps", "work", "contractions"): (20, 15),
}
# Kho 2015 stimulated both groups of the shank; one pair over two opposed muscles would hold the ankle still. Reference
# channel of each of ours, and the relation that parts them.
SPLIT = {"intensive-care-lower-limb": (0, 1, 2, 3, 2, 3)}
# Marks that a second reading of the sources set right: the reference's, and what stands in the file.
CORRECTED = {
    "copd-quadriceps-stepped": {"plausible_ma": ("read", "recalled")},  # not in the table that is cited
    "multiple-sclerosis-ankle": {"frequency_hz": ("recalled", "read"), "pulse_width_us": ("recalled", "read")},
}
BLOCKS = {
    "knee-replacement-vastus-medialis-home": 2,
    "hip-fracture-quadriceps-home": 3,
    "stroke-wrist-emg-triggered": 2,
    "stroke-hand-opening": 2,
}
RULES = {
    "max_tolerated": "max-tolerated",
    "functional_movement": "functional",
    "motor_visible": "motor-visible",
    "percent_mvic": "percent-mvic",
    "percent_motor_threshold": "percent-motor-threshold",
    "sensory_strong_comfortable": "sensory",
}
RELATIONS: dict[str, set[str | None]] = {
    "single": {None, "together"},
    "simultaneous": {"together"},
    "alternating": {"alternating", None},
    "interleaved": {"interleaved"},
    "sequenced": {"sequenced", "overlapping", "together"},  # by the channels' own delays; together: blocks after blocks
    "gait-phase": {"together"},
    "crank-angle": {"together"},
}
SOURCES = {"V": "read", "K": "recalled", "C": "convention", "u": "not-stated"}
BASES = {
    "VERIFIED": "published",
    "VERIFIED-PARTIAL": "partial",
    "SCHEDULE-ONLY": "partial",
    "KNOWN": "recalled",
    "CONVENTION": "convention",
}


def by_id(row: dict[str, Any]) -> str:
    return str(row["id"])


def same_phases(row: dict[str, Any], protocol: Protocol) -> Iterator[tuple[dict[str, Any], PhaseSpec]]:
    """Each of the reference's phases with the file's; gait is one phase with a gate for each channel."""
    if len(protocol.phase) == 1:
        return ((phase, protocol.phase[0]) for phase in row["phases"])
    return zip(row["phases"], protocol.phase, strict=True)


def compared(phase: dict[str, Any], played: PhaseSpec) -> dict[str, tuple[Any, Any]]:
    """Field → what the reference says and what the file says."""
    fields: dict[str, tuple[Any, Any]] = {
        "frequency_hz": (phase["frequency_hz"], played.frequency_hz),
        "pulse_width_us": (phase["pulse_width_us"], played.pulse_width_us),
    }
    if played.mode == "timed":
        fields |= {"on_s": (phase["on_s"], played.on_s), "off_s": (phase["off_s"], played.off_s)}
    for ramp in ("ramp_up_s", "ramp_down_s"):
        if phase[ramp] is not None:
            fields[ramp] = (phase[ramp], getattr(played, ramp))
    if phase["ramp_counts_in_on_time"] is not None:
        fields["ramp_within_on"] = (phase["ramp_counts_in_on_time"], played.ramp_within_on)
    if phase.get("sets"):
        fields["sets"] = (phase["sets"], played.sets)
        fields["contractions"] = (phase["reps"], played.contractions)
        fields["set_rest_s"] = (phase["inter_set_rest_s"], played.set_rest_s)
    elif phase["contractions"] is not None:
        fields["contractions"] = (phase["contractions"], played.contractions)
    else:
        fields["duration_s"] = (phase["duration_min"] * 60, played.duration_s)
    if phase.get("from_week"):
        fields["from_week"] = (phase["from_week"], played.from_week)
    if phase.get("cadence_rpm"):
        fields["cadence_rpm"] = (phase["cadence_rpm"], played.trigger.cadence_rpm if played.trigger else None)
    return fields


@pytest.mark.parametrize("row", ROWS, ids=by_id)
def test_every_phase_is_the_references(row: dict[str, Any]) -> None:
    protocol = load(library.path(row["id"]))
    differ = {
        (row["id"], played.name, field): (asked, given)
        for phase, played in same_phases(row, protocol)
        for field, (asked, given) in compared(phase, played).items()
        if asked != given
    }
    assert differ == {key: value for key, value in PLAYED_OTHERWISE.items() if key[0] == row["id"]}


@pytest.mark.parametrize("row", ROWS, ids=by_id)
def test_contractions_fill_the_minutes_that_the_reference_gives(row: dict[str, Any]) -> None:
    """A count and a duration of the reference agree with the file's cycle to within one cycle a set."""
    protocol = load(library.path(row["id"]))
    for phase, played in same_phases(row, protocol):
        if phase["contractions"] is None or played.on_s is None or phase.get("sets") or phase["duration_min"] is None:
            continue
        cycle_s = (played.on_s or 0) + (played.off_s or 0)
        minutes = phase["contractions"] * cycle_s / 60
        assert minutes == pytest.approx(phase["duration_min"], rel=0.14), played.name


def size(text: str) -> tuple[float, ...] | None:
    """`7.6 x 12.7` or `3.2 round`: the first (smallest) that the reference names; None where it points elsewhere."""
    if found := re.match(r"([\d.]+) round", text):
        return (float(found[1]),)
    found = re.match(r"([\d.]+) x ([\d.]+)", text)
    return (float(found[1]), float(found[2])) if found else None


@pytest.mark.parametrize("row", ROWS, ids=by_id)
def test_pads_and_muscles_are_the_references(row: dict[str, Any]) -> None:
    protocol = load(library.path(row["id"]))
    pads, named = row["pads_cm"], row["muscles"]
    if row["id"] in SPLIT:  # one channel of the reference is two here
        pads, named = ([texts[number] for number in SPLIT[row["id"]]] for texts in (pads, named))
    assert len(protocol.channel) == len(pads)
    for text, muscle, channel in zip(pads, named, protocol.channel, strict=True):
        # "target muscle", "second site": what the reference leaves open, a file decides
        known = {account for part in re.split(r" \+ | and |/|, ", muscle) for account in accounts(part)}
        known |= set(accounts(muscle))
        if known & set(muscles()):
            assert known & set(accounts(channel.muscle)), (muscle, channel.muscle)
        if channel.electrode_cm is not None:
            assert channel.electrode_cm == size(text)
    # A garment's four pads of different size, named one by one.
    if protocol.electrode:
        named = re.findall(r"([\d.]+) x ([\d.]+)", next(r for r in ROWS if "garment" in r["id"])["pads_cm"][0])
        assert [pad.size_cm for pad in protocol.electrode] == [(float(a), float(b)) for a, b in named]


@pytest.mark.parametrize("row", ROWS, ids=by_id)
def test_the_schedule_is_the_references(row: dict[str, Any]) -> None:
    dose, schedule = load(library.path(row["id"])).dose, row["schedule"]
    assert dose.sessions_per_day == schedule["sessions_per_day"]
    assert dose.weeks == schedule["weeks"]
    days = dose.days_per_week
    assert (sum(days) / 2 if isinstance(days, tuple) else days) == schedule["sessions_per_week"]
    assert dose.blocks_per_session == BLOCKS.get(row["id"], 1)
    assert dose.as_needed is bool(schedule.get("repeat_as_needed"))


@pytest.mark.parametrize("row", ROWS, ids=by_id)
def test_levels_are_found_as_the_reference_says(row: dict[str, Any]) -> None:
    protocol, amplitude = load(library.path(row["id"])), row["amplitude"]
    first = protocol.channel[0]
    if row["id"] == "cerebral-palsy-tibialis-anterior":  # two sessions of getting used to it, by a progression
        assert first.amplitude_rule == "sensory"
        assert [step.set.amplitude_rule for step in protocol.progression if step.set] == [RULES[amplitude["rule"]]]
    else:
        assert first.amplitude_rule == RULES[amplitude["rule"]]
    assert all(list(channel.plausible_ma) == amplitude["typical_ma_peak"] for channel in protocol.channel)
    target = amplitude.get("percent_of_threshold") or amplitude.get("target_percent_mvic")
    minimum = amplitude.get("minimum_percent_mvic")
    given = {first.amplitude_target, first.amplitude_minimum} - {None}
    assert given == {value for value in (target, minimum) if value is not None}
    if "recheck_minutes" in amplitude:
        assert all(channel.retitrate_every_s == 60 * amplitude["recheck_minutes"] for channel in protocol.channel)


@pytest.mark.parametrize("row", ROWS, ids=by_id)
def test_relation_trigger_and_pulse_are_the_references(row: dict[str, Any]) -> None:
    protocol = load(library.path(row["id"]))
    allowed = RELATIONS[row["coordination"]] | ({"alternating"} if row["id"] in SPLIT else set())
    assert all(phase.relation in allowed for phase in protocol.phase)
    words = row["trigger"]
    sources = {phase.trigger.source for phase in protocol.phase if phase.trigger is not None}
    if words.startswith("emg"):
        assert sources == {"emg"}
    elif "crank" in words:
        assert sources == {"crank"}
    elif any(word in words for word in ("heel", "foot switch", "gait-phase")):
        assert sources == {"sensor"}
    elif words == "manual-therapist":
        assert sources == {"key"}
    else:
        assert sources == set()  # timed, continuous, or the cued cycle of the hand (its glove is a note)
    if row["waveform"] == "burst-modulated-AC":
        assert protocol.equivalent is not None
        assert {phase.waveform for phase in protocol.phase} == {"symmetric-biphasic"}
    elif row["waveform"].endswith("-biphasic"):
        assert protocol.phase[0].waveform == row["waveform"]


@pytest.mark.parametrize("row", ROWS, ids=by_id)
def test_evidence_and_warnings_are_complete(row: dict[str, Any]) -> None:
    protocol = load(library.path(row["id"]))
    assert set(row["dois"]) <= {item.doi for item in protocol.evidence}
    assert len(protocol.evidence) >= row["citations"]
    assert any(item.effect for item in protocol.evidence)
    assert len(protocol.stop_criteria) >= row["stop_criteria"]
    assert len(protocol.contraindications) >= row["contraindications"]
    assert len(protocol.progression) + len(protocol.criterion) >= row["progressions"]


@pytest.mark.parametrize("row", ROWS, ids=by_id)
def test_basis_and_provenance_are_honest(row: dict[str, Any]) -> None:
    protocol = load(library.path(row["id"]))
    expected = BASES[row["confidence"]] if row["runnable"] else "reference-only"
    assert protocol.basis == expected
    if row["confidence"] == "SCHEDULE-ONLY":
        assert any("are convention: not looked up in the full text" in note for note in protocol.notes)
    said: dict[str, str] = {key: sourced.mark for key, sourced in protocol.marks.items()}
    codes, electrical = row["field_basis"], row["electrical_fields_basis"]
    for field, (before, after) in CORRECTED.get(row["id"], {}).items():
        assert said[field] == after
        said[field] = before
    assert said["frequency_hz"] == SOURCES[electrical["frequency_hz"][0]]
    assert said["pulse_width_us"] == SOURCES[electrical["pulse_width_us"][0]]
    assert said["plausible_ma"] == SOURCES[row["amplitude"]["typical_ma_basis"]]
    assert said["electrode_cm"] == SOURCES[codes.get("electrode_size", "C")[0]]  # no code is convention
    assert said["dose"] == SOURCES[codes.get("schedule", "C")[0]]
    assert said["interphase_us"] == "convention"
    if any(phase.mode == "timed" for phase in protocol.phase):
        assert said["on_s"] == SOURCES[electrical["on_off"][0]]
        assert said["off_s"] == SOURCES[electrical["on_off"][0]]
    for key, name in (("ramp_up", "ramp_up_s"), ("ramp_down", "ramp_down_s")):
        if all(phase[name] is None for phase in row["phases"]):
            assert said[name] == "not-stated"
        else:
            assert said[name] == SOURCES[codes.get(key, "C")[0]]
    for ramps in (phase["ramp_counts_in_on_time"] for phase in row["phases"]):
        if ramps is None and len(row["phases"]) == 1 and protocol.phase[0].mode == "timed":
            assert said["ramp_within_on"] == "not-stated"


@pytest.mark.parametrize("name", library.names())
def test_every_number_of_every_file_has_its_source(name: str) -> None:
    protocol = load(library.path(name))
    for phase in protocol.phase:
        for field in (
            "frequency_hz", "pulse_width_us", "on_s", "off_s", "ramp_up_s", "ramp_down_s", "contractions", "duration_s",
            "phase_ratio", "sets", "set_rest_s",
        ):  # fmt: skip
            if getattr(phase, field) is not None:
                assert field in protocol.provenance, (phase.name, field)
        if phase.interphase_us:
            assert "interphase_us" in protocol.provenance
        if phase.trigger is not None:
            assert {"trigger", "trigger.max_on_s"} <= set(protocol.provenance)
