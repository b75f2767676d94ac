"""Files on a disk without room: nothing half-written is left, and what is said names the file and what helps."""

from __future__ import annotations

import errno
import io
import os
import subprocess
import sys
from pathlib import Path

import pytest
from pytest_mock import MockerFixture

from estim.cli import main
from estim.platform import files
from estim.records.keys import PUBLIC, known_keys, publish, seeded_signer, station_signer
from estim.safety.errors import RecordError
from tests.support import SHORT

HELP = "make room on that disk, or name a folder on another one (--home)"


def full(mocker: MockerFixture) -> None:
    """From now on the disk takes no byte durably."""
    mocker.patch("estim.platform.files.make_durable", side_effect=OSError(errno.ENOSPC, os.strerror(errno.ENOSPC)))


def test_a_new_file_is_whole_or_is_not_there(tmp_path: Path, mocker: MockerFixture) -> None:
    files.make_new(tmp_path / "first", b"whole")
    assert (tmp_path / "first").read_bytes() == b"whole"
    with pytest.raises(FileExistsError):
        files.make_new(tmp_path / "first", b"another")
    full(mocker)
    with pytest.raises(OSError, match="No space") as caught:
        files.make_new(tmp_path / "second", b"whole")
    assert caught.value.filename == str(tmp_path / "second")
    assert HELP in files.trouble(caught.value)
    with pytest.raises(OSError, match="No space") as caught:
        files.replace_whole(tmp_path / "first", b"another")
    assert caught.value.filename == str(tmp_path / "first")
    assert [path.name for path in tmp_path.iterdir()] == ["first"]
    assert (tmp_path / "first").read_bytes() == b"whole"
    assert files.trouble(OSError(errno.EACCES, "Permission denied")) == "Permission denied"


def test_a_station_begun_on_a_full_disk_has_no_half_key_and_begins_when_there_is_room(
    tmp_path: Path, mocker: MockerFixture
) -> None:
    full(mocker)
    with pytest.raises(RecordError, match="make room on that disk"):
        station_signer(tmp_path)
    assert not (tmp_path / "keys" / "station.key").exists()
    mocker.stopall()
    assert station_signer(tmp_path).public_hex == station_signer(tmp_path).public_hex


def test_a_public_key_is_published_whole_behind_a_line_that_was_torn(tmp_path: Path) -> None:
    own = station_signer(tmp_path)
    listed = tmp_path / "keys" / PUBLIC
    listed.write_bytes(listed.read_bytes() + b"0123456789abcdef 00")  # as a power cut left it
    other = seeded_signer(1)
    publish(tmp_path, other)
    keys = known_keys(tmp_path)
    assert keys[own.key_id] == own.public_hex
    assert keys[other.key_id] == other.public_hex


@pytest.mark.parametrize(
    "words",
    [
        ["rehearse", str(SHORT), "--level", "quadriceps=5"],
        ["protocols", "new", "mine"],
        ["plans", "new", "mine", "--from", "carpal-tunnel"],
        ["records", "anchor"],
        ["records", "patient", "Zoe", "--note", "hello"],
        ["run", str(SHORT), "--patient", "Zoe", "--level", "quadriceps=5", "--yes"],
    ],
    ids=lambda words: "-".join(words[:2]).replace(str(SHORT), "short"),
)
def test_a_command_on_a_full_disk_names_it_and_what_helps(
    tmp_path: Path, mocker: MockerFixture, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str],
    words: list[str],
) -> None:  # fmt: skip
    monkeypatch.setattr(sys, "stdin", io.StringIO(""))
    if words[0] == "run":
        pytest.importorskip("resource")
        said = on_a_disk_without_room(words, tmp_path)
    else:
        full(mocker)
        assert main([*words, "--home", str(tmp_path / "h")]) in {1, 2}
        said = "".join(capsys.readouterr())
    assert str(tmp_path / "h") in said
    assert "File too large" in said if words[0] == "run" else HELP in said
    assert "standard output" not in said


def on_a_disk_without_room(words: list[str], scratch: Path) -> str:
    """What a command says where no file may hold a byte (the log of its controller neither)."""
    line = [sys.executable, "-m", "estim", *words, "--home", str(scratch / "h")]
    limited = ["/bin/sh", "-c", 'ulimit -f 0; exec "$@"', "sh", *line]
    said = subprocess.run(limited, capture_output=True, text=True, timeout=120, check=False, stdin=subprocess.DEVNULL)
    assert said.returncode == 1
    return said.stdout + said.stderr
