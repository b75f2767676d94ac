"""One session in brief, taken from its record's lines: what index, report and export are made of."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any

from estim.platform.files import unread
from estim.record_lines import events as lines
from estim.record_lines import kinds
from estim.record_lines.shape import UNFIT, as_declared, first_odd, why
from estim.records.audit import audit
from estim.records.chain import Entry
from estim.records.channel_summary import ChannelSummary, with_bounds
from estim.records.clocks import milliseconds
from estim.records.master import home_of_records
from estim.records.personal import opened_lines
from estim.records.pulse_form import form_words, rates_mhz
from estim.records.replay import ChannelDose, Replay, replay
from estim.records.verify import RecordReading, SessionVerdict, by_person, judge, read_record
from estim.records.words import happened


@dataclass(frozen=True, slots=True, kw_only=True)
class SessionSummary:
    """A session in brief. `channels` is the therapy's dose.

    Attributes:
        name: the session's name as its checkpoints have it, "" where they don't (rehearsals).
        began_ms: wall time of the sign-in since 1970, 0 where the record does not say.
        contractions_planned: cycles of the whole plan, 0 for continuous ones; comfort: (session time, 0 to 10).
        measured: what was measured before output: `name`, `value`, and where it was said `unit`, `side`, `by`.
        outcomes: measure → value, as entered.
        happened: session time, kind, text.
        unreadable: why lines could not be understood, although they are those that were written.
    """

    path: str
    session: str
    name: str
    patient: str
    operator: str
    utc: str
    began_ms: int
    simulated: bool
    protocol: str
    protocol_version: str
    protocol_sha256: str
    title: str
    goal: str
    week: int
    number: int
    device: str
    model: str
    device_id: str
    firmware: str
    intended_use: str
    qualification: str
    outcome: str
    ending: str
    verified: bool
    signer: str
    reason: str
    head: str
    records: int
    signed: int
    first_bad: int | None
    off_by_us: int | None
    contractions: int
    contractions_planned: int
    duration_us: int
    therapy_us: int
    channels: tuple[ChannelSummary, ...]
    phases: tuple[dict[str, Any], ...] = ()
    bends: tuple[str, ...] = ()
    warnings: tuple[str, ...] = ()
    flags: tuple[str, ...] = ()
    comfort: tuple[tuple[int, int], ...] = ()
    measured: tuple[dict[str, str], ...] = ()
    outcomes: dict[str, str] = field(default_factory=dict)
    signature: dict[str, str] = field(default_factory=dict)
    happened: tuple[tuple[int, str, str], ...] = ()
    findings: tuple[str, ...] = ()
    unreadable: str = ""
    software: str = ""

    @property
    def unknown(self) -> bool:
        """No line of it says what came: no number of it is 0."""
        return not self.records or bool(self.unreadable)

    @property
    def signed_by_person(self) -> bool:
        """A person signed it; the station's seal is something else, and so is a script's mark."""
        return by_person(self.signature)

    def to_json(self) -> dict[str, Any]:
        """Plain JSON values."""
        return {**asdict(self), "signed_by_person": self.signed_by_person}


@dataclass(frozen=True, slots=True)
class Read:
    """A session as read once: its summary, and its runs for plots."""

    summary: SessionSummary
    runs: Replay
    entries: tuple[Entry, ...]


def summarise(folder: Path, *, keys: Mapping[str, str] | None = None) -> SessionSummary:
    """Read, verify and audit one session.

    Raises:
        OSError: it can't be read.
    """
    return read_session(folder, keys=keys).summary


def read_session(folder: Path, *, keys: Mapping[str, str] | None = None) -> Read:
    """As `summarise`, with the runs."""
    return understand(folder, read_record(folder), keys=keys, home=home_of_records(folder.absolute().parent))


def read_or_say(folder: Path, *, keys: Mapping[str, str] | None = None) -> Read:
    """As `read_session`; one that can't be read is one bad session, not the end of the look at the others."""
    try:
        return read_session(folder, keys=keys)
    except OSError as error:
        nothing = RecordReading((), 0, f"it can't be read: {unread(error)}", torn=False, segments=1)
        return understand(folder, nothing, keys=keys)


def understand(
    folder: Path, record: RecordReading, *, keys: Mapping[str, str] | None = None, home: Path | None = None
) -> Read:
    """What a record that was read says. `folder` only names it; `home` has the keys of people's own words."""
    verdict = judge(folder, record, keys=keys)
    entries = opened_lines(home, record.entries)
    unfit = first_odd(entries)
    if not unfit:
        try:
            runs = replay(entries)
            return Read(_summary(folder, verdict, entries, runs), runs, entries)
        except UNFIT as error:
            unfit = why(entries, error)
    # Lines that nobody changed and that have not the shape of their kind: another program's, or a later version's.
    kept = tuple(one._replace(fields=as_declared(one.kind, one.fields)) for one in entries)
    said = _summary(folder, verdict, kept[:1], Replay(), unreadable=f"lines can't be understood: {unfit}")
    return Read(said, Replay(), kept)


def _summary(
    folder: Path, verdict: SessionVerdict, entries: tuple[Entry, ...], runs: Replay, *, unreadable: str = ""
) -> SessionSummary:
    header: Mapping[str, Any] = entries[0].fields if entries and entries[0].kind == kinds.Header.KIND else {}
    device = header.get("device", {})
    end = _last(entries, lines.End.KIND)
    setups = [setup for setup in runs.setups if setup["purpose"] == "therapy"] or runs.setups
    setup = setups[-1] if setups else {}
    schedule = setup.get("schedule", {})
    own = setup.get("setup", {})
    # The controller's clock goes on from session to session; what is said of one counts from its first line.
    began_us = entries[0].t_us if entries else 0
    done = sum(1 for e in entries if e.kind == lines.Contraction.KIND and _therapy(e) and e.fields.get("whole", True))
    return SessionSummary(
        path=str(folder),
        session=folder.name,
        name=verdict.session,
        patient=str(header.get("patient", "")),
        operator=str(header.get("operator", "")),
        software=str(header.get("software", "")),
        utc=(utc := str(header.get("utc", ""))),
        began_ms=milliseconds(utc),
        simulated=verdict.simulated if entries else folder.absolute().parent.name == "simulated",
        protocol=str(schedule.get("protocol_id", "")),
        protocol_version=str(schedule.get("protocol_version", "")),
        protocol_sha256=str(setup.get("protocol_sha256", "")),
        title=str(schedule.get("protocol_title", "")),
        goal=str(schedule.get("goal", "")),
        week=int(own.get("week", schedule.get("week", 0))),
        number=int(own.get("session", schedule.get("session", 0))),
        device=str(device.get("title", "")),
        model=str(device.get("model", "")),
        device_id=str(device.get("id", "")),
        firmware=str(device.get("firmware", "")),
        intended_use=str(device.get("intended_use", "")),
        qualification=str(header.get("qualification") or ""),
        outcome=verdict.outcome,
        ending=verdict.ending,
        verified=verdict.ok,
        signer=verdict.signer,
        reason=verdict.reason,
        head=verdict.head,
        records=verdict.records,
        signed=verdict.signed,
        first_bad=verdict.first_bad,
        off_by_us=verdict.off_by_us,
        contractions=int(done if end.get("contractions") is None else end["contractions"]),
        contractions_planned=_planned(schedule) if setup.get("purpose") == "therapy" else 0,
        duration_us=entries[-1].t_us - began_us if entries else 0,
        therapy_us=runs.running_us.get("therapy", 0),
        channels=with_bounds(_channels(entries, runs, ended=bool(end)), entries),
        phases=tuple(schedule.get("phases", ())),
        bends=tuple(str(e.fields.get("message", "")) for e in _after_setup(entries) if e.kind == kinds.Bend.KIND),
        warnings=tuple(str(text) for text in setup.get("warnings", ())),
        flags=_flags(own),
        comfort=tuple((e.t_us - began_us, e.fields["discomfort"]) for e in entries if _is_comfort(e)),
        measured=_measured(own),
        outcomes={key: str(value) for key, value in _last(entries, kinds.Outcome.KIND).items()},
        signature={key: str(value) for key, value in _last(entries, lines.Signature.KIND).items()},
        happened=tuple((at_us - began_us, kind, said) for at_us, kind, said in happened(entries)),
        findings=tuple(f"line {finding.n}: {finding.message}" for finding in audit(entries)),
        unreadable=unreadable,
    )


def _last(entries: tuple[Entry, ...], kind: str) -> Mapping[str, Any]:
    return next((entry.fields for entry in reversed(entries) if entry.kind == kind), {})


def _after_setup(entries: tuple[Entry, ...]) -> tuple[Entry, ...]:
    """The lines from the last setup on."""
    last = max((entry.n for entry in entries if entry.kind == kinds.SetupLine.KIND), default=0)
    return entries[last:]


def _therapy(entry: Entry) -> bool:
    return entry.fields.get("purpose") == "therapy"


def _is_comfort(entry: Entry) -> bool:
    return entry.kind == kinds.Note.KIND and type(entry.fields.get("discomfort")) is int


def _flags(setup: Mapping[str, Any]) -> tuple[str, ...]:
    patient = setup.get("patient", {})
    return tuple(sorted(key for key, value in patient.items() if value is not False))


def _measured(setup: Mapping[str, Any]) -> tuple[dict[str, str], ...]:
    said = setup.get("measured") or [{"name": name, "value": value} for name, value in setup.get("measures", ())]
    return tuple({key: str(value) for key, value in one.items() if value != ""} for one in said)


def _planned(schedule: Mapping[str, Any]) -> int:
    return sum(phase["cycles"] * phase["sets"] for phase in schedule.get("phases", ()))


def _channels(entries: tuple[Entry, ...], runs: Replay, *, ended: bool) -> tuple[ChannelSummary, ...]:
    known: dict[int, tuple[Mapping[str, Any], Mapping[str, Any]]] = {}
    # What a low-rate test played describes a channel only where nothing else was loaded for it.
    for setup in sorted(runs.setups, key=lambda setup: setup["purpose"] != "low-rate"):
        known |= {row["channel"]: (row, setup) for row in setup["schedule"]["channels"]}
    marks: dict[tuple[int, str], int] = {}
    for entry in entries:
        if entry.kind == kinds.Levels.KIND:
            channel, mark = entry.fields["channel"], str(entry.fields["mark"])
            marks[channel, mark] = entry.fields["level_ua"]
            if mark == "twitch":
                marks[channel, "twitch-mhz"] = entry.fields["frequency_mhz"]
    return tuple(_channel(*known[number], runs, marks, ended=ended) for number in sorted(known))


def _channel(
    row: Mapping[str, Any],
    setup: Mapping[str, Any],
    runs: Replay,
    marks: Mapping[tuple[int, str], int],
    *,
    ended: bool,
) -> ChannelSummary:
    number = row["channel"]
    given = runs.given.get(("therapy", number), ChannelDose())
    found = runs.given.get(("titration", number), ChannelDose())
    twitched = runs.given.get(("low-rate", number), ChannelDose())
    twitch_mhz = marks.get((number, "twitch-mhz"))
    schedule = setup["schedule"]
    windows = [w for phase in schedule["phases"] for w in phase["windows"] if w["channel"] == number]
    sizes = {pad["id"]: pad for pad in schedule["electrodes"]}
    caps, rules = setup.get("caps_ua", {}), setup.get("cap_reasons", {})
    return ChannelSummary(
        channel=number,
        name=row["name"],
        muscle=row["muscle"],
        side=row["side"],
        region=str(row.get("region", "")),
        output=row["output"],
        placement=row["placement"],
        pads=" and ".join(_size(sizes[pad]) for pad in row["electrodes"] if pad in sizes),
        frequency_hz=", ".join(f"{f / 1_000:g}" for f in sorted({f for w in windows for f in rates_mhz(w)})),
        pulse_width_us=", ".join(str(w) for w in sorted({w["pulse_width_us"] for w in windows})),
        pulse_form=form_words(windows),
        level_ua=runs.levels_ua.get(number, row["level_ua"]),
        cap_ua=int(caps.get(str(number), 0)),
        cap_rule=str(rules.get(str(number), "")),
        sensory_ua=marks.get((number, "sensory")),
        motor_ua=marks.get((number, "motor"), marks.get((number, "no-twitch"))),
        max_tolerated_ua=marks.get((number, "max-tolerated")),
        peak_ua=max(given.peak_ua, int(given.dose.get("peak_ua", 0))),
        pulses=int(given.dose.get("pulses", 0)),
        charge_pc=int(given.dose.get("charge_pc", 0)),
        on_us=given.total_on_us,
        unacknowledged_pulses=int(given.dose.get("unacknowledged_pulses", 0)),
        motor_on_us=given.motor_on_us if row["output"] == "motor" else 0,
        dose_recorded=not given.pending and bool(ended or given.dose),
        titration_peak_ua=max(found.peak_ua, int(found.dose.get("peak_ua", 0))),
        titration_pulses=int(found.dose.get("pulses", 0)),
        titration_charge_pc=int(found.dose.get("charge_pc", 0)),
        titration_on_us=found.total_on_us,
        titration_recorded=not found.pending,
        low_rate_peak_ua=max(twitched.peak_ua, int(twitched.dose.get("peak_ua", 0))),
        low_rate_pulses=int(twitched.dose.get("pulses", 0)),
        low_rate_charge_pc=int(twitched.dose.get("charge_pc", 0)),
        low_rate_on_us=twitched.total_on_us,
        low_rate_recorded=not twitched.pending,
        twitch_ua=marks.get((number, "twitch")),
        twitch_hz=twitch_mhz / 1_000 if twitch_mhz is not None else None,
        sent_pulses=given.sent_pulses,
        sent_charge_pc=given.sent_charge_pc,
    )


def _size(pad: Mapping[str, Any]) -> str:
    if pad.get("is_round"):
        return f"round {pad['width_mm'] / 10:g} cm"
    return f"{pad['width_mm'] / 10:g} × {pad['height_mm'] / 10:g} cm"
