"""One vocabulary of muscles: one account of the day for one thigh, whatever it is called; unknown words refused."""

from __future__ import annotations

import json
import re
from pathlib import Path

import pytest

from estim.cli import main
from estim.desk.checking import check_file
from estim.protocols import library, muscles
from estim.protocols.loader import load, parse
from estim.safety.errors import ProtocolError
from estim.safety.limits import ABSOLUTE, DEFAULT
from tests.support import DATA

SHORT = (DATA / "short.toml").read_text(encoding="utf-8").replace('"thigh"\n', '"thigh"\nside = "left"\n', 1)
LIMITS = ABSOLUTE & DEFAULT


def changed(**lines: str) -> bytes:
    """The short protocol with other values for `key = value` lines."""
    text = SHORT
    for key, value in lines.items():
        text, count = re.subn(rf"^{key} = .*$", f"{key} = {value}", text, count=1, flags=re.MULTILINE)
        assert count == 1, key
    return text.encode()


def problems(data: bytes) -> list[tuple[str, str, str]]:
    with pytest.raises(ProtocolError) as caught:
        parse(data)
    return [(problem.rule, problem.key, problem.message) for problem in caught.value.problems]


@pytest.mark.parametrize("muscle", muscles.muscles().values(), ids=lambda muscle: muscle.id)
def test_every_entry_is_whole(muscle: muscles.Muscle) -> None:
    assert set(muscle.counts_as) <= set(muscles.muscles())
    assert set(muscle.parts) <= set(muscles.muscles())
    for whole in muscle.counts_as:
        assert muscle.kind == "nerve" or muscle.counts_as == muscles.muscles()[whole].counts_as
    if muscle.refused:
        assert muscles.refusals()[muscle.refused].instead
        with pytest.raises(muscles.RefusedMuscleError):
            muscles.find(muscle.name)
        return
    for spelling in (muscle.id, muscle.name, *muscle.aliases, muscle.name_de):
        assert muscles.find(spelling).muscle.id == muscle.id
        assert muscles.find(f"left {spelling}") == (muscle, "left")
    assert muscle.region
    for place in muscle.placements:
        assert place.mark == "convention" or place.source
        assert len({*place.pads}) == 2


def test_a_part_counts_as_its_whole_and_a_nerve_as_all_that_it_drives() -> None:
    assert muscles.accounts("vastus medialis") == muscles.accounts("Quads") == ("quadriceps-femoris",)
    assert muscles.accounts("common-peroneal-nerve") == (
        "tibialis-anterior", "peroneus-longus", "extensor-digitorum-longus",
    )  # fmt: skip
    assert muscles.accounts("left TA and gastrocnemius") == (
        "tibialis-anterior",
        "triceps-surae",
    )  # an old file's words
    assert muscles.accounts("right what nobody knows") == ("what nobody knows",)


def test_a_file_may_say_an_alias_and_is_stored_by_its_id() -> None:
    assert parse(changed(muscle='"knee extensors"')).channel[0].muscle == "quadriceps-femoris"


@pytest.mark.parametrize(
    ("said", "rule", "words"),
    [
        ('"quadrizeps femuris"', "muscle", "quadriceps-femoris"),
        ('"right quadriceps"', "side", "right side"),
        ('"biceps brachii"', "region", "upper-arm"),
        ('"frontalis"', "not-treated", "facial exercise"),
        ('"pelvic floor"', "not-treated", "tibial nerve"),
    ],
)
def test_a_wrong_muscle_is_refused_at_its_own_key(said: str, rule: str, words: str) -> None:
    found = problems(changed(muscle=said, side='"left"'))
    at = "region" if rule == "region" else "muscle"
    assert [(each[0], each[1]) for each in found] == [(rule, f"channel[0].{at}")]
    assert words in found[0][2]


@pytest.mark.parametrize("region", ["face", "neck", "chest", "abdomen"])
def test_a_region_that_is_not_treated_says_why_and_what_instead(region: str) -> None:
    [(rule, key, message)] = problems(changed(region=f'"{region}"'))
    assert (rule, key) == ("not-treated", "channel[0].region")
    assert "Instead:" in message


def test_a_question_for_what_is_not_treated_is_answered(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["protocols", "list", "--condition", "dysphagia", "--home", str(tmp_path)]) == 0
    assert "speech and language therapist" in capsys.readouterr().out
    assert main(["protocols", "show", "wounds", "--home", str(tmp_path)]) == 1
    assert "wound service" in capsys.readouterr().err


@pytest.mark.parametrize("name", library.names())
def test_the_library_has_ids_and_two_places_a_channel(name: str) -> None:
    text = library.path(name).read_text(encoding="utf-8")
    for muscle in re.findall(r'^muscle = "(.*)"$', text.partition("[provenance]")[0], re.MULTILINE):
        assert muscle in muscles.muscles()
    for channel in load(library.path(name)).channel:
        first, second = re.fullmatch(r"Pad 1\b[^:]*: (.+); pad 2\b[^:]*: (.+)", channel.placement).groups()  # type: ignore[union-attr]
        assert first != second
        assert not re.search(r"\bas (above|right|left|channel|the other)\b|mirror|protocol", channel.placement)


def day(tmp_path: Path, **lines: str) -> list[dict[str, object]]:
    path = tmp_path / "own.toml"
    path.write_bytes(changed(**lines))
    return [each for each in check_file(path, LIMITS, model="p24")["problems"] if each["rule"] == "L27"]


def test_the_dose_of_a_day_is_held_against_the_limit(tmp_path: Path) -> None:
    [said] = day(tmp_path, on_s="10", off_s="15", contractions="120", sessions_per_day="4")
    assert (said["asked"], said["allowed"], said["key"]) == (80, 60, "dose.sessions_per_day")
    lines = changed().decode().splitlines()
    assert said["line"] == 1 + next(n for n, line in enumerate(lines) if line.startswith("sessions_per_day"))
    assert not day(tmp_path, on_s="10", off_s="15", contractions="120", sessions_per_day="4", frequency_hz="10")
    assert not day(tmp_path, on_s="10", off_s="15", contractions="90", sessions_per_day="4")


def test_two_channels_on_one_thigh_add_and_two_thighs_do_not(tmp_path: Path) -> None:
    second = SHORT[SHORT.index("[[channel]]") : SHORT.index("[[phase]]")].replace(
        'name = "quadriceps"', 'name = "inner"'
    )
    second = re.sub(r"^muscle = .*$", 'muscle = "vastus medialis"', second, flags=re.MULTILINE)
    text = changed(on_s="10", off_s="15", contractions="96", sessions_per_day="2").decode()
    path = tmp_path / "own.toml"

    def said(other: str) -> list[object]:
        path.write_text(text.replace("[[phase]]", other + "[[phase]]", 1), encoding="utf-8")
        report = check_file(path, LIMITS, model="p24")
        return [each["asked"] for each in report["problems"] if each["rule"] == "L27"]

    assert said(second) == [64]
    assert said(re.sub(r"^side = .*$", 'side = "other"', second, flags=re.MULTILINE)) == []


def test_the_published_dose_that_is_not_played_whole_is_said(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["protocols", "check", "knee-replacement-vastus-medialis-home", "--json"]) == 0
    [entry] = json.loads(capsys.readouterr().out)["files"]
    [said] = [each for each in entry["problems"] if each["rule"] == "L27"]
    assert (said["asked"], said["allowed"]) == (120, 60)


def test_a_new_file_on_a_muscle_has_its_region_and_places_and_names_what_is_still_to_write(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    home = ("--home", str(tmp_path))
    assert main(["protocols", "new", "mine", "--muscle", "calf", *home]) == 0
    protocol = load(tmp_path / "protocols" / "mine.toml")
    assert (protocol.channel[0].muscle, protocol.channel[0].region) == ("triceps-surae", "shank")
    assert "pad 2:" in protocol.channel[0].placement
    capsys.readouterr()
    assert main(["protocols", "check", "mine", "--json", *home]) == 0
    [entry] = json.loads(capsys.readouterr().out)["files"]
    left = {each["key"] for each in entry["problems"] if each["rule"] == "placeholder"}
    assert {"conditions", "indication", "cue", "evidence[0].citation"} <= left
    assert "channel[0].placement" not in left
    assert all(each["line"] for each in entry["problems"] if each["rule"] == "placeholder")
    assert main(["protocols", "new", "other", "--muscle", "quadrizepz", *home]) == 1
    assert "quadriceps-femoris" in capsys.readouterr().err


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (["--muscle", ""], "--muscle: '' is no muscle"),
        (["--muscle", " "], "--muscle: ' ' is no muscle"),
        (["--from", "knee-replacement-quadriceps-early", "--muscle", "calf"], "into the template, not into a copy"),
        (["--from", ""], "protocol"),
    ],
)
def test_what_was_said_for_a_new_file_is_done_or_refused(
    words: list[str], said: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """An empty name was taken for none, and a muscle beside --from was passed over: each without a word."""
    assert main(["protocols", "new", "mine", *words, "--home", str(tmp_path)]) in {1, 2}
    assert said in capsys.readouterr().err
    assert not list(tmp_path.glob("protocols/*"))


@pytest.mark.parametrize(
    ("region", "words"),
    [
        ("face", "eye and brain"),
        ("neck", "carotid sinus"),
        ("chest", "heart's rhythm"),
        ("abdomen", "no limits are set"),
        ("abdominal wall", "no limits are set"),
        ("Thigh ", "is no region; there are thigh"),
        ("knee", "is no region; there are thigh"),
    ],
)
def test_where_a_region_is_open_today_s_choice_is_one_that_is_treated(
    region: str, words: str, capsys: pytest.CaptureFixture[str], tmp_path: Path
) -> None:
    """A file that leaves the region open is no way to put pads on the neck."""
    asked = ["rehearse", "tens-conventional-pain", "--region", f"painful-region={region}", "--home", str(tmp_path)]
    assert main([*asked, "--level", "painful-region=10"]) == 1
    assert words in " ".join(capsys.readouterr().err.split())


@pytest.mark.parametrize("basis", ["published", "partial", "recalled", "convention"])
def test_the_abdominal_wall_is_shown_and_in_no_file_that_is_played(basis: str) -> None:
    text = library.path("spinal-cord-injury-abdominal").read_text(encoding="utf-8")
    assert not parse(text.encode()).runnable
    with pytest.raises(ProtocolError) as refused:
        parse(text.replace('basis = "reference-only"', f'basis = "{basis}"').encode())
    rules = {(problem.key, problem.rule) for problem in refused.value.problems}
    assert {("channel[0].muscle", "not-treated"), ("channel[0].region", "not-treated")} <= rules


@pytest.mark.parametrize(
    ("typed", "muscle"),
    [
        ("Musculus tibialis anterior", "tibialis-anterior"),
        ("M. quadriceps femoris", "quadriceps-femoris"),
        ("m. vastus medialis links", "vastus-medialis"),
        ("hamstring muscles", "hamstrings"),
        ("Wadenmuskel", "triceps-surae"),
    ],
)
def test_a_name_as_anatomists_write_it_is_the_same_muscle(typed: str, muscle: str) -> None:
    assert muscles.find(typed).muscle.id == muscle


@pytest.mark.parametrize(
    ("typed", "topic"),
    [("masseter", "face"), ("M. orbicularis oculi", "face"), ("tongue", "swallowing"), ("carotid", "swallowing"),
     ("heart", "chest"), ("sternum", "chest")],
)  # fmt: skip
def test_a_muscle_of_what_is_not_treated_says_why_and_not_three_nearest(typed: str, topic: str) -> None:
    with pytest.raises(muscles.RefusedMuscleError) as refused:
        muscles.find(typed)
    assert refused.value.refusal.id == topic
