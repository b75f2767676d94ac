"""Signing in: who may, what the record says of it, and that a PIN ends at the desk."""

from __future__ import annotations

import io
import json
import sys
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from estim.cli import main
from estim.controller.signing_in import Reception
from estim.records import clocks, operators, reception
from estim.records.home import Home
from estim.records.operators import Operator, deactivated, fits, hash_pin, load_operators, save_operator
from estim.records.station import station_lines
from estim.safety.errors import RecordError
from estim.session.events import Sign, SignIn


@pytest.fixture(autouse=True)
def _quick(monkeypatch: pytest.MonkeyPatch) -> None:
    """The cost of guessing is no matter of these tests."""
    monkeypatch.setattr(operators, "MEMORY_KIB", 64)
    monkeypatch.setattr(operators, "PASSES", 1)


@pytest.fixture
def home(tmp_path: Path) -> Home:
    home = Home(tmp_path)
    for role in ("therapist", "observer", "auditor"):
        save_operator(home.operators, Operator(id=role[:3], name=f"{role} A", role=role, pin=hash_pin(f"pin-{role}")))
    return home


def sign_in(operator: str, pin: str = "") -> SignIn:
    return SignIn(id=1, operator=operator, patient_id="K-1", pin=pin, authenticated=True)


def test_a_real_session_wants_a_therapists_pin(home: Home) -> None:
    desk = Reception(home, simulated=False)
    known = desk.sign_in(sign_in(" the ", "pin-therapist"))
    assert (known.authenticated, known.pin) == (True, "")
    for operator, pin, why in (
        ("the", "", "asks for a PIN"), ("the", "wrong-pin", "not known"), ("nobody", "pin-therapist", "not known"),
        ("obs", "pin-observer", "needed is therapist"), ("aud", "pin-auditor", "needed is therapist"),
    ):  # fmt: skip
        with pytest.raises(RecordError, match=why):
            desk.sign_in(sign_in(operator, pin))


def test_practice_goes_without_and_the_record_says_so(home: Home) -> None:
    desk = Reception(home, simulated=True)
    assert not desk.sign_in(sign_in("anybody")).authenticated
    assert desk.sign_in(sign_in("the", "pin-therapist")).authenticated
    with pytest.raises(RecordError):
        desk.sign_in(sign_in("the", "wrong-pin"))


def test_without_operators_a_name_is_a_claim(tmp_path: Path) -> None:
    known = Reception(Home(tmp_path), simulated=False).sign_in(sign_in("anybody", "whatever"))
    assert (known.authenticated, known.pin) == (False, "")


@pytest.mark.parametrize(
    ("operator", "meaning", "let"),
    [
        ("the", "performed", True), ("obs", "witnessed", True), ("aud", "reviewed", True),
        ("aud", "performed", False), ("obs", "reviewed", False), ("obs", "nonsense", False),
    ],
)  # fmt: skip
def test_a_signature_has_name_time_and_meaning(home: Home, operator: str, meaning: str, *, let: bool) -> None:
    pins = {"the": "pin-therapist", "obs": "pin-observer", "aud": "pin-auditor"}
    asked = Sign(id=1, operator=operator, meaning=meaning, pin=pins[operator], name="forged", utc="1999")
    desk = Reception(home, simulated=False)
    if not let:
        with pytest.raises(RecordError, match="needed is"):
            desk.sign(asked)
        return
    signed = desk.sign(asked)
    assert signed.name.endswith(" A")
    assert signed.utc > "2026"
    assert (signed.authenticated, signed.pin) == (True, "")


def test_guessing_is_slowed_down_across_processes(home: Home, monkeypatch: pytest.MonkeyPatch) -> None:
    now_us = [1_000_000_000]
    monkeypatch.setattr(reception, "boot_us", lambda: now_us[0])
    monkeypatch.setattr(clocks, "boot_us", lambda: now_us[0])
    for _ in range(5):
        with pytest.raises(RecordError, match="not known"):  # a new process each time
            Reception(home, simulated=False).sign_in(sign_in("the", "guess-1"))
    now_us[0] += 30_000_000
    with pytest.raises(RecordError, match="next try in 30 s"):
        Reception(home, simulated=False).sign_in(sign_in("the", "pin-therapist"))
    now_us[0] += 31_000_000
    assert Reception(home, simulated=False).sign_in(sign_in("the", "pin-therapist")).authenticated


def test_a_wrong_pin_leaves_a_line_and_never_itself(home: Home) -> None:
    for operator, pin in (("the", "guess-1"), ("my-own-pin-123", "x"), ("obs", "pin-observer")):
        with pytest.raises(RecordError):
            Reception(home, simulated=False).sign_in(sign_in(operator, pin))
    lines = [entry for entry in station_lines(home.root) if entry["event"] == "sign-in-refused"]
    assert [(line["operator"], line["reason"]) for line in lines] == [
        ("the", "wrong operator or PIN"), ("unknown", "wrong operator or PIN"), ("obs", "role observer"),
    ]  # fmt: skip
    assert "guess-1" not in (home.root / "station.jsonl").read_text(encoding="utf-8")
    assert "my-own-pin" not in (home.root / "station.jsonl").read_text(encoding="utf-8")


def test_a_disabled_operator_is_not_let_in(home: Home) -> None:
    save_operator(home.operators, deactivated(load_operators(home.operators)["the"]))
    with pytest.raises(RecordError, match="not known"):
        Reception(home, simulated=False).sign_in(sign_in("the", "pin-therapist"))


def test_pins_are_kept_as_hashes_and_differ(home: Home) -> None:
    text = home.operators.read_text(encoding="utf-8")
    assert "pin-" not in text
    assert "$argon2id$v=19$" in text
    assert sys.platform == "win32" or home.operators.stat().st_mode & 0o777 == 0o600
    assert hash_pin("same-pin") != hash_pin("same-pin")
    for bad in ("12345", "x" * 65):
        with pytest.raises(RecordError, match="6 to 64"):
            hash_pin(bad)


def test_the_cost_is_the_standards(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.undo()
    assert "m=65536,t=3,p=4" in hash_pin("123456")


@pytest.mark.parametrize(
    "row",
    [
        {"id": "a b"}, {"name": " "}, {"role": "king"}, {"pin": "123456"}, {"extra": 1},
    ],
)  # fmt: skip
def test_an_operators_file_that_can_not_be_lets_nobody_in(tmp_path: Path, row: dict[str, Any]) -> None:
    good = {"id": "a", "name": "A", "role": "therapist", "pin": "$argon2id$x"}
    home = Home(tmp_path)
    home.operators.write_text(json.dumps({"operators": [{**good, **row}]}), encoding="utf-8")
    with pytest.raises(RecordError):
        Reception(home, simulated=False).sign_in(sign_in("a", "123456"))
    assert not fits(Operator(id="a", name="A", role="therapist", pin="$argon2id$x"), "123456")


def test_the_command_line_adds_changes_and_disables(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    home = Home(tmp_path)

    def call(typed: str, *words: str) -> int:
        monkeypatch.setattr("sys.stdin", io.StringIO(typed))
        return main(["operators", *words, "--home", str(home.root)])

    assert call("new-pin\nnew-pin\n", "add", "ann", "--name", "Ann B") == 0  # the first is the administrator
    assert call("new-pin\nnew-pin\nnew-pin\n", "add", "ann", "--name", "Ann B") == 1
    assert call("new-pin\nbobs-pin\nother\n", "add", "bob", "--name", "Bob") == 1
    assert call("", "add", "bob", "--name", "Bob", "--role", "king") == 1
    assert call("wrong\nbobs-pin\nbobs-pin\n", "add", "bob", "--name", "Bob") == 1
    assert call("new-pin\nbobs-pin\nbobs-pin\n", "add", "bob", "--name", "Bob") == 0
    assert call("bobs-pin\neves-pin\neves-pin\n", "add", "eve", "--name", "Eve", "--by", "bob") == 1
    assert call("wrong\n", "pin", "ann") == 1
    assert call("new-pin\nnewer-pin\nnewer-pin\n", "pin", "ann") == 0
    assert fits(load_operators(home.operators)["ann"], "newer-pin")
    assert call("newer-pin\nforgotten\nforgotten\n", "pin", "bob", "--by", "ann", "--reason", "forgotten") == 0
    assert call("", "disable", "bob") == 1
    capsys.readouterr()
    assert call("newer-pin\n", "disable", "bob", "--reason", "left") == 0
    assert capsys.readouterr().out.startswith("bob (Bob) can't sign in any more")
    assert call("newer-pin\n", "disable", "nobody") == 1
    capsys.readouterr()
    assert call("", "list") == 0
    said = capsys.readouterr().out
    assert "Bob  (disabled)" in said
    assert "Ann B  (administrator)" in said
    assert "argon2" not in said
    changes = [entry for entry in station_lines(home.root) if entry["event"] == "register"]
    assert [(line["operator"], line["change"]) for line in changes][-1] == ("ann", "operator bob, therapist, disabled")
    assert changes[-1]["reason"] == "left"


def test_a_pin_ages_if_the_site_says_so(home: Home, monkeypatch: pytest.MonkeyPatch) -> None:
    words = iter(["pin-therapist", "pin-therapist", "a-newer-pin", "a-newer-pin"])
    monkeypatch.setattr("estim.cli.operators.typed_unseen", lambda _said: next(words))
    desk = Reception(home, simulated=False)
    desk.sign_in(sign_in("the", "pin-therapist"))  # no rule: a PIN of an unknown day is let in
    assert main(["operators", "age", "90", "--by", "the", "--reason", "policy 7", "--home", str(home.root)]) == 0
    with pytest.raises(RecordError, match="every 90 days"):
        desk.sign_in(sign_in("the", "pin-therapist"))
    assert desk.sign(Sign(id=1, operator="the", meaning="performed", pin="pin-therapist")).authenticated  # of today
    assert main(["operators", "pin", "the", "--home", str(home.root)]) == 0
    assert desk.sign_in(sign_in("the", "a-newer-pin")).authenticated
    one = load_operators(home.operators)["the"]
    for day, let in (("2001-01-01", False), ("2999-01-01", False), ("", False), (one.pin_set, True)):
        save_operator(home.operators, replace(one, pin_set=day))
        if let:
            assert desk.sign_in(sign_in("the", "a-newer-pin")).authenticated
            continue
        with pytest.raises(RecordError, match="every 90 days"):
            desk.sign_in(sign_in("the", "a-newer-pin"))
    rules = [(line["value"], line["operator"]) for line in station_lines(home.root) if line["event"] == "rule"]
    assert rules == [(90, "the")]
    with pytest.raises(RecordError, match="is not known"):  # a wrong PIN is told as such, whatever its age
        desk.sign_in(sign_in("the", "nonsense"))


@pytest.mark.parametrize("typed", ["Petra Obermeier", "P\u00a0O", "Obermeier-Schmidt-von-der-Aue", "PT\t1"])
def test_a_whole_name_is_no_operator(typed: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    asked = ["run", "knee-replacement-quadriceps-early", "--level", "quadriceps=20", "--home", str(tmp_path)]
    assert main([*asked, "--patient", "p1", "--operator", typed]) == 1
    assert "initials or a pseudonym" in (said := capsys.readouterr().err) or "nobody can see" in said
    assert main(["operators", "add", typed, "--name", "P. O.", "--home", str(tmp_path)]) == 1
    assert "initials or a pseudonym" in (said := capsys.readouterr().err) or "nobody can see" in said
    with pytest.raises(RecordError, match=r"initials or a pseudonym|nobody can see"):  # whoever asks, a script too
        Reception(Home(tmp_path), simulated=True).sign_in(sign_in(typed))
