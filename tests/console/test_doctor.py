"""`estim doctor`: each part finds what is wrong and says what to do."""

from __future__ import annotations

import datetime
import json
import os
import shlex
from pathlib import Path

import pytest

from estim.cli import doctor, doctor_ports, main, udev
from estim.cli.finding import Diagnosis
from estim.drivers.models import MODELS
from estim.platform.priority import grouped_by_session
from estim.records.home import Home
from estim.records.station import begin_station
from estim.safety.errors import RecordError

SIZE = os.terminal_size((120, 40))
UTF8 = {"TERM": "xterm-256color", "LANG": "en_GB.UTF-8"}


def states(findings: list[Diagnosis]) -> list[str]:
    return [finding.state for finding in findings]


@pytest.mark.parametrize(
    ("environment", "is_tty", "size", "expected"),
    [
        (UTF8, True, (120, 40), ["ok"]),
        (UTF8, True, (80, 24), ["ok"]),
        (UTF8, True, (79, 24), ["warn"]),
        (UTF8, True, (80, 23), ["warn"]),
        (UTF8, False, (80, 24), ["warn"]),
        ({**UTF8, "TERM": "dumb"}, True, (80, 24), ["bad", "ok"]),
        ({**UTF8, "LANG": "C"}, True, (80, 24), ["ok", "warn"]),
        ({**UTF8, "STY": "1.pts"}, True, (80, 24), ["ok", "warn"]),
    ],
)
def test_terminal(environment: dict[str, str], is_tty: bool, size: tuple[int, int], expected: list[str]) -> None:
    found = list(doctor.terminal(environment, is_tty=is_tty, size=os.terminal_size(size)))
    assert states(found) == expected


@pytest.mark.parametrize(
    ("escape_ms", "state", "says"), [(500, "warn", "stop with SPACE"), (10, "ok", "10 ms"), (None, "warn", "SPACE")]
)
def test_tmux_holds_escape_back(escape_ms: int | None, state: str, says: str) -> None:
    (found,) = doctor.tmux({"TMUX": "x"}, escape_ms)
    assert found.state == state
    assert says in found.text
    assert list(doctor.tmux({}, escape_ms)) == []


def test_a_key_map_that_takes_a_stop_key_is_bad(tmp_path: Path) -> None:
    assert states(list(doctor.keys(tmp_path))) == ["ok"]
    (tmp_path / "console.toml").write_text('[keys]\nraise = ["pageup"]\n')
    assert states(list(doctor.keys(tmp_path))) == ["ok"]
    (tmp_path / "console.toml").write_text('[keys]\nraise = ["space"]\n')
    (found,) = doctor.keys(tmp_path)
    assert found.state == "bad"
    assert "stop" in found.text


def test_a_port_that_may_not_be_opened(tmp_path: Path) -> None:
    def judged(path: str, *could_be: str) -> Diagnosis:
        return doctor_ports.port({"address": path, "could_be": list(could_be)}, linux=True)

    port = tmp_path / "tty"
    assert judged(str(port), "p24").state == "bad", "not there is not openable either"
    assert judged(str(port), "p24").cure == "sudo estim doctor --fix-ports"
    assert judged(str(port)).state == "ok", "the board's own port, with no USB id, is no stimulator"
    port.touch()
    assert judged(str(port), "p24").state == "ok"
    assert judged("COM3", "p24").state == "ok"


def test_modem_manager_is_kept_away_by_the_rule(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(udev, "in_place", lambda: False)
    assert [f.state for f in doctor_ports.neighbours(plugged=False, modem_manager=True)] == ["warn"]
    assert [f.state for f in doctor_ports.neighbours(plugged=True, modem_manager=True)] == ["bad"]
    assert list(doctor_ports.neighbours(plugged=True, modem_manager=False)) == []
    monkeypatch.undo()
    assert not udev.in_place((tmp_path / "60-estim.rules",))
    doctor_ports.install(tmp_path / "60-estim.rules")
    assert udev.in_place((tmp_path / "60-estim.rules",))


def test_the_rule_names_every_model_of_the_table() -> None:
    text = udev.rule()
    for model in MODELS.values():
        vendor, product = model.usb
        (line,) = [
            line
            for line in text.splitlines()
            if f'ATTRS{{idVendor}}=="{vendor:04x}"' in line and (product is None or f'=="{product:04x}"' in line)
        ]
        assert model.profile.title in text
        assert 'TAG+="uaccess"' in line
        assert 'ENV{ID_MM_DEVICE_IGNORE}="1"' in line


def test_every_finding_that_is_not_ok_says_its_cure(tmp_path: Path) -> None:
    (tmp_path / "home").touch()
    (tmp_path / "console.toml").write_text("x")
    (tmp_path / "patients.json").write_text("x")
    findings = [
        *doctor.terminal({"TERM": "dumb", "LANG": "C"}, is_tty=True, size=os.terminal_size((79, 24))),
        *doctor.terminal(UTF8, is_tty=False, size=SIZE),
        *doctor.tmux({"TMUX": "x"}, 500),
        *doctor.tmux({"TMUX": "x"}, None),
        *doctor.keys(tmp_path),
        *doctor.whole(Home(tmp_path)),
        *doctor.python({"PYTHONDONTWRITEBYTECODE": "1"}),
        *doctor.disk(tmp_path / "home"),
    ]
    wrong = [finding for finding in findings if finding.state != "ok"]
    assert len(wrong) == 10
    assert [finding.text for finding in wrong if not finding.cure] == []


def test_a_clock_that_lies_before_its_own_records(tmp_path: Path) -> None:
    now = datetime.datetime(2026, 11, 21, 8, 0, tzinfo=datetime.UTC)
    assert states(list(doctor.clock(tmp_path, now=now))) == ["ok"]
    (tmp_path / "records" / "real" / "20261121T075959.999999Z-P-1").mkdir(parents=True)
    assert states(list(doctor.clock(tmp_path, now=now))) == ["ok"]
    (tmp_path / "records" / "real" / "20261121T080000.000001Z-P-1").mkdir()
    (found,) = doctor.clock(tmp_path, now=now)
    assert found.state == "bad"
    assert "set the clock" in found.text


def test_a_home_that_can_not_be_written(tmp_path: Path) -> None:
    (found,) = doctor.disk(tmp_path / "home")
    assert "a durable line takes" in found.text  # how long is the disk's; a slow one is called bad, too
    assert not (tmp_path / "home" / ".doctor").exists()
    (tmp_path / "file").touch()
    (found,) = doctor.disk(tmp_path / "file")
    assert found.state == "bad"


def test_a_key_that_others_can_read_is_bad(tmp_path: Path) -> None:
    assert states(list(doctor.station_key(tmp_path))) == ["ok"]
    begin_station(tmp_path)
    key = tmp_path / "keys" / "station.key"
    assert states(list(doctor.station_key(tmp_path))) == ["ok"]
    key.chmod(0o640)
    assert states(list(doctor.station_key(tmp_path))) == ["bad"]


@pytest.mark.parametrize("left", [None, b"", b"junk", b"a stranger's key, of 32 bytes  ."], ids=repr)
def test_a_key_with_which_no_session_can_begin_is_bad_and_its_cure_is_one(left: bytes | None, tmp_path: Path) -> None:
    begin_station(tmp_path)
    key = tmp_path / "keys" / "station.key"
    key.unlink() if left is None else key.write_bytes(left)
    (found,) = doctor.station_key(tmp_path)
    assert found.state == "bad"
    with pytest.raises(RecordError):
        begin_station(tmp_path)
    move, _, new = found.cure.rpartition("&& ")
    if move:
        _, here, there = shlex.split(move)
        Path(here).rename(there)
    words = new.replace("ID", "me").replace("TEXT", "lost").split()[1:]
    assert main([*words, "--home", str(tmp_path)]) == 0
    assert states(list(doctor.station_key(tmp_path))) == ["ok"]


def test_the_command(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["doctor", "--home", str(tmp_path), "--json"]) in {0, 1}
    document = json.loads(capsys.readouterr().out)
    assert {finding["part"] for finding in document["findings"]} >= {
        "terminal",
        "keys",
        "ports",
        "clock",
        "disk",
        "priority",
        "key",
    }
    (tmp_path / "console.toml").write_text("[keys\n")
    assert main(["doctor", "--home", str(tmp_path)]) == 1
    assert "✖ keys" in capsys.readouterr().out


@pytest.mark.parametrize(
    ("had", "grouped", "state", "says"),
    [
        ("real time (round robin, 10), memory locked", False, "ok", "real time"),
        ("real time (round robin, 10), memory locked", True, "ok", "sched_autogroup"),
        ("raised (nice -10), memory locked", True, "warn", "of this terminal alone"),
        ("ordinary, memory not locked", True, "ok", "of this terminal alone"),
        ("ordinary, memory not locked", False, "ok", "ordinary"),
    ],
)
def test_a_nice_value_counts_inside_its_session_alone_and_is_said(
    had: str, grouped: bool, state: str, says: str
) -> None:
    found = doctor.priority_had(had, grouped=grouped)
    assert found.state == state
    assert says in found.text
    assert ("sched_autogroup" in found.text) is grouped
    assert ("sched_autogroup" in found.cure) is (state == "warn")


def test_whether_sessions_are_grouped_is_read_from_the_kernel(tmp_path: Path) -> None:
    switch = tmp_path / "sched_autogroup_enabled"
    assert not grouped_by_session(switch), "another system, or a kernel without it"
    switch.write_text("1\n")
    assert grouped_by_session(switch)
    switch.write_text("0\n")
    assert not grouped_by_session(switch)
