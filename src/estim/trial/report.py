"""A trial's tables: TIDieR (what was given) and CONSORT (who was in it), each cell with what it comes from."""

from __future__ import annotations

import csv
import io
from collections import Counter
from collections.abc import Iterable, Sequence

from estim.protocols.catalogue import load_runnable
from estim.protocols.describe import dose_words, pulse_words, rhythm_words
from estim.protocols.schema import Protocol
from estim.trial.site import Site

NOTHING = "not recorded"
Row = tuple[str, str, str]


def tidier(site: Site) -> list[Row]:
    """The twelve items: item, what, where it comes from. Planned figures are the protocols'; while the trial is blinded
    nothing of a patient's arm is in it.
    """
    file = site.trial.file
    arms = [(arm, load_runnable(arm.protocol, own=site.home.protocols)[0]) for arm in file.arm]
    rows: list[Row] = [("1 name", file.title, "trial.toml")]
    for arm, protocol in arms:
        source = f"protocol {arm.protocol}"
        rows += [
            (f"2 why ({arm.id})", protocol.indication or NOTHING, source),
            (f"3 materials ({arm.id})", _pads(protocol), source),
            (f"4 procedures ({arm.id})", "; ".join(channel.placement for channel in protocol.channel), source),
            (f"6 how ({arm.id})", f"{protocol.position}; told: {protocol.cue}", source),
            (f"8 when and how much ({arm.id})", dose_said(protocol), source),
            (f"9 tailoring ({arm.id})", _levels(protocol), source),
        ]
    rows += [
        ("3 pad maker and lot", file.reported.get("pads", "") or NOTHING, "trial.toml, reported"),
        ("5 who", file.reported.get("who", "") or NOTHING, "trial.toml, reported"),
        ("7 where", file.reported.get("where", "") or NOTHING, "trial.toml, reported"),
        ("10 modifications", NOTHING, ""),
        ("11 planned fidelity", f"{file.sessions} sessions a patient", "trial.toml"),
        ("12 actual fidelity", _fidelity(site), "trial.jsonl, session lines"),
    ]
    return sorted(rows, key=lambda row: int(row[0].split()[0]))


def _pads(protocol: Protocol) -> str:
    return "; ".join(
        f"{channel.name}: {' x '.join(f'{part:g}' for part in channel.electrode_cm)} cm"
        if channel.electrode_cm
        else f"{channel.name}: named pads"
        for channel in protocol.channel
    )


def dose_said(protocol: Protocol) -> str:
    """Each phase's pulse and rhythm, and how often it is given."""
    phases = [f"{phase.name}: {pulse_words(phase)}; {rhythm_words(phase)}" for phase in protocol.phase]
    return "; ".join((*phases, dose_words(protocol.dose)))


def _levels(protocol: Protocol) -> str:
    return "; ".join(f"{channel.name}: {channel.amplitude_rule}" for channel in protocol.channel)


def _fidelity(site: Site) -> str:
    done = Counter(str(line["patient"]) for line in site.sessions() if line["outcome"] == "completed")
    planned = site.trial.file.sessions * len(site.enrolled)
    return f"{sum(done.values())} of {planned} sessions completed" if planned else NOTHING


def consort(site: Site) -> list[Row]:
    """The flow. Per arm only once the whole trial is unblinded."""
    enrolled = list(site.enrolled.values())
    lines = [line for line in site.lines if line["event"] == "unblinded"]
    whole = any(line["patient"] == "*" for line in lines)
    where = "trial.jsonl"
    rows: list[Row] = [
        ("assessed for eligibility", NOTHING, ""),
        ("allocation sequence", f"permuted blocks of {', '.join(map(str, site.trial.file.blocks))}", "trial.toml"),
        (
            "concealment",
            f"sealed list {site.lines[0]['list_sha256'][:16]}… of {site.lines[0]['slots']} kits",
            f"{where}, line 0",
        ),
        ("allocated", str(len(enrolled)), f"{where}, enrolled lines"),
    ]
    for stratum in site.trial.file.cells():
        rows.append((f"allocated, {stratum}", str(sum(each.stratum == stratum for each in enrolled)), where))
    rows.append(("blinded", ", ".join(site.trial.file.blinded) or "nobody", "trial.toml"))
    rows.append(
        ("unblinded before the end", str(sum(line["patient"] != "*" for line in lines)), f"{where}, unblinded lines")
    )
    if whole:
        for arm in site.trial.file.arm:
            mine = [each for each in enrolled if site.arm(each).id == arm.id]
            done = [line for each in mine for line in site.sessions(each.patient) if line["outcome"] == "completed"]
            rows.append((f"allocated to {arm.id}", str(len(mine)), f"{where}, {LISTED}"))
            rows.append((f"sessions completed in {arm.id}", str(len(done)), _records(done)))
    else:
        rows.append(("by arm", "blinded", "sealed.json"))
    rows.append(("lost to follow-up", NOTHING, ""))
    rows.append(("harms", NOTHING if not site.sessions() else _harms(site), "trial.jsonl, session lines"))
    rows.append(("what patients and assessors believed", NOTHING, ""))
    return rows


LISTED = "sealed.json"


def _records(lines: Sequence[object]) -> str:
    names = [str(line["session"]) for line in lines]  # type: ignore[index]
    return ", ".join(names[:6]) + (f" and {len(names) - 6} more" if len(names) > 6 else "") or NOTHING


def _harms(site: Site) -> str:
    stopped = sum(line["outcome"] != "completed" for line in site.sessions())
    return f"{stopped} sessions not completed; adverse events with grade and relation: {NOTHING}"


def markdown(title: str, rows: Iterable[Row]) -> str:
    """A table for people."""
    cells = ["| " + " | ".join(" ".join(cell.split()).replace("|", "/") or "–" for cell in row) + " |" for row in rows]
    return "\n".join([f"# {title}", "", "| Item | What | From |", "|---|---|---|", *cells]) + "\n"


def table(rows: Iterable[Row]) -> str:
    """The same as CSV."""
    out = io.StringIO()
    writer = csv.writer(out, lineterminator="\r\n")
    writer.writerow(("item", "what", "from"))
    writer.writerows(rows)
    return out.getvalue()
