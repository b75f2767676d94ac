"""What nobody can see steers no terminal, wherever it came from, and is no part of a name."""

from __future__ import annotations

import json
import sys
from pathlib import Path

import pytest

from estim.cli import sessions
from estim.cli.speaking import legible
from tests.cli.every import call
from tests.support import SHORT

ESCAPE, TURNED, BYTE = "a\x1b[2J", "a\u202eb", "caf\udce9"  # the last as Python hands over a byte that is no letter
PLAY = ["--level", "quadriceps=3"]


@pytest.mark.parametrize(
    ("text", "printed"),
    [
        ("plain\tand\r\nlines\n", "plain\tand\r\nlines\n"),
        ("≤ 50 µs, Übung, 你", "≤ 50 µs, Übung, 你"),
        ("1\rOK", "1<U+000D>OK"),
        (ESCAPE, "a<U+001B>[2J"),
        ("\x9b2J\x7f", "<U+009B>2J<U+007F>"),
        (TURNED, "a<U+202E>b"),
        ("a\u200bb\ue000", "a<U+200B>b<U+E000>"),
    ],
)
def test_signs_that_nobody_sees_are_spelled_out(text: str, printed: str) -> None:
    assert legible(text) == printed


@pytest.mark.parametrize("name", [ESCAPE, TURNED])
def test_what_a_register_holds_is_printed_legibly_and_told_as_it_is(
    name: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    home = ["--home", str(tmp_path / "h")]
    assert call(monkeypatch, ["records", "patient", "P-7", "--condition", name, *home]).code == 0
    said = call(monkeypatch, ["records", "patient", "P-7", *home])
    assert legible(name) in said.out.decode()
    assert name not in said.out.decode()
    told = call(monkeypatch, ["records", "patient", "P-7", "--json", *home])
    assert name not in told.out.decode()
    assert json.loads(told.out)["condition"] == name


@pytest.mark.parametrize("command", ["run", "rehearse"])
@pytest.mark.parametrize("name", [ESCAPE, TURNED, BYTE, "P-0\u200b17", "P\u00ad-017", "Anna Müller"])
def test_no_session_begins_for_a_name_that_is_none(
    command: str, name: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    said = call(monkeypatch, [command, str(SHORT), "--patient", name, *PLAY, "--home", str(tmp_path / "h")])
    assert said.code == 1
    assert b"a pseudonym is 1 to 40" in said.err
    assert not (tmp_path / "h" / "records").exists()


@pytest.mark.parametrize("name", [ESCAPE, TURNED, BYTE])
def test_no_session_begins_for_an_operator_whose_name_hides_something(
    name: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    words = ["run", str(SHORT), "--patient", "p1", "--operator", name, *PLAY, "--home", str(tmp_path / "h")]
    said = call(monkeypatch, words)
    assert said.code == 1
    assert b"signs that nobody can see" in said.err


@pytest.mark.parametrize("name", ["!!", "-.-"])
def test_no_session_begins_for_an_operator_without_a_letter(
    name: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    words = ["run", str(SHORT), "--patient", "p1", f"--operator={name}", *PLAY, "--home", str(tmp_path / "h")]
    said = call(monkeypatch, words)
    assert said.code == 1
    assert b"a name has a letter or a digit" in said.err
    assert not (tmp_path / "h" / "records").exists()
    said = call(monkeypatch, ["console", "--observe", f"--who={name}", "--home", str(tmp_path / "h")])
    assert said.code == 1
    assert b"a name has a letter or a digit" in said.err


@pytest.mark.parametrize("option", ["--note", "--condition"])
def test_a_byte_that_is_no_letter_is_a_sentence(option: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    said = call(monkeypatch, ["records", "patient", "P-6", option, BYTE, "--home", str(tmp_path / "h")])
    assert said.code == 2
    assert said.err.decode().splitlines() == [
        "estim: caf\\xe9: a byte that is no letter in this system's encoding; please write it anew"
    ]


def test_the_console_draws_as_it_likes(monkeypatch: pytest.MonkeyPatch) -> None:
    """Its frames are escape sequences, on standard error or, under Windows, on standard output."""
    drawn = "\x1b[2J"

    def console(_: object) -> int:
        sys.stdout.write(drawn)
        sys.stderr.write(drawn)
        return 0

    monkeypatch.setattr(sessions, "console", console)
    said = call(monkeypatch, ["console"])
    assert (said.code, said.out.decode(), said.err.decode()) == (0, drawn, drawn)
