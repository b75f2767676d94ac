"""Assessments, exercises and plans as data: every entry has a mark and a source, every bad file is refused where."""

from __future__ import annotations

import datetime
import re
import tomllib
from pathlib import Path
from xml.etree import ElementTree

import pytest

from estim.care import figures, words
from estim.care.course import KINDS
from estim.care.drills import advice, drills, load_drills
from estim.care.goals import Goal, copm, gas_t, psfs
from estim.care.measures import Measure, confirmed, direction, index_percent, is_error, measures
from estim.care.plan import load_plan, new_plan, references, template, template_names, template_text
from estim.care.words import measure_name, unit_name
from estim.cli import main
from estim.desk.cue_word import WORDS, effort_word
from estim.desk.progress_curve import HEIGHT, LEFT, TOP, WIDTH, Curve, smallest_real_change, svg
from estim.protocols import library, muscles
from estim.protocols.conditions import CONDITIONS
from estim.protocols.loader import load
from estim.safety.errors import ProtocolError

PLAN = template_text("knee-replacement")
DRILL = """[[drill]]
id = "own-drill"
name = "Own"
family = "strength"
ladder = 1
topics = ["knee-replacement"]
start = "Seated"
dose = { sets = 3, reps = 10, rest_s = 60, days_per_week = 5 }
cue = "Push"
progress = { when = "clean", to = "more" }
regress = { when = "pain", to = "less" }
supervision = "independent"
mark = "convention"
source = "this clinic"
stimulation = { muscle = "quads", effort = "join", sync = "with the on time" }
"""


def test_every_assessment_has_its_range_and_every_change_its_mark_and_source() -> None:
    assert len(measures()) == 57
    for measure in measures().values():
        assert measure.grades or (measure.low is not None and measure.high is not None and measure.low < measure.high)
        assert all(change.source and change.mark and change.population for change in measure.change)
    assert sum(change.mark == "read" for measure in measures().values() for change in measure.change) >= 31


def test_every_exercise_has_a_mark_a_source_and_a_muscle_that_exists() -> None:
    assert len(drills()) == 57
    for drill in drills().values():
        assert drill.source
        if drill.stimulation is not None:
            assert not muscles.muscles()[drill.stimulation.muscle].refused
        assert drill.supervision != "independent" or "balance" not in drill.family or drill.id == "star-reach"


@pytest.mark.parametrize("name", template_names())
def test_every_template_checks(name: str) -> None:
    plan = template(name)
    assert plan.id == name
    assert references(tomllib.loads(template_text(name)), protocols=frozenset(library.names())) == []
    assert new_plan(name, "own-plan", 'My "own"')


def test_there_are_twelve_templates_and_each_condition_is_found() -> None:
    assert len(template_names()) == 12
    assert main(["plans", "check"]) == 0


BAD = [
    ('title = "Knee replacement"\n', "", "title", "missing"),
    ('measure = "stance-load"', 'measure = "stance-lode"', "phase[1].gate[1].measure", "stance-load"),
    ("at_least = 110", "at_least = 1100", "phase[1].gate[0].at_least", "outside"),
    ('measure = "pain"\nat_most = 3', 'measure = "pain"', "phase[1].gate[2].at_least", "at_least or at_most"),
    ('"knee-replacement-gait"', '"knee-replacement-gate"', "phase[2].protocols[1]", "no protocol"),
    ('"quad-set"', '"quad-sett"', "phase[0].drills[0]", "quad-set"),
    ("review_every_days = 28", 'review_every_days = "monthly"', "review_every_days", "integer"),
    ("visits_per_week = 3", "visits_per_week = 0", "visits_per_week", "greater"),
    ('check = "walks with one aid"', 'check = "walks"\nmeasure = "tug"', "phase[0].gate[3].measure", "either"),
    ("min_days = 10", "min_dayz = 10", "phase[0].min_dayz", "no key"),
]


@pytest.mark.parametrize(("before", "after", "key", "said"), BAD)
def test_a_bad_plan_is_refused_with_line_key_and_reason(
    tmp_path: Path, before: str, after: str, key: str, said: str
) -> None:
    assert before in PLAN
    path = tmp_path / "own.toml"
    path.write_text(PLAN.replace(before, after, 1), encoding="utf-8")
    with pytest.raises(ProtocolError) as caught:
        load_plan(path)
    [problem] = caught.value.problems
    assert problem.key == key
    assert said in problem.message or said in str(problem.allowed)
    assert problem.line is not None
    lines = path.read_text(encoding="utf-8").splitlines()
    name = re.sub(r"\[\d+\]$", "", key).rpartition(".")[2]
    if after:
        assert name in lines[problem.line - 1] or "[[" in lines[problem.line - 1]
    assert main(["plans", "check", str(path)]) == 1


def test_wrong_types_hide_no_wrong_names_and_each_says_line_key_allowed_and_why(tmp_path: Path) -> None:
    text = PLAN
    for before, after in (
        ("review_every_days = 28", 'review_every_days = "monthly"'),
        ('"quad-set"', '"quad-sett"'),
        ("at_least = 110", "at_least = 1100"),
        ('"stance-load"', '"stance-lode"'),
        ("min_days = 10", "min_dais = 10"),
        ('"knee-replacement-gait"', '"knee-replacment-gait"'),
        ('conditions = ["knee-replacement", "post-surgery"]', 'conditions = "knee-replacement"'),
    ):
        assert before in text
        text = text.replace(before, after, 1)
    path = tmp_path / "own.toml"
    path.write_text(text, encoding="utf-8")
    with pytest.raises(ProtocolError) as caught:
        load_plan(path)
    said = {problem.key: problem for problem in caught.value.problems}
    assert set(said) == {
        "review_every_days", "phase[0].drills[0]", "phase[1].gate[0].at_least", "phase[1].gate[1].measure",
        "phase[0].min_dais", "phase[2].protocols[1]", "conditions",
    }  # fmt: skip
    assert [problem.line for problem in caught.value.problems] == sorted(problem.line or 0 for problem in said.values())
    assert said["review_every_days"].message == (
        '"monthly" is a text and must be a whole number (integer), without quotes '
        "(review_every_days: whole days until the therapist is asked to look at the plan again)"
    )
    assert "did you mean 'min_days'?" in said["phase[0].min_dais"].message
    assert "near: knee-replacement-gait" in said["phase[2].protocols[1]"].message
    assert "allowed is -90 to 360" in said["phase[1].gate[0].at_least"].message
    assert "in square brackets" in said["conditions"].message


WHOLE = [  # before, after, key, words
    ("at_least = 110", "at_least = true", "phase[1].gate[0].at_least", "true"),
    ("at_least = 110", "at_least = [110]", "phase[1].gate[0].at_least", "a grade"),
    ('measure = "pain"', 'mesure = "pain"', "phase[1].gate[2].mesure", "did you mean 'measure'"),
    ('measure = "pain"\nat_most = 3', 'measure = "rom"\nat_most = 90', "phase[1].gate[2].at_most", "never be left"),
    ('"weight-shift-side"', '"sit-to-stand"', "phase[1].drills[1]", "twice"),
    ('version = "1.0.0"', 'version = "1.0"', "version", "three numbers"),
    ('id = "knee-replacement"', 'id = "Knee 1"', "id", "small letters"),
    ('title = "Knee replacement"', 'title = ""', "title", "characters"),
    ("min_days = 10", "min_days = -3", "phase[0].min_days", "0"),
    ("not_older_than_days = 14", "not_older_than_days = 0.5", "phase[0].gate[1].not_older_than_days", "integer"),
    ('mark = "convention"', 'mark = "guess"', "phase[0].gate[0].mark", "'read', 'recalled' or 'convention'"),
    ("schema = 1", "schema = 2", "schema", "1"),
    ('title = "Knee replacement"', 'title = "a"\ntitle = "b"', "title", "twice"),
]  # fmt: skip


@pytest.mark.parametrize(("before", "after", "key", "said"), WHOLE)
def test_more_bad_plans(tmp_path: Path, before: str, after: str, key: str, said: str) -> None:
    assert before in PLAN
    path = tmp_path / "own.toml"
    path.write_text(PLAN.replace(before, after, 1), encoding="utf-8")
    with pytest.raises(ProtocolError) as caught:
        load_plan(path)
    [found] = [problem for problem in caught.value.problems if problem.key == key]
    assert said in found.message
    assert found.line


BAD_DRILLS = [
    ('muscle = "quads"', 'muscle = "quadz"', "drill[0].stimulation.muscle", "quadriceps-femoris"),
    ('muscle = "quads"', 'muscle = "face"', "drill[0].stimulation.muscle", "facial exercise"),
    ("reps = 10", "reps = 100000", "drill[0].dose.reps", "less than"),
    ("reps = 10, ", "", "drill[0].dose", "needs reps"),
    ('cue = "Push"\n', "", "drill[0].cue", "missing"),
    ('id = "own-drill"', 'id = "bridge"', "drill[0].id", "taken"),
    ("ladder = 1", "ladder = 9", "drill[0].ladder", "less than"),
]


@pytest.mark.parametrize(("before", "after", "key", "said"), BAD_DRILLS)
def test_a_bad_exercise_is_refused_with_line_key_and_reason(
    tmp_path: Path, before: str, after: str, key: str, said: str
) -> None:
    path = tmp_path / "own.toml"
    path.write_text(DRILL, encoding="utf-8")
    assert load_drills(path)[0].stimulation.muscle == "quadriceps-femoris"  # type: ignore[union-attr]
    path.write_text(DRILL.replace(before, after, 1), encoding="utf-8")
    with pytest.raises(ProtocolError) as caught:
        load_drills(path)
    [problem] = caught.value.problems
    assert (problem.key, problem.line is not None) == (key, True)
    assert said in problem.message
    assert main(["plans", "check", str(path)]) == 1


GAS = [
    ([(1, 0)], 50.0), ([(1, 1)], 60.0), ([(1, 1), (1, -1)], 50.0), ([(1, 1), (1, 1)], 62.4), ([(2, 1), (1, 0)], 58.0),
]  # fmt: skip


@pytest.mark.parametrize(("scores", "expected"), GAS)
def test_the_t_score_of_worked_examples(scores: list[tuple[int, float]], expected: float) -> None:
    assert round(gas_t(scores), 1) == expected


def test_scores_of_activities_and_problems() -> None:
    assert psfs([2, 4, 6]) == 4
    assert copm([(9, 2, 3), (5, 4, 5)]) == (3, 4)
    for wrong in ([], [1, 2], [11, 1, 1]):
        with pytest.raises(ValueError, match="PSFS"):
            psfs(wrong)
    with pytest.raises(ValueError, match="COPM"):
        copm([(0, 1, 1)])
    with pytest.raises(ValueError, match="levels"):
        gas_t([(1, 3)])


def test_a_goal_without_date_or_baseline_is_not_signed() -> None:
    assert Goal(id="g", words="walk", by="", measure="tug", target="12").missing() == ("by", "baseline")
    assert Goal(id="g", words="walk", by="2026-06-01", baseline="-1", levels={0: "x"}).missing()


def test_change_is_held_against_each_threshold_with_its_population() -> None:
    [head, *rows] = words.change_text(measures()["walk-10m"], "0.4", "0.52", "en")
    assert head == "+0.12 m/s; within the measurement's error"  # Parkinson's MDC95 is 0.18
    assert any("not reached: MCID 0.16 for stroke, 20 to 60 days [read]" in row for row in rows)
    [head, *_] = words.change_text(measures()["walk-10m"], "0.4", "0.7", "en")
    assert head == "+0.3 m/s, better"
    assert words.change_text(measures()["ashworth"], "2", "1+", "en")[0] == "2 → 1+ (-1 grade), better"
    [head, *rows] = words.change_text(measures()["tug"], 10, 25, "de")
    assert head == "+15 s, schlechter"
    assert all(row.startswith(("um mindestens so viel schlechter: ", "nicht erreicht: ")) for row in rows)


def test_whatever_a_summary_says_of_a_plan_or_a_change_has_its_german_words() -> None:
    for name in template_names():
        plan = template(name)
        for text in (plan.title, *(phase.name for phase in plan.phase)):
            assert words.plan_words(name, text, "de") != text or text == "Sport", text
        for criterion in [gate for phase in plan.phase for gate in phase.gate] + [*plan.stop]:
            assert criterion.check is None or words.plan_words(name, criterion.check, "de") != criterion.check
    assert words.plan_words("own-plan", "no red flag", "de") == "no red flag", "an own plan stays as it was written"
    german = tomllib.loads(words._data("measures.de.toml"))
    for measure in measures().values():
        for change in measure.change:
            assert change.kind in german["kind"], change.kind
            assert change.population in german["population"], change.population
            assert not isinstance(change.value, str) or change.value in german["value"], change.value
    assert index_percent(60, 120) == 50


def test_what_is_proposed_after_a_visit_follows_the_pain_rule() -> None:
    drill = drills()["quad-set"]
    assert advice(drill, clean_visits=2, pain=3, pain_next_morning=0)[0] == "go on"
    assert advice(drill, clean_visits=2, pain=5, pain_next_morning=0)[0] == "hold"
    assert advice(drill, clean_visits=2, pain=6, pain_next_morning=0) == ("back", drill.regress.to)


def test_the_patients_words_are_whole_in_both_languages() -> None:
    for key, text in words.words().items():
        assert set(text) == set(words.LANGUAGES), key
    english = {text for drill in drills().values() for text in words.drill_words(drill, "en").values() if text}
    for drill in drills().values():
        said = words.drill_words(drill, "de")
        for key, shown in said.items():
            assert not shown or shown not in english or shown == "Band", (drill.id, key, shown)


def test_every_exercise_has_a_picture_of_its_starting_position() -> None:
    for drill in drills().values():
        assert figures.pose_of(drill.start) in figures.POSES
        assert figures.figure_svg(drill.start, drill.name).startswith("<svg")
    assert figures.pads_svg("thigh", "left") != figures.pads_svg("thigh", "right")
    assert 'aria-label="pads, thigh, left"' in figures.pads_svg("thigh", "left", words=("pads",))


def test_the_picture_is_of_the_position_that_the_text_names_first() -> None:
    drawn = {drill.id: figures.pose_of(drill.start) for drill in drills().values()}
    expected = {
        "breathing-brace": "lying", "heel-slide": "lying", "wrist-lift": "seated", "shoulder-set": "seated",
        "thumb-to-finger": "seated", "plank-knees": "plank", "hip-flexor-stretch": "half-kneeling", "lunge": "stride",
        "stand-narrow": "standing", "tandem-stand": "stride", "one-leg-stand": "one-leg", "star-reach": "one-leg",
        "hop-hold": "one-leg", "bird-dog": "quadruped", "clam": "side-lying", "straight-leg-raise": "lying",
        "heel-strike-walk": "stride", "stairs": "stride", "sit-to-stand": "seated", "foam-stand": "standing",
        "row-band": "seated", "wall-slide": "standing", "chin-nod": "lying",
    }  # fmt: skip
    assert {name: drawn[name] for name in expected} == expected


def test_the_word_follows_the_effort_and_never_says_rest_while_it_waits_for_one() -> None:
    assert {effort_word(effort, "hold") for effort in ("relax", "task", "free")} == {"let-it-work", "task", "free"}
    assert effort_word("join", "rest", 4_000_000) == "rest"
    assert effort_word("join", "rest", 3_000_000) == "get-ready"
    assert effort_word("try-first", "rest") == "try-now"
    for effort in ("relax", "join", "try-first", "task", "free"):
        for cycle in ("rest", "rise", "hold", "fall"):
            assert effort_word(effort, cycle) in WORDS


def test_each_assessment_has_a_german_name_and_a_change_is_said_in_both_languages() -> None:
    for measure in measures().values():
        assert measure_name(measure, "de")
        assert measure_name(measure, "en") == measure.name
    assert unit_name("repetitions", "de") == "Wiederholungen"
    assert unit_name("N·m", "de") == "N·m"
    for word_of in ("better", "worse", "within-error", "once", "simulated"):
        assert set(words.words()[word_of]) == {"en", "de"}
    tug = measures()["tug"]
    assert [direction(tug, 16, last) for last in (10, 15.5, 16, 25)] == ["better", "within-error", "", "worse"]
    assert direction(measures()["rom"], 70, 112) == "", "more is not better for every joint"


def test_the_smallest_real_change_is_that_of_the_patient_s_own_population() -> None:
    tug = measures()["tug"]
    assert smallest_real_change(tug, ("knee-replacement", "post-surgery")) == 2.5
    assert smallest_real_change(tug, ("nobody",)) == smallest_real_change(tug) == 3.5
    assert smallest_real_change(measures()["koos-jr"]) is None


def test_a_curve_holds_its_values_target_and_error_within_its_frame() -> None:
    first, last = datetime.date(2026, 3, 2), datetime.date(2026, 5, 18)
    curve = Curve(
        title="T <1>", unit="s", points=((first, 16.0), (last, 10.5)), target=9.0, error=2.5, words=("a", "b")
    )
    root = ElementTree.fromstring(svg(curve))  # noqa: S314 - our own
    name = "{http://www.w3.org/2000/svg}"
    for circle in root.iter(f"{name}circle"):
        assert LEFT <= float(circle.get("cx", "0")) <= WIDTH
        assert TOP <= float(circle.get("cy", "0")) <= HEIGHT
    said = [text.text for text in root.iter(f"{name}text")]
    assert "T <1> (s)" in said
    assert {"16", "10.5", "a 9", "b ±2.5", "2026-03-02", "2026-05-18"} <= set(said)


def test_a_curve_writes_days_and_numbers_as_its_paper_does() -> None:
    points = ((datetime.date(2026, 3, 2), 8.5), (datetime.date(2026, 4, 6), 12.25))
    drawn = svg(
        Curve(title="Gehen", unit="m", points=points, target=10.5, error=1.5, words=("Ziel", "±"), language="de")
    )
    for part in ("02.03.2026", "06.04.2026", "8,5", "12,25", "Ziel 10,5", "±1,5"):
        assert part in drawn, part
    assert "2026-" not in drawn


def test_every_measure_and_every_exercise_has_a_source_and_a_mark() -> None:
    """The content audit: what a reader at the bedside can ask of each."""
    cited = []
    for measure in measures().values():
        found = [(measure.source, measure.mark)] if measure.source else []
        found += [(change.source, change.mark) for change in measure.change]
        assert found, measure.id
        for source, mark in found:
            assert mark in {"read", "recalled", "convention"}, measure.id
            assert source, measure.id
            if mark == "read":
                assert re.search(r"\b(?:19|20)\d\d\b|PMID \d+", str(source)), (measure.id, source)
        cited += [source for source, _ in found]
    assert confirmed() <= set(cited)
    for source in confirmed():
        assert re.search(r"[A-Z]\w+ [A-Z]{1,2}\b.*(?:19|20)\d\d;\d+.*:\w?\d+-\d+", source), source
    for drill in drills().values():
        assert drill.source, drill.id
        assert drill.mark in {"read", "recalled", "convention"}, drill.id
    for name in template_names():
        for criterion in [gate for phase in template(name).phase for gate in phase.gate] + [*template(name).stop]:
            assert criterion.mark in {"read", "recalled", "convention"}, (name, criterion.words)


def test_a_measure_without_a_source_is_no_measure() -> None:
    whole = {"id": "m", "name": "M", "unit": "s", "low": 0, "high": 9, "better": "lower", "minutes": 1, "who": "x",
             "conditions": ["stroke"]}  # fmt: skip
    for wrong in ({}, {"source": "A B. C 2001;1:1-2"}, {"mark": "recalled"}):
        with pytest.raises(ValueError, match="source"):
            Measure.model_validate(whole | wrong)
    assert Measure.model_validate(whole | {"source": "A B. C 2001;1:1-2", "mark": "recalled"})


TABLE = re.compile(r"^\| (.+?) \| (.+) \|$", re.MULTILINE)


def test_what_the_page_of_care_names_for_each_topic_is_there() -> None:
    page = (Path(__file__).parents[2] / "docs" / "course-of-care.md").read_text(encoding="utf-8")
    rows = TABLE.findall(page.partition("## A session inside a course")[0])[1:]
    assert len(rows) >= 23
    kinds, actions = set(KINDS), {"begin", "note", "show", "today", "calendar", "gate", "leaflet", "diary", "discharge"}
    for topic, place in rows:
        words = re.findall(r"`([^`]+)`", place)
        assert words, f"{topic}: names no command, exercise, measure or key"
        for word in words:
            first = word.split()[0]
            if first == "estim":
                command = [part for part in word.split()[1:3] if re.fullmatch(r"[a-z]+(\\\|[a-z]+)*", part)]
                for part in command[1:]:
                    assert set(part.split("\\|")) <= actions | {"list", "show", "check", "new", "due", "accept"}, (
                        topic,
                        word,
                    )
                assert command[0] in {"course", "plans", "records", "run", "rehearse"}, (topic, word)
            elif first == "note":
                assert word.split()[1] in kinds, (topic, word)
            elif re.fullmatch(r"[a-z0-9]+(-[a-z0-9]+)+", word):
                assert word in drills() or word in measures() or word in kinds, (topic, word)


def test_a_smallest_real_difference_is_an_error_of_measurement_by_whatever_name() -> None:
    """SRD and MDC are one quantity: within it nothing is called better."""
    kinds = {change.kind: is_error(change) for measure in measures().values() for change in measure.change}
    assert {kind for kind, error in kinds.items() if error} == {
        "MDC", "MDC90", "MDC95", "MDC90 symptoms / function", "SRD", "SRD95",
    }  # fmt: skip
    [srd] = [measure for measure in measures().values() if any(change.kind == "SRD" for change in measure.change)]
    by = next(change.number for change in srd.change if change.kind == "SRD")
    assert by is not None
    first = (srd.low or 0) + 10 * by
    assert direction(srd, first, first + by / 2) == "within-error"


def test_an_error_that_is_a_share_is_a_share_of_what_was_there() -> None:
    """10 to 20 % of 110 N·m is 11: 112 is within it, 130 is not."""
    mvic = measures()["mvic"]
    assert direction(mvic, 110, 112) == "within-error"
    assert direction(mvic, 110, 130) == "better"
    assert words.change_text(mvic, "110", "112", "en")[0] == "+2 N·m; within the measurement's error"
    t25fw = measures()["t25fw"]
    assert any(row.startswith("reached") for row in words.change_text(t25fw, "10", "7.9", "en"))
    assert all(row.startswith("not reached") for row in words.change_text(t25fw, "10", "8.1", "en")[1:])


def test_the_conditions_are_those_of_library_templates_and_exercises() -> None:
    used = {name for each in library.names() for name in load(library.path(each)).conditions}
    used |= {name for each in template_names() for name in template(each).conditions}
    used |= {topic for drill in drills().values() for topic in drill.topics}
    assert used == set(CONDITIONS)


@pytest.mark.parametrize(
    ("given", "near"),
    [("low-back-pane", "low-back-pain"), ("parkinson", "parkinsons"), ("Stroke", "stroke"), ("tka", "knee-replacement"),
     ("xyzzy", ""), ("other-", "")],
)  # fmt: skip
def test_a_condition_that_nobody_knows_is_refused_in_a_plan_with_the_nearest_three(
    tmp_path: Path, given: str, near: str
) -> None:
    path = tmp_path / "own.toml"
    before = 'conditions = ["knee-replacement", "post-surgery"]'
    path.write_text(PLAN.replace(before, f'conditions = ["knee-replacement", "{given}"]'), encoding="utf-8")
    with pytest.raises(ProtocolError) as caught:
        load_plan(path)
    [found] = caught.value.problems
    assert (found.key, found.line) == ("conditions[1]", 5)
    assert f"{given!r} is no condition" in found.message
    three = found.allowed.split(", ") if isinstance(found.allowed, str) else []
    assert len(three) == 3
    assert not near or three[0] == near
    path.write_text(PLAN.replace(before, 'conditions = ["other-hip-replacement"]'), encoding="utf-8")
    assert load_plan(path).conditions == ("other-hip-replacement",), "a site's own word, said to be one"
