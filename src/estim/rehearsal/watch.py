"""The watch over one world: every pulse at the device's side, every line of the record, what the engine claims."""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Callable, Mapping

from estim.record_lines import events as lines
from estim.record_lines import kinds
from estim.records.chain import check_signatures, read
from estim.records.keys import signed_by
from estim.records.simulated import SimulatedWriter
from estim.rehearsal import accounts
from estim.rehearsal.damaged import Damaged
from estim.rehearsal.invariants import AtTheElectrode
from estim.rehearsal.lawful import Lawful
from estim.rehearsal.plan import RehearsalPlan
from estim.rehearsal.stopping import StopWatch
from estim.safety import dose
from estim.safety.electrodes import electrode_from_cm
from estim.safety.reports import OutputState
from estim.safety.verdict import ClearedSchedule
from estim.session import events
from estim.session.effects import Reply
from estim.session.engine import SessionEngine
from estim.session.state import Phase
from firmware_sim.devices.interface import Pulse, SimulatedDevice
from firmware_sim.faults import Fault

STALE_US = 1_000_000  # a raise counts only on what was seen within the last second
RECORD_US = 2_000_001  # the record stays fresh for 2 s


class Watch:
    """All invariants of one world.

    Args:
        purpose: what the device is used for now, titration or therapy.

    Attributes:
        broken: invariant → where and how it was first broken.
        causes: how runs ended.
    """

    def __init__(
        self, plan: RehearsalPlan, faults: tuple[Fault, ...], device: SimulatedDevice, purpose: Callable[[], str]
    ) -> None:
        self.broken: dict[str, str] = {}
        self.causes: Counter[str] = Counter()
        self.pulses: list[Pulse] = []
        self.stops = StopWatch(self.broken, plan.model, faults)
        self.lawful = Lawful(self.broken, plan.model, faults)
        self.damaged = Damaged(faults) if self.lawful.written is not None else None
        sensory = frozenset(channel.channel for channel in plan.setup.channels if channel.name in plan.motor_ua)
        self._electrode = AtTheElectrode(self.broken, _areas(plan), sensory)
        self._faults = faults
        self._device = device
        self._purpose = purpose
        self._measured_pc: dict[tuple[str, int], int] = defaultdict(int)
        self._made: Counter[tuple[str, int]] = Counter()  # pulses with current
        self._phase = Phase.DISCONNECTED
        self._off_since_us: int | None = None
        self._schedule: ClearedSchedule | None = None
        self._written: list[tuple[int, dict[int, int]]] = []  # authorisations that are not yet durable
        self._failed = self._faulted = False
        self._heard = accounts.Told()
        self._shown_us: dict[int, int] = {}
        self.asked: dict[int, events.Request] = {}

    # -- what flows ---------------------------------------------------------------------------------------------------

    def see(self, pulse: Pulse) -> None:
        """One pulse left the output stage."""
        if self.damaged is not None and pulse.peak_ua and self._of_damage(pulse):
            return
        self.pulses.append(pulse)
        self._measured_pc[self._purpose(), pulse.channel] += pulse.phase1_pc
        self._made[self._purpose(), pulse.channel] += pulse.peak_ua > 0
        self._electrode.see(pulse)
        self.lawful.see(pulse)
        self.stops.see(pulse)
        off_us = self._off_since_us
        if off_us is not None and pulse.t_us > off_us and pulse.peak_ua:
            self.broken.setdefault("off", f"a pulse at {pulse.t_us / 1e6:.4f} s; OFF since {off_us / 1e6:.4f} s")

    def _of_damage(self, pulse: Pulse) -> bool:
        """No list that was written is left for it, or one goes on by itself; and damaged bytes asked for it."""
        written, damaged = self.lawful.written, self.damaged
        if written is None or damaged is None:
            return False
        return (damaged.goes_on or not written.knows(pulse)) and damaged.is_of(pulse)

    def arrives(self, piece: bytes, at_us: int, whole: bool) -> None:  # noqa: FBT001 - the wire's own callback
        """Bytes reach the device; `whole`: as they were written."""
        if self.damaged is not None:
            self.damaged.arrives(piece, at_us, whole=whole)

    def writes(self, data: bytes, now_us: int) -> None:
        """The host writes to the device."""
        if self.lawful.written is not None:
            self.lawful.written.write(data, now_us)

    def end_output(self, cause: str, at_us: int, now_us: int, *, fed_us: int | None = None) -> None:
        """Something happened at `at_us` that must end output."""
        self._device.advance(now_us)  # what fell before is judged by what held before
        self.stops.asked(cause, at_us, fed_us=fed_us)

    # -- what the session claims --------------------------------------------------------------------------------------

    def turned(self, engine: SessionEngine, record: SimulatedWriter | None, now_us: int) -> None:
        """The controller has made a turn."""
        off = engine.output is OutputState.OFF
        if off != (self._off_since_us is not None):
            self._device.advance(now_us)
            self._off_since_us = now_us if off else None
        if self._phase is Phase.RUNNING and engine.phase is not Phase.RUNNING:
            self.end_output(engine.cause or engine.phase.value, now_us, now_us)
            self.lawful.returned(found=engine.purpose == "titration" and engine.cause == "completed")
            self.causes[f"{engine.phase.value}: {engine.cause}"] += 1
        self._faulted = self._faulted or engine.phase is Phase.FAULT
        self._phase = engine.phase
        if engine.cleared is not None and engine.cleared is not self._schedule:
            self._schedule = engine.cleared
            shapes: dict[int, set[tuple[int, int, int, int]]] = defaultdict(set)
            for phase in engine.cleared.schedule.phases:
                for w in phase.windows:
                    width_us = w.shape[0][0] if w.shape else w.pulse_width_us
                    gap_us = next((us for us, share in w.shape[1:2] if not share), 0) if w.shape else w.interphase_us
                    for steady in dose.played(w):
                        shapes[w.channel].add((width_us, gap_us, steady.period_us, steady.burst_pulses))
                        burst_us = (steady.burst_pulses - 1) * steady.burst_interval_us
                        self.stops.burst_us = max(self.stops.burst_us, burst_us)
            self.lawful.cleared({channel: frozenset(known) for channel, known in shapes.items()})
        if record is not None:
            self._look_at(record, now_us)

    def shown(self, number: int, now_us: int) -> None:
        """A person saw this snapshot."""
        self._shown_us[number] = now_us

    def heard(self, reply: Reply, now_us: int, *, recording: bool) -> None:
        """A person was answered."""
        request = self.asked.pop(reply.id, None)
        if request is None or not reply.accepted:
            return
        if isinstance(request, events.Raise) and now_us - self._shown_us.get(request.snapshot_n, 0) > STALE_US:
            self.broken.setdefault("stale", f"at {now_us / 1e6:.4f} s: a raise on a screen older than 1 s was accepted")
        if recording or isinstance(request, events.Sign):
            self._heard.accepted[type(request).__name__] += 1
        if isinstance(request, events.Start | events.Resume) and self._phase is Phase.RUNNING:
            self.stops.opened()
            if self._faulted:
                self.lawful.forgotten()
            self._faulted = False

    # -- the record ---------------------------------------------------------------------------------------------------

    def opened(self) -> None:
        """A record begins."""
        self._failed = False
        self._written.clear()

    def wrote(self, number: int, kind: str, fields: Mapping[str, object], now_us: int) -> None:
        """A line was appended."""
        if kind == kinds.Authorise.KIND:
            rows = fields["channels"]
            self._written.append((number, {row["channel"]: row["peak_ua"] for row in rows}))  # type: ignore[attr-defined]
        elif kind == kinds.Lowered.KIND:
            self._device.advance(now_us)
            self.lawful.lowered(int(str(fields["channel"])), int(str(fields["level_ua"])), now_us)
        elif (
            kind == lines.Fault.KIND and fields["cause"] == "interlock"
        ):  # the engine made a command that must never be made
            self.broken.setdefault("tripped", f"at {now_us / 1e6:.4f} s: {fields['text']}")

    def _look_at(self, record: SimulatedWriter, now_us: int) -> None:
        status = record.poll(now_us)
        while self._written and self._written[0][0] <= status.durable_n:
            self._device.advance(now_us)
            self.lawful.granted(self._written.pop(0)[1], now_us)
        if status.failed is not None and not self._failed:
            self._failed = True
            self.end_output("failing record", now_us, now_us)
        pending_us = status.oldest_pending_since_us
        if pending_us is not None and now_us - pending_us >= RECORD_US:
            self.end_output("late record", pending_us + RECORD_US, now_us)

    def judge_record(self, data: bytes, public_hex: str) -> None:
        """At the end: does the record verify, and does it explain what came out?"""
        reading = read(data)
        if reading.first_bad is not None:
            self.broken.setdefault("record", reading.reason)
            return
        entries = reading.entries
        wrong, reason = check_signatures(entries, lambda _id, message, made: signed_by(public_hex, message, made))
        hidden = accounts.hidden(entries, self._faults)
        # where the disk failed before a session began there is nothing to seal, and no pulse may come
        fails = any(fault.kind in {"full-disk", "failing-fsync"} for fault in self._faults)
        begun = any(entry.kind not in {kinds.Header.KIND, lines.Checkpoint.KIND} for entry in entries)
        sealed = entries[-1].kind == lines.Seal.KIND or (fails and not begun and not self.pulses)
        doubled = self.lawful.written.believed if self.lawful.written is not None else {}
        found = {
            "record": reason if wrong is not None else "",
            "closed": "" if sealed else "the record was never sealed",
            "missing": accounts.missing(entries, self._heard),
            "off-in-record": accounts.off_and_pulsing(entries, self.pulses, self.stops.burst_us),
            "charge": accounts.unexplained(entries, self.pulses, self._faults, self.stops.burst_us),
            "booked": "" if hidden else accounts.booked_less(entries, self._made, self._measured_pc, doubled),
            "dose": accounts.dose_differs(entries, self._measured_pc, self._faults, self.pulses),
        }
        for name, text in found.items():
            if text:
                self.broken.setdefault(name, text)


def _areas(plan: RehearsalPlan) -> dict[int, int]:
    """Device channel → area of its smaller pad in mm²; a simulated pad may be the protocol's own, then 1 dm²."""
    areas: dict[int, int] = {}
    for channel in plan.setup.channels:
        pads = channel.pads_cm or ((10.0, 10.0), (10.0, 10.0))
        areas[channel.channel] = min(electrode_from_cm("pad", pad).area_mm2 for pad in pads)
    return areas
