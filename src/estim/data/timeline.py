"""One session's timeline for programs that line it up with EEG, EMG or force: XDF (LabRecorder's) and BIDS events.

XDF: chunks with a length, a tag and content; one stream of markers (text) and one of output (channel, amplitude_ua,
pulse_width_us, period_us, acknowledged, burst_pulses), both on the session's clock in seconds. https://github.com/sccn/xdf/wiki
"""

from __future__ import annotations

import json
import struct
from collections.abc import Iterable, Mapping, Sequence
from xml.sax.saxutils import escape

from estim.data.rows import Rows

Marker = tuple[float, str]
OUTPUT = ("channel", "amplitude_ua", "pulse_width_us", "period_us", "acknowledged", "burst_pulses")
MARKED = frozenset(
    {"phase", "contraction", "request", "fault", "lead-off", "alarm", "note", "output", "end", "take-over"}
)


def markers(rows: Rows) -> list[Marker]:
    """(seconds, text) of what happened, in order."""
    found = [
        (row["t_us"] / 1e6, text_of(row["kind"], json.loads(row["fields"])))
        for row in rows.tables.get("events", ())
        if row["kind"] in MARKED
    ]
    found += [
        (row["t_us"] / 1e6, f"contraction-end {row['n']}{'' if row['whole'] else ' broken'}")
        for row in rows.tables.get("contractions", ())
    ]
    return sorted(found, key=lambda each: each[0])


def text_of(kind: str, said: dict[str, object]) -> str:
    """The text of a timeline's marker for a record line of this kind: the kind, and what tells most of it."""
    words = {
        "phase": f"{said.get('after', '')}",
        "contraction": f"{said.get('n', '')} ended{'' if said.get('whole') else ' broken'}",
        "output": f"{said.get('state', '')}",
        "request": f"{said.get('what', '')} {said.get('source') or said.get('reason') or ''}",
        "note": f"{said.get('mark') or said.get('text') or ''}",
        "alarm": f"{said.get('code', '')}",
        "end": f"{said.get('outcome', '')}",
    }.get(kind, "")
    return f"{kind} {words}".strip()


def xdf(rows: Rows) -> bytes:
    """The file."""
    out = [b"XDF:", _chunk(1, b'<?xml version="1.0"?><info><version>1.0</version></info>')]
    said = markers(rows)
    commands = rows.tables.get("commands", [])
    streams = (
        (1, "estim-markers", "Markers", "string", 1, [(at, _string(text)) for at, text in said]),
        (2, "estim-output", "Stimulation", "int32", len(OUTPUT), [_command(row) for row in commands]),
    )
    for number, name, kind, form, width, samples in streams:
        out.append(_chunk(2, struct.pack("<I", number) + _header(rows, name, kind, form, width)))
        out.append(_chunk(4, struct.pack("<Idd", number, 0.0, 0.0)))  # one clock: no offset
        if samples:
            out.append(_chunk(3, struct.pack("<I", number) + _samples(samples)))
        last_s = samples[-1][0] if samples else 0.0
        out.append(_chunk(4, struct.pack("<Idd", number, last_s, 0.0)))
        out.append(_chunk(6, struct.pack("<I", number) + _footer(samples)))
    return b"".join(out)


def _command(row: dict[str, int | None]) -> tuple[float, bytes]:
    numbers = sample(row, acknowledged=row["ack_us"] is not None)
    return (row["sent_us"] or 0) / 1e6, struct.pack(f"<{len(OUTPUT)}i", *numbers)


def sample(row: Mapping[str, int | None], *, acknowledged: bool) -> list[int]:
    """The numbers of `OUTPUT` for one row of a command; channel 0 where it leaves none on."""
    numbers = [row[key] or 0 for key in ("channel", "amplitude_ua", "pulse_width_us", "period_us")]
    burst = 0 if row["channel"] is None else row.get("burst_pulses") or 1
    return [*numbers, int(acknowledged), burst]


def _string(text: str) -> bytes:
    data = text.encode("utf-8")
    return _length(len(data)) + data


def _length(count: int) -> bytes:
    return bytes([4]) + struct.pack("<I", count)


def _chunk(tag: int, content: bytes) -> bytes:
    return _length(len(content) + 2) + struct.pack("<H", tag) + content


def _samples(samples: Sequence[tuple[float, bytes]]) -> bytes:
    return _length(len(samples)) + b"".join(bytes([8]) + struct.pack("<d", at) + data for at, data in samples)


def _header(rows: Rows, name: str, kind: str, form: str, width: int) -> bytes:
    (session,) = rows.tables["sessions"]
    channels = "".join(f"<channel><label>{label}</label></channel>" for label in (OUTPUT if width > 1 else ("marker",)))
    facts = {"session": rows.session, "head": session["head"] or "", "simulated": str(rows.simulated).lower()}
    described = "".join(f"<{key}>{escape(str(value))}</{key}>" for key, value in facts.items())
    return (
        f'<?xml version="1.0"?><info><name>{name}</name><type>{kind}</type><channel_count>{width}</channel_count>'
        f"<nominal_srate>0</nominal_srate><channel_format>{form}</channel_format>"
        f"<source_id>estim {escape(rows.session)}</source_id>"
        f"<desc><channels>{channels}</channels>{described}</desc></info>"
    ).encode()


def _footer(samples: Sequence[tuple[float, bytes]]) -> bytes:
    first, last = (samples[0][0], samples[-1][0]) if samples else (0.0, 0.0)
    return (
        f'<?xml version="1.0"?><info><first_timestamp>{first}</first_timestamp><last_timestamp>{last}</last_timestamp>'
        f"<sample_count>{len(samples)}</sample_count><clock_offsets><offset><time>0</time><value>0</value></offset>"
        f"</clock_offsets></info>"
    ).encode()


_NUMBERS = ("channel", "amplitude_ua", "pulse_width_us", "period_us", "burst_pulses")


def bids(rows: Rows) -> tuple[str, str]:
    """`*_events.tsv` and its `.json`: onset and duration in seconds, trial_type."""
    lines = ["\t".join(("onset", "duration", "trial_type", *_NUMBERS))]
    none = "\t".join("n/a" for _ in _NUMBERS)
    found: list[tuple[float, str]] = [(at, f"{at:.6f}\tn/a\t{_cell(text)}\t{none}") for at, text in markers(rows)]
    found += _trains(rows.tables.get("commands", ()))
    lines += [line for _, line in sorted(found, key=lambda each: each[0])]
    described = {
        "onset": {"Description": "session clock", "Units": "s"},
        "duration": {"Description": "not told: output stays until the next command, or an output OFF", "Units": "s"},
        "trial_type": {
            "Description": "what happened; stimulation: a command for a channel; off: one that leaves no channel on"
        },
        "channel": {"Description": "of the device, from 1"},
        "amplitude_ua": {"Description": "current of one phase", "Units": "uA"},
        "pulse_width_us": {"Description": "duration of one phase", "Units": "us"},
        "period_us": {"Description": "from pulse to pulse, or from burst to burst", "Units": "us"},
        "burst_pulses": {"Description": "pulses at the place of one: 2 of a doublet"},
        "simulated": rows.simulated,
    }
    return "\n".join(lines) + "\n", json.dumps(described, indent=1) + "\n"


def _trains(commands: Iterable[dict[str, int | None]]) -> list[tuple[float, str]]:
    found = []
    for row in commands:
        at = (row["sent_us"] or 0) / 1e6
        numbers = (row[key] for key in _NUMBERS)
        values = "\t".join("n/a" if number is None else str(number) for number in numbers)
        found.append((at, f"{at:.6f}\tn/a\t{'off' if row['channel'] is None else 'stimulation'}\t{values}"))
    return found


def _cell(text: str) -> str:
    return " ".join(text.split()) or "n/a"
