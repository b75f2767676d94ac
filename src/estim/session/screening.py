"""Screening: which answer forbids what. Pure.

Answers are one flat mapping, as `events.Screen` carries it:

    "S02": True                     yes; False is no; a question without an answer forbids everything
    "S02.where": "left shank"       what the yes concerns; everywhere without it or where it is not understood
    "S14.reason": "capped at 20 mA" why the therapist treats all the same; a relative yes without one is refused

Sites in `where` are separated by commas and name a side, a region or both; `leg`, `arm`, `trunk` stand for their
regions.
Nothing here weakens anything: an absolute yes has no reason that lifts it.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Protocol

from estim.safety.errors import Problem
from estim.safety.schedule import PatientFacts
from estim.session.screening_questions import FOLLOW_UP, QUESTIONS
from estim.session.screening_terms import GROUPS, Question

__all__ = [
    "FOLLOW_UP",
    "GROUPS",
    "QUESTIONS",
    "VALID_US",
    "Answers",
    "Place",
    "Question",
    "Site",
    "asked_one_by_one",
    "concerns",
    "judge",
    "patient_facts",
    "reconfirmed",
    "scripted_answers",
]

VALID_US = 60 * 60 * 1_000_000  # docs/decisions/session.md 19: a screening is valid for 60 min
MIN_REASON_CHARACTERS = 3  # convention: keeps a slipped key from being a reason

LIMBS: tuple[tuple[str, frozenset[str]], ...] = (
    ("leg", frozenset({"thigh", "shank", "foot", "buttock"})),
    ("arm", frozenset({"upper-arm", "forearm", "hand", "shoulder"})),
    ("trunk", frozenset({"upper-back", "low-back", "buttock"})),
)
_TRUNK = frozenset({"upper-back", "low-back", "buttock"})
_REGIONS = frozenset().union(*(regions for _, regions in LIMBS))
_SIDES = frozenset({"left", "right"})
_BLOCKS_ELSEWHERE_WITHOUT_REASON = frozenset({"S05", "S06"})  # absolute at the site, by agreement elsewhere

Answers = Mapping[str, bool | str]


class Site(Protocol):
    """Anything with a place on the body: `safety.schedule.ScheduleChannel` is one."""

    @property
    def name(self) -> str:
        """The protocol's channel name."""

    @property
    def region(self) -> str:
        """thigh, shank, ...; an unknown one counts as concerned by everything."""

    @property
    def side(self) -> str:
        """Side of the body: left | right."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Place:
    """A site by itself, where no schedule exists yet; side "" is both sides."""

    name: str
    region: str
    side: str


def judge(
    answers: Answers, channels: Sequence[Site] = (), *, regions: Sequence[str] = (), session: int = 1
) -> tuple[Problem, ...]:
    """What the answers forbid (`refuse`), what needs watching (`warn`), what is good to know (`info`).

    Called twice: when the answers come in, without channels (completeness, reasons, whole-session blocks), and again
    with the channels of every schedule that is about to be cleared.

    Args:
        answers: see the module's text. The gate (S30) may be missing here, since it is ticked at arming; False is
            refused.
        channels: the sites that would carry current.
        regions: regions alone, for a caller that knows no sides: each counts as both sides.
        session: of the course of treatment; from the second on R48 must be answered.
    """
    channels = (*channels, *(Place(name=region, region=region, side="") for region in regions))
    known = {question.id for question in (*QUESTIONS, FOLLOW_UP)}
    problems = [_unknown(key) for key in answers if key.partition(".")[0] not in known]
    for question in (*QUESTIONS, FOLLOW_UP):
        needed = question.kind != "gate" and (question is not FOLLOW_UP or session >= 2)
        if (found := _judge_one(question, answers, channels, needed=needed)) is not None:
            problems.append(found)
    return tuple(problems)


def _judge_one(question: Question, answers: Answers, channels: Sequence[Site], *, needed: bool) -> Problem | None:
    answer = answers.get(question.id)
    if answer is None and not needed:
        return None
    if not isinstance(answer, bool):
        shown = "no answer" if answer is None else f"the answer {answer!r}"
        return _problem(question, "refuse", f"{shown} to: {question.text} Answer yes or no.", allowed="yes or no")
    if question.kind == "gate":
        return None if answer else _problem(question, "refuse", f"not ticked: {question.text} {question.action}.")
    if not answer:
        return None
    if question.kind == "information":
        return _problem(question, "info", f"{question.text} Yes. {question.action}.")
    hit = concerns(question, answers, channels)
    names = ", ".join(f"{site.name} ({f'{site.side} {site.region}'.strip()})" for site in hit)
    reason = str(answers.get(f"{question.id}.reason", "")).strip()
    if question.kind == "absolute":
        if question.scope == "whole" or hit:
            return _problem(question, "refuse", f"{question.text} Yes. {names or 'No treatment'}: {question.action}.")
        if question.id in _BLOCKS_ELSEWHERE_WITHOUT_REASON and len(reason) < MIN_REASON_CHARACTERS:
            return _problem(question, "refuse", f"{question.text} Yes. Say who agreed. {question.action}.")
        return _problem(question, "warn", f"{question.text} Yes. {question.action}.")
    if channels and not hit:
        return _problem(question, "info", f"{question.text} Yes, elsewhere. {question.action}.")
    if len(reason) < MIN_REASON_CHARACTERS:
        return _problem(
            question,
            "refuse",
            f"{question.text} Yes. Treating all the same needs a recorded reason. {question.action}.",
            allowed=f"a reason of at least {MIN_REASON_CHARACTERS} characters under {question.id}.reason",
        )
    return _problem(question, "warn", f"{names or 'Whole session'}: {question.action}. Reason given: {reason}")


def concerns(question: Question, answers: Answers, channels: Sequence[Site]) -> tuple[Site, ...]:
    """The channels that a yes to `question` concerns; all of its scope where `where` is missing or unreadable."""
    if question.scope == "whole":
        return tuple(channels)
    if question.scope == "trunk":
        return tuple(site for site in channels if site.region in _TRUNK or site.region not in _REGIONS)
    where = str(answers.get(f"{question.id}.where", ""))
    areas = [_area(entry) for entry in where.split(",") if entry.strip()]
    if not areas or None in areas:
        return tuple(channels)
    return tuple(
        site
        for site in channels
        if site.region not in _REGIONS
        or any(_inside(site, area, widen=question.scope == "limb") for area in areas if area is not None)
    )


def _area(entry: str) -> tuple[frozenset[str], frozenset[str]] | None:
    """(sides, regions) that one entry of `where` names; None if a word is not understood."""
    sides: set[str] = set()
    regions: set[str] = set()
    limbs = dict(LIMBS)
    for word in entry.lower().replace("low back", "low-back").replace("upper ", "upper-").split():
        if word in _SIDES:
            sides.add(word)
        elif word in limbs:
            regions |= limbs[word]
        elif word in _REGIONS:
            regions.add(word)
        else:
            return None
    return frozenset(sides or _SIDES), frozenset(regions or _REGIONS)


def _inside(site: Site, area: tuple[frozenset[str], frozenset[str]], *, widen: bool) -> bool:
    sides, regions = area
    if widen:
        regions = regions.union(*(limb for _, limb in LIMBS if limb & regions))
    return (site.side in sides or site.side not in _SIDES) and site.region in regions


def _problem(question: Question, severity: str, message: str, *, allowed: str | None = None) -> Problem:
    return Problem(
        severity="refuse" if severity == "refuse" else "warn" if severity == "warn" else "info",
        key=f"screening.{question.id}",
        message=message.replace("..", "."),
        allowed=allowed,
        layer="patient",
        rule=question.id,
        source=question.source,
    )


def _unknown(key: str) -> Problem:
    return Problem(
        severity="refuse",
        key=f"screening.{key}",
        message=f"there is no screening question {key!r}",
        asked=key,
        allowed=f"S01 to S30, {FOLLOW_UP.id}, each with .where or .reason",
        layer="patient",
        rule="screening",
    )


def patient_facts(answers: Answers, channels: Sequence[Site] = ()) -> PatientFacts:
    """What the limits need to know, from the answers; what was not answered stays unknown, the tightest.

    With `channels`, lost sensation and fragile bone count only where they concern one of them.
    """
    by_id = {question.id: question for question in QUESTIONS}

    def fact(id: str) -> bool | None:  # noqa: A002
        answer = answers.get(id)
        if not isinstance(answer, bool):
            return None
        return answer and (not channels or bool(concerns(by_id[id], answers, channels)))

    return PatientFacts(
        insensate_skin=fact("S14"),
        lesion_t6_or_above=fact("S20"),
        child=fact("S18"),
        fragile_bone=fact("S21"),
        first_ever_session=fact("S27"),
    )


def asked_one_by_one(*, first_session: bool) -> tuple[Question, ...]:
    """The questions that stand alone: all at first, afterwards those about today (docs/decisions/session.md 19)."""
    asked = tuple(question for question in QUESTIONS if question.kind != "gate")
    if first_session:
        return asked
    return tuple(question for question in (*asked, FOLLOW_UP) if question.group == "today")


def reconfirmed(previous: Answers, groups: Sequence[str], changed: Answers) -> dict[str, bool | str]:
    """The answers of a re-confirmation: of each group said to be unchanged the previous ones, and `changed` over them.

    A group that nobody confirmed brings nothing, so `judge` finds its questions unanswered. Today's questions are never
    taken over.
    """
    kept = {question.id for question in QUESTIONS if question.group in groups and question.group != "today"}
    answers = {key: value for key, value in previous.items() if key.partition(".")[0] in kept}
    return {**answers, **changed}


def scripted_answers() -> dict[str, bool | str]:
    """No contraindication, the gate ticked: for simulated sessions without a person."""
    return {question.id: question.kind == "gate" for question in (*QUESTIONS, FOLLOW_UP)}
