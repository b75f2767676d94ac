"""The two long lines of a record, made of what the session holds. Pure."""

from __future__ import annotations

import hashlib
import json

from estim.record_lines.kinds import Header, SetupLine
from estim.record_lines.table import FORMAT
from estim.safety.verdict import ClearedSchedule
from estim.session.core import Core
from estim.session.events import SignIn
from estim.session.plain import plain
from estim.session.sitting import Loaded


def header_line(core: Core, request: SignIn) -> Header:
    """What the first line of a session says."""
    device = core.link.device
    limits = plain(core.limits.to_json())
    digest = hashlib.sha256(json.dumps(limits, sort_keys=True, separators=(",", ":")).encode("utf-8")).hexdigest()
    return Header(
        utc=request.utc,
        authenticated=request.authenticated,
        format=FORMAT,
        software=request.software,
        operator=core.sitting.operator,
        patient=core.sitting.patient_id,
        simulated_device=core.simulated,
        device={
            "model": core.profile.model,
            "title": core.profile.title,
            "id": device.device_id if device else "",
            "firmware": device.firmware if device else "",
            "intended_use": core.profile.intended_use,
            "profile": plain(core.profile),
        },
        minutes_today=dict(core.sitting.known.minutes_today),
        patient_flags=list(core.sitting.known.flags),
        limits=limits,
        limits_sha256=digest,
        qualification=request.qualification or None,
    )


def setup_line(loaded: Loaded, cleared: ClearedSchedule) -> SetupLine:
    """What was decided, compiled and cleared for the coming run."""
    return SetupLine(
        purpose=loaded.purpose,
        protocol_sha256=loaded.protocol_sha256,
        setup=plain(loaded.setup),
        schedule=plain(cleared.schedule),
        caps_ua=plain(cleared.caps_ua),
        cap_reasons=plain(cleared.cap_reasons),
        warnings=[problem.message for problem in cleared.warnings],
    )
