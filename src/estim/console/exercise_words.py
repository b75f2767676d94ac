"""An exercise, a line of the diary, a treatment by hand, as a therapist reads them. Pure."""

from __future__ import annotations

from collections.abc import Mapping

from textual.content import Content

from estim.care.drills import drills
from estim.care.words import day_words, drill_title, drill_words
from estim.console.care_words import Care, Line, scores, technique
from estim.console.language import Words


def exercise_lines(name: str, care: Care, say: Words) -> list[Content | str]:
    """Dose, start, words to say, when to stop at once, what is harder and easier, the current, the last time."""
    drill = drills().get(name)
    if drill is None:  # one of the site's own: its file has the rest
        return [Content.styled(name, "bold"), "", *_last_time(name, care, say)]
    said = drill_words(drill, say.language)
    lines: list[Content | str] = [
        Content.styled(said["name"], "bold"),
        drill.dose.words(say.language),
        "",
        say("exercise.start", words=said["start"]),
        Content.styled(say("exercise.cue", words=said["cue"]), "bold"),
    ]
    if said["stop"]:
        lines.append(Content.styled(say("exercise.stop", words=said["stop"]), "$warning"))
    lines += ["", *_last_time(name, care, say), ""]
    lines += [say(f"exercise.{key}", when=said[key], to=said[f"{key}-to"]) for key in ("harder", "easier")]
    if said["equipment"]:
        lines.append(say("exercise.equipment", words=said["equipment"]))
    if said["score"]:
        lines.append(say("exercise.score", words=said["score"]))
    lines.append(say(f"exercise.beside.{drill.supervision}"))
    if drill.stimulation is None:
        return [*lines, say("exercise.no-current")]
    return [*lines, say("exercise.current", muscle=say.muscle(drill.stimulation.muscle), words=said["sync"])]


def _last_time(name: str, care: Care, say: Words) -> list[Content | str]:
    if name not in care.done:
        return [say("exercise.never")]
    last = dict(care.drills).get(name, {})
    day = day_words(care.done[name], say.language)
    lines: list[Content | str] = [say("exercise.last", day=day, scores=scores(last, say) or say("exercise.done"))]
    if note := last.get("note"):
        lines.append(f"  {note}")
    what, to = care.proposed.get(name, ("", ""))
    if what:
        lines.append(say(f"exercise.proposed.{what.replace(' ', '-')}", to=_to(name, to, say)))
    return lines


def _to(name: str, to: str, say: Words) -> str:
    """What the rule proposes, in the screen's language."""
    drill = drills()[name]
    said = drill_words(drill, say.language)
    return {drill.progress.to: said["harder-to"], drill.regress.to: said["easier-to"]}.get(to, to)


def diary_line(line: Line, say: Words) -> str:
    """A line of the diary: its day, the exercise, what was done and how it was."""
    day, fields = line
    done = str(fields.get("done_words") or say("diary.done" if fields.get("done") else "diary.not-done"))
    told = [
        f"{say(f'diary.{key}')} {fields[key]}"
        for key in ("help", "pain", "pain_next_morning", "falls", "fatigue", "skin", "note")
        if fields.get(key) not in {None, ""}
    ]
    drill = drill_title(str(fields.get("drill", "")), say.language)
    return f"{day_words(day, say.language)}  {drill}: {', '.join([done, *told])}"


def hand_line(line: Line, say: Words) -> str:
    """A treatment by hand, with its day and its note."""
    day, fields = line
    note: Mapping[str, object] = fields
    more = [str(note[key]) for key in ("grade", "side", "note") if note.get(key)]
    return "; ".join([f"{day_words(day, say.language)}  {technique(fields, say)}", *more])
