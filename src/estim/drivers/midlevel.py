"""The driver of both ScienceMode3/4 stimulators in mid level; what differs between them is data. Sans-IO.

```
connect   Ml_stop, version, id, status; a level that is still open is left, until the status says idle → Identified
prepare   Ml_init                                                               → Prepared
submit    SetOutput → Ml_update with exactly the channels that carry current    → Acknowledged
          OutputOff → Ml_stop (Ll_stop after result 7), then Get_stim_status    → Acknowledged, DeviceStatus
status    Ml_get_current_data, the keep-alive; Get_stim_status if no level open → DeviceStatus
```
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Literal

from estim.drivers import sciencemode34 as sm
from estim.drivers.base import LEAD, QUESTION_RETRIES, BaseDriver, Got
from estim.drivers.exchange import Call
from estim.drivers.framing import ScienceMode34Framer, WireFrame, encode34
from estim.safety.commands import SetOutput
from estim.safety.profile import DeviceProfile
from estim.safety.reports import (
    Battery,
    ChannelFault,
    DeviceFault,
    DeviceStatus,
    DriverReport,
    Identified,
    Noise,
    Prepared,
)
from estim.safety.units import Micros

CONNECT_US = 3_000_000
LEAVE_MAX = 20  # stops sent while connecting, before a device that stays open is given up
BATTERY_EVERY_US = 60_000_000

_FAULTS: Mapping[int, tuple[Literal["electrode", "pulse-timeout", "low-current"], str]] = {
    1: ("electrode", "a pad or its cable is off, or the skin contact is too poor"),
    2: ("pulse-timeout", "its pulses did not fit into their period"),
    3: ("low-current", "less current flowed than was asked for"),
}
_KIND_OF_RESULT = {10: 1, 16: 2, 28: 3}


@dataclass(frozen=True, slots=True, kw_only=True)
class Dialect:
    """What differs between the two devices.

    Attributes:
        version_command: Get_extended_version or Get_version_main.
        major: ScienceMode version that the device must say it speaks.
        init_data: of Ml_init; the P24 is told to stop all channels on any error.
        selection: of Ml_get_current_data.
        quarter_ms: periods on the 0.25 ms grid can be coded.
    """

    version_command: int
    major: int
    init_data: bytes
    selection: int
    quarter_ms: bool


class MidLevelDriver(BaseDriver):
    """P24 and RehaMove3; see `p24.py` and `rehamove3.py`."""

    def __init__(self, profile: DeviceProfile, dialect: Dialect) -> None:
        super().__init__(profile, ScienceMode34Framer(), packets=64, connect_us=CONNECT_US)
        self._dialect = dialect
        self._device_id = ""
        self._version: sm.Version | None = None
        self._leaves = 0
        self._known_faults: dict[int, int] = {}
        self._off_command = sm.ML_STOP
        self._battery_due_us = 0
        self._handlers: Mapping[str, Callable[[Got], None]] = {
            "leave": self._got_left,
            "version": self._got_version,
            "id": self._got_id,
            "connect-status": self._got_connect_status,
            "prepare": self._got_prepared,
            "update": self._got_update,
            "off": self._got_off,
            "off-status": self._got_off_status,
            "data": self._got_data,
            "status": self._got_status,
            "battery": self._got_battery,
        }

    # -- what is asked of it ----------------------------------------------------------------------------------------

    def _begin(self, now_us: int) -> None:
        self._device_id, self._version, self._leaves = "", None, 0
        self._battery_due_us = now_us
        self._exchange.put(Call("leave", sm.ML_STOP, retries=QUESTION_RETRIES))
        self._ask("version", self._dialect.version_command)
        self._ask("id", sm.GET_DEVICE_ID)
        self._ask("connect-status", sm.GET_STATUS)

    def _ask(self, kind: str, command: int, data: bytes = b"") -> None:
        self._exchange.put(Call(kind, command, data, retries=QUESTION_RETRIES))

    def _prepare(
        self,
        channels: tuple[int, ...],  # noqa: ARG002
        period_us: Micros,  # noqa: ARG002
        slow: tuple[tuple[int, Micros], ...],  # noqa: ARG002
    ) -> None:
        """Channels and period come with each SetOutput here."""
        self._known_faults = {}
        self._exchange.put(Call("prepare", sm.ML_INIT, self._dialect.init_data))

    def request_status(self, now_us: int) -> None:
        """Ask what pulses; only an open level answers that, so where none is open the status is asked for next.

        While an off is not confirmed the driver asks by itself.
        """
        if self.is_off_pending or self._exchange.is_waiting("data") or self._exchange.is_waiting("status"):
            return
        self._ask("data", sm.ML_DATA, bytes((self._dialect.selection,)))
        if "battery" in self.profile.tells and now_us >= self._battery_due_us:
            self._battery_due_us = now_us + BATTERY_EVERY_US
            self._ask("battery", sm.GET_BATTERY)

    def stop_bytes(self) -> bytes:
        """Ends a half-sent frame, then Ml_stop and Ll_stop: one of them is the right one in every state."""
        return LEAD + encode34(0, sm.ML_STOP) + encode34(1, sm.LL_STOP)

    def _output_call(self, command: SetOutput, seq: int) -> Call:
        data = sm.encode_update(command, channels=self.profile.channels, quarter_ms=self._dialect.quarter_ms)
        return Call("update", sm.ML_UPDATE, data, seq=seq, is_output=True)

    def _off_call(self) -> Call:
        return Call("off", self._off_command)

    def _question(self) -> Call:
        return Call("off-status", sm.GET_STATUS)

    def _encode(self, call: Call) -> bytes:
        return encode34(call.packet, call.command, call.data)

    # -- what it says -----------------------------------------------------------------------------------------------

    def _take(self, frame: WireFrame, now_us: int, reports: list[DriverReport]) -> None:
        if frame.command in {sm.GENERAL_ERROR, sm.UNKNOWN_COMMAND}:
            call = self._exchange.failed()  # whatever its number: the device did not understand
            if call is None:
                code = frame.data[0] if frame.data else sm.TRANSFER_ERROR
                reports.append(DeviceFault(code=code, text=f"general error: {sm.result_text(code)}"))
                return
        else:
            call = self._exchange.answered(frame.packet, frame.command, now_us)
        if call is None:
            text = f"an answer {frame.command} (packet {frame.packet}) to nothing that was asked"
            reports.append(Noise(count=1, text=text))
            return
        self._handlers[call.kind](Got(call, frame, now_us, reports))

    def _refused(self, got: Got, result: int) -> None:
        text = f"{got.call.kind}: {sm.result_text(result)}"
        got.reports.append(DeviceFault(code=result, text=text, seq=got.call.seq or None))

    def _got_left(self, got: Got) -> None:
        """A level was left while connecting, or none was open; the status that follows tells."""

    def _got_version(self, got: Got) -> None:
        version = sm.decode_version(got.frame.data)
        if version is None or got.frame.command != got.call.command + 1:
            self._lose(f"it does not tell its version ({sm.result_text(got.result)})", got.reports)
        elif version.protocol[0] != self._dialect.major:
            spoken, wanted = version.protocol[0], self._dialect.major
            self._lose(f"it speaks ScienceMode {spoken}, a {self.profile.title} speaks {wanted}", got.reports)
        else:
            self._version = version

    def _got_id(self, got: Got) -> None:
        self._device_id = got.frame.data[1:].decode("utf-8", "replace").strip("\0 ")
        if got.result or len(got.frame.data) != 11 or not self._device_id:
            self._lose(f"it does not tell its id ({sm.result_text(got.result)})", got.reports)

    def _got_connect_status(self, got: Got) -> None:
        if self._connect_until_us is None:
            return  # asked twice, and the answer to the first came late
        status = sm.decode_status(got.frame.data)
        if status is None or self._version is None or not self._device_id:
            self._lose(f"it does not tell its status ({sm.result_text(got.result)})", got.reports)
        elif status.is_idle:
            self._connect_until_us = None
            self._known_faults = {}
            got.reports.append(
                Identified(model=self.profile.model, device_id=self._device_id, firmware=str(self._version))
            )
        elif self._leaves >= LEAVE_MAX:
            self._lose(f"it is still at level {status.level} after {LEAVE_MAX} stops", got.reports)
        else:
            self._leaves += 1
            self._ask("leave", sm.LL_STOP if status.level == sm.STATUS_LOW else sm.ML_STOP)
            self._ask("connect-status", sm.GET_STATUS)

    def _got_prepared(self, got: Got) -> None:
        if got.result:
            self._refused(got, got.result)
        else:
            got.reports.append(Prepared())

    def _got_update(self, got: Got) -> None:
        if not got.result:
            got.acknowledge(got.call.seq)
        elif got.result in _KIND_OF_RESULT:  # stop-all: the device may answer an update with the error that it met
            self._ask("data", sm.ML_DATA, bytes((self._dialect.selection,)))
        else:
            self._refused(got, got.result)

    def _got_off(self, got: Got) -> None:
        if got.result == sm.NOT_INITIALISED:  # the other level is open
            self._off_command = sm.LL_STOP if got.call.command == sm.ML_STOP else sm.ML_STOP
            if not got.call.late:
                self._send_for_off(self._off_call())
        elif not got.result:
            self._off_command = sm.ML_STOP
            self._stop_acknowledged(got)

    def _got_off_status(self, got: Got) -> None:
        status = sm.decode_status(got.frame.data)
        if status is not None:
            on = status.level == sm.STATUS_RUNNING
            self._status_after_off(got, DeviceStatus(output_on=on, level_open=not status.is_idle))

    def _got_data(self, got: Got) -> None:
        if got.result == sm.NOT_INITIALISED:  # none open, or low level: the status tells which
            self._ask("status", sm.GET_STATUS)
            return
        current = sm.decode_current_data(got.frame.data, self._dialect.selection)
        if current is None:
            self._refused(got, got.result or sm.TRANSFER_ERROR)
            return
        self._note_faults(current.errors, got.reports)
        if current.result in _KIND_OF_RESULT:
            if not current.errors:
                self._note_faults({0: _KIND_OF_RESULT[current.result]}, got.reports)
        elif current.result:
            self._refused(got, current.result)
            return
        got.reports.append(DeviceStatus(output_on=current.running, level_open=True, active_channels=current.active))

    def _note_faults(self, errors: dict[int, int], reports: list[DriverReport]) -> None:
        for channel, code in errors.items():
            if self._known_faults.get(channel) != code:
                kind, text = _FAULTS.get(code, ("electrode", f"the device reports an unknown error {code}"))
                reports.append(ChannelFault(channel=channel or None, kind=kind, text=f"{self._name(channel)}: {text}"))
        self._known_faults = errors

    def _name(self, channel: int) -> str:
        if not channel:
            return "a channel that the device does not name"
        return f"channel {channel} ({self.profile.leads[channel - 1].name} cable)"

    def _got_status(self, got: Got) -> None:
        status = sm.decode_status(got.frame.data)
        if status is None:
            self._refused(got, got.result or sm.TRANSFER_ERROR)
        else:
            on = status.level == sm.STATUS_RUNNING
            got.reports.append(DeviceStatus(output_on=on, level_open=not status.is_idle))

    def _got_battery(self, got: Got) -> None:
        data = got.frame.data
        if not got.result and len(data) == 4:
            got.reports.append(Battery(percent=data[1], millivolt=data[2] << 8 | data[3]))
