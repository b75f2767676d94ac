"""One mistake a file: each is refused with key, line and words that let a therapist mend it."""

from __future__ import annotations

import os
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from estim.protocols.lines import LineIndex
from estim.protocols.loader import SIZE_MAX, load, parse
from estim.protocols.schema import Protocol
from estim.safety.errors import Problem, ProtocolError
from tests.support import sample


def problems(text: str) -> tuple[Problem, ...]:
    with pytest.raises(ProtocolError) as refused:
        parse(text.encode())
    return refused.value.problems


def triggered(trigger: str, *, mode: str = "triggered") -> str:
    """The sample as a triggered phase."""
    text = sample("on_s = 2\noff_s = 2\n").replace('mode = "timed"', f'mode = "{mode}"')
    return text.replace("contractions = 3\n", f"contractions = 3\n[phase.trigger]\n{trigger}\n")


# what is written instead of what, the key that is named, a word of the message
CHANGED = [
    ("schema = 1", "schema = 2", "schema", "1"),
    ('id = "short"', 'id = "Short One"', "id", "pattern"),
    ('version = "1.0.0"', 'version = "1"', "version", "pattern"),
    ('title = "A short one for trying out"', "title = 3", "title", "string"),
    ('goal = "strength"', 'goal = "power"', "goal", "endurance"),
    ('conditions = ["trial"]', "conditions = []", "conditions", "at least 1"),
    ('conditions = ["trial"]', 'conditions = "trial"', "conditions", "an array"),
    ('cue = "relax"', 'cue = ""', "cue", "at least 1"),
    ('stop_criteria = ["pain"]', "stop_criteria = []", "stop_criteria", "at least 1"),
    ('basis = "convention"', 'basis = "gut feeling"', "basis", "recalled"),
    ('basis = "convention"', 'basis = "convention"\nweight_bearing = "yes"', "weight_bearing", "boolean"),
    ('region = "thigh"', 'region = "neck"', "channel[0].region", "shank"),
    ('region = "thigh"', 'region = "chest"', "channel[0].region", "shank"),
    ("electrode_cm = [7.6, 12.7]", "electrode_cm = [0, 12.7]", "channel[0].electrode_cm", "above 0"),
    ("electrode_cm = [7.6, 12.7]", "electrode_cm = [7.6, 12.7, 3]", "channel[0].electrode_cm", "at most 2"),
    ("electrode_cm = [7.6, 12.7]", "", "channel[0].electrode_cm", "electrode_cm or electrodes"),
    ("electrode_cm = [7.6, 12.7]", 'electrodes = ["a", "a"]', "channel[0].electrodes", "two different pads"),
    ('amplitude_rule = "max-tolerated"', 'amplitude_rule = "sensory"', "channel[0].amplitude_rule", "contradict"),
    ('amplitude_rule = "max-tolerated"', 'amplitude_rule = "percent-mvic"', "channel[0].amplitude_target",
     "amplitude_target"),
    ('amplitude_rule = "max-tolerated"', 'amplitude_rule = "40 mA"', "channel[0].amplitude_rule", "max-tolerated"),
    ("plausible_ma = [5, 60]", "plausible_ma = [60, 5]", "channel[0].plausible_ma", "must not be above"),
    ("plausible_ma = [5, 60]", "plausible_ma = 60", "channel[0].plausible_ma", "an array"),
    ("plausible_ma = [5, 60]", "amplitude_ma = 40", "channel[0].amplitude_ma", "no key"),
    ('mode = "timed"', 'mode = "sometimes"', "phase[0].mode", "continuous"),
    ('mode = "timed"', 'mode = "continuous"', "phase[0].on_s", "timed"),
    ('mode = "timed"', 'mode = "triggered"', "phase[0].trigger", "triggered"),
    ('waveform = "symmetric-biphasic"', 'waveform = "monophasic"', "phase[0].waveform", "balanced"),
    ('waveform = "symmetric-biphasic"', 'waveform = "galvanic"', "phase[0].waveform", "net charge"),
    ('waveform = "symmetric-biphasic"', 'waveform = "asymmetric-balanced-biphasic"', "phase[0].phase_ratio",
     "phase_ratio"),
    ("frequency_hz = 50\n", "frequency_hz = -50\n", "phase[0].frequency_hz", "greater than 0"),
    ("frequency_hz = 50\n", "frequency_hz = 0\n", "phase[0].frequency_hz", "greater than 0"),
    ("frequency_hz = 50\n", "frequency_hz = nan\n", "phase[0].frequency_hz", "finite"),
    ("frequency_hz = 50\n", "frequency_hz = inf\n", "phase[0].frequency_hz", "finite"),
    ("frequency_hz = 50\n", "frequency_hz = 1e999\n", "phase[0].frequency_hz", "finite"),
    ("frequency_hz = 50\n", 'frequency_hz = "50"\n', "phase[0].frequency_hz", "number"),
    ("frequency_hz = 50\n", "frequency_hz = true\n", "phase[0].frequency_hz", "number"),
    ("frequency_hz = 50\n", "frequency_hz = [50]\n", "phase[0].frequency_hz", "number"),
    ("frequency_hz = 50\n", "frequency_hz = 2026-01-01\n", "phase[0].frequency_hz", "number"),
    ("frequency_hz = 50\n", "frequncy_hz = 50\n", "phase[0].frequncy_hz", "did you mean 'frequency_hz'"),
    ("frequency_hz = 50\n", "period_ms = 20\n", "phase[0].period_ms", "no key"),
    ("pulse_width_us = 250", "pulse_width_ms = 0.25", "phase[0].pulse_width_ms", "did you mean 'pulse_width_us'"),
    ("pulse_width_us = 250", "", "phase[0].pulse_width_us", "missing"),
    ("on_s = 2\n", "on_ms = 2000\n", "phase[0].on_ms", "no key"),
    ("on_s = 2\n", "on_s = -2\n", "phase[0].on_s", "greater than 0"),
    ("off_s = 2\n", "", "phase[0].off_s", "off_s"),
    ("ramp_up_s = 0.5", "ramp_up_s = 1.8", "phase[0].ramp_up_s", "leave nothing"),
    ("ramp_up_s = 0.5\n", "", "phase[0].ramp_up_s", "missing"),
    ("contractions = 3", "contractions = 2.5", "phase[0].contractions", "integer"),
    ("contractions = 3", "contractions = true", "phase[0].contractions", "integer"),
    ("contractions = 3", "contractions = 0", "phase[0].contractions", "greater than or equal to 1"),
    ("contractions = 3", "contractions = 3\nduration_s = 60", "phase[0].duration_s", "either"),
    ("contractions = 3", "contractions = 3\nsets = 4", "phase[0].set_rest_s", "set_rest_s"),
    ("contractions = 3", "contractions = 3\nintensity = 1.5", "phase[0].intensity", "less than or equal to 1"),
    ("contractions = 3", "contractions = 3\nfrom_week = 4\nto_week = 2", "phase[0].from_week", "after"),
    ("contractions = 3", 'contractions = 3\nchannels = ["calf"]', "phase[0].channels", "does not exist"),
    ("contractions = 3", 'contractions = 3\n[[phase.channel]]\nname = "calf"',
     "phase[0].channel[0].name", "does not exist"),
    ("contractions = 3", 'contractions = 3\n[[phase.channel]]\nname = "quadriceps"\non_s = 0.5',
     "phase[0].channel[0].on_s", "nothing"),
    ("contractions = 3", "contractions = 3\nburst = { pulses = 9, interval_us = 8000 }", "phase[0].burst.pulses", "3"),
    ("days_per_week = 1", "days_per_week = 8", "dose.days_per_week", "7"),
    ("days_per_week = 1", "sessions_per_week = 1", "dose.sessions_per_week", "no key"),
    ("weeks = 1", "weeks = [6, 2]", "dose.weeks", "must not be above"),
    ("weeks = 1", "weeks = 1\nfirst_session_fraction = 0", "dose.first_session_fraction", "greater than 0"),
    ('frequency_hz = "convention"', 'frequency_hz = "a friend"', "provenance.frequency_hz", "recalled"),
    ("[dose]", "[[progression]]\nfrom_week = 2\nset = { frequency_hz = 90 }\n[dose]",
     "progression[0].set.frequency_hz", "no key"),
    ("[dose]", '[[progression]]\nfrom_week = 2\nset = { output = "sensory" }\n[dose]', "progression[0].channel",
     "channel"),
    ("[dose]", '[[progression]]\nnote = "more"\n[dose]', "progression[0].from_week", "either"),
    ("[dose]", '[[criterion]]\nmeasure = "x"\naction = "review"\n[dose]', "criterion[0].at_least", "either"),
]  # fmt: skip


@pytest.mark.parametrize(("before", "after", "key", "words"), CHANGED, ids=[f"{a[:40]!r}" for _, a, _, _ in CHANGED])
def test_one_mistake_is_refused_where_it_stands(before: str, after: str, key: str, words: str) -> None:
    found = problems(sample(before, after))
    named = [problem for problem in found if problem.key == key]
    assert named, found
    assert any(words in problem.message or words in str(problem.allowed) for problem in named), named
    assert all(problem.severity == "refuse" and problem.layer == "schema" and problem.rule for problem in found)


TRIGGERS = [
    ('source = "key"', "missing"),
    ('source = "voice"\nmax_on_s = 4', "switch"),
    ('source = "key"\nmax_on_s = 4\nhold = true', "let go"),
    ('source = "key"\nmax_on_s = 4\nmin_on_s = 5', "longer than"),
    ('source = "key"\nmax_on_s = 4\nthreshold_uv = 20', "emg only"),
    ('source = "key"\nmax_on_s = 4\ncadence_rpm = 40', "crank"),
    ('source = "crank"\nmax_on_s = 4', "cadence_rpm"),
    ('source = "sensor"\nmax_on_s = 4', "name of the event"),
    ('source = "emg"\nmax_on_s = 4', "threshold_uv"),
]


@pytest.mark.parametrize(("trigger", "words"), TRIGGERS)
def test_a_trigger_that_contradicts_itself_is_refused(trigger: str, words: str) -> None:
    assert any(words in problem.message for problem in problems(triggered(trigger)))


def test_a_good_trigger_is_taken_and_emg_goes_with_its_mode_only() -> None:
    assert parse(triggered('source = "key"\nmax_on_s = 4').encode()).phase[0].trigger is not None
    assert problems(triggered('source = "key"\nmax_on_s = 4', mode="emg-triggered"))


def test_names_are_given_once() -> None:
    text = sample()
    block = text[text.index("[[channel]]") : text.index("[[phase]]")]
    assert "twice" in problems(text.replace("[[phase]]", block + "[[phase]]"))[0].message


def test_all_mistakes_are_told_at_once_each_with_its_line() -> None:
    text = sample("frequency_hz = 50\n", 'frequency_hz = "50"\n').replace("weeks = 1", "weaks = 1")
    text = text.replace('region = "thigh"', 'region = "head"')
    lines = text.splitlines()
    found = {problem.key: problem.line for problem in problems(text)}
    assert found["phase[0].frequency_hz"] == lines.index('frequency_hz = "50"') + 1
    assert found["channel[0].region"] == lines.index('region = "head"') + 1
    assert found["dose.weaks"] == lines.index("weaks = 1") + 1
    assert "dose.weeks" in found


@pytest.mark.parametrize(
    ("muscle", "more", "keys"),
    [
        ("3", {}, {"muscle"}),  # nobody knows where it lies
        ('"left quadriceps"', {}, {"muscle", "region"}),
        (
            '"left quadriceps"',
            {"plausible_ma = [5, 60]": "plausible_ma = [60, 5]"},
            {"muscle", "region", "plausible_ma"},
        ),
    ],
)
def test_side_region_and_level_of_one_channel_hide_nothing_of_each_other(
    muscle: str, more: dict[str, str], keys: set[str]
) -> None:
    text = sample('muscle = "quadriceps femoris"', f"muscle = {muscle}").replace('region = "thigh"', 'region = "shank"')
    for before, after in more.items():
        assert before in text
        text = text.replace(before, after)
    assert {problem.key for problem in problems(text)} == {f"channel[0].{key}" for key in keys}


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("schema = 1\nschema = 1\n", "line 2"),
        ("schema = \n", "not a TOML file"),
        ("schema = 1\nnotes = [", "not a TOML file"),
        ("notes = " + "[" * 20_000 + "]" * 20_000, "nested"),
        ("a." * 20_000 + "b = 1", "nested"),
        ("schema = " + "9" * 5_000, "thousands of digits"),
        ("[channel]\nname = 1\n", "[[channel]]"),
        ("", "is empty"),
    ],
    ids=["double", "no value", "open array", "nested", "dotted", "digits", "table for array", "empty"],
)
def test_what_is_no_protocol_at_all_is_refused_in_words(text: str, words: str) -> None:
    assert any(words in problem.message for problem in problems(text))


def test_files_that_can_not_be_read_are_refused_in_words(tmp_path: Path) -> None:
    def refused(path: Path) -> str:
        with pytest.raises(ProtocolError) as error:
            load(path)
        assert error.value.path == path
        return error.value.problems[0].message

    big, latin, pipe = tmp_path / "big.toml", tmp_path / "latin.toml", tmp_path / "pipe.toml"
    big.write_bytes(b"#" * (SIZE_MAX + 1))
    latin.write_bytes('schema = 1\ntitle = "Übung"\n'.encode("latin-1"))
    assert "folder" in refused(tmp_path)
    assert "can't be read" in refused(tmp_path / "none.toml")
    assert "more than a protocol has" in refused(big)
    assert "not UTF-8" in refused(latin)
    if os.name == "posix":
        os.mkfifo(pipe)
        assert "no regular file" in refused(pipe)


def taken_or_refused(data: bytes) -> bool:
    """Whether these bytes are a protocol, or no protocol for at least one reason; anything else is a crash."""
    try:
        return isinstance(parse(data), Protocol)
    except ProtocolError as refused:
        return len(refused.problems) > 0


@given(st.binary(max_size=400) | st.text(max_size=400).map(str.encode))
def test_any_bytes_are_a_protocol_or_refused(data: bytes) -> None:
    assert taken_or_refused(data)


@given(st.data())
def test_a_line_lost_or_doubled_never_crashes(data: st.DataObject) -> None:
    lines = sample().splitlines()
    at = data.draw(st.integers(0, len(lines) - 1))
    changed = data.draw(st.sampled_from(["", lines[at] + "\n" + lines[at], lines[at][::-1]]))
    assert taken_or_refused("\n".join([*lines[:at], changed, *lines[at + 1 :]]).encode())


def test_lines_are_found_in_arrays_inline_tables_and_after_long_texts() -> None:
    text = 'title = """\nkey = 1\n[[phase]]\n"""\n[[phase]]\na = 1\n[phase.trigger]\nb = 2\n[[phase]]\n'
    index = LineIndex(
        text + 'burst = { pulses = 2 }\n[[phase.channel]]\nname = "x"\n[provenance]\n"phase.work.c" = "read"\n'
    )
    assert index.line_of(["phase", 0, "a"]) == 6
    assert index.line_of(["phase", 0, "trigger", "b"]) == 8
    assert index.line_of(["phase", 1, "burst", "pulses"]) == 10
    assert index.line_of(["phase", 1, "channel", 0, "name"]) == 12
    assert index.line_of(["provenance", "phase.work.c"]) == 14
    assert index.line_of(["phase", 1, "missing"]) == 9


def marked(value: str) -> str:
    """The sample with this beside `frequency_hz` in `[provenance]`."""
    head, _, marks = sample().partition("[provenance]\n")
    lines = [line for line in marks.splitlines() if not line.startswith("frequency_hz")]
    return head + "\n".join(["[provenance]", f"frequency_hz = {value}", *lines]) + "\n"


@pytest.mark.parametrize("value", ["400", '"reed"', "[1]", "true"])
def test_a_mark_is_a_word_or_a_table_and_the_message_says_both(value: str, tmp_path: Path) -> None:
    path = tmp_path / "x.toml"
    path.write_text(marked(value), encoding="utf-8")
    with pytest.raises(ProtocolError) as caught:
        load(path)
    [problem] = caught.value.problems
    assert problem.key == "provenance.frequency_hz"
    assert '"read"' in problem.message
    assert "{ mark =" in problem.message


def test_an_unknown_key_of_a_mark_is_said_with_the_known_ones(tmp_path: Path) -> None:
    path = tmp_path / "x.toml"
    path.write_text(marked('{ mark = "read", wher = "x" }'), encoding="utf-8")
    with pytest.raises(ProtocolError) as caught:
        load(path)
    assert any("did you mean 'where'?" in problem.message for problem in caught.value.problems)


def test_a_number_where_a_table_belongs_is_told_how_tables_are_written(tmp_path: Path) -> None:
    path = tmp_path / "x.toml"
    path.write_text(sample("[dose]\n", "[dosis]\n").replace("schema = 1\n", "schema = 1\ndose = 3\n"), encoding="utf-8")
    with pytest.raises(ProtocolError) as caught:
        load(path)
    assert any(problem.key == "dose" and "[dose], or dose = {" in problem.message for problem in caught.value.problems)


TITLE = 'title = "A short one for trying out"'


@pytest.mark.parametrize(
    ("typed", "sign"),
    [
        ("Knee\u202e eenK", "U+202E"),
        ("Kn\u200bee", "U+200B"),
        ("Knee \\u2066", "U+2066"),
        ("Knee \\u001b[2J", "U+001B"),
    ],
)
def test_a_text_with_signs_that_nobody_can_see_is_refused(typed: str, sign: str) -> None:
    text = sample(TITLE, f'title = "{typed}"')
    with pytest.raises(ProtocolError) as refused:
        parse(text.encode())
    (problem,) = refused.value.problems
    assert (problem.key, problem.rule) == ("title", "unseen")
    assert problem.line == 1 + text[: text.index(f'"{typed}"')].count("\n")
    assert sign in problem.message
    assert "\u202e" not in str(refused.value)


def test_a_joiner_that_a_script_needs_is_no_sign_to_refuse() -> None:
    text = sample(TITLE, 'title = "\u0645\u06cc\u200c\u062e\u0648\u0627\u0647\u0645"')
    assert parse(text.encode()).title
