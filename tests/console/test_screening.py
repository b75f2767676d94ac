"""Screening: every answer has the consequence that the evidence table gives it."""

from __future__ import annotations

from dataclasses import dataclass

import pytest

from estim.session import screening
from estim.session.screening_outcomes import MEASURES, SKIN_GRADES, judge_outcome


@dataclass(frozen=True)
class At:
    name: str
    region: str
    side: str


THIGH = At("quadriceps", "thigh", "left")
SHANK = At("tibialis", "shank", "left")
OTHER = At("other quadriceps", "thigh", "right")
BACK = At("multifidus", "low-back", "left")
ALL = (THIGH, SHANK, OTHER, BACK)


def refusals(answers: dict[str, bool | str], *channels: At, session: int = 1) -> list[str]:
    return [
        problem.rule for problem in screening.judge(answers, channels, session=session) if problem.severity == "refuse"
    ]


def clean(**changes: bool | str) -> dict[str, bool | str]:
    answers = screening.scripted_answers()
    for key, value in changes.items():
        answers[key.replace("_", ".")] = value
    return answers


def test_thirty_questions_each_with_action_and_source() -> None:
    assert [question.id for question in screening.QUESTIONS] == [f"S{n:02d}" for n in range(1, 31)]
    assert all(question.action and question.source and question.rationale for question in screening.QUESTIONS)
    groups = {name for name, _ in screening.GROUPS} | {"gate"}
    assert {question.group for question in screening.QUESTIONS} == groups


def test_no_contraindication_passes_with_and_without_channels() -> None:
    assert screening.judge(clean()) == ()
    assert screening.judge(clean(), ALL, session=5) == ()


@pytest.mark.hazard("H24")
def test_nothing_answered_is_nothing_allowed() -> None:
    assert refusals({}) == [f"S{n:02d}" for n in range(1, 30)]


@pytest.mark.parametrize("question", [q.id for q in screening.QUESTIONS if q.kind != "gate"])
def test_every_single_missing_answer_refuses(question: str) -> None:
    answers = clean()
    del answers[question]
    assert refusals(answers, *ALL) == [question]


@pytest.mark.parametrize("question", [q.id for q in screening.QUESTIONS if q.kind == "absolute" and q.scope == "whole"])
def test_absolute_for_the_whole_person_refuses_whatever_the_reason(question: str) -> None:
    answers = clean() | {question: True, f"{question}.reason": "the patient insists", f"{question}.where": "right foot"}
    assert question in refusals(answers)
    assert question in refusals(answers, THIGH)


@pytest.mark.parametrize("question", [q.id for q in screening.QUESTIONS if q.kind == "relative"])
def test_relative_needs_a_reason_and_then_warns(question: str) -> None:
    assert refusals(clean() | {question: True}, THIGH) == [question]
    with_reason = screening.judge(clean() | {question: True, f"{question}.reason": "cleared by Dr A"}, (THIGH,))
    assert [(problem.rule, problem.severity) for problem in with_reason] == [(question, "warn")]
    assert "cleared by Dr A" in with_reason[0].message
    assert refusals(clean() | {question: True, f"{question}.reason": "  ok "}, THIGH) == [question]


def test_thrombosis_blocks_the_limb_it_is_in_and_no_other() -> None:
    answers = clean(S02=True, S02_where="left shank")
    assert refusals(answers, THIGH) == ["S02"]
    assert refusals(answers, SHANK) == ["S02"]
    assert refusals(answers, OTHER) == []
    assert refusals(answers, BACK) == []
    message = screening.judge(answers, ALL)[0].message
    assert "quadriceps" in message
    assert "tibialis" in message
    assert "other quadriceps" not in message


def test_a_yes_without_a_readable_place_is_everywhere() -> None:
    assert refusals(clean(S02=True), OTHER) == ["S02"]
    assert refusals(clean(S02=True, S02_where="somewhere odd"), OTHER) == ["S02"]
    assert refusals(clean(S08=True, S08_where="left shank, ???"), OTHER) == ["S08"]


def test_regions_alone_count_as_both_sides() -> None:
    answers = clean(S02=True, S02_where="left shank")
    assert [p.rule for p in screening.judge(answers, regions=("thigh",)) if p.severity == "refuse"] == ["S02"]
    assert [p.rule for p in screening.judge(answers, regions=("forearm",)) if p.severity == "refuse"] == []


def test_site_scope_does_not_widen_to_the_limb() -> None:
    answers = clean(S08=True, S08_where="left shank")
    assert refusals(answers, THIGH) == []
    assert refusals(answers, SHANK) == ["S08"]


def test_an_unknown_region_is_concerned_by_everything() -> None:
    assert refusals(clean(S08=True, S08_where="left shank"), At("x", "any-permitted", "right")) == ["S08"]


def test_pregnancy_blocks_the_trunk_and_asks_for_agreement_on_limbs() -> None:
    assert refusals(clean(S05=True, S05_reason="obstetrician agrees"), BACK) == ["S05"]
    assert refusals(clean(S05=True), THIGH) == ["S05"]
    assert refusals(clean(S05=True, S05_reason="obstetrician agrees"), THIGH) == []


def test_metal_is_no_contraindication() -> None:
    assert [(p.rule, p.severity) for p in screening.judge(clean(S19=True), (THIGH,))] == [("S19", "info")]


def test_the_gate_is_ticked_or_absent_never_false() -> None:
    answers = clean()
    del answers["S30"]
    assert refusals(answers) == []
    assert refusals(clean(S30=False)) == ["S30"]


def test_words_are_no_answer_and_unknown_questions_are_named() -> None:
    assert refusals(clean(S01="no")) == ["S01"]
    found = screening.judge(clean() | {"S99": False})
    assert found[0].severity == "refuse"
    assert "S99" in found[0].message


def test_the_question_after_48_hours_is_asked_from_the_second_session_on() -> None:
    answers = clean()
    del answers["R48"]
    assert refusals(answers, session=1) == []
    assert refusals(answers, session=2) == ["R48"]


def test_facts_stay_unknown_until_answered() -> None:
    assert screening.patient_facts({}).insensate_skin is None
    facts = screening.patient_facts(clean(S14=True, S14_where="left foot", S18=True, S20=True, S27=True))
    assert (facts.insensate_skin, facts.child, facts.lesion_t6_or_above, facts.first_ever_session) == (True,) * 4
    assert facts.fragile_bone is False
    assert screening.patient_facts(clean(S14=True, S14_where="left foot"), (THIGH,)).insensate_skin is False


def test_reconfirmation_takes_over_confirmed_groups_and_never_today() -> None:
    previous = clean(S12=True, S12_reason="stable, GP agrees", S28=True)
    everything = [name for name, _ in screening.GROUPS]
    answers = screening.reconfirmed(previous, everything, {})
    assert answers["S12.reason"] == "stable, GP agrees"
    today = {q.id for q in screening.asked_one_by_one(first_session=False)}
    assert set(refusals(answers, session=2)) == today
    answers = screening.reconfirmed(previous, everything, dict.fromkeys(today, False))
    assert refusals(answers, session=2) == []
    assert "S01" in refusals(screening.reconfirmed(previous, ["skin"], dict.fromkeys(today, False)))


def test_first_session_asks_all_one_by_one() -> None:
    assert len(screening.asked_one_by_one(first_session=True)) == 29


def test_valid_for_an_hour_and_never_from_the_future() -> None:
    assert screening.still_valid(0, screening.VALID_US)
    assert not screening.still_valid(0, screening.VALID_US + 1)
    assert not screening.still_valid(10, 0)


def test_outcome_needs_what_is_always_asked_and_catches_slipped_keys() -> None:
    good = {"discomfort": "3", "pain": 2, "skin": SKIN_GRADES[0]}
    assert judge_outcome(good) == ()
    assert {p.key for p in judge_outcome({})} == {"outcome.discomfort", "outcome.pain", "outcome.skin"}
    for key, value in {"pain": "11", "rpe": "5", "discomfort": "2.5", "walk-10m": "nan", "ashworth": "1.5"}.items():
        found = judge_outcome(good | {key: value})
        assert [p.key for p in found] == [f"outcome.{key}"]
        assert found[0].allowed
    assert judge_outcome(good | {"ashworth": "1+", "edss": "3.5", "note": "anything"}) == ()


def test_bad_skin_warns() -> None:
    found = judge_outcome({"discomfort": 0, "pain": 0, "skin": SKIN_GRADES[3]})
    assert [(p.key, p.severity) for p in found] == [("outcome.skin", "warn")]


def test_measures_have_distinct_ids_and_ordered_ranges() -> None:
    assert len({measure.id for measure in MEASURES}) == len(MEASURES)
    assert all(measure.low < measure.high for measure in MEASURES)
