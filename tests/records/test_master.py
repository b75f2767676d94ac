"""The master chain: what it misses when it is gone, and what it survives."""

from __future__ import annotations

import json
import multiprocessing
import shutil
import subprocess
import sys
from pathlib import Path

import pytest
from pytest_mock import MockerFixture

from estim.records.chain import GENESIS, Chain
from estim.records.keys import known_keys, seeded_signer, station_signer
from estim.records.lock import locked
from estim.records.master import enter_master, read_master
from estim.records.verify import SessionVerdict, verify_session
from estim.records.verify_home import verify_folder, verify_home
from estim.records.writer import RecordWriter
from estim.safety.errors import RecordError
from tests.support import settle


def begin(home: Path, name: str) -> RecordWriter:
    writer = RecordWriter(home / "records" / "real" / name, Chain(simulated=False), station_signer(home))
    writer.append("header", {"patient": name}, 0)
    return writer


def session(home: Path, name: str) -> Path:
    writer = begin(home, name)
    writer.append("end", {"outcome": "stopped"}, 1)
    assert writer.close(2)
    return home / "records" / "real" / name


def kill(writer: RecordWriter) -> None:
    """All lines are on the disk, and nothing comes after them."""
    writer.break_off()


def chain(home: Path) -> Path:
    return home / "records" / "real" / "master.jsonl"


def bad(home: Path) -> list[SessionVerdict]:
    return [verdict for verdict in verify_home(home) if not verdict.ok]


def test_a_session_that_was_never_sealed_and_is_gone_is_missed(tmp_path: Path) -> None:
    session(tmp_path, "a")
    kill(begin(tmp_path, "b"))
    shutil.rmtree(tmp_path / "records" / "real" / "b")
    (verdict,) = bad(tmp_path)
    assert Path(verdict.path).name == "b"
    assert "opened, it is gone" in verdict.reason


def test_a_torn_last_line_is_kept_and_the_next_session_is_entered(tmp_path: Path) -> None:
    session(tmp_path, "a")
    whole = chain(tmp_path).read_bytes()
    chain(tmp_path).write_bytes(whole[:-100])
    (found,) = [verdict for verdict in bad(tmp_path) if verdict.path.endswith("master.jsonl")]
    assert (found.ending, found.first_bad) == ("torn", 1)
    session(tmp_path, "b")
    torn = whole.splitlines(keepends=True)[1][:-100]
    assert (tmp_path / "records" / "real" / "master.torn.0").read_bytes() == torn
    reading = read_master(tmp_path / "records" / "real")
    assert reading is not None
    assert reading.first_bad is None
    assert reading.entries[1]["torn_file"] == "master.torn.0"
    (verdict,) = bad(tmp_path)  # what was torn off is still named
    assert "a is sealed, which the master chain does not know" in verdict.reason


def test_a_changed_last_line_does_not_keep_sessions_out(tmp_path: Path) -> None:
    session(tmp_path, "a")
    chain(tmp_path).write_bytes(chain(tmp_path).read_bytes()[:-10] + b"nonsense!\n")
    session(tmp_path, "b")
    assert any("line 1 of the master chain was changed" in verdict.reason for verdict in bad(tmp_path))
    assert verify_session(tmp_path / "records" / "real" / "b").ok


def test_a_session_that_was_put_there_is_named_beside_one_that_is_gone(tmp_path: Path) -> None:
    """Taking one away had let any other one be called verified."""
    session(tmp_path, "a")
    session(tmp_path, "b")
    shutil.rmtree(tmp_path / "records" / "real" / "a")
    shutil.copytree(session(tmp_path / "elsewhere", "c"), tmp_path / "records" / "real" / "c")
    keys = known_keys(tmp_path) | known_keys(tmp_path / "elsewhere")
    reasons = {Path(one.path).name: one.reason for one in verify_home(tmp_path, keys=keys) if not one.ok}
    assert "it is gone" in reasons["a"]
    assert "it was put here, or copied from elsewhere" in reasons["c"]
    assert "b" not in reasons


def test_a_session_that_is_asked_about_by_itself_is_held_to_the_chain_beside_it(tmp_path: Path) -> None:
    """A home's own session was called verified by its name, and not verified with the rest of the home."""
    whole = session(tmp_path, "a")
    put = whole.parent / "c"
    shutil.copytree(session(tmp_path / "elsewhere", "c"), put)
    keys = known_keys(tmp_path) | known_keys(tmp_path / "elsewhere")
    assert [one.ok for one in verify_folder(whole, keys=keys)] == [True]
    (verdict,) = verify_folder(put, keys=keys)
    assert not verdict.ok
    assert "the master chain does not name this session" in verdict.reason
    other = session(tmp_path / "elsewhere", "a")  # made anew under its name, by who has a key
    shutil.rmtree(whole)
    shutil.copytree(other, whole)
    (verdict,) = verify_folder(whole, keys=keys)
    assert not verdict.ok
    assert "not the record that the master chain saw sealed" in verdict.reason
    (moved,) = verify_folder(Path(shutil.copytree(other, tmp_path / "mail" / "a")), keys=keys)
    assert moved.ok, "what came by mail has no chain beside it"


def test_a_session_that_was_put_there_is_named(tmp_path: Path) -> None:
    folder = session(tmp_path, "a")
    shutil.copytree(folder, folder.parent / "copy")
    (verdict,) = bad(tmp_path)
    assert "does not name this session" in verdict.reason


@pytest.mark.parametrize("cut", [1, 2])
def test_a_sealed_session_whose_end_was_cut_off_is_not_just_incomplete(tmp_path: Path, cut: int) -> None:
    path = session(tmp_path, "a") / "record.jsonl"
    path.write_bytes(b"".join(path.read_bytes().splitlines(keepends=True)[:-cut]))
    (verdict,) = bad(tmp_path)
    assert "its end was cut off" in verdict.reason
    assert verdict.first_bad == verdict.records


def test_a_sealed_session_whose_last_line_was_cut_off_is_not_just_torn(tmp_path: Path) -> None:
    path = session(tmp_path, "a") / "record.jsonl"
    path.write_bytes(path.read_bytes()[:-30])
    (verdict,) = bad(tmp_path)
    assert verdict.ending == "torn"
    assert "its end was cut off" in verdict.reason


def test_a_chain_whose_end_was_cut_off_is_named(tmp_path: Path) -> None:
    session(tmp_path, "a")
    chain(tmp_path).write_bytes(chain(tmp_path).read_bytes().splitlines(keepends=True)[0])
    (verdict,) = bad(tmp_path)
    assert "its end was cut off" in verdict.reason
    assert verdict.path.endswith("master.jsonl")


@pytest.mark.parametrize("line", range(4))
@pytest.mark.parametrize("how", ["remove", "double", "swap", "change"])
def test_no_line_of_the_chain_changes_unseen(tmp_path: Path, line: int, how: str) -> None:
    session(tmp_path, "a")
    session(tmp_path, "b")
    lines = chain(tmp_path).read_bytes().splitlines(keepends=True)
    if how == "remove":
        del lines[line]
    elif how == "double":
        lines.insert(line, lines[line])
    elif how == "swap":
        lines[line], lines[line - 1] = lines[line - 1], lines[line]
    else:
        lines[line] = lines[line].replace(b'"lines":', b'"lines":1')
    chain(tmp_path).write_bytes(b"".join(lines))
    assert any(verdict.path.endswith("master.jsonl") for verdict in bad(tmp_path))


def enter_many(records: Path, who: int) -> None:
    for number in range(20):
        enter_master(records, f"{who}-{number}", GENESIS, seeded_signer(1), event="opened", lines=0)


def test_many_stations_write_one_chain(tmp_path: Path) -> None:
    context = multiprocessing.get_context("spawn")
    jobs = [context.Process(target=enter_many, args=(tmp_path, who)) for who in range(3)]
    for job in jobs:
        job.start()
    for job in jobs:
        job.join()
        assert job.exitcode == 0
    reading = read_master(tmp_path)
    assert reading is not None
    assert (len(reading.entries), reading.first_bad) == (60, None)


HOLDER = """
import sys, time
from pathlib import Path
from estim.records.lock import locked
with locked(Path(sys.argv[1]) / 'master.lock'):
    print("held", flush=True)
    sys.stdin.read()
"""


def test_a_lock_that_is_not_given_back_is_said_and_falls_with_its_holder(tmp_path: Path) -> None:
    with subprocess.Popen(
        [sys.executable, "-c", HOLDER, str(tmp_path)], stdin=subprocess.PIPE, stdout=subprocess.PIPE
    ) as holder:
        assert holder.stdout is not None
        holder.stdout.readline()
        with pytest.raises(RecordError, match="another process"), locked(tmp_path / "master.lock", wait_s=0.05):
            pass
        holder.kill()
    enter_master(tmp_path, "s", GENESIS, seeded_signer(1), event="opened", lines=0)


def test_a_master_chain_that_can_not_be_written_refuses_a_new_session_and_keeps_a_running_one(
    tmp_path: Path, mocker: MockerFixture
) -> None:
    writer = begin(tmp_path, "a")
    settle(writer)
    mocker.patch("estim.records.signed_chain._last_line", side_effect=OSError(5, "Input/output error"))
    assert writer.close(1)
    assert "chain can't be written" in writer.master_failed
    refused = begin(tmp_path, "b")
    settle(refused)
    assert "chain can't be written" in (refused.poll(1).failed or "")
    refused.break_off()
    mocker.stopall()
    assert any("master chain does not know" in verdict.reason for verdict in bad(tmp_path))
    assert verify_session(tmp_path / "records" / "real" / "a").ok


def test_checkpoints_stand_at_the_start_each_minute_at_stops_and_at_the_end(tmp_path: Path) -> None:
    writer = begin(tmp_path, "a")
    writer.poll(0)
    for second in range(1, 131):
        writer.append("status", {}, second * 1_000_000)
        writer.poll(second * 1_000_000)
    writer.append("phase", {"after": "STOPPING"}, 131_000_000)
    writer.poll(131_000_000)
    writer.append("phase", {"after": "CONFIGURED"}, 132_000_000)
    writer.poll(132_000_000)
    writer.append("phase", {"after": "FAULT"}, 133_000_000)
    writer.poll(133_000_000)
    writer.close(134_000_000)
    lines = [json.loads(line) for line in (tmp_path / "records/real/a/record.jsonl").read_bytes().splitlines()]
    signed = [line for line in lines if "signature" in line["fields"]]
    assert [line["t_us"] // 1_000_000 for line in signed] == [0, 60, 120, 131, 133, 134]
    assert signed[0]["n"] == 1
    assert all(line["fields"]["utc"] and line["fields"]["boot_us"] for line in signed)
    assert verify_session(tmp_path / "records" / "real" / "a").signed == len(lines)


def test_what_a_torn_record_has_signed_is_said(tmp_path: Path) -> None:
    writer = begin(tmp_path, "a")
    writer.poll(0)
    writer.append("command", {"channels": [{"channel": 1, "amplitude_ua": 500}]}, 5)
    writer.append("note", {}, 9)
    kill(writer)
    verdict = verify_session(tmp_path / "records" / "real" / "a")
    assert (verdict.ending, verdict.records, verdict.signed) == ("incomplete", 4, 2)
    assert (verdict.last_on_us, verdict.off_by_us) == (5, 9 + 4_000_000)


def test_a_checkpoint_answers_for_its_own_times(tmp_path: Path) -> None:
    """The seal's own fields are signed too: nobody can move the session's end without the key."""
    folder = session(tmp_path, "a")
    entries = [json.loads(line) for line in (folder / "record.jsonl").read_bytes().splitlines()]
    made = Chain(simulated=False, first_n=entries[-1]["n"], prev=entries[-1]["prev"])
    fields = {**entries[-1]["fields"], "utc": "2001-01-01T00:00:00.000+00:00"}
    lines = (folder / "record.jsonl").read_bytes().splitlines(keepends=True)[:-1]
    (folder / "record.jsonl").write_bytes(b"".join([*lines, made.line("seal", fields, entries[-1]["t_us"])]))
    verdict = verify_session(folder)
    assert not verdict.ok
    assert "signature" in verdict.reason


def test_a_record_under_another_name_is_named_without_the_master_chain_too(tmp_path: Path) -> None:
    folder = session(tmp_path, "a")
    folder.rename(folder.parent / "b")
    (verdict,) = [one for one in verify_home(tmp_path) if Path(one.path).name == "b"]
    assert "written as session a" in verdict.reason
    alone = tmp_path / "elsewhere"  # an auditor's copy has the name that the auditor gave it
    shutil.copytree(folder.parent / "b", alone)
    assert verify_session(alone).ok
