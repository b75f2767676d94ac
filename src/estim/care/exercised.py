"""What a course's exercises came to: which are mastered, and what the pain rule proposes. Pure."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence

from estim.care.course import Date, Entry, of_kind
from estim.care.drills import PAIN_GO_ON, advice, drills


def mastered(entries: Iterable[Entry]) -> tuple[str, ...]:
    """Exercises that were clean on two visits with pain of at most 3."""
    return tuple(name for name, days in _clean_days(entries).items() if len(days) >= 2)


def _clean_days(entries: Iterable[Entry]) -> Mapping[str, set[Date]]:
    clean: dict[str, set[Date]] = {}
    for entry in of_kind(entries, "drill"):
        if entry.fields.get("clean") and float(entry.fields.get("pain", 0)) <= PAIN_GO_ON:
            clean.setdefault(str(entry.fields["drill"]), set()).add(entry.day)
    return clean


def proposed(entries: Sequence[Entry], drill: str) -> tuple[str, str]:
    """What the pain rule proposes for an exercise after it was done: `go on | hold | back`, and to what; ("", "")
    before the first time and where no pain was scored. Nobody but a person does it.
    """
    known = drills().get(drill)
    scored = [entry.fields for entry in of_kind(entries, "drill") if entry.fields.get("drill") == drill]
    pains = [fields for fields in scored if fields.get("pain") not in {None, ""}]
    if known is None or not pains:
        return "", ""
    return advice(
        known,
        clean_visits=len(_clean_days(entries).get(drill, ())),
        pain=float(pains[-1]["pain"]),
        pain_next_morning=float(pains[-1].get("pain_next_morning") or 0),
    )
