"""Criteria of a course of treatment: what was measured today held against what the file says. Pure."""

from __future__ import annotations

from estim.protocols.findings import Findings
from estim.protocols.schema import Protocol
from estim.protocols.schema_course import Criterion
from estim.protocols.setup import Setup
from estim.safety.errors import Severity

SEVERITY: dict[str, Severity] = {"discontinue": "refuse", "review": "warn", "prompt": "info"}
UNJUDGED = "criterion-unjudged"  # rule of the finding that a criterion has no measure
PAST_WEEKS = "past-weeks"  # rule of the finding that a session lies behind the protocol's course
LEFT_OUT = "left-out"  # rule of the finding that something was not asked, with the reason
WORDS = {
    "discontinue": "the course has reached its aim and ends here",
    "review": "review the treatment before it goes on",
    "prompt": "see the notes of the protocol",
}


def reached(criterion: Criterion, value: float) -> bool:
    """Whether a measured value meets the criterion."""
    if criterion.at_least is not None:
        return value >= criterion.at_least
    return criterion.at_most is not None and value <= criterion.at_most


def past_weeks(protocol: Protocol, week: int) -> str:
    """Says that this week of treatment lies past the protocol's last; "" where not, or if it is used as needed."""
    weeks = protocol.dose.weeks
    last = weeks if isinstance(weeks, int) else weeks[1]
    if week <= last or protocol.dose.as_needed:
        return ""
    return f"week {week} is past this protocol's course of {last} {'week' if last == 1 else 'weeks'}"


def judge_measures(protocol: Protocol, setup: Setup, findings: Findings) -> None:
    """Say which criteria today's measures meet, and which can't be judged; one that ends the course refuses.

    A session before its time is said as well, with its reason, and one past the last week of the protocol's course.
    """
    if past := past_weeks(protocol, setup.week):
        weeks = protocol.dose.weeks
        findings.add(
            "info",
            "dose.weeks",
            f"{past}: it is played as in its last week",
            asked=setup.week,
            allowed=weeks if isinstance(weeks, int) else weeks[1],
            layer="protocol",
            rule=PAST_WEEKS,
            source=f"{protocol.id} {protocol.version}",
        )
    if setup.early_reason:
        findings.add(
            "warn",
            "dose.min_hours_between",
            f"before its time, because: {setup.early_reason}",
            asked=setup.early_reason,
            layer="protocol",
            rule="pause",
            source=f"{protocol.id} {protocol.version}",
        )
    if setup.left_out:
        findings.add(
            "warn",
            "measures",
            f"asked for before output and left out, because: {setup.left_out}",
            asked=setup.left_out,
            layer="protocol",
            rule=LEFT_OUT,
            source=f"{protocol.id} {protocol.version}",
        )
    measured = dict(setup.measures)
    for index, criterion in enumerate(protocol.criterion):
        value = measured.get(criterion.measure)
        if value is None:
            findings.add(
                "info",
                f"criterion[{index}]",
                f"{criterion.measure} was not measured today: the criterion to {criterion.action} is not judged",
                asked="not measured",
                allowed=criterion.at_least if criterion.at_least is not None else criterion.at_most,
                layer="patient",
                rule=UNJUDGED,
                source=f"{protocol.id} {protocol.version}",
            )
            continue
        if not reached(criterion, value):
            continue
        least = criterion.at_least is not None
        bound = criterion.at_least if least else criterion.at_most
        findings.add(
            SEVERITY[criterion.action],
            f"criterion[{index}]",
            f"{criterion.measure} is {value:g}, the criterion is {'at least' if least else 'at most'} {bound:g}: "
            f"{WORDS[criterion.action]}",
            asked=value,
            allowed=bound,
            layer="protocol",
            rule="criterion",
            source=f"{protocol.id} {protocol.version}",
        )
