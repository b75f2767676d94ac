"""Files that a hurried hand, another program or another country's keyboard makes: each mistake is named so that a
therapist can mend it, and what is only written in another way is taken."""

from __future__ import annotations

import json
import os
from pathlib import Path
from typing import Any

import pytest
import tomlkit

from estim.cli import main
from estim.desk.checking import check_file
from estim.protocols import library
from estim.protocols.loader import parse
from estim.protocols.schema import Protocol
from estim.protocols.schema_words import WORDS
from estim.protocols.slips import slip
from estim.safety.errors import Problem, ProtocolError
from estim.safety.limits import ABSOLUTE, DEFAULT
from tests.support import SHORT, sample


def problems(data: bytes | str) -> tuple[Problem, ...]:
    with pytest.raises(ProtocolError) as refused:
        parse(data.encode() if isinstance(data, str) else data)
    return refused.value.problems


def checked(capsys: pytest.CaptureFixture[str], home: Path, text: str | bytes) -> tuple[int, dict[str, Any]]:
    """`protocols check --json` on a file of this text: exit code and the file's entry. The document is strict JSON."""
    path = home / "mine.toml"
    path.write_bytes(text.encode() if isinstance(text, str) else text)
    code = main(["protocols", "check", str(path), "--home", str(home), "--json"])
    document = json.loads(capsys.readouterr().out, parse_constant=lambda word: pytest.fail(f"{word} is no JSON"))
    return code, document["files"][0]


# what is written instead of what; the key, its value, and words that say what was meant
SLIPS = [
    ("pulse_width_us = 250", "pulse_width_us = 0.25", "phase[0].pulse_width_us", 0.25, "looks like ms: that is 250 µs"),
    ("pulse_width_us = 250", "pulse_width_us = 0.00025", "phase[0].pulse_width_us", 0.00025, "looks like s"),
    ("pulse_width_us = 250", "pulse_width_us = 250000", "phase[0].pulse_width_us", 250_000, "looks like ns"),
    ("pulse_width_us = 250", "pulse_width_us = 2500", "phase[0].pulse_width_us", 2_500, "at most 1000"),
    ("pulse_width_us = 250", "pulse_width_us = 5", "phase[0].pulse_width_us", 5, "at least 20"),
    ("frequency_hz = 50\n", "frequency_hz = 0.05\n", "phase[0].frequency_hz", 0.05, "looks like kHz: that is 50 Hz"),
    ("frequency_hz = 50\n", "frequency_hz = 20000\n", "phase[0].frequency_hz", 20_000, "a period in µs: that is 50 Hz"),
    ("frequency_hz = 50\n", "frequency_hz = 180\n", "phase[0].frequency_hz", 180, "at most 150"),
    ("on_s = 2\n", "on_s = 2000\n", "phase[0].on_s", 2_000, "looks like ms: that is 2 s"),
    ("contractions = 3", "duration_s = 1200000", "dose.blocks_per_session", 20_000, "at most 60 min"),
    ("electrode_cm = [7.6, 12.7]", "electrode_cm = [76, 127]", "channel[0].electrode_cm", 9_652, "at most 200"),
    ("plausible_ma = [5, 60]", "plausible_ma = [5000, 60000]", "channel[quadriceps].plausible_ma", 60_000, "above"),
    (
        "interphase_us = 100",
        "interphase_us = 100000",
        "phase[0].interphase_us",
        100_000,
        "looks like ns: that is 100 µs",
    ),
]


@pytest.mark.parametrize(("before", "after", "key", "asked", "words"), SLIPS[:-2] + SLIPS[-1:])
def test_a_slip_of_units_is_named_with_the_unit_that_was_meant(
    tmp_path: Path,
    capsys: pytest.CaptureFixture[str],
    before: str,
    after: str,
    key: str,
    asked: float,
    words: str,
) -> None:
    code, entry = checked(capsys, tmp_path, sample(before, after))
    assert code == 1
    assert entry["ok"] is False
    refused = [problem for problem in entry["problems"] if problem["severity"] == "refuse"]
    named = [problem for problem in refused if problem["key"] == key]
    assert named, refused
    assert named[0]["asked"] == pytest.approx(asked, rel=0.3)
    assert words in named[0]["message"]
    assert named[0]["allowed"] is not None
    assert named[0]["source"]
    assert named[0]["line"] is not None or key.startswith("electrode[")


def test_a_band_in_microamperes_is_named(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    code, entry = checked(capsys, tmp_path, sample("plausible_ma = [5, 60]", "plausible_ma = [5000, 60000]"))
    assert code == 1
    (problem,) = [found for found in entry["problems"] if found["severity"] == "refuse"]
    assert "looks like µA: that is 5 mA" in problem["message"]
    assert problem["line"] is not None


UNKNOWN = [
    ("pulse_width_us = 250", "pulse_width_ms = 0.25", "0.25 ms are 250 µs"),
    ("on_s = 2\n", "on_ms = 2000\n", "2000 ms are 2 s"),
    ("frequency_hz = 50\n", "frequency_khz = 0.05\n", "0.05 kHz are 50 Hz"),
    ("electrode_cm = [7.6, 12.7]", "electrode_mm = [76, 127]", "did you mean 'electrode_cm'"),
    ("plausible_ma = [5, 60]", "plausible_ua = [5000, 60000]", "did you mean 'plausible_ma'"),
    ("plausible_ma = [5, 60]", "plausible_ma = [5, 60]\namplitude_ma = 40", "never holds a current to deliver"),
    ("plausible_ma = [5, 60]", "plausible_ma = [5, 60]\ncurrent_ma = 40", "never holds a current to deliver"),
    ("frequency_hz = 50\n", "frequncy_hz = 50\n", "did you mean 'frequency_hz'"),
    ("frequency_hz = 50\n", "Frequency_hz = 50\n", "did you mean 'frequency_hz'"),
    ("[dose]", "[doze]", "did you mean 'dose'"),
    ("days_per_week = 1", "sessions_per_week = 1", "did you mean"),
    ("schema = 1", "schema = 1\nauthor = 'me'", "known here: basis"),
]


@pytest.mark.parametrize(("before", "after", "words"), UNKNOWN, ids=[after for _, after, _ in UNKNOWN])
def test_an_unknown_key_comes_with_the_one_that_was_meant(before: str, after: str, words: str) -> None:
    found = [problem for problem in problems(sample(before, after)) if problem.rule == "unknown-key"]
    assert len(found) == 1
    assert words in found[0].message
    assert found[0].line is not None


TYPES = [
    ("schema = 1", "schema = 2", "schema", 2, "1"),
    ("schema = 1", "schema = 1.0", "schema", 1.0, "1"),
    ("schema = 1", "schema = true", "schema", True, "1"),
    ("schema = 1", 'schema = "1"', "schema", "1", "1"),
    ("frequency_hz = 50\n", 'frequency_hz = "50"\n', "phase[0].frequency_hz", "50", "a number"),
    ("frequency_hz = 50\n", 'frequency_hz = "50 Hz"\n', "phase[0].frequency_hz", "50 Hz", "a number"),
    ("frequency_hz = 50\n", "frequency_hz = true\n", "phase[0].frequency_hz", True, "a number"),
    ("frequency_hz = 50\n", "frequency_hz = nan\n", "phase[0].frequency_hz", "nan", "a finite number"),
    ("frequency_hz = 50\n", "frequency_hz = -inf\n", "phase[0].frequency_hz", "-inf", "a finite number"),
    ("frequency_hz = 50\n", "frequency_hz = 2026-01-01\n", "phase[0].frequency_hz", "2026-01-01", "a number"),
    ("frequency_hz = 50\n", "frequency_hz = 00:00:50\n", "phase[0].frequency_hz", "00:00:50", "a number"),
    ("frequency_hz = 50\n", f"frequency_hz = 1{'0' * 400}\n", "phase[0].frequency_hz", None, "a number"),
    ("contractions = 3", "contractions = 3.0", "phase[0].contractions", 3.0, "a whole number (integer)"),
    ("contractions = 3", 'contractions = "3"', "phase[0].contractions", "3", "a whole number (integer)"),
    ("contractions = 3", "contractions = false", "phase[0].contractions", False, "a whole number (integer)"),
    ("contractions = 3", "contractions = -3", "phase[0].contractions", -3, "greater than or equal to 1"),
    ("contractions = 3", "contractions = 3\nramp_within_on = 1", "phase[0].ramp_within_on", 1, "true or false"),
    ("contractions = 3", "contractions = 3\nintensity = 50", "phase[0].intensity", 50, "less than or equal to 1"),
    ("contractions = 3", "contractions = 3\nintensity = 0.00001", "phase[0].intensity", 0.00001, "greater than"),
    ("version = \"1.0.0\"", "version = 1.0", "version", 1.0, "a text"),
    ("version = \"1.0.0\"", 'version = "1.0"', "version", "1.0", "three numbers"),
    ('id = "short"', 'id = "Übung 1"', "id", "Übung 1", "small letters"),
    ('id = "short"', "id = 7", "id", 7, "a text"),
    ('conditions = ["trial"]', "conditions = [1]", "conditions[0]", 1, "a text"),
    ('conditions = ["trial"]', 'conditions = "trial"', "conditions", "trial", "an array"),
    ("electrode_cm = [7.6, 12.7]", 'electrode_cm = "7.6x12.7"', "channel[0].electrode_cm", "7.6x12.7", "an array"),
    ("electrode_cm = [7.6, 12.7]", "electrode_cm = 7.6", "channel[0].electrode_cm", 7.6, "an array"),
    ("electrode_cm = [7.6, 12.7]", "electrode_cm = []", "channel[0].electrode_cm", "an array of 0", "at least 1"),
    ("plausible_ma = [5, 60]", "plausible_ma = [5, 6, 7]", "channel[0].plausible_ma", "an array of 3", "at most 2"),
    ("plausible_ma = [5, 60]", "plausible_ma = [-5, 60]", "channel[0].plausible_ma[0]", -5, "greater than 0"),
    ("weeks = 1", "weeks = 0", "dose.weeks", 0, "greater than or equal to 1"),
    ("weeks = 1", "weeks = 6.5", "dose.weeks", 6.5, "a whole number (integer)"),
    ("weeks = 1", 'weeks = "six"', "dose.weeks", "six", "a whole number (integer)"),
    ("sessions_per_day = 1", "sessions_per_day = 1000", "dose.sessions_per_day", 1_000, "less than or equal to 24"),
    ("[dose]", "[[dose]]", "dose", "an array of 1", "a table"),
    ('region = "thigh"', 'region = "Thigh"', "channel[0].region", "Thigh", "'thigh'"),
    ('goal = "strength"', 'goal = "stength"', "goal", "stength", "'strength'"),
    ('mode = "timed"', 'mode = "cyclic"', "phase[0].mode", "cyclic", "'timed'"),
    ('frequency_hz = "convention"', 'frequency_hz = "guess"', "provenance.frequency_hz", "guess", '"read"'),
]  # fmt: skip


@pytest.mark.parametrize(("before", "after", "key", "asked", "allowed"), TYPES, ids=[t[1][:40] for t in TYPES])
def test_a_wrong_value_is_named_with_what_is_allowed_and_what_the_key_means(
    before: str, after: str, key: str, asked: object, allowed: str
) -> None:
    text = sample(before, after)
    found = problems(text)
    (problem,) = [problem for problem in found if problem.key == key]
    assert len(found) == 1, found
    if asked is not None:
        assert problem.asked == asked
        assert type(problem.asked) is type(asked)
    assert allowed in str(problem.allowed)
    assert problem.line is not None
    place = text.splitlines()[problem.line - 1]
    assert key.partition("[")[0].rpartition(".")[2] in place or key.rpartition(".")[2].partition("[")[0] in place
    json.dumps(problem.to_json(), allow_nan=False)


def test_texts_may_not_move_the_cursor() -> None:
    for sign in ("\\u0000", "\\u001b[2J", "\\u0007", "\\u009b"):
        (problem,) = problems(sample('title = "A', f'title = "{sign}A'))
        assert problem.key == "title"
        assert "control characters" in problem.message
        (problem,) = problems(sample('name = "work"', f'name = "{sign}work"'))
        assert problem.key == "phase[0].name"
        assert "control characters" in problem.message
    (problem,) = problems(sample('name = "work"', 'name = "work\\nrest"'))
    assert "one line" in problem.message


@pytest.mark.parametrize("number", ["9" * 400, "1e308", "-1000000001"])
@pytest.mark.parametrize("key", ["interphase_us = 100", "contractions = 3", "on_s = 2", "plausible_ma = [5, 60]"])
def test_numbers_that_nobody_means(key: str, number: str) -> None:
    name = key.split(" = ", maxsplit=1)[0]
    said = f"[5, {number}]" if "[" in key else number
    (problem,) = [one for one in problems(sample(key, f"{name} = {said}")) if one.key.endswith(name)]
    assert "greater than 1000000000" in problem.message
    json.dumps(problem.to_json(), allow_nan=False)


CONTRADICTIONS = [
    ("ramp_down_s = 0.3", "ramp_down_s = 1.9", "phase[0].ramp_down_s", "leave nothing"),
    ("ramp_up_s = 0.5", "ramp_up_s = 500", "phase[0].ramp_up_s", "leave nothing"),
    ("contractions = 3", "contractions = 3\nset_rest_s = 9\nsets = 2\nduration_s = 9", "phase[0].duration_s", "either"),
    ("contractions = 3", "", "phase[0].contractions", "either"),
    ("on_s = 2\n", "", "phase[0].on_s", "needed for timed"),
    ("contractions = 3", "contractions = 3\nfrom_session = 4\nto_session = 2", "phase[0].from_session", "after"),
    ("contractions = 3", "contractions = 3\nphase_ratio = 2", "phase[0].phase_ratio", "goes with"),
    ("contractions = 3", 'contractions = 3\nwaveform_fallback = "symmetric-biphasic"', "phase[0].waveform_fallback",
     "needs no"),
    ('amplitude_rule = "max-tolerated"', 'amplitude_rule = "max-tolerated"\namplitude_target = 40',
     "channel[0].amplitude_target", "goes with"),
    ('amplitude_rule = "max-tolerated"', 'amplitude_rule = "sensory"\noutput = "sensory"',
     "channel[0].retitrate_every_s", "at most 600"),
    ("days_per_week = 1", "days_per_week = [5, 3]", "dose.days_per_week", "must not be above"),
]  # fmt: skip


@pytest.mark.parametrize(("before", "after", "key", "words"), CONTRADICTIONS, ids=[c[2] for c in CONTRADICTIONS])
def test_keys_that_contradict_one_another_name_one_of_them(before: str, after: str, key: str, words: str) -> None:
    (problem,) = problems(sample(before, after))
    assert problem.key == key
    assert words in problem.message
    assert problem.line is not None


def test_a_key_that_stands_twice_is_named() -> None:
    (problem,) = problems(sample('id = "short"', 'id = "short"\nid = "long"'))
    assert (problem.key, problem.line, problem.rule) == ("id", 3, "toml")
    assert "stands twice" in problem.message
    (problem,) = problems(sample() + "[dose]\nweeks = 2\n")
    assert problem.key == "dose"
    assert "stands twice" in problem.message


@pytest.mark.parametrize(
    ("data", "words"),
    [
        (b"", "is empty"),
        (b"  \r\n\t\n", "is empty"),
        (b"\xff\xfe" + sample().encode("utf-16-le"), "looks like UTF-16"),
        (sample().replace("trying", "Übung").encode("latin-1"), "not UTF-8"),
        (b'{"schema": 1}', "not a TOML file"),
        (b"schema: 1\nid: x\n", "not a TOML file"),
        (b"<?xml version='1.0'?>", "not a TOML file"),
        (b"\x89PNG\r\n\x1a\n", "not UTF-8"),
        (sample().replace("\n", "\r").encode(), "not a TOML file"),
        (sample().replace("seated", "sea\x00ted").encode(), "Illegal character"),
        (("a = " + "{b=" * 500 + "1" + "}" * 500).encode(), "nested deeper"),
        (("a = " + "[" * 5_000 + "]" * 5_000).encode(), "nested deeper"),
        (("[" + ".".join("a" * 60) + "]\n").encode(), "no key 'a'"),
    ],
)
def test_what_is_no_protocol_is_said_in_one_or_two_sentences(data: bytes, words: str) -> None:
    found = problems(data)
    assert any(words in problem.message for problem in found)
    assert all(len(problem.message) < 600 for problem in found)


@pytest.mark.parametrize(
    ("data", "words"),
    [
        ("a." * 100_000 + "b = 1", "nested deeper"),
        ("[" + ".".join("a" * 100_000) + "]\n", "nested deeper"),
        ("x = { " + "a . " * 50_000 + "b = 1 }", "nested deeper"),
        ("\n".join(f"k{i} = {{ a = 1 }}" for i in range(13_000)), "more"),
        ("[[channel]]\n" * 15_000, "more"),
    ],
    ids=["dotted key", "dotted header", "inline", "unknown keys", "channels"],
)
def test_a_file_made_to_be_long_is_refused_at_once_and_in_few_words(data: str, words: str) -> None:
    """The parser alone would take minutes and all memory over the first three."""
    found = problems(data)
    assert any(words in problem.message for problem in found)
    assert len(found) <= 201


def test_sentences_are_not_taken_for_nesting() -> None:
    assert parse(sample('cue = "relax"', f'cue = "{"Wait. " * 60}"').encode()).cue.startswith("Wait.")


def test_what_is_only_written_in_another_way_is_taken() -> None:
    plain = parse(sample().encode())
    assert parse(b"\xef\xbb\xbf" + sample().encode()) == plain
    assert parse(sample().replace("\n", "\r\n").encode()) == plain
    assert parse(sample("frequency_hz = 50\n", "frequency_hz = 0x32 # fifty\n").encode()) == plain
    assert parse(sample("frequency_hz = 50\n", "frequency_hz = 5e1\n").encode()) == plain
    assert parse(sample("contractions = 3", "'contractions' = 0b11").encode()) == plain
    assert parse(("\n\n# mine\n" + sample()).encode()) == plain
    dose = "sessions_per_day = 1\ndays_per_week = 1\nweeks = 1\n"
    text = sample("[dose]\n" + dose).replace("schema = 1\n", "schema = 1\ndose = { sessions_per_day = 1, "
                                             "days_per_week = 1, weeks = 1 }\n")  # fmt: skip
    assert parse(text.encode()) == plain
    assert parse(
        sample('title = "A short one for trying out"', 'title = """A short \\\n  one for trying out"""').encode()
    )


def test_a_line_is_right_with_windows_line_ends_and_a_mark_at_the_begin() -> None:
    text = sample("frequency_hz = 50\n", "frequency_hz = -50\n")
    line = text.splitlines().index("frequency_hz = -50") + 1
    for data in (text.replace("\n", "\r\n").encode(), b"\xef\xbb\xbf" + text.encode()):
        (problem,) = problems(data)
        assert problem.line == line


def leaves(document: Any, place: tuple[Any, ...] = ()) -> list[tuple[Any, ...]]:
    """Every key of a document, tables and what is in them."""
    found: list[tuple[Any, ...]] = []
    for key, value in document.items():
        found.append((*place, key))
        if isinstance(value, dict):
            found += leaves(value, (*place, key))
        elif isinstance(value, list) and value and isinstance(value[0], dict):
            found += [leaf for index, item in enumerate(value) for leaf in leaves(item, (*place, key, index))]
    return found


@pytest.mark.parametrize(
    "name", ["stroke-wrist-emg-triggered", "acl-quadriceps-garment-home", "copd-quadriceps-stepped"]
)
def test_any_key_that_is_left_out_is_asked_for_or_not_needed(name: str) -> None:
    """Take each key out of a library file: either the rest is a protocol, or what is missing is named."""
    text = library.path(name).read_text(encoding="utf-8")
    asked_for = 0
    for leaf in leaves(tomlkit.parse(text).unwrap()):
        document: Any = tomlkit.parse(text)
        place = document
        for part in leaf[:-1]:
            place = place[part]
        del place[leaf[-1]]
        try:
            assert isinstance(parse(tomlkit.dumps(document).encode()), Protocol)
        except ProtocolError as refused:
            asked_for += 1
            words = " ".join(str(problem) for problem in refused.problems)
            assert str(leaf[-1]).partition(".")[0] in words or "does not exist" in words, (leaf, words)
    assert asked_for > 30


def test_a_missing_key_says_what_it_is_for() -> None:
    (problem,) = problems(sample("pulse_width_us = 250\n"))
    assert problem.key == "phase[0].pulse_width_us"
    assert problem.line == sample().splitlines().index("[[phase]]") + 1
    assert WORDS["PhaseSpec", "pulse_width_us"].rstrip(".").lower() in problem.message.lower()


def test_files_that_can_not_be_read_have_an_entry_each(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    folder, big, good = tmp_path / "folder.toml", tmp_path / "big.toml", tmp_path / "good.toml"
    folder.mkdir()
    big.write_bytes(b"#" * 300_000)
    good.write_text(sample(), encoding="utf-8")
    (tmp_path / "loop.toml").symlink_to("loop.toml")
    devices = ["/dev/null"] if os.name == "posix" else []
    names = [str(folder), str(big), str(tmp_path / "none.toml"), "no-such-protocol", str(tmp_path / "loop.toml"),
             "x" * 400, *devices, str(good)]  # fmt: skip
    assert main(["protocols", "check", *names, "--home", str(tmp_path), "--json"]) == 1
    files = json.loads(capsys.readouterr().out)["files"]
    assert [entry["file"] for entry in files] == names
    assert [entry["ok"] for entry in files] == [False] * (len(names) - 1) + [True]
    words = ["is a folder", "more than a protocol has", "can't be read", "there is no protocol", "can't be read",
             "there is no protocol", "no regular file"]  # fmt: skip
    for entry, word in zip(files[:-1], words, strict=False):
        assert word in entry["problems"][0]["message"]
    assert main(["protocols", "check", *names, "--home", str(tmp_path)]) == 1
    text = capsys.readouterr().out
    assert all(name in text for name in names)


PROVENANCE = [
    ("frequncy_hz", "did you mean 'frequency_hz'"),
    ("phase.warmup.off_s", "there is no phase 'warmup'"),
    ("phase.work.of_s", "did you mean 'off_s'"),
]


@pytest.mark.parametrize(("key", "words"), PROVENANCE)
def test_a_slip_in_a_key_of_provenance_is_warned_of(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], key: str, words: str
) -> None:
    code, entry = checked(capsys, tmp_path, sample() + f'"{key}" = "read"\n')
    assert code == 0
    (problem,) = [found for found in entry["problems"] if found["rule"] == "provenance" and found["severity"] == "warn"]
    assert words in problem["message"]
    assert problem["line"] == len(sample().splitlines()) + 1


def test_numbers_without_a_source_are_said(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    _, entry = checked(capsys, tmp_path, sample())
    (problem,) = [found for found in entry["problems"] if found["rule"] == "provenance"]
    assert "pulse_width_us" in problem["message"]
    assert "frequency_hz" not in problem["message"]


@pytest.mark.parametrize("value", [250, 20, 1_000, 0, -1, True, "250", None])
def test_what_makes_sense_is_no_slip(value: object) -> None:
    assert slip("phase[0].pulse_width_us", value) == ""
    assert slip("cue", value) == ""


@pytest.mark.parametrize(
    ("criterion", "key", "says"),
    [
        ('measure = "quadriceps-indx"\nat_least = 80', "criterion[0].measure", "near: quadriceps-index"),
        ('measure = "odi"\nat_most = 400', "criterion[0].at_most", "0 to 100"),
        ('measure = "quadriceps-index"\nat_least = 80', "", ""),
    ],
)
def test_a_criterion_that_no_assessment_can_meet_is_said(tmp_path: Path, criterion: str, key: str, says: str) -> None:
    path = tmp_path / "short.toml"
    text = SHORT.read_text("utf-8")
    path.write_text(text.replace("[provenance]", f'[[criterion]]\n{criterion}\naction = "review"\n[provenance]'))
    problems = check_file(path, ABSOLUTE & DEFAULT, model="p24")["problems"]
    found = [(each["severity"], each["key"]) for each in problems if each["rule"] == "measure"]
    assert found == ([("warn", key)] if key else [])
    assert says in " ".join(each["message"] for each in problems if each["rule"] == "measure")
