"""A record whose lines have odd fields, chained and sealed anew: each reader says line, field and what was expected, in
its own words, and no script takes it for a good one.
"""

from __future__ import annotations

import copy
import random
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from estim.cli import main
from estim.records.chain import Chain
from estim.records.keys import seeded_signer
from tests.records.build import body

Line = tuple[str, dict[str, Any], int]
# What a reader must never meet: the words of the language that the program is written in.
PYTHON = re.compile(
    r"Traceback|Error\(|\w+Error:|fault of estim|NoneType|object is not|has no attribute|unsupported operand|"
    r"invalid literal|not subscriptable|not iterable|unhashable|indices must be|<class|list index"
)
ODD: tuple[Any, ...] = (None, True, "x", "", -1, 0, 2**53 - 1, [], {}, [[]], {"a": {"b": [1]}}, "9" * 400, "\u202e")
READERS = (
    ["verify"], ["verify", "--deep"], ["report"], ["report", "--html"], ["report", "--patient"], ["report", "--json"],
    ["audit"], ["show"], ["replay"], ["export", "--format", "csv"], ["export", "--format", "fhir"],
)  # fmt: skip


def sealed_anew(folder: Path, lines: list[Line]) -> Path:
    """A record of these lines, as an insider with an editor makes it."""
    signer, chain = seeded_signer(1), Chain(simulated=True)
    public = {"public_key": signer.public_hex}
    data = b"".join(chain.line(*line) for line in lines)
    data += chain.checkpoint(signer.sign, signer.key_id, lines[-1][2], public, kind="seal")
    folder.mkdir(parents=True, exist_ok=True)
    (folder / "record.jsonl").write_bytes(data)
    return folder


def places(value: Any, at: tuple[Any, ...] = ()) -> Iterator[tuple[Any, ...]]:
    """The way to each value inside."""
    inside = value.items() if isinstance(value, dict) else enumerate(value[:1]) if isinstance(value, list) else ()
    for key, one in inside:
        yield (*at, key)
        yield from places(one, (*at, key))


def changed(lines: list[Line], seed: int) -> list[Line]:
    """One field of one line is missing, or something else."""
    chance, made = random.Random(seed), copy.deepcopy(lines)
    kind = chance.choice(sorted({line[0] for line in made}))
    fields = chance.choice([line[1] for line in made if line[0] == kind])
    *way, last = chance.choice(list(places(fields)))
    holder: Any = fields
    for key in way:
        holder = holder[key]
    if chance.random() < 0.25:
        del holder[last]
    else:
        holder[last] = chance.choice(ODD)
    return made


@pytest.mark.parametrize("seed", range(10))
def test_no_reader_says_the_languages_own_words(seed: int, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    lines = changed(body("K-1", "2026-11-21T12:00:00.000+00:00"), seed)
    folder = sealed_anew(tmp_path / "records" / "simulated" / "20261121T120000.000000Z-K-1", lines)
    for words in (*READERS, ["list"], ["index"]):
        of = [] if words[0] in {"list", "index"} else [str(folder)]
        main(["records", words[0], *of, *words[1:], "--home", str(tmp_path)])
        said = "".join(capsys.readouterr())
        shown = said if words[0] != "show" else ""  # there the fields stand as they are
        assert not PYTHON.search(shown.partition("<style>")[0] + shown.partition("</style>")[2]), words


def command_without_its_time(lines: list[Line]) -> None:
    del next(line for line in lines if line[0] == "command")[1]["sent_us"]


def a_current_in_words(lines: list[Line]) -> None:
    next(line for line in lines if line[0] == "command")[1]["channels"][0]["amplitude_ua"] = "much"


def a_pulse_each_nothing(lines: list[Line]) -> None:
    next(line for line in lines if line[0] == "command")[1]["channels"][0]["period_us"] = 0


SAID = [
    (command_without_its_time, "command, field sent_us: missing; an integer is expected"),
    (a_current_in_words, 'command, field channels[0].amplitude_ua: an integer is expected, not "much"'),
    (a_pulse_each_nothing, "command, field channels[0].period_us: an integer of at least 1 is expected, not 0"),
]


@pytest.mark.parametrize(("act", "said"), SAID)
def test_line_field_and_what_was_expected(
    act: Any, said: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    lines = copy.deepcopy(body("K-1", "2026-11-21T12:00:00.000+00:00"))
    act(lines)
    folder = str(sealed_anew(tmp_path / "given", lines))
    for words in ("audit", "report", "replay"):
        assert main(["records", words, folder, "--home", str(tmp_path)]) == 1
        assert f"line 6{':' if words == 'audit' else ','}" in (told := "".join(capsys.readouterr())), words
        assert said in told, words


def test_what_can_not_be_verified_or_understood_ends_with_1_and_is_written(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    lines = body("K-1", "2026-11-21T12:00:00.000+00:00")
    folder = sealed_anew(tmp_path / "given", lines)
    asked = (["report"], ["report", "--html"], ["report", "--json"], ["export", "--format", "csv"], ["show"])
    for words in asked:
        assert main(["records", words[0], str(folder), *words[1:], "--home", str(tmp_path)]) == 0
    path = folder / "record.jsonl"
    path.write_bytes(path.read_bytes().replace(b'"pulses":4500', b'"pulses":4501'))
    capsys.readouterr()
    for words in asked:
        assert main(["records", words[0], str(folder), *words[1:], "--home", str(tmp_path)]) == 1
        out, error = capsys.readouterr()
        assert out, words
        assert words == ["show"] or "NOT VERIFIED" in error, words


def test_what_nobody_sealed_is_not_called_sealed(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    folder = sealed_anew(tmp_path / "given", body("K-1", "2026-11-21T12:00:00.000+00:00")[:-3])
    path = folder / "record.jsonl"
    path.write_bytes(b"".join(path.read_bytes().splitlines(keepends=True)[:-1]))
    for words in ("verify", "report"):
        assert main(["records", words, str(folder), "--home", str(tmp_path)]) == 1
        told = capsys.readouterr().out
        assert "UNSIGNED: no person signed this session" in told
        assert "sealed is what" not in told
        assert "sealed what" not in told
