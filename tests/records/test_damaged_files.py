"""A file of the home that is no text, or nested without end, is named in one sentence: no command ends by a fault."""

from __future__ import annotations

import os
import re
import shutil
import sys
from collections.abc import Callable
from pathlib import Path

import pytest

from estim.cli import main
from estim.controller.signing_in import Reception
from estim.records.door import in_session
from estim.records.guard import REGISTERS
from estim.records.home import Home
from estim.records.keys import known_keys
from estim.records.qualification import refusal_of
from estim.records.site import limits_in_force, site_problem, site_warning
from estim.safety.errors import RecordError
from estim.safety.limits import ABSOLUTE, DEFAULT
from estim.session.events import SignIn
from tests.records.build import session

NESTED = b"[" * 100_000
COMMANDS = (["records", "verify"], ["records", "list"], ["records", "anchor"], ["operators", "list"], ["doctor"])


@pytest.fixture(scope="module")
def whole(tmp_path_factory: pytest.TempPathFactory) -> Path:
    home = Home(tmp_path_factory.mktemp("whole") / "home")
    session(home, "K-1", end="completed", simulated=False)
    return home.root


@pytest.mark.parametrize("name", ["station.jsonl", "records/real/master.jsonl", "operators.json", "patients.json"])
@pytest.mark.parametrize("command", COMMANDS)
def test_a_file_nested_without_end(
    name: str, command: list[str], whole: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    shutil.copytree(whole, tmp_path / "home")
    (tmp_path / "home" / name).write_bytes(NESTED)
    code = main([*command, "--home", str(tmp_path / "home")])
    said = "".join(capsys.readouterr())
    assert "fault of estim" not in said
    if command == ["records", "verify"] and name.endswith(".jsonl"):
        assert code != 0


@pytest.mark.parametrize("data", [b"\xef\xbb\xbf", "k".encode("utf-16")])
def test_a_list_of_keys_that_is_no_ascii_is_named(
    data: bytes, whole: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    shutil.copytree(whole, tmp_path / "home")
    listed = tmp_path / "home" / "keys" / "station-keys.txt"
    listed.write_bytes(data + listed.read_bytes())
    with pytest.raises(RecordError, match=r"station-keys\.txt.* its byte 0 is no ASCII; .*byte order mark"):
        known_keys(tmp_path / "home")
    assert main(["records", "verify", "--home", str(tmp_path / "home")]) != 0
    said = "".join(capsys.readouterr())
    assert "station-keys.txt" in said
    assert "fault of estim" not in said


@pytest.mark.skipif(not hasattr(os, "mkfifo"), reason="this system has no such pipes")
@pytest.mark.parametrize(
    "name", ["station.jsonl", "records/real/master.jsonl", "keys/station-keys.txt", "patients.json"]
)
def test_a_pipe_in_a_files_place_holds_nobody(
    name: str, whole: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    shutil.copytree(whole, tmp_path / "home")
    path = tmp_path / "home" / name
    path.unlink(missing_ok=True)
    os.mkfifo(path)
    code = main(["records", "verify", "--home", str(tmp_path / "home")])
    said = "".join(capsys.readouterr())
    assert code != 0 or name == "patients.json"  # no line of this home speaks of patients
    assert "fault of estim" not in said
    assert "it is a pipe or a device and no file" in said or name == "patients.json"


@pytest.mark.skipif(not hasattr(os, "mkfifo"), reason="this system has no such pipes")
@pytest.mark.parametrize(
    "name",
    ["site.toml", REGISTERS["leads"], "patients.json", "operators.json", "chain-marks.json",
     "qualifications/p24-SIM1.json", "records/open/of-k-1.lock"],
)  # fmt: skip
def test_a_pipe_in_a_files_place_holds_no_sign_in(name: str, whole: Path, tmp_path: Path) -> None:
    shutil.copytree(whole, tmp_path / "home")
    home = Home(tmp_path / "home")
    path = home.root / name
    path.parent.mkdir(parents=True, exist_ok=True)
    path.unlink(missing_ok=True)
    os.mkfifo(path)
    assert limits_in_force(home) == ABSOLUTE & DEFAULT
    assert site_warning(home) == ""
    assert refusal_of(home.root, "p24", "SIM2", public_hex="") == ""
    assert not in_session(home, "K-1")
    reception = Reception(home, simulated=False)
    try:
        reception.sign_in(SignIn(id=1, operator="o", patient_id="K-1"))
    except RecordError as error:
        assert path.name in str(error)  # noqa: PT017  # a lock or a mark holds nobody up
    finally:
        reception.left()
    assert name != "site.toml" or "pipe or a device" in site_problem(home)


DAMAGES = {
    "no JSON": b"{",
    "no text": b"\xff\xfe",
    "no list": b'{"patients": 7, "operators": 7}',
    "rows without names": b'{"patients": [{}], "operators": [{}]}',
    "numbers for rows": b'{"patients": [1], "operators": [1]}',
    "another list": b"[]",
}
LISTS = [("patients", ["records", "patients"]), ("operators", ["operators", "list"])]


@pytest.mark.parametrize("data", DAMAGES.values(), ids=DAMAGES.keys())
@pytest.mark.parametrize(
    ("name", "command"), [("patients", ["records", "patients"]), ("operators", ["operators", "list"])]
)
def test_a_register_that_is_damaged_is_said_in_no_words_of_the_language(
    data: bytes, name: str, command: list[str], tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    (tmp_path / f"{name}.json").write_bytes(data)
    assert main([*command, "--home", str(tmp_path)]) == 1
    said = capsys.readouterr().err
    assert f"{name}.json" in said
    assert not re.search(r"Errno|Expecting|codec|subscript|indices|attribute|'int'|^.*: '\w+'$", said), said


NO_LINKS = pytest.mark.skipif(
    sys.platform == "win32", reason="links need a right there that few have, and Wine makes none"
)


@pytest.mark.parametrize(
    "act", [pytest.param(lambda path: path.symlink_to("nowhere"), marks=NO_LINKS), lambda path: path.mkdir()]
)
def test_site_limits_that_can_not_be_read_are_said_so(
    act: Callable[[Path], None], tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    act(tmp_path / "site.toml")
    assert main(["limits", "--home", str(tmp_path)]) == 0  # the table is there, and says what is in force
    said = "".join(capsys.readouterr())
    assert "no real session may begin" in said
    assert "Errno" not in said
