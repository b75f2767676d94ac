"""A record on the simulator again: each command that it holds goes to a fresh simulated device at its time, and the
pulses that come out are held against what the record says was given.

Nothing is judged anew: the interlock judged these commands once. They reach simulated firmware in this process, and
nothing else.
"""

from __future__ import annotations

import random
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass, field
from typing import Any, TextIO, cast

from estim.drivers.interface import Driver
from estim.drivers.models import MODELS
from estim.record_lines import events as lines
from estim.record_lines import kinds
from estim.record_lines.shape import UNFIT, first_odd, why
from estim.records.chain import Entry
from estim.rehearsal.link import NEVER_US, SimulatedLink
from estim.safety.commands import ChannelOutput, Command, OutputOff, SetOutput
from estim.safety.errors import RecordError
from estim.safety.interlock import Admitted
from estim.safety.units import MicroAmp, Micros
from firmware_sim.devices import make_device
from firmware_sim.devices.interface import Pulse
from firmware_sim.monitor import Monitor, Output

SHIFT_US = 5_000_000  # the device is met before the session's time begins
PULSES_OPEN = 2  # where commands arrive decides about one pulse at each end of a run's last command
ARRIVES_US = 10_000  # a command is in force so long after its acknowledgement at the latest
_GIVEN_UP = frozenset({lines.Fault.KIND, lines.DeviceFault.KIND, lines.LeadOff.KIND, lines.TakeOver.KIND})


@dataclass(frozen=True, slots=True)
class Difference:
    """Where replay and record part.

    Attributes:
        what: pulses | peak | charge | pulse.
        why: what in the record may explain it; "" where nothing does.
    """

    purpose: str
    channel: int
    what: str
    recorded: int
    replayed: int
    why: str = ""
    at_us: int | None = None


@dataclass(frozen=True, slots=True)
class Replayed:
    """How a replay went.

    Attributes:
        ok: what came out is what the record says, or the record itself says why not.
        channels: each purpose's and channel's numbers, recorded and replayed.
    """

    ok: bool
    differences: tuple[Difference, ...]
    channels: tuple[dict[str, Any], ...]

    def to_json(self) -> dict[str, Any]:
        """For `--json`."""
        return {"ok": self.ok, "differences": [asdict(one) for one in self.differences], "channels": self.channels}


@dataclass
class _Recorded:
    """A command of the record, where a driver expects an admitted one."""

    command: Command

    def consume(self, now_us: int) -> Command:  # noqa: ARG002 - it was admitted in its own time
        return self.command


@dataclass
class _Deck:
    """Driver, wire and device, and what is known of the present run."""

    driver: Driver
    link: SimulatedLink
    monitor: Monitor
    device: Any
    poll_us: int
    now_us: int = 0
    poll_at_us: int = NEVER_US
    purpose: str = ""
    windows: Sequence[Mapping[str, Any]] = ()
    in_force: list[tuple[int, int, dict[int, tuple[int, int]]]] = field(default_factory=list)

    def run_to(self, until_us: int) -> None:
        """Let time pass: bytes arrive, answers come back, keep-alives go out."""
        while True:
            back_us = self.link.to_host[0][0] if self.link.to_host else NEVER_US
            due_us = self.driver.next_deadline_us()
            next_us = min(
                self.link.reaches_device_us(), back_us, self.poll_at_us, NEVER_US if due_us is None else due_us
            )
            if next_us > until_us:
                break
            self.now_us = max(self.now_us, next_us)
            self._step()
        self.now_us = max(self.now_us, until_us)
        self._step()

    def _step(self) -> None:
        self.link.now_us = self.now_us
        self.link.deliver()
        self.device.advance(self.now_us)
        data = self.link.read()
        if data:
            self.driver.receive_data(data, self.now_us)
        due_us = self.driver.next_deadline_us()
        if due_us is not None and due_us <= self.now_us:
            self.driver.tick(self.now_us)
        if self.poll_at_us <= self.now_us:
            self.driver.request_status(self.now_us)
            self.poll_at_us = self.now_us + self.poll_us
        while out := self.driver.data_to_send(self.now_us):
            self.link.write(out)

    def submit(self, command: Command) -> None:
        self.driver.submit(cast("Admitted", _Recorded(command)), self.now_us)
        self._step()


def replay_on_simulator(entries: Sequence[Entry], *, seed: int = 0, pulses: TextIO | None = None) -> Replayed:
    """Play a record's commands on a simulated device of its model.

    Args:
        entries: lines that were found right.
        pulses: takes every pulse that comes out as a CSV row.

    Raises:
        RecordError: the record does not say which device it was, it can't be simulated, or a line can't be understood.
    """
    if unfit := first_odd(entries):
        raise RecordError(f"it can't be replayed: {unfit}")
    try:
        return _replayed(entries, seed, pulses)
    except UNFIT as error:
        raise RecordError(f"it can't be replayed: {why(entries, error)}") from error


def _replayed(entries: Sequence[Entry], seed: int, pulses: TextIO | None) -> Replayed:
    header = entries[0].fields if entries and entries[0].kind == kinds.Header.KIND else {}
    model = str(header.get("device", {}).get("model", ""))
    if model not in MODELS:
        raise RecordError(f"this record's device {model or '(not said)'} can't be simulated")
    device = make_device(model, seed=seed)
    deck = _Deck(
        driver=MODELS[model].make(),
        link=SimulatedLink(device, random.Random(seed)),
        monitor=Monitor(file=pulses, keep=True, purpose=lambda: deck.purpose),
        device=device,
        poll_us=MODELS[model].profile.poll_us,
    )
    found: list[Difference] = []

    def see(pulse: Pulse) -> None:
        deck.monitor.see(pulse)
        if not any(one.what == "pulse" for one in found) and (wrong := _unexpected(deck, pulse)) is not None:
            found.append(wrong)

    device.on_pulse = see
    deck.driver.connect(deck.now_us)
    deck.poll_at_us = deck.now_us + deck.poll_us
    for entry in sorted(_timed(entries), key=lambda one: one[0]):
        deck.run_to(entry[0] + SHIFT_US)
        _act(deck, entry[1])
    deck.run_to((entries[-1].t_us if entries else 0) + SHIFT_US + 3_000_000)
    rows = _rows(entries, deck.monitor.channels)
    found += _differences(rows, _why(entries))
    return Replayed(all(one.why for one in found), tuple(found), tuple(rows))


def _timed(entries: Sequence[Entry]) -> Iterator[tuple[int, Entry]]:
    """Each line that does something, at the time at which it did."""
    for entry in entries:
        if entry.kind in {lines.Command.KIND, lines.Unanswered.KIND}:
            yield int(entry.fields["sent_us"]), entry
        elif entry.kind in {kinds.SetupLine.KIND, lines.PhaseTurn.KIND}:
            yield entry.t_us, entry


def _act(deck: _Deck, entry: Entry) -> None:
    fields = entry.fields
    if entry.kind == kinds.SetupLine.KIND:
        deck.purpose = str(fields["purpose"])
        deck.windows = [window for phase in fields["schedule"]["phases"] for window in phase["windows"]]
    elif entry.kind == lines.PhaseTurn.KIND:
        if fields["before"] == "RUNNING" and fields["after"] != "RUNNING":
            deck.submit(OutputOff(reason="replay"))
            deck.in_force.append((deck.now_us, 0, {}))
        elif fields["after"] == "ARMED" or fields["turn"] == "resume":
            channels = tuple(sorted({int(window["channel"]) for window in deck.windows}))
            deck.driver.prepare(channels, Micros(min(int(window["period_us"]) for window in deck.windows)), deck.now_us)
        elif fields["turn"] == "reset":
            deck.driver.connect(deck.now_us)
    else:
        rows = list(fields["channels"])
        deck.in_force.append(
            (deck.now_us, int(fields.get("ack_us", ARRIVES_US)),
             {row["channel"]: (row["amplitude_ua"], row["pulse_width_us"]) for row in rows})
        )  # fmt: skip
        deck.submit(SetOutput(channels=tuple(_output(row, deck.windows) for row in rows)))


def _output(row: Mapping[str, int], windows: Sequence[Mapping[str, Any]]) -> ChannelOutput:
    """A row of a command; the form of its pulse stands in the schedule."""
    fits = [
        one for one in windows
        if one["channel"] == row["channel"] and one["pulse_width_us"] == row["pulse_width_us"]
        and row["period_us"] in {one["period_us"], (one.get("train") or {}).get("then_period_us")}
    ]  # fmt: skip
    form = fits[0] if fits else {}
    train = form.get("train") or {}
    pulses = int(row.get("burst_pulses", form.get("burst_pulses", 1)))
    first = pulses > 1 and pulses == train.get("burst_pulses")
    return ChannelOutput(
        channel=row["channel"],
        amplitude_ua=MicroAmp(row["amplitude_ua"]),
        pulse_width_us=Micros(row["pulse_width_us"]),
        interphase_us=Micros(row["interphase_us"]),
        period_us=Micros(row["period_us"]),
        phase_ratio=int(form.get("phase_ratio", 1)),
        burst_pulses=pulses,
        burst_interval_us=Micros(int(train.get("burst_interval_us", 0) if first else form.get("burst_interval_us", 0))),
        shape=tuple((int(us), int(permille)) for us, permille in form.get("shape", ())),
    )


def _unexpected(deck: _Deck, pulse: Pulse) -> Difference | None:
    """A pulse that no command of the record asks for at its time."""
    allowed: set[tuple[int, int]] = set()
    for at, (sent_us, _, channels) in reversed(list(enumerate(deck.in_force[-8:]))):
        if sent_us > pulse.t_us:
            continue
        if pulse.channel in channels:
            allowed.add(channels[pulse.channel])
        tail = deck.in_force[-8:]
        if at + 1 < len(tail) and tail[at + 1][0] + tail[at + 1][1] + ARRIVES_US < pulse.t_us:
            break
    if (pulse.peak_ua, pulse.pulse_width_us) in allowed or any(ua >= pulse.peak_ua for ua, _ in allowed):
        return None
    most = max((ua for ua, _ in allowed), default=0)
    return Difference(deck.purpose, pulse.channel, "pulse", most, pulse.peak_ua, at_us=pulse.t_us - SHIFT_US)


def _rows(entries: Sequence[Entry], played: Mapping[tuple[str, int], Output]) -> list[dict[str, Any]]:
    said: dict[tuple[str, int], Mapping[str, int]] = {}
    for entry in entries:
        if entry.kind == lines.Dose.KIND:
            for row in entry.fields["channels"]:
                said[str(entry.fields["purpose"]), int(row["channel"])] = row
    found = []
    for purpose, channel in sorted({*said, *(key for key, one in played.items() if one.charge_pc)}):
        row, one = said.get((purpose, channel), {}), played.get((purpose, channel), Output())
        found.append({
            "purpose": purpose, "channel": channel, "recorded_pulses": int(row.get("pulses", 0)),
            "unacknowledged_pulses": int(row.get("unacknowledged_pulses", 0)), "replayed_pulses": one.pulses,
            "recorded_peak_ua": int(row.get("peak_ua", 0)), "replayed_peak_ua": one.peak_ua,
            "recorded_charge_pc": int(row.get("charge_pc", 0)), "replayed_charge_pc": one.charge_pc,
        })  # fmt: skip
    return found


def _differences(rows: Sequence[Mapping[str, Any]], why: str) -> Iterator[Difference]:
    for row in rows:
        key = (str(row["purpose"]), int(row["channel"]))
        recorded, replayed = row["recorded_pulses"], row["replayed_pulses"]
        if not recorded - PULSES_OPEN <= replayed <= recorded + row["unacknowledged_pulses"] + PULSES_OPEN:
            yield Difference(*key, "pulses", recorded, replayed, why)
        if row["recorded_peak_ua"] != row["replayed_peak_ua"]:
            yield Difference(*key, "peak", row["recorded_peak_ua"], row["replayed_peak_ua"], why)


def _why(entries: Sequence[Entry]) -> str:
    """What the record itself says that a whole device does not do."""
    said = dict.fromkeys(str(e.fields.get("cause") or e.kind) for e in entries if e.kind in _GIVEN_UP)
    unanswered = sum(entry.kind == lines.Unanswered.KIND for entry in entries)
    causes = [*said, *([f"{unanswered} commands unanswered"] if unanswered else [])]
    return ", ".join(causes)
