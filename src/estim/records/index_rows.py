"""What a row of the index is made of: a session's summary, and the words that a search finds it by."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

from estim.record_lines import events as lines
from estim.record_lines import kinds
from estim.records.summary import SessionSummary, read_or_say, summarise

_SEARCHED = frozenset(
    {
        kinds.Note.KIND,
        kinds.Reason.KIND,
        kinds.Outcome.KIND,
        lines.Fault.KIND,
        lines.TakeOver.KIND,
        lines.LeadOff.KIND,
        lines.AlarmLine.KIND,
        lines.Signature.KIND,
    }
)


def summary_of(folder: Path, keys: Mapping[str, str]) -> tuple[SessionSummary, bool]:
    """What a session comes to, and whether it could be read: one that can't be is one bad session, not the end of the
    look.
    """
    try:
        return summarise(folder, keys=keys), True
    except OSError:
        return read_or_say(folder, keys=keys).summary, False


def words_of(summary: SessionSummary) -> str:
    """Everything of it that a search looks through, in small letters."""
    said = [summary.session, summary.patient, summary.operator, summary.protocol, summary.title, summary.device]
    said += [summary.outcome, summary.ending, *(text for _, kind, text in summary.happened if kind in _SEARCHED)]
    return " ".join(said).lower()
