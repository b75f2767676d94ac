"""Whatever goes wrong, `--json` prints one document: a script that reads it learns what, not that there was none."""

from __future__ import annotations

import json
import os
from pathlib import Path

import pytest

from estim.cli import main

KNEE = "knee-replacement-quadriceps-early"
OF_A_SESSION = {
    "outcome", "simulated", "protocol", "record", "record_verified", "contractions", "channels", "titration", "bends",
    "problems", "simulated_s", "wall_s",
}  # fmt: skip
REFUSALS = [
    (["records", "show", "nope"], 1, "no session"),
    (["rehearse", KNEE, "--level", "calf=20"], 2, "no channel 'calf'"),
    (["rehearse", KNEE, "--week", "0"], 2, "count from 1"),
    (["rehearse", "no-such"], 1, "no protocol"),
    (["rehearse", KNEE, "--level", "quadriceps=20", "--pulses", "{missing}/a.csv"], 1, "a.csv"),
    (["run", KNEE, "--patient", "P-1", "--device", "{missing}"], 3, "not there"),
    (["run", KNEE, "--patient", "P 1", "--yes", "--level", "quadriceps=20"], 1, "pseudonym"),
    (["run", KNEE], 2, "--patient"),
    (["rehearse", KNEE, "--frob"], 2, "--frob"),
    (["rehearse", KNEE, "--seed", "x"], 2, "not a whole number"),
    (["records", "verify", "--home", "{file}"], 1, "it is a file"),
    (["nonsense"], 2, "invalid choice"),
]


@pytest.mark.skipif(os.name != "posix", reason="ports have other names there")
@pytest.mark.parametrize(("words", "code", "said"), REFUSALS)
def test_a_refusal_is_a_document(
    words: list[str], code: int, said: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    (tmp_path / "file").write_text("x", encoding="utf-8")
    given = [word.format(missing=tmp_path / "missing", file=tmp_path / "file") for word in words]
    home = [] if "--home" in given or len(given) == 1 else ["--home", str(tmp_path / "home")]
    try:
        left: object = main([*given, *home, "--json"])
    except SystemExit as error:
        left = error.code
    out, err = capsys.readouterr()
    document = json.loads(out)
    assert (left, document["ok"], document["outcome"]) == (code, False, "fault" if code == 3 else "refused")
    assert said in document["problems"][0]["message"]
    if words[0] in {"run", "rehearse"}:  # a session's own keys: who reads `record` finds that there is none
        assert set(document) >= OF_A_SESSION
        nothing: tuple[object, ...] = (None, False, 0, [], [])
        assert (
            tuple(document[key] for key in ("record", "record_verified", "contractions", "channels", "bends"))
            == nothing
        )
        assert document["protocol"] in {words[1], None}
        assert (document["simulated"] is True) == (words[0] == "rehearse" or "--yes" in words)
    assert err.count("estim: ") <= 1, "said once"


def test_without_json_nothing_is_printed_but_the_line_for_a_person(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(["records", "show", "nope", "--home", str(tmp_path)]) == 1
    out, err = capsys.readouterr()
    assert (out, err) == ("", "estim: nope: no session; see records list\n")
