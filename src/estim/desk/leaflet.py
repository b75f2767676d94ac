"""What the patient takes home: exercises with pictures, when to stop, whom to call, and a diary sheet to fill in."""

from __future__ import annotations

import datetime
from collections.abc import Iterator

from estim.care.course import Status
from estim.care.drills import Drill, drills
from estim.care.figures import figure_svg, pads_svg
from estim.care.words import LANGUAGES, day_words, drill_words, word
from estim.desk.paper import Paper, Section
from estim.desk.setup_from import OPPOSITE
from estim.protocols.catalogue import find
from estim.protocols.loader import load
from estim.protocols.muscles import name_of
from estim.records.home import Home
from estim.safety.errors import EstimError, UsageError, quoted

DIARY_DAYS = 7


def leaflet(
    status: Status, home: Home, *, language: str, who: str, today: datetime.date, simulated: bool = False
) -> Paper:
    """The leaflet of the present phase. It never holds a current as an instruction for another device.

    Raises:
        UsageError: no such language.
    """
    if language not in LANGUAGES:
        raise UsageError(f"--language {quoted(language)}: one of {', '.join(LANGUAGES)}")
    plan, phase = status.plan, status.phase
    chosen = [drills()[name] for name in plan.home_drills(phase) if name in drills()]
    goal = tuple(f"„{each.words}“" if language == "de" else f"“{each.words}”" for each in status.goals)

    def say(key: str) -> str:
        return word(key, language)

    sections = [
        Section(lines=(*((say("simulated"),) if simulated else ()), say("name"))),
        Section(head=say("goal"), lines=goal or (say("no-goal"),)),
        Section(head=say("why"), lines=(say("why-1"), say("why-2"))),
        Section(head=say("place"), lines=(say("place-1"), say("who-helps"))),
        *(_drill(drill, language) for drill in chosen),
        *_pads(status, home, language),
        Section(head=say("pain"), lines=(say("pain-1"),)),
        Section(head=say("call"), items=tuple(say(f"call-{n}") for n in range(1, 8)), lines=(say("call-day"),)),
        Section(head=say("tell"), lines=(say("tell-1"), say("next"))),
        Section(head=say("diary"), rows=_diary(chosen, language), flipped=True, grows=1),
    ]
    footer = f"{say('by')} {who}, {day_words(today, language)}, {plan.id} {say('version')} {plan.version}"
    return Paper(title=say("title"), language=language, footer=footer, sections=tuple(sections))


def _drill(drill: Drill, language: str) -> Section:
    said = drill_words(drill, language)
    lines = [
        f"{word('start', language)}: {said['start']}",
        f"{word('do', language)}: {said['cue']}",
        f"{word('how-much', language)}: {drill.dose.words(language)}",
        f"{word('harder', language)}: {said['harder']}",
        f"{word('easier', language)}: {said['easier']}",
    ]
    if said["stop"]:
        lines.append(f"{word('stop', language)}: {said['stop']}")
    if said["equipment"]:
        lines.append(f"{word('equipment', language)}: {said['equipment']}")
    if drill.supervision != "independent":
        lines.append(word("beside", language))
    return Section(head=said["name"], pictures=(figure_svg(drill.start, said["name"]),), lines=tuple(lines))


def _pads(status: Status, home: Home, language: str) -> Iterator[Section]:
    """Where the pads lie at the visits, drawn; nothing where the side or a file is not known."""
    pictures, names = [], []
    labels = (word("right", language), word("left", language))
    for source in status.plan.phase[status.phase].protocols:
        try:
            protocol = load(find(source, own=home.protocols))
        except EstimError:
            continue
        for channel in protocol.channel:
            side = {"treated": status.side, "other": OPPOSITE.get(status.side, "")}.get(channel.side, channel.side)
            if side in {"left", "right"} and channel.region != "any-permitted":
                picture = pads_svg(str(channel.region), side, labels=labels, words=(word("pads", language),))
                if picture not in pictures:
                    pictures.append(picture)
                    names.append(name_of(channel.muscle, language=language))
    if pictures:
        lines = (word("pads-1", language), ", ".join(dict.fromkeys(names)))
        yield Section(head=word("pads", language), pictures=tuple(pictures[:4]), lines=lines)


def _diary(chosen: list[Drill], language: str) -> tuple[tuple[str, ...], ...]:
    heads = tuple(word("diary-heads", language).split("|"))
    empty = ("",) * (len(heads) - 2)
    rows = [
        (f"{day}" if number == 0 else "", drill_words(drill, language)["name"], *empty)
        for day in range(1, DIARY_DAYS + 1)
        for number, drill in enumerate(chosen)
    ]
    return (heads, *rows)
