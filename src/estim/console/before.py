"""What a limit will refuse, asked before anything is prepared: the schedule of today, judged without levels. Pure but
for the site's limits, which it is given.
"""

from __future__ import annotations

import datetime
from dataclasses import replace
from pathlib import Path

from pydantic import ValidationError

from estim.console.draft import Draft
from estim.console.home_view import PastPatient
from estim.console.language import ENGLISH, Words
from estim.desk.checking import SAMPLE_REGION
from estim.drivers.models import MODELS
from estim.protocols.catalogue import load_runnable
from estim.protocols.compile import compile_schedule
from estim.protocols.resolve import resolve
from estim.protocols.schema import ANY_REGION
from estim.protocols.setup import ChannelSetup
from estim.records.spacing import too_early
from estim.safety.errors import EstimError, ProtocolError, SetupError
from estim.safety.limits import ABSOLUTE, DEFAULT, Limits
from estim.safety.verdict import judge
from estim.session import screening
from estim.session.snapshot import Snapshot

BY_OPTION = ", or now"  # then how a command line goes on; here a digit does it


def refusals(
    draft: Draft,
    snapshot: Snapshot | None,
    past: PastPatient | None,
    say: Words = ENGLISH,
    *,
    limits: Limits = ABSOLUTE & DEFAULT,
) -> list[str]:
    """Why this can't be treated today; [] where nothing is known against it."""
    protocol = draft.protocol
    if protocol is None or snapshot is None or snapshot.model not in MODELS:
        return []
    if not protocol.runnable:
        return [protocol.not_runnable_because]
    profile = MODELS[snapshot.model].profile
    setup = draft.setup(simulated=True)
    if not draft.answers:  # not asked yet: only what an answer would change is left open
        facts = screening.patient_facts(screening.scripted_answers(), draft.sites())
        setup = replace(setup, patient=facts)
    left_open = {each.name for each in protocol.channel if each.region == ANY_REGION}  # answered with the pads (B)
    channels = (
        replace(each, region=SAMPLE_REGION) if each.name in left_open and not each.region else each
        for each in setup.channels
    )
    setup = replace(setup, channels=tuple(_without_level(each) for each in channels))
    try:
        resolved = resolve(protocol, week=draft.week, session=draft.session)
        schedule = compile_schedule(resolved, setup, profile, levels_needed=False)
    except ValidationError as error:
        return [str(item["msg"]) for item in error.errors()]
    except (ProtocolError, SetupError) as error:
        return [say.heard(problem.message) for problem in error.problems if problem.severity == "refuse"]
    except (EstimError, ValueError) as error:
        return [say.heard(line) for line in str(error).splitlines()[:3]]
    minutes = dict(past.minutes_today) if past is not None else {}
    problems, _ = judge(schedule, limits, profile, setup.patient, minutes_today=minutes)
    return [say.heard(problem.message) for problem in problems if problem.severity == "refuse"]


def too_soon(draft: Draft, past: PastPatient | None, say: Words, now: datetime.datetime, own: Path | None) -> list[str]:
    """What the file says of the time since the last session; [] where it may begin, or a reason was given."""
    if past is None or not past.recent or draft.protocol is None or draft.early_reason:
        return []
    try:
        protocol, digest = load_runnable(draft.source, own=own)
    except (EstimError, OSError):
        return []
    told = [problem.message.partition(BY_OPTION)[0] for problem in too_early(protocol, digest, past.recent, now)]
    return [say.heard(text).replace(f"{protocol.id}:", f"{protocol.title}:", 1) for text in told]


def asks_mvic(draft: Draft) -> bool:
    """A share of the MVIC is to be played: it is of the day and of its position, so today's counts alone."""
    channels = draft.protocol.channel if draft.protocol is not None else ()
    return any(channel.amplitude_rule == "percent-mvic" for channel in channels)


def _without_level(channel: ChannelSetup) -> ChannelSetup:
    return replace(channel, level_ua=None, motor_ua=None, sensory_ua=None, max_tolerated_ua=None)
