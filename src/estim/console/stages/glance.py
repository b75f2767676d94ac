"""What home says of a patient at a glance, and of sessions that did not end. Pure."""

from __future__ import annotations

from collections.abc import Sequence

from estim.console import present
from estim.console.due import due_lines, title_of
from estim.console.ending import noted_lines
from estim.console.home_view import OpenSession, PastPatient, PastSession
from estim.console.language import Words


def glance_lines(past: PastPatient, say: Words) -> list[str]:
    """Plan, course so far, last levels to look near, what wants an eye."""
    lines = due_lines(past.course, say) if past.course is not None else []
    lines += [say("glance.plan", title=past.last_protocol or title_of(past.assigned) or "–")]
    if past.condition:
        lines.append(say("glance.condition", condition=past.condition))
    lines.append(say("glance.visits", count=past.sessions, week=max(1, past.last_week)))
    if past.last_day:
        lines.append(say("glance.last", day=past.last_day, ended=say.of("ending", past.last_ending)))
    if past.last_contractions:
        lines.append(
            say("glance.given-one")
            if past.last_contractions == 1
            else say("glance.given", count=past.last_contractions)
        )
    for name, marks in past.marks.items():
        shown = " ".join(f"{letter} {present.short_ma(marks.get(kind))}" for letter, kind in present.MARK_LETTERS)
        lines.append(say("glance.marks", name=name.replace("-", " "), marks=shown))
    lines += noted_lines(past.last_stops, past.last_discomfort, say)
    if past.last_event:
        lines.append(say("patient.event", event=past.last_event))
    if past.due and past.course is None:
        lines.append(say("glance.due"))
    if past.skin_blocked:
        lines.append(say("patient.skin", grade=past.skin_blocked))
    return lines


def unfinished_lines(sessions: Sequence[OpenSession], say: Words, columns: int) -> list[str]:
    """One or two lines each, the newest first."""
    lines = []
    for each in sessions[:3]:
        head = say("unfinished.head", patient=each.patient_id, day=each.day, time=each.time)
        lines.append(f"{'▶' if each.runs else '!'} {head} {how_words(each, say)}")
        if each.runs is not None:  # nobody signs it here, nor goes on with it
            lines.append(f"  {say('unfinished.look-on', process=each.runs.process)}")
            continue
        lines.append(f"  {say('unfinished.given', amount=amount_words(each, say), key='F6')}")
    if len(sessions) > 3:
        lines.append(say("unfinished.more", count=len(sessions) - 3))
    return [present.clip(one, max(columns, 40) * 2) for one in lines]


def amount_words(session: PastSession, say: Words) -> str:
    """`12 of 96 contractions`; without the 96 where no plan counted them out."""
    if session.planned:
        return say("unfinished.amount-of", count=session.contractions, planned=session.planned)
    if session.contractions == 1:
        return say("unfinished.amount-one")
    return say("unfinished.amount", count=session.contractions)


def how_words(session: PastSession, say: Words) -> str:
    """How it broke off, and how long after that the device was off where current flowed."""
    if (runs := session.runs) is not None:
        return say("unfinished.runs", device=runs.device, since=runs.since, process=runs.process, machine=runs.machine)
    unsure = f"{session.how}-uncertain"  # nobody is told that the output was stopped where nobody saw it
    sure = session.ending != "uncertain" or not say.has(f"unfinished-how.{unsure}")
    how = say.of("unfinished-how", session.how if sure else unsure)
    if session.stopped_ms is None or session.how in {"left", "quit"}:
        return how
    return f"{how} {say('unfinished.stopped', ms=session.stopped_ms)}"


def ended_words(session: PastSession, say: Words) -> str:
    """Its ending in a word; of one that another process plays now, that it runs."""
    return say("unfinished.running") if session.runs is not None else say.of("ending", session.ending)
