"""Studies: the same bytes whatever ran where, nothing lost, every corner a row."""

from __future__ import annotations

import json
import os
import signal
from pathlib import Path
from typing import Any

import pytest

from estim.cli import main
from estim.rehearsal import pool
from estim.study.cluster import on_cluster

WORLDS = Path(__file__).parents[1] / "data" / "worlds.toml"
STUDY = """schema = 1
id = "levels"
kind = "{kind}"
protocol = ["short.toml"]
patient_profile = ["", "stroke"]
level_ma = {{ quadriceps = [4, 6.5, {last}] }}
device_model = ["p24"]
seeds = {{ first = 4, count = 2 }}
"""


@pytest.fixture
def study(tmp_path: Path) -> Path:
    """12 short runs, the last level of which a limit forbids."""
    text = (
        WORLDS.read_text("utf-8")
        .replace("contractions = 22", "contractions = 2")
        .replace('id = "worlds"', 'id = "short"')
    )
    (tmp_path / "short.toml").write_text(text, "utf-8")
    path = tmp_path / "study.toml"
    path.write_text(STUDY.format(kind="rehearsal", last=140), "utf-8")
    return path


def estim(capsys: pytest.CaptureFixture[str], *words: object) -> tuple[int, dict[str, Any], str]:
    """Exit code, the document, standard error."""
    code = main([*map(str, words), "--json"])
    said = capsys.readouterr()
    return code, json.loads(said.out) if said.out else {}, said.err


def test_workers_shards_and_resuming_give_the_same_bytes(
    study: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    code, document, _ = estim(capsys, "study", "run", study, "-o", tmp_path / "one")
    whole = (tmp_path / "one" / "results.jsonl").read_bytes()
    assert (code, document["runs"], document["done"], document["failed"]) == (0, 12, 12, [])
    ran = document
    assert document["outcomes"] == {"completed": 8, "refused": 4}
    rows = [json.loads(line) for line in whole.splitlines()]
    assert [row["run"] for row in rows] == list(range(12))
    assert {row["problems"][0]["rule"] for row in rows if row["outcome"] == "refused"} == {"L1"}
    off_the_steps = [row for row in rows if row["level_ma"] == {"quadriceps": 6.5}]
    assert {row["titration"][0]["peak_ma"] for row in off_the_steps} == {6.0}
    assert all("level-step" in {problem["rule"] for problem in row["problems"]} for row in off_the_steps)
    assert not any(word in whole for word in (b"wall", str(tmp_path).encode()))
    estim(capsys, "study", "run", study, "-o", tmp_path / "two", "--workers", 2)
    assert (tmp_path / "two" / "results.jsonl").read_bytes() == whole
    for shard in ("1/2", "2/2"):
        estim(capsys, "study", "run", study, "-o", tmp_path / shard[0], "--shard", shard)
    code, document, _ = estim(capsys, "study", "merge", tmp_path / "1", tmp_path / "2", "-o", tmp_path / "merged")
    assert (code, document["done"]) == (0, 12)
    same = ("study", "digest", "runs", "outcomes", "failed")
    assert {key: document[key] for key in same} == {key: ran[key] for key in same}
    assert ran.keys() - document.keys() == {"shard"}
    assert (document["retried"], document["workers"], document["wall_s"] > 0) == (None, None, True)
    assert (tmp_path / "merged" / "results.jsonl").read_bytes() == whole
    torn = tmp_path / "1" / "results.jsonl"
    was = torn.read_bytes()
    for bad in (was[:-20], was + b"[" * 100_000, was + b'{"run":"x"}\n'):
        torn.write_bytes(bad)
        code, _, err = estim(capsys, "study", "merge", tmp_path / "1", "-o", tmp_path / "of-a-torn-one")
        assert (code, "is no result of a run" in err) == (2, True)
    torn.write_bytes(was)
    code, document, _ = estim(capsys, "study", "merge", tmp_path / "2", "-o", tmp_path / "half")
    assert (code, document["missing"]) == (1, 6)
    lines = whole.splitlines(keepends=True)  # as a killed run leaves it: some rows, the last one torn
    (tmp_path / "two" / "results.jsonl").unlink()
    (tmp_path / "two" / "parts.jsonl").write_bytes(b"".join(lines[:5]) + lines[5][:40])
    code, _, err = estim(capsys, "study", "run", study, "-o", tmp_path / "two")
    assert (code, "--resume" in err) == (2, True)
    code, document, _ = estim(capsys, "study", "run", study, "-o", tmp_path / "two", "--resume")
    assert (code, document["done"]) == (0, 12)
    assert (tmp_path / "two" / "results.jsonl").read_bytes() == whole
    assert "<svg" in (tmp_path / "two" / "report.html").read_text("utf-8")


def test_a_folder_of_another_study_is_refused_with_both_digests(
    study: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    study.write_text(study.read_text("utf-8").replace("count = 2", "count = 1").replace(", 140", ""), "utf-8")
    _, first, _ = estim(capsys, "study", "run", study, "-o", tmp_path / "out")
    study.write_text(study.read_text("utf-8").replace("6.5", "7"), "utf-8")
    code, _, err = estim(capsys, "study", "run", study, "-o", tmp_path / "out", "--resume")
    assert code == 2
    assert first["digest"][:16] in err
    assert err.count("digest") >= 1
    (tmp_path / "full").mkdir()
    (tmp_path / "full" / "mine.txt").write_text("x")
    assert estim(capsys, "study", "run", study, "-o", tmp_path / "full")[0] == 2


def test_worlds_are_rows_as_well(study: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    study.write_text(STUDY.format(kind="world", last=8).replace('["", "stroke"]', '[""]'), "utf-8")
    code, document, _ = estim(capsys, "study", "run", study, "-o", tmp_path / "out", "--records", "broken")
    assert (code, document["done"]) == (0, 6)
    rows = [json.loads(line) for line in (tmp_path / "out" / "results.jsonl").read_bytes().splitlines()]
    assert all(row["broken"] == {} for row in rows)


@pytest.mark.parametrize(
    ("was", "becomes", "said"),
    [
        ('["p24"]', '["p25"]', "no 'p25'"),
        ('"stroke"', '"strike"', "no 'strike'"),
        ("quadriceps =", "biceps =", "no protocol of this study has a channel 'biceps'"),
        ("count = 2", "count = 0", "seeds.count"),
        ("seeds =", "seed =", "no key 'seed'"),
        ('"short.toml"', '"nobody.toml"', "protocol 'nobody.toml'"),
        ('["p24"]', "[]", "an empty list leaves no run"),
        ("schema = 1", "schema = ", "study.toml"),
    ],
)
def test_what_is_wrong_with_a_study_is_said_by_its_key(
    study: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str], was: str, becomes: str, said: str
) -> None:
    study.write_text(study.read_text("utf-8").replace(was, becomes), "utf-8")
    code, document, err = estim(capsys, "study", "run", study, "-o", tmp_path / "out")
    assert code == 1, "a file that is found wrong, as with protocols and plans"
    assert said in json.dumps(document, ensure_ascii=False)
    assert (document["file"], "Traceback" in err) == (str(study), False)
    line = next((n for n, text in enumerate(study.read_text("utf-8").splitlines(), 1) if becomes in text), None)
    code, document, _ = estim(capsys, "study", "check", study)
    assert (code, document["ok"]) == (1, False)
    assert line in {problem["line"] for problem in document["files"][0]["problems"]}


def test_all_that_is_wrong_with_a_study_is_said_at_once(
    study: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    code, document, _ = estim(capsys, "study", "check", study)
    assert (code, document["files"][0]["runs"]) == (0, 12)
    text = study.read_text("utf-8").replace("count = 2", "count = 0").replace('"stroke"', '"strike"')
    study.write_text(text.replace("quadriceps =", "biceps =") + "colour = 1\n", "utf-8")
    code, document, _ = estim(capsys, "study", "run", study, "-o", tmp_path / "out")
    assert code == 1
    keys = {problem["key"] for problem in document["problems"]}
    assert keys == {"seeds.count", "patient_profile[1]", "level_ma.biceps", "colour"}


def test_a_new_study_runs_as_it_stands_and_none_is_overwritten(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    from estim.study.plan import read_study

    assert estim(capsys, "study", "new", tmp_path / "new.toml")[0] == 0
    assert read_study(tmp_path / "new.toml", "estim").count() == 3
    assert estim(capsys, "study", "new", tmp_path / "new.toml")[0] == 2


def deadly(item: tuple[int, str]) -> int:
    """Kills its worker where the number is 5: once, or each time."""
    number, marker = item
    if number == 5 and (marker == "always" or not Path(marker).exists()):
        if marker != "always":
            Path(marker).touch()
        os.kill(os.getpid(), signal.SIGKILL)
    return number * number


def test_a_killed_worker_loses_nothing(tmp_path: Path) -> None:
    again: list[int] = []
    items = [(number, str(tmp_path / "killed")) for number in range(40)]
    made = dict(pool.run(deadly, items, jobs=2, piece=4, retried=again.append))
    assert made == {number: number * number for number in range(40)}
    assert sum(again) >= 4


def test_what_kills_its_worker_twice_is_named_and_all_else_is_there() -> None:
    made = dict(pool.run(deadly, [(number, "always") for number in range(40)], jobs=2, piece=4))
    assert isinstance(made.pop(5), pool.Lost)
    assert made == {number: number * number for number in range(40) if number != 5}


def test_a_local_cluster_with_a_killed_worker_has_all_results(tmp_path: Path) -> None:
    pytest.importorskip("distributed")
    items = [(number, str(tmp_path / "killed")) for number in range(24)]
    made = dict(on_cluster(deadly, items, address="local", workers=2, retried=lambda _: None))
    assert made == {number: number * number for number in range(24)}
