"""The patient's sheet: what was done and what to watch for, in plain words. No number that a patient can't use.

What to watch for: pink skin that fades within about an hour is expected, blister, burn or redness the next day is not;
muscle damage after a first session shows within 48 h (Vanderthommen 2012, JSSM 11:592).
"""

from __future__ import annotations

from estim.protocols.unseen import in_one_line
from estim.records.channel_summary import ChannelSummary
from estim.records.page import page, tag
from estim.records.summary import SessionSummary

# The schema's regions as patients name them.
_PLACES = {
    "thigh": "thigh", "shank": "lower leg", "foot": "foot", "buttock": "buttock", "forearm": "forearm", "hand": "hand",
    "upper-arm": "upper arm", "shoulder": "shoulder", "upper-back": "upper back", "low-back": "lower back",
}  # fmt: skip


def sheet(session: SessionSummary) -> list[tuple[str, list[str]]]:
    """Heads and their sentences."""
    found = [("What was done", _done(session)), ("After the treatment", _after(session))]
    return [*found, ("Call the clinic on the same day if you see", _call(session)), ("Phone", ["_" * 30])]


def _done(session: SessionSummary) -> list[str]:
    said: list[str] = []
    if session.simulated:
        said.append("This was a practice session on a simulator. Nobody was treated.")
    on = f"On {day} " if (day := session.utc[:10]) else ""  # a rehearsal has no day
    treated = [channel for channel in session.channels if channel.had_current]
    if not treated and not session.outcome:  # unknown is never said as nothing
        return [*said, _sentence(f"{on}the record of the treatment breaks off. It does not say what was given.")]
    if not treated:
        return [*said, _sentence(f"{on}no current was given.")]
    if not any(channel.peak_ua for channel in treated):
        where = " and ".join(_muscle(channel) for channel in treated)
        return [
            *said,
            _sentence(f"{on}we looked for the right strength for your {where}. The treatment itself was not given."),
        ]
    treated = [channel for channel in treated if channel.peak_ua]
    minutes = max(1, round(session.therapy_us / 60e6))
    where = " and ".join(_muscle(channel) for channel in treated)
    were = "was" if len(treated) == 1 else "were"
    about = f"about {minutes} {'minute' if minutes == 1 else 'minutes'}"
    said.append(_sentence(f"{on}your {where} {were} treated with electrical pulses for {about}."))
    if any(channel.output == "motor" for channel in treated) and session.contractions:
        said.append(f"The pulses made the muscle tense and relax {session.contractions} times.")
    if session.outcome != "completed":
        said.append(_ended(session))
    return said


def _sentence(said: str) -> str:
    return said[:1].upper() + said[1:]


def _muscle(channel: ChannelSummary) -> str:
    side = f"{channel.side} " if channel.side in {"left", "right"} else ""
    place = _PLACES.get(channel.region)
    return f"{side}{place} ({channel.muscle})" if place else f"{side}{channel.muscle}"


def _ended(session: SessionSummary) -> str:
    if session.outcome == "stopped":
        return "The treatment was stopped before its end."
    if session.outcome in {"fault", "uncertain"} or session.ending == "take-over":
        return "A technical fault stopped the treatment before its end. Ask if you want to know more."
    return "The treatment ended before its planned end."


def _after(session: SessionSummary) -> list[str]:
    said = [
        "Pink skin where the pads were is normal. It fades within about an hour.",
        "The muscle may feel tired or sore, as after exercise, for a day or two.",
    ]
    if "insensate_skin" in session.flags:
        said.append("You feel less there than elsewhere: look at the skin, today and tomorrow, or have somebody look.")
    return [*said, "Drink and move as usual, unless you were told otherwise."]


def _call(session: SessionSummary) -> list[str]:
    said = [
        "a blister or a burn where the pads were, or redness that is still there the next day",
        "strong pain or swelling of the muscle, or dark urine, within two days",
        "anything else that worries you",
    ]
    grade = session.outcomes.get("skin", "0")[:1]
    if grade in {"2", "3"}:
        said.insert(0, "any change of the skin that we saw today: it must be looked at again before the next session")
    return said


def sheet_text(session: SessionSummary) -> str:
    """The sheet as plain text."""
    lines = ["YOUR TREATMENT", ""]
    for head, sentences in sheet(session):
        lines += [head, *(f"  - {sentence}" for sentence in sentences), ""]
    return "\n".join(map(in_one_line, lines))


def sheet_html(session: SessionSummary) -> str:
    """The sheet as a page, in large letters."""
    parts = [part for head, sentences in sheet(session) for part in (tag("h2", head), _list(sentences))]
    return page("Your treatment", tag("div", *parts, style="font-size:1.3rem"))


def _list(sentences: list[str]) -> object:
    return tag("ul", *(tag("li", sentence) for sentence in sentences))
