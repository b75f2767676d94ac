"""The session report: enough for another therapist to repeat the session. Plain text, and one HTML file without scripts
or links, that prints well.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any

from estim.protocols.unseen import in_one_line
from estim.record_lines import events as lines
from estim.records.anchor import Anchor
from estim.records.channel_summary import ChannelSummary
from estim.records.page import Html, facts, page, table, tag
from estim.records.plots import Series, amplitude_plot, line_plot
from estim.records.pulse_form import rate_words, width_words
from estim.records.qr import anchor_qr, qr_svg
from estim.records.segment import word_head
from estim.records.summary import Read, SessionSummary
from estim.records.words import WEIGHT, measured_words

_LETTERS = {lines.Fault.KIND: "F", lines.TakeOver.KIND: "T", lines.LeadOff.KIND: "E", lines.PatientSwitch.KIND: "P"}


def clock(time_us: int) -> str:
    """Minutes and seconds."""
    minutes, seconds = divmod(time_us // 1_000_000, 60)
    return f"{minutes}:{seconds:02d} min"


def when(time_us: int) -> str:
    """Minutes and seconds since the beginning, for tables."""
    return f"{time_us // 60_000_000}:{time_us // 1_000_000 % 60:02d}"


def _ma(amplitude_ua: int | None) -> str:
    return "not found" if amplitude_ua is None else f"{amplitude_ua / 1_000:g} mA"


NOT_KNOWN = "not known: lines can't be understood"


def marks(session: SessionSummary) -> list[str]:
    """What must be read before anything else."""
    first: list[str] = []
    if session.simulated:
        first.append("SIMULATED SESSION: no person was stimulated.")
    if not session.verified:
        first.append(f"THE RECORD IS NOT VERIFIED ({session.ending}): {session.reason}.")
        if session.ending in {"torn", "incomplete"} and session.off_by_us is not None:
            first.append(f"Output had ended {clock(session.off_by_us)} after the beginning at the latest.")
    if session.records and not session.signed_by_person:
        by = ": a script closed it" if session.signature else ""
        sealed = " The station sealed what it wrote." if session.verified else ""
        first.append(f"UNSIGNED: no person signed this session{by}.{sealed}")
    if session.unreadable:
        first.append(f"The record {session.unreadable}")
    if session.ending == "take-over":
        first.append("The controller was lost; the console stopped the device.")
    said = "The session ended with a fault" if session.outcome == "fault" else "There was a fault"
    first += [f"{said}: {text}" for _, kind, text in session.happened if kind == lines.Fault.KIND]
    if session.outcome == "uncertain":
        first.append("The device did not confirm that its output was off.")
    if any(
        not (channel.dose_recorded and channel.titration_recorded and channel.low_rate_recorded)
        for channel in session.channels
    ):
        first.append("The dose is not fully recorded: pulses and charge of what came last are unknown.")
    return first + [f"Audit: {finding}" for finding in session.findings]


def rows(session: SessionSummary) -> list[tuple[str, str]]:
    """The session's facts."""
    week = f"week {session.week}, session {session.number}" if session.week else ""
    planned = f" of {session.contractions_planned}" if session.contractions_planned else ""
    unknown = NOT_KNOWN if session.unreadable else "" if session.records else "not recorded"
    until = "" if session.outcome else ", until the record breaks off"
    return [
        ("Patient (pseudonym)", session.patient),
        ("Operator", session.operator),
        ("Start (UTC)", session.utc.replace("T", " ")[:19]),
        ("Protocol", f"{session.title} ({session.protocol} {session.protocol_version})" if session.protocol else ""),
        ("Of the course", week),
        ("Device", " ".join(part for part in (session.device, session.device_id, session.firmware) if part)),
        ("On the bench", session.qualification),
        ("Intended use", session.intended_use),
        ("Software", session.software),
        ("Outcome", session.outcome or "not recorded"),
        ("Contractions", unknown or f"{session.contractions}{planned}{until}"),
        ("Therapy time", unknown or clock(session.therapy_us) + until),
        ("Whole session", unknown or clock(session.duration_us) + until),
        ("Measured before output", "; ".join(measured_words(one) for one in session.measured)),
        ("Facts that tighten limits", ", ".join(flag.replace("_", " ") for flag in session.flags)),
    ]


def given(channel: ChannelSummary) -> str:
    """What a channel got in therapy; unknown is never said as nothing."""
    said = _amount(channel.pulses, channel.charge_pc, channel.on_us, recorded=channel.dose_recorded)
    if not channel.dose_recorded:
        said += f", about {channel.sent_pulses} pulses and {channel.sent_charge_pc / 1_000_000_000:.3f} mC"
    if channel.pulses_most:
        said += (
            f"; whatever the device did, at least {channel.pulses_shown} (its own status showed them) and at most "
            f"{channel.pulses_most} pulses came; at least {channel.pulses_least} if it did what it acknowledged"
        )
    if channel.unacknowledged_pulses:
        said += f"; {channel.unacknowledged_pulses} more were never acknowledged"
    return said


def found(channel: ChannelSummary) -> str:
    """What a channel got while its level was found; "" for nothing."""
    if not channel.titration_peak_ua:
        return ""
    said = _amount(channel.titration_pulses, channel.titration_charge_pc, channel.titration_on_us,
                   recorded=channel.titration_recorded)  # fmt: skip
    return f"up to {_ma(channel.titration_peak_ua)}, {said}"


def twitched(channel: ChannelSummary) -> str:
    """What a channel got in the low-rate test, and where it twitched; "" for nothing."""
    if not channel.low_rate_peak_ua:
        return ""
    said = _amount(channel.low_rate_pulses, channel.low_rate_charge_pc, channel.low_rate_on_us,
                   recorded=channel.low_rate_recorded)  # fmt: skip
    seen = "no twitch marked"
    if channel.twitch_ua is not None:
        seen = f"twitch at {_ma(channel.twitch_ua)}, {channel.twitch_hz:g} Hz"
    return f"{seen}; up to {_ma(channel.low_rate_peak_ua)}, {said}"


def _amount(pulses: int, charge_pc: int, on_us: int, *, recorded: bool) -> str:
    if recorded:
        return f"{pulses} pulses, {charge_pc / 1_000_000_000:.3f} mC, {clock(on_us)} on"
    known = f"; until then {pulses} pulses" if pulses else ""
    return f"dose NOT RECORDED{known}; acknowledged commands amount to {clock(on_us)} on"


def channel_rows(channel: ChannelSummary) -> list[tuple[str, str]]:
    """One channel: what it takes to set it up again, and what it gave."""
    cap = f"{_ma(channel.cap_ua)}" + (f" ({channel.cap_rule})" if channel.cap_rule else "")
    form = f"; {channel.pulse_form}" if channel.pulse_form else ""
    return [
        ("Channel", f"{channel.channel} {channel.name}"),
        ("Muscle, side", f"{channel.muscle}, {channel.side}"),
        ("Pads", f"{channel.pads}. {channel.placement}"),
        ("Pulses", f"{channel.frequency_hz} Hz, {channel.pulse_width_us} µs a phase, {channel.output}{form}"),
        ("Level", _ma(channel.level_ua)),
        ("Marks", f"sensory {_ma(channel.sensory_ua)}, motor {_ma(channel.motor_ua)}, most tolerated "
                  f"{_ma(channel.max_tolerated_ua)}"),
        ("Most that was allowed", cap),
        ("Peak acknowledged", _ma(channel.peak_ua)),
        ("Given (acknowledged)", given(channel)),
        ("While its level was found", found(channel)),
        ("Low-rate test of the pads", twitched(channel)),
    ]  # fmt: skip


def phase_rows(session: SessionSummary) -> list[tuple[str, ...]]:
    """The rhythm: one row for each phase and channel."""
    names = {channel.channel: channel.name for channel in session.channels}
    return [_window_row(phase, window, names) for phase in session.phases for window in phase.get("windows", ())]


PHASE_HEADS = (
    "Phase", "Channel", "Mode", "Hz", "µs", "Gap µs", "On s", "Cycle s", "Ramps s", "Share %", "Count", "Relation",
)  # fmt: skip


def _window_row(phase: Mapping[str, Any], window: Mapping[str, Any], names: Mapping[int, str]) -> tuple[str, ...]:
    count = f"{phase['cycles']}" + (f" × {phase['sets']}" if phase.get("sets", 1) > 1 else "")
    if phase.get("mode") == "continuous":
        count = f"{phase.get('duration_us', 0) / 60e6:g} min"
    ramps = f"{window.get('first_ramp_up_us', 0) / 1e6:g}/{window.get('ramp_up_us', 0) / 1e6:g}"
    return (
        str(phase.get("name", "")),
        names.get(window["channel"], str(window["channel"])),
        str(phase.get("mode", "")),
        rate_words(window),
        width_words(window),
        str(window.get("interphase_us", "")),
        f"{window.get('on_us', 0) / 1e6:g}",
        f"{phase.get('cycle_us', 0) / 1e6:g}",
        f"{ramps} up, {window.get('ramp_down_us', 0) / 1e6:g} down",
        f"{window.get('intensity_permille', 1000) / 10:g}",
        count,
        str(phase.get("relation", "")),
    )


def text_report(session: SessionSummary) -> str:
    """Plain text for the clinic's own system."""
    lines = ["SESSION REPORT" + (" (SIMULATED)" if session.simulated else ""), ""]
    lines += [f"!! {mark}" for mark in marks(session)]
    lines += [f"{name}: {value}" for name, value in rows(session) if value]
    for channel in session.channels:
        lines += ["", *(f"  {name}: {value}" for name, value in channel_rows(channel) if value)]
    if session.phases:
        lines += ["", "Rhythm"]
        lines += ["  " + "; ".join(f"{h} {v}" for h, v in zip(PHASE_HEADS, row, strict=True) if v)
                  for row in phase_rows(session)]  # fmt: skip
    lines += ["", *(f"Differs from the protocol: {bend}" for bend in session.bends)]
    lines += [f"Warning: {warning}" for warning in session.warnings]
    lines += ["", "What happened"]
    lines += [f"  {when(at):>7}  {said}" for at, _, said in session.happened] or [
        f"  {NOT_KNOWN if session.unreadable else 'nothing' if session.records else 'not recorded'}"
    ]
    if session.outcomes:
        lines += ["", "Outcome: " + ", ".join(f"{key} {value}" for key, value in session.outcomes.items())]
    if session.signature:
        lines += ["", signed_line(session)]
    lines += ["", *(f"{name}: {value}" for name, value in proof_rows(session) if value)]
    return "\n".join(map(in_one_line, lines)) + "\n"


def signed_line(session: SessionSummary) -> str:
    """Who signed, when, and what it means."""
    said = session.signature
    return signature_words(said, by_pin=said.get("authenticated") == "True")


def signature_words(said: Mapping[str, str], *, by_pin: bool) -> str:
    """Printed name, meaning and time of a signature, and whether a PIN stood behind it."""
    name = f" ({said['name']})" if said.get("name") else ""
    when = said.get("utc", "").replace("T", " ")[:19]
    behind = "with PIN" if by_pin else "without a PIN: the name is a claim"
    parts = [
        f"Signed {'later ' if said.get('later') else ''}by {said.get('operator', '')}{name}",
        said.get("meaning", ""),
        f"{when} UTC" if when else "",
        behind,
    ]
    return ", ".join(part for part in parts if part)


def proof_rows(session: SessionSummary) -> list[tuple[str, str]]:
    """What stands behind the report."""
    state = "verified" if session.verified else "NOT VERIFIED"
    signer = {"station": "by this station", "simulated": "simulated", "unknown": "signer unknown"}[session.signer]
    return [
        ("Record", f"{state}, {session.records} lines, {session.signed} of them signed ({signer}), {session.ending}"),
        ("Record's words", word_head(session.head) if session.head and session.verified else ""),
        ("Record's head", session.head),
        ("Protocol's SHA-256", session.protocol_sha256),
        ("Place", session.session),
    ]


ANCHOR_SAID = "The anchor: what this code says, in a text file, is what `estim records verify --anchor FILE` takes"


def anchor_rows(anchor: Anchor) -> list[tuple[str, str]]:
    """Number of lines and head of each chain of the home, when the page was made."""
    names = {"station": "Station's chain", "real": "Chain of real sessions", "simulated": "Chain of simulated sessions"}
    heads = [(names[chain], f"{number} lines, head {head}") for chain, (number, head) in anchor.heads.items()]
    return [("Anchor of", anchor.utc), *heads, ("Station's key", anchor.public_key)]


def html_report(read: Read, *, anchor: Anchor | None = None) -> str:
    """One self-contained page that prints well.

    Args:
        anchor: of the home, so that each printed page says how far its chains had come.
    """
    session = read.summary
    title = "Session report" + (" (simulated)" if session.simulated else "")
    happened = [(when(at), said) for at, _, said in session.happened]
    marked = frozenset(n for n, (_, kind, _) in enumerate(session.happened) if WEIGHT.get(kind) == "bad")
    parts: list[object] = [tag("p", mark, klass="mark") for mark in marks(session)]
    parts += [facts(rows(session)), *plots(read)]
    for channel in session.channels:
        parts += [tag("h2", f"Channel {channel.channel}: {channel.name}"), facts(channel_rows(channel)[1:])]
    if session.phases:
        parts += [tag("h2", "Rhythm"), table(PHASE_HEADS, phase_rows(session))]
    notes = [*(f"Differs from the protocol: {bend}" for bend in session.bends), *session.warnings]
    parts += [tag("ul", *(tag("li", note) for note in notes))] if notes else []
    parts += [tag("h2", "What happened"), table(("Time", "What"), happened, marked=marked)]
    if session.outcomes:
        parts += [tag("h2", "Outcome"), facts(session.outcomes.items())]
    if session.signature:
        parts += [tag("p", signed_line(session))]
    parts += [tag("h2", "Proof"), facts(proof_rows(session))]
    if session.verified:
        parts.append(tag("figure", qr_svg(session.head), tag("figcaption", "The record's head (SHA-256)")))
    if anchor is not None:
        parts += [tag("h2", "How far this home had come"), facts(anchor_rows(anchor))]
        parts.append(tag("figure", anchor_qr(str(anchor)), tag("figcaption", ANCHOR_SAID)))
    return page(title, *parts)


def plots(read: Read) -> Iterable[Html]:
    """Each channel's amplitude, and the comfort, over the session."""
    session, runs = read.summary, read.runs
    began_us = read.entries[0].t_us if read.entries else 0
    end_us = max(session.duration_us, session.off_by_us or 0)
    events = [(at, _LETTERS[kind]) for at, kind, _ in session.happened if kind in _LETTERS]
    drawn = False
    for channel in session.channels:
        points = [(at_us - began_us, ua) for (_, number), one in sorted(runs.given.items(), reverse=True)
                  if number == channel.channel for at_us, ua in one.points]  # fmt: skip
        if points:
            drawn = True
            yield amplitude_plot(
                f"Channel {channel.channel}: {channel.name}", sorted(points), end_us, level_ua=channel.level_ua,
                events=events,
            )  # fmt: skip
    if drawn:
        said = "Finding levels and therapy; dashed: the last level. F fault, T take-over, E electrode, P patient's stop"
        yield tag("p", tag("small", said))
    if len(session.comfort) > 1:
        points_min = [(round(at / 60e6, 2), float(value)) for at, value in session.comfort]
        yield line_plot("Discomfort", "0 to 10", [Series("discomfort", points_min)], x_name="min")
