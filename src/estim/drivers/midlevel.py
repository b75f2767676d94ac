"""The driver of both ScienceMode3/4 stimulators in mid level; what differs between them is data. Sans-IO.

```
connect   version, id, status; a level that is open is left first, until the device's own status says idle
prepare   Ml_init (stop on all errors)                                   → Prepared
submit    SetOutput → Ml_update with exactly the channels that carry current
          OutputOff → Ml_stop, again every 30 ms until acknowledged, then Get_stim_status until idle
status    Ml_get_current_data (the keep-alive) and Get_stim_status       → DeviceStatus
```
"""

from __future__ import annotations

from dataclasses import dataclass

from estim.drivers import sciencemode34 as sm
from estim.drivers.exchange import Call, Exchange
from estim.drivers.framing import BadFrame, ScienceMode34Framer, WireFrame, encode34
from estim.safety.commands import OutputOff, SetOutput
from estim.safety.interlock import Admitted
from estim.safety.profile import DeviceProfile
from estim.safety.reports import (
    Acknowledged,
    ChannelFault,
    DeviceFault,
    DeviceLost,
    DeviceStatus,
    DriverReport,
    Identified,
    Noise,
    Prepared,
    Superseded,
)
from estim.safety.units import Micros

ANSWER_US = 250_000  # init and stop take about 40 ms (wire document 2.4); the turn's own limit
OFF_REPEAT_US = 30_000  # decisions on take-over (e)
CONNECT_US = 3_000_000
NOT_INITIALISED = 7
P24_SELECTION = 4
NOISE_MAX = 8  # bad frames in a row after which the device is not believed any more
STOP_ON_ALL_ERRORS = b"\x01"

_FAULT_KINDS = {1: "electrode", 2: "pulse-timeout", 3: "low-current"}


@dataclass(frozen=True, slots=True)
class _Got:
    """An answer: the call it belongs to, its result and frame, when it came, and where its meaning goes."""

    call: Call
    result: int
    frame: WireFrame
    now_us: int
    reports: list[DriverReport]


class MidLevelDriver:
    """P24 and RehaMove3; see `p24.py` and `rehamove3.py`."""

    def __init__(self, profile: DeviceProfile, *, version_command: int, major: int, selection: int) -> None:
        self.profile = profile
        self._version_command = version_command
        self._major = major
        self._selection = selection  # of Ml_get_current_data: 4 on P24, 2 on RehaMove3
        self._framer = ScienceMode34Framer()
        self._exchange = Exchange(answer_us=ANSWER_US, packets=64)
        self._seq = 0
        self._off_seq = 0  # an OutputOff that is not confirmed yet
        self._off_acknowledged = False
        self._off_due_us = 0
        self._connect_until_us: int | None = None
        self._firmware = ""
        self._device_id = ""
        self._version = ""
        self._bad = 0
        self._known_faults: dict[int, int] = {}
        self._reports: list[DriverReport] = []  # made by a submit, given with the next answer or tick

    # -- what is asked of it ----------------------------------------------------------------------------------------

    def connect(self, now_us: int) -> None:
        """Ask who the device is, and make it idle."""
        self._connect_until_us = now_us + CONNECT_US
        self._exchange.waiting.clear()
        self._exchange.flying = None
        self._off_seq = 0
        self._exchange.put(Call("version", self._version_command))
        self._exchange.put(Call("id", sm.GET_DEVICE_ID))
        self._exchange.put(Call("connect-status", sm.GET_STATUS))

    def prepare(self, channels: tuple[int, ...], period_us: Micros, now_us: int) -> None:  # noqa: ARG002
        """Open mid level; any error of a channel stops all channels."""
        self._known_faults = {}
        self._exchange.put(Call("prepare", sm.ML_INIT, STOP_ON_ALL_ERRORS))

    def submit(self, admitted: Admitted, now_us: int) -> int:
        """Queue an admitted command; gives its number."""
        command = admitted.consume(now_us)
        self._seq += 1
        if isinstance(command, OutputOff):
            self._off_seq = self._seq
            self._off_acknowledged = False
            self._off_due_us = now_us + OFF_REPEAT_US
            dropped = self._exchange.interrupt(Call("off", sm.ML_STOP, seq=self._seq))
            self._reports += [Superseded(seq=seq) for seq in dropped]
            return self._seq
        replaced = self._exchange.replace_update(self._update(command))
        if replaced:
            self._reports.append(Superseded(seq=replaced))
        return self._seq

    def _update(self, command: SetOutput) -> Call:
        return Call("update", sm.ML_UPDATE, sm.encode_update(command, quarter_ms=self._major == 4), seq=self._seq)

    def request_status(self, now_us: int) -> None:  # noqa: ARG002
        """Ask what pulses; only an open level answers that, so where none is open the status is asked for next.
        While an off is not confirmed the driver asks by itself.
        """
        if self._off_seq or any(call.kind == "data" for call in self._exchange.waiting):
            return
        self._exchange.put(Call("data", sm.ML_DATA, bytes((self._selection,))))

    def stop_bytes(self) -> bytes:
        """Ends a half-sent frame, then Ml_stop and Ll_stop: one of them is the right one in every state."""
        return b"\x0f" + encode34(0, sm.ML_STOP) + encode34(1, sm.LL_STOP)

    # -- bytes out --------------------------------------------------------------------------------------------------

    def data_to_send(self, now_us: int) -> bytes:
        """The next frame, unless an answer is awaited; an off is always first and waits for none."""
        call = self._exchange.next_out(now_us)
        return encode34(call.packet, call.command, call.data) if call is not None else b""

    def next_deadline_us(self) -> int | None:
        """The next time-out."""
        due = [at for at in (self._exchange.deadline_us(), self._connect_until_us) if at is not None]
        if self._off_seq:
            due.append(self._off_due_us)
        return min(due, default=None)

    def tick(self, now_us: int) -> tuple[DriverReport, ...]:
        """Time-outs: an off is repeated for ever, anything else unanswered means that the device is lost."""
        if self._off_seq and now_us >= self._off_due_us:
            self._off_due_us = now_us + OFF_REPEAT_US
            flying = self._exchange.flying
            if flying is None or now_us - flying.sent_us >= OFF_REPEAT_US:
                kind, command = ("off-status", sm.GET_STATUS) if self._off_acknowledged else ("off", sm.ML_STOP)
                self._off_acknowledged = False  # stop and question by turns, until the device says idle
                self._exchange.interrupt(Call(kind, command, seq=self._off_seq if kind == "off" else 0))
            return ()
        overdue = self._exchange.overdue(now_us)
        if overdue is not None and not self._off_seq:
            self._exchange.waiting.clear()
            self._connect_until_us = None
            return (DeviceLost(reason=f"no answer to {overdue.kind} within {ANSWER_US // 1000} ms"),)
        if self._connect_until_us is not None and now_us >= self._connect_until_us:
            self._connect_until_us = None
            return (DeviceLost(reason="it did not become idle"),)
        return ()

    # -- bytes in ---------------------------------------------------------------------------------------------------

    def receive_data(self, data: bytes, now_us: int) -> tuple[DriverReport, ...]:
        """What the bytes mean."""
        reports, self._reports = self._reports, []
        for frame in self._framer.feed(data):
            if isinstance(frame, BadFrame):
                self._bad += 1
                reports.append(Noise(count=1, text=frame.reason))
                if self._bad == NOISE_MAX:
                    reports.append(DeviceLost(reason=f"{NOISE_MAX} unreadable frames in a row"))
            else:
                self._bad = 0
                self._answer(frame, now_us, reports)
        return tuple(reports)

    def _answer(self, frame: WireFrame, now_us: int, reports: list[DriverReport]) -> None:
        if frame.command in {sm.GENERAL_ERROR, sm.UNKNOWN_COMMAND} and self._exchange.flying is not None:
            call: Call | None = self._exchange.flying
            self._exchange.flying = None
        else:
            call = self._exchange.answered(frame.packet, frame.command)
        if call is None:
            reports.append(Noise(count=1, text=f"an answer {frame.command} to nothing that was asked"))
            return
        result = frame.data[0] if frame.data else 1
        handler = {
            "version": self._got_version,
            "id": self._got_id,
            "connect-status": self._got_connect_status,
            "leave": self._got_left,
            "prepare": self._got_prepared,
            "update": self._got_update,
            "off": self._got_off,
            "off-status": self._got_off_status,
            "data": self._got_data,
            "status": self._got_status,
        }[call.kind]
        handler(_Got(call, result, frame, now_us, reports))

    def _refused(self, call: Call, result: int, reports: list[DriverReport]) -> None:
        reports.append(DeviceFault(code=result, text=f"{call.kind}: {sm.result_text(result)}", seq=call.seq or None))

    def _got_version(self, got: _Got) -> None:
        data = got.frame.data
        if got.result or len(data) < 7 or got.frame.command != self._version_command + 1:
            self._give_up(f"it does not tell its version ({sm.result_text(got.result)})", got.reports)
        elif data[4] != self._major:
            self._give_up(
                f"it speaks ScienceMode {data[4]}, the {self.profile.title} speaks {self._major}", got.reports
            )
        else:
            self._version = f"{data[1]}.{data[2]}.{data[3]} (ScienceMode {data[4]}.{data[5]}.{data[6]})"

    def _give_up(self, reason: str, reports: list[DriverReport]) -> None:
        self._exchange.waiting.clear()
        self._connect_until_us = None
        reports.append(DeviceLost(reason=reason))

    def _got_id(self, got: _Got) -> None:
        if got.result or len(got.frame.data) != 11:
            self._give_up("it does not tell its id", got.reports)
        else:
            self._device_id = got.frame.data[1:].decode("utf-8", "replace").strip("\0 ")

    def _got_connect_status(self, got: _Got) -> None:
        if got.result or len(got.frame.data) != 3:
            self._give_up("it does not tell its status", got.reports)
            return
        level = got.frame.data[1]
        if level == sm.STATUS_NONE:
            self._connect_until_us = None
            got.reports.append(Identified(model=self.profile.model, device_id=self._device_id, firmware=self._version))
            return
        self._exchange.put(Call("leave", sm.LL_STOP if level == sm.STATUS_LOW else sm.ML_STOP))
        self._exchange.put(Call("connect-status", sm.GET_STATUS))

    def _got_left(self, got: _Got) -> None:
        """A level was left while connecting; the status that follows tells whether it helped."""

    def _got_prepared(self, got: _Got) -> None:
        if got.result:
            self._refused(got.call, got.result, got.reports)
        else:
            got.reports.append(Prepared())

    def _got_update(self, got: _Got) -> None:
        if got.result:
            self._refused(got.call, got.result, got.reports)
        else:
            got.reports.append(Acknowledged(seq=got.call.seq, round_trip_us=Micros(got.now_us - got.call.sent_us)))

    def _got_off(self, got: _Got) -> None:
        if got.result == NOT_INITIALISED:
            self._exchange.interrupt(Call("off", sm.LL_STOP, seq=got.call.seq))
            return
        if got.result:
            return  # repeated by `tick`
        self._off_acknowledged = True
        if got.call.seq == self._off_seq:
            got.reports.append(Acknowledged(seq=got.call.seq, round_trip_us=Micros(got.now_us - got.call.sent_us)))
        self._exchange.interrupt(Call("off-status", sm.GET_STATUS))

    def _got_off_status(self, got: _Got) -> None:
        if got.result or len(got.frame.data) != 3:
            return  # asked again by `tick`
        if got.frame.data[1] == sm.STATUS_NONE:
            self._off_seq = 0
            got.reports.append(DeviceStatus(output_on=False, level_open=False, active_channels=()))

    def _got_data(self, got: _Got) -> None:
        if got.result == NOT_INITIALISED:  # none open, or low level: the status tells which
            self._exchange.put(Call("status", sm.GET_STATUS))
            return
        active: tuple[int, ...] | None = None
        if self._selection == P24_SELECTION:
            current = sm.decode_current_data(got.frame.data)
            if current is None:
                self._refused(got.call, got.result or 1, got.reports)
                return
            active = current.active
            self._note_faults(current.errors, got.reports)
            if got.result and not current.errors:
                self._refused(got.call, got.result, got.reports)
                return
            running = bool(active)
        elif got.result or len(got.frame.data) != 3:
            self._refused(got.call, got.result or 1, got.reports)
            return
        else:
            bits = got.frame.data[2]
            self._note_faults({bit + 1: 1 for bit in range(4) if bits >> bit & 1}, got.reports)
            running = bool(bits & 0x10)
        got.reports.append(DeviceStatus(output_on=running, level_open=True, active_channels=active))

    def _note_faults(self, errors: dict[int, int], reports: list[DriverReport]) -> None:
        for channel, nibble in errors.items():
            if self._known_faults.get(channel) != nibble:
                kind = _FAULT_KINDS.get(nibble, "electrode")
                text = {
                    "electrode": f"channel {channel}: a pad or cable is off",
                    "pulse-timeout": f"channel {channel}: its pulses did not fit their period",
                    "low-current": f"channel {channel}: less current flowed than was asked for",
                }[kind]
                reports.append(ChannelFault(channel=channel, kind=kind, text=text))  # type: ignore[arg-type]
        self._known_faults = dict(errors)

    def _got_status(self, got: _Got) -> None:
        if got.result or len(got.frame.data) != 3:
            self._refused(got.call, got.result or 1, got.reports)
            return
        level = got.frame.data[1]
        got.reports.append(DeviceStatus(output_on=level == sm.STATUS_RUNNING, level_open=level != sm.STATUS_NONE))
