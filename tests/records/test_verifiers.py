"""Two verifiers that share nothing, on the vectors of docs/record-format.md and on fresh records: both say the same."""

from __future__ import annotations

import json
import shutil
import subprocess
from pathlib import Path
from typing import Any

import pytest
import zstandard

from estim.records.home import Home
from estim.records.keys import known_keys
from estim.records.quick import verify_quickly
from estim.records.segment import read_segment
from estim.records.verify import verify_session
from tests.records.build import session
from tests.records.tamper import changes
from tests.records.vectors import ROOT, write

VERIFIER = ROOT.parent / "verify.mjs"
NODE = shutil.which("node")
VECTORS = sorted(path.name for path in ROOT.iterdir())
needs_node = pytest.mark.skipif(NODE is None, reason="no node here: the second verifier was not run")


def keys_of(folder: Path) -> dict[str, str]:
    pairs = (line.split() for line in (folder / "keys.txt").read_text(encoding="ascii").splitlines())
    return {pair[0]: pair[1] for pair in pairs}


def by_node(folders: list[Path], keys: Path | None) -> list[dict[str, Any]]:
    told = [str(NODE), str(VERIFIER), "--json", *(["--keys", str(keys)] if keys else []), *map(str, folders)]
    said = subprocess.run(told, capture_output=True, text=True, check=False)
    assert said.returncode in {0, 1}, said.stderr
    results: list[dict[str, Any]] = json.loads(said.stdout)["results"]
    assert said.returncode == (0 if all(one["ok"] for one in results) else 1)
    return results


def test_the_vectors_are_those_that_the_page_speaks_of(tmp_path: Path) -> None:
    assert write(tmp_path / "vectors") == len(VECTORS)
    for path in sorted(ROOT.rglob("*.*")):
        assert (tmp_path / "vectors" / path.relative_to(ROOT)).read_bytes() == path.read_bytes()
    assert len([name for name in VECTORS if name.startswith("bad-")]) >= 30


@pytest.mark.parametrize("name", VECTORS)
def test_ours_says_of_each_vector_what_is_expected(name: str) -> None:
    folder = ROOT / name
    expected = json.loads((folder / "expected.json").read_bytes())
    for look in (verify_session, verify_quickly):
        verdict = look(folder, keys=keys_of(folder))
        said = {"ok": verdict.ok, "first_bad": verdict.first_bad, "ending": verdict.ending}
        assert said == {key: expected[key] for key in said}


@needs_node
@pytest.mark.parametrize("name", VECTORS)
def test_the_other_says_the_same(name: str) -> None:
    folder = ROOT / name
    expected = json.loads((folder / "expected.json").read_bytes())
    (said,) = by_node([folder], folder / "keys.txt")
    assert {key: said[key] for key in ("ok", "first_bad", "ending")} == {
        key: expected[key] for key in ("ok", "first_bad", "ending")
    }


@needs_node
def test_both_agree_on_fresh_records_and_their_chains(tmp_path: Path) -> None:
    home = Home(tmp_path / "home")
    folders = [
        session(home, f"K-{end}", end=end, simulated=simulated)
        for end in ("completed", "fault", "broken", "none")
        for simulated in (False, True)
    ]
    keys = home.root / "keys" / "station-keys.txt"
    for folder, said in zip(folders, by_node(folders, keys), strict=True):
        ours = verify_session(folder, keys=known_keys(home.root))
        assert (said["ok"], said["first_bad"], said["ending"], said["records"]) == (
            ours.ok, ours.first_bad, ours.ending, ours.records,
        )  # fmt: skip
    for chain in (home.root / "records/real/master.jsonl", home.root / "station.jsonl"):
        if chain.exists():
            told = [str(NODE), str(VERIFIER), "--json", "--chain", str(chain), "--keys", str(keys)]
            assert subprocess.run(told, capture_output=True, check=False).returncode == 0
            chain.write_bytes(chain.read_bytes().replace(b'"n":0', b'"n":1'))
            assert subprocess.run(told, capture_output=True, check=False).returncode == 1


@needs_node
def test_both_agree_on_every_kind_of_change(tmp_path: Path) -> None:
    folder = ROOT / "good-short"
    data = (folder / "record.jsonl").read_bytes()
    made: list[Path] = []
    for number, change in enumerate(changes(data, step=97)):
        (tmp_path / str(number)).mkdir()
        (tmp_path / str(number) / "record.jsonl").write_bytes(change.data)
        made.append(tmp_path / str(number))
    assert len(made) > 60
    for path, said in zip(made, by_node(made, folder / "keys.txt"), strict=True):
        ours = verify_session(path, keys=keys_of(folder))
        assert (said["ok"], said["first_bad"], said["ending"]) == (ours.ok, ours.first_bad, ours.ending), path


@pytest.mark.parametrize("depth", [300, 900, 100_000])
def test_a_line_nested_deep_is_a_bad_line_and_no_fault_of_ours(depth: int, tmp_path: Path) -> None:
    line = b'{"fields":{"x":' + b"[" * depth + b"]" * depth + b"}}\n"
    (tmp_path / "record.jsonl").write_bytes(line)
    for look in (verify_session, verify_quickly):
        verdict = look(tmp_path)
        assert (verdict.ok, verdict.first_bad) == (False, 0)
    if NODE is not None:
        (said,) = by_node([tmp_path], None)
        assert (said["ok"], said["first_bad"]) == (False, 0)


@pytest.mark.parametrize(
    "change", [lambda packed: packed + b"abc", lambda _: b"no archive", lambda packed: b"\0" + packed]
)
def test_a_damaged_archive_is_one_bad_session_with_a_reason(change: Any, tmp_path: Path) -> None:
    packed = zstandard.compress((ROOT / "good-short" / "record.jsonl").read_bytes())
    (tmp_path / "record.jsonl.zst").write_bytes(change(packed))
    for look in (verify_session, verify_quickly):
        verdict = look(tmp_path, keys=keys_of(ROOT / "good-short"))
        assert not verdict.ok
        assert "damaged" in verdict.reason


def test_an_archive_that_unpacks_without_end_is_read_so_far_and_no_further(tmp_path: Path) -> None:
    """96 kB took the memory of 3 GB, and minutes."""
    path = tmp_path / "record.jsonl.zst"
    path.write_bytes(zstandard.compress(b"{}\n" * 100_000))
    assert len(read_segment(path, most=300_000)) == 300_000
    with pytest.raises(OSError, match="more comes out of it than any session writes") as told:
        read_segment(path, most=299_999)
    assert told.value.filename == str(path)


@needs_node
@pytest.mark.parametrize("keys", [None, "abc\n", f"{'0' * 16} {'1' * 64}\n"])
def test_keys_that_are_none_leave_no_record_to_the_keys_that_it_brings(keys: str | None, tmp_path: Path) -> None:
    path = tmp_path / "keys.txt"
    if keys is not None:
        path.write_text(keys, encoding="ascii")
    told = [str(NODE), str(VERIFIER), "--keys", str(path), str(ROOT / "good-short")]
    said = subprocess.run(told, capture_output=True, text=True, check=False)
    assert said.returncode == 2
    assert str(path) in said.stderr


@needs_node
@pytest.mark.parametrize(("kept", "why"), [(7, "the session was not sealed"), (0, "there is no line in it")])
def test_what_has_no_bad_line_and_no_seal_has_its_reason(tmp_path: Path, kept: int, why: str) -> None:
    """It said `NOT VERIFIED, null: `."""
    folder = session(Home(tmp_path / "home"), "K-1")
    file = folder / "record.jsonl"
    file.write_bytes(b"".join(file.read_bytes().splitlines(keepends=True)[:kept]))
    done = subprocess.run([str(NODE), VERIFIER, folder], capture_output=True, check=False, text=True)
    assert done.returncode == 1
    assert done.stdout.startswith(f"{folder}: NOT VERIFIED, {why}")
    assert "null" not in done.stdout
