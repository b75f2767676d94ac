"""What a signature stands under, and what it proves afterwards, in lines. Pure."""

from __future__ import annotations

from textual.content import Content

from estim.console import present
from estim.console.draft import Draft
from estim.console.ending import ending_words, noted_lines
from estim.console.happened import given
from estim.console.language import ENGLISH, Words
from estim.session.snapshot import Signature, Snapshot


def summary_lines(snapshot: Snapshot, draft: Draft, say: Words = ENGLISH) -> list[Content | str]:
    """The session in a few lines. A level is named only where pulses were delivered."""
    simulated = f"  {say('device.simulated')}" if snapshot.simulated else ""
    lines: list[Content | str] = [
        say("sign.who", patient=snapshot.patient_id, operator=snapshot.operator) + simulated,
        snapshot.protocol_title or say("sign.no-protocol"),
        Content.styled(ending_words(snapshot, draft, say), "bold"),
        say("sign.given", count=given(snapshot), clock=present.clock(snapshot.elapsed_us)),
        *noted_lines(
            () if set(draft.stops) == {draft.end_reason or draft.stop_reason} else draft.stops,
            "" if draft.discomfort is None else str(draft.discomfort),
            say,
        ),
    ]
    for view in snapshot.channels:
        peak_ua = view.peak_ua
        name = f"{view.channel} {say.muscle(view.muscle)} {say.of('side-short', view.side)}"
        if view.pulses and peak_ua and snapshot.purpose == "therapy":
            lines.append(
                say(
                    "sign.channel",
                    name=name,
                    peak=present.milliamps(peak_ua),
                    pulses=view.pulses,
                    charge=view.charge_uc,
                    clock=present.clock(view.on_us),
                )
            )
        else:
            lines.append(say("sign.channel-none", name=name))
            if view.level_ua:
                lines.append(say("sign.was-set", level=present.milliamps(view.level_ua)))
    if draft.signed_in_us is not None and draft.first_contraction_us is not None:
        lines.append(say("sign.setup", clock=present.clock(draft.first_contraction_us - draft.signed_in_us)))
    return lines


def signed_words(signature: Signature, say: Words = ENGLISH) -> tuple[str, ...]:
    """Name, meaning and time of a signature, and whether a PIN stood behind it."""
    who = f"{signature.operator} ({signature.name})" if signature.name else signature.operator
    pin = say("sign.by-pin" if signature.authenticated else "sign.by-claim")
    when = signature.utc.replace("T", " ")[:19]
    return (say("sign.signed", who=who, when=when, pin=pin), f"   {say.of('meaning', signature.meaning)}")


def proof_lines(snapshot: Snapshot, say: Words = ENGLISH) -> tuple[str, ...]:
    """Who signed what and when, and the head's words."""
    signed = signed_words(snapshot.signature, say) if snapshot.signature is not None else ()
    return (
        *signed,
        "",
        say("sign.sealed"),
        f"   {snapshot.word_head}",
        "",
        say("sign.record", path=snapshot.record_path),
        say("sign.report"),
    )
