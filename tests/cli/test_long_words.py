"""A refusal is one way of saying: `estim:` before it, a word of somebody's known again and not repeated whole."""

from __future__ import annotations

import json
import tomllib
from pathlib import Path

import pytest

from estim.cli import FAULT
from estim.controller.messages import RANGES, TEXT_MAX
from estim.desk.setup_from import MEASURE_MAX, REASON_MAX, SESSION_MAX
from estim.protocols.file_names import is_a_device_on_windows
from estim.records.home import Home
from estim.records.patients import WEEK_MAX, Patient, save_patient
from estim.safety.errors import brief, quoted
from estim.safety.units import plain_number
from tests.cli.every import ID, call

LONG, MANY = "x" * 3_000, "9" * 3_000
PLAY = ["rehearse", ID]
PLANS = ["plans", "new", "mine", "--from", "carpal-tunnel"]
WORDS = [
    ([*PLAY, "--level", f"quadriceps={MANY}"], "above 0 and at most 1000"),
    ([*PLAY, "--motor", f"quadriceps={MANY}"], "above 0 and at most 1000"),
    ([*PLAY, "--level", f"quadriceps={LONG}"], "not a number of mA"),
    ([*PLAY, "--level", f"{LONG}=5"], "the protocol has no channel"),
    ([*PLAY, "--pad", f"quadriceps={MANY}"], "no pad is longer than 40 cm"),
    ([*PLAY, "--pad", f"quadriceps={LONG}"], "write 7.6x12.7"),
    ([*PLAY, "--measure", f"quadriceps-index={'9' * 90}"], "at most 1000000"),
    ([*PLAY, "--measure", f"quadriceps-index={MANY}"], "at most 200 letters"),
    ([*PLAY, "--measure", f"{LONG[:150]}=1"], "this protocol asks for"),
    ([*PLAY, "--early", LONG], "at most 1000 letters, this one has 3000"),
    ([*PLAY, "--skip", LONG], "at most 1000 letters"),
    ([*PLAY, "--week", "521"], "--week: 1 to 520"),
    ([*PLAY, "--session", MANY[:18]], "--session: 1 to 10000"),
    ([*PLAY, "--side", LONG], "invalid choice"),
    ([*PLAY, "--seed", MANY], "at most 18 digits"),
    ([*PLAY, LONG], "unrecognized arguments"),
    ([*PLAY, "--patient", LONG], "a pseudonym is 1 to 40"),
    ([*PLAY, "--patient", ""], "patient '': a pseudonym is 1 to 40"),
    ([*PLAY, "--faults", LONG], "fault plan"),
    ([*PLAY, "--only", LONG, "--world", "--level", "quadriceps=5"], "has no part"),
    ([*PLAY, "--course", "--patient", "P-1", "--score", LONG], "KEY=VALUE"),
    (["rehearse", LONG], "no protocol"),
    (["rehearse", f"{LONG}.toml"], "File name too long"),
    (["console", "--emg", LONG], "lsl://NAME"),
    (["run", ID, "--patient", "P-1", "--device", f"sim://p24?{LONG}=1"], "no option"),
    (["run", ID, "--patient", "P-1", "--device", f"socket://{LONG}"], "socket://host:port"),
    (["plans", "show", LONG], "no plan"),
    (["protocols", "list", "--channels", LONG], "a number from 1"),
    (["protocols", "new", LONG], "small letters"),
    (["records", "show", LONG], "File name too long"),
    (["records", "retention", "--keep", f"{LONG}=3", "--reason", "r"], ""),
    (["limits", "propose", LONG], "one of"),
    (["qualify", "plan", "--model", "p24", "--operator", "O", "--channels", LONG], "numbers from 1 to 8"),
    (["stream", "--wait", MANY], "at most 1000000000"),
    (["help", LONG], "no topic"),
]


@pytest.mark.parametrize(("words", "says"), WORDS, ids=[" ".join(words)[:50] for words, _ in WORDS])
def test_a_word_of_thousands_of_letters_is_repeated_in_part(
    words: list[str], says: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    said = call(monkeypatch, [*words, "--home", str(tmp_path)])
    text = said.err.decode()
    assert said.code in {1, 2}
    assert (said.out, says in text) == (b"", True), text
    assert "x" * 81 not in text
    assert "9" * 81 not in text
    assert "inf " not in text
    assert [line for line in text.splitlines() if line.startswith("estim: ")]


def test_what_nobody_can_see_is_spelled_out_by_the_parser_too(monkeypatch: pytest.MonkeyPatch) -> None:
    assert "\x1b" not in call(monkeypatch, ["limits", "\x1b[2J"]).err.decode()
    assert quoted("\x1b[2J\u202e") == "'\\x1b[2J\\u202e'"


def test_every_line_of_a_refusal_of_several_belongs_to_it(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    file = tmp_path / "two.toml"
    file.write_text("schema = 2\n", encoding="utf-8")
    lines = call(monkeypatch, ["protocols", "show", str(file), "--home", str(tmp_path)]).err.decode().splitlines()
    assert lines[0] == f"estim: {file}:"
    assert len(lines) > 2
    assert all(line.startswith("  ") for line in lines[1:])


@pytest.mark.parametrize("option", ["--json", "--js"])
def test_the_parsers_refusal_is_a_document_too(option: str, monkeypatch: pytest.MonkeyPatch) -> None:
    said = call(monkeypatch, ["limits", "--frob", option])
    assert said.code == 2
    if option == "--json":
        assert json.loads(said.out)["problems"][0]["message"] == "unrecognized arguments: --frob"
    found = call(monkeypatch, ["records", "show", "nope", option, "--home", "/nowhere/at/all"])
    assert json.loads(found.out)["outcome"] == "refused"


def test_no_number_that_somebody_types_is_infinite() -> None:
    assert plain_number(MANY) == -plain_number(f"-{MANY}") == 1e15
    assert plain_number(f"2.{'0' * 3_000}") == 2
    assert (brief("a" * 80), len(brief("a" * 81))) == ("a" * 80, 80)


@pytest.mark.parametrize("name", ["con", "NUL", "aux", "com1", "LPT9"])
def test_nothing_new_is_called_as_windows_calls_a_device(
    name: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    for words in (
        ["protocols", "new", name.casefold()],
        ["plans", "new", name.casefold(), "--from", "carpal-tunnel"],
        ["records", "patient", name, "--note", "n"],
        [*PLAY, "--patient", name, "--level", "quadriceps=5"],
    ):
        said = call(monkeypatch, [*words, "--home", str(tmp_path / "home")])
        assert (said.code in {1, 2}, b"Windows keeps this name" in said.err) == (True, True)
    assert not list(tmp_path.glob("home/*/*"))
    assert not is_a_device_on_windows("console")
    assert is_a_device_on_windows("con .toml")


def test_who_is_called_so_already_keeps_the_name(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Registered before such names were refused, or by another program on another system."""
    save_patient(Home(tmp_path).patients, Patient(id="CON", flags=("fragile_bone",)))
    noted = call(monkeypatch, ["records", "patient", "con", "--note", "seen again", "--home", str(tmp_path)])
    assert (noted.code, noted.err) == (0, b"")
    played = call(monkeypatch, [*PLAY, "--patient", "con", "--level", "quadriceps=5", "--home", str(tmp_path)])
    assert played.code == 0, played.err
    (record,) = tmp_path.glob("records/simulated/*/record.jsonl")
    assert '"patient":"con"' in record.read_text(encoding="utf-8").casefold()


@pytest.mark.parametrize("title", ["a\x7fb", "a\x1b[2J", "\u202ex", "x" * 3_000])
def test_a_plans_title_that_none_can_have_makes_no_file(
    title: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    words = [*PLANS, "--title", title, "--home", str(tmp_path)]
    said = call(monkeypatch, words)
    assert (said.code, b"title" in said.err) == (1, True)
    assert not (tmp_path / "plans" / "mine.toml").exists()


def test_a_plans_title_is_kept_as_it_was_typed(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    title = 'Wrist "left" \\ 5 # 你 😀'
    assert call(monkeypatch, [*PLANS, "--title", title, "--home", str(tmp_path)]).code == 0
    assert tomllib.loads((tmp_path / "plans" / "mine.toml").read_text(encoding="utf-8"))["title"] == title


@pytest.mark.parametrize(
    "words",
    [
        ["records", "cosigned", "{bytes}"],
        ["records", "cosigned", "{folder}"],
        ["records", "verify", "--anchor", "{bytes}"],
        ["records", "verify", "--anchor", "{folder}/none"],
        ["records", "verify", "{bytes}.zip"],
        ["records", "stamp", "--answer", ""],
        ["records", "stamp", "--server", "http://[::1"],
        ["records", "stamp", "--server", "http://127.0.0.1:x/"],
        ["records", "backup", "-o", "."],
        ["qualify", "run", "{bytes}"],
    ],
    ids=" ".join,
)
def test_a_file_that_can_not_be_read_is_said_in_words(
    words: list[str], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    for name in ("bytes", "bytes.zip"):
        (tmp_path / name).write_bytes(b"PK\x03\x04\xe9\xff")
    given = [word.format(bytes=tmp_path / "bytes", folder=tmp_path) for word in words]
    said = call(monkeypatch, [*given, "--home", str(tmp_path / "home")])
    text = said.err.decode()
    assert said.code in {1, 2}
    assert text.startswith("estim: ")
    assert not [word for word in ("codec", "Errno", FAULT) if word in text], text


@pytest.mark.parametrize(
    "words",
    [
        [*PLAY, "--week=--"],
        [*PLAY, "--seed=--"],
        ["protocols", "plot", ID, "--width=--"],
        ["records", "list", "--limit=--"],
        ["qualify", "plan", "--model", "p24", "--operator", "O", "--channels=--"],
    ],
    ids=" ".join,
)
def test_two_hyphens_are_no_value(words: list[str], tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    said = call(monkeypatch, [*words, "--home", str(tmp_path)])
    assert (said.code, b"'--' is no value" in said.err) == (2, True)


@pytest.mark.parametrize(
    ("words", "says"),
    [
        (["records", "archive", "--reason", "r", "--older-than", "99999999999999999"], "at most 36525 days"),
        (["records", "retention", "--within", "999999999999"], "at most 36525 days"),
        *((["records", "list", "--since", day], "a day as") for day in ("1" * 40, "20261130", "2026-W48-1")),
        (["records", "list", "--since", "2026-11-30T10:00+05:00"], "a day as"),
        (["records", "patient", "P-1", "--pad", "quadriceps=0"], "is no size"),
        (["records", "patient", "P-1", "--pad", "quadriceps=0x10"], "is no size"),
        (["qualify", "plan", "--model", "p24", "--operator", "O", "--channels", "1,1"], "each once"),
    ],
    ids=lambda each: " ".join(each)[:50] if isinstance(each, list) else "",
)
def test_a_number_or_a_day_that_can_not_be_meant_is_refused(
    words: list[str], says: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    said = call(monkeypatch, [*words, "--home", str(tmp_path)])
    assert said.code in {1, 2}
    assert says in said.err.decode()


def test_what_a_setup_may_hold_is_what_a_controller_takes() -> None:
    """A week that the controller refuses would be refused after the session was begun, as a line that is none."""
    assert (RANGES["week"], RANGES["session"]) == ((1, WEEK_MAX), (1, SESSION_MAX))
    assert RANGES["measures"] == (-MEASURE_MAX, MEASURE_MAX)
    assert REASON_MAX < TEXT_MAX
