"""How the session's nouns stand in the record: plain JSON values, integers with their unit in the key. Pure."""

from __future__ import annotations

import hashlib
import json
from typing import Any

from estim import __version__
from estim.safety.verdict import ClearedSchedule
from estim.session.core import Core
from estim.session.plain import plain

FORMAT = 1  # of what the lines say; one that a reader does not know is not guessed at


def header_json(core: Core) -> dict[str, Any]:
    """What the first line of a session says."""
    device = core.device
    limits = plain(core.limits.to_json())
    digest = hashlib.sha256(json.dumps(limits, sort_keys=True, separators=(",", ":")).encode("utf-8")).hexdigest()
    return {
        "format": FORMAT,
        "software": f"estim {__version__}",
        "operator": core.operator,
        "patient": core.patient_id,
        "simulated_device": core.simulated,
        "device": {
            "model": core.profile.model,
            "title": core.profile.title,
            "id": device.device_id if device else "",
            "firmware": device.firmware if device else "",
            "intended_use": core.profile.intended_use,
            "profile": plain(core.profile),
        },
        "minutes_today": dict(core.known.minutes_today),
        "patient_flags": list(core.known.flags),
        "limits": limits,
        "limits_sha256": digest,
    }


def setup_json(core: Core, cleared: ClearedSchedule) -> dict[str, Any]:
    """What was decided, compiled and cleared for the coming run."""
    return {
        "purpose": core.purpose,
        "protocol_sha256": core.protocol_sha256,
        "setup": plain(core.setup),
        "schedule": plain(cleared.schedule),
        "caps_ua": plain(cleared.caps_ua),
        "cap_reasons": plain(cleared.cap_reasons),
        "warnings": [problem.message for problem in cleared.warnings],
    }
