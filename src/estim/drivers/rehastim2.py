"""RehaStim2 (ScienceMode2): its driver in channel list mode; its facts are in `rehastim2_profile.py`. Sans-IO.

```
connect   StopChannelListMode; then silence until the device's Init, InitAck, mode asked → Identified
prepare   InitChannelListMode for these channels at this common period                   → Prepared
submit    SetOutput → StartChannelListMode with every initialised channel; other channels or another rate: stop, init
          and start; without any current: stop and init, so that the device's own mode says what flows → Acknowledged
          OutputOff → StopChannelListMode, then GetStimulationMode until 0               → Acknowledged, DeviceStatus
status    GetStimulationMode, which feeds the watchdog as every frame does               → DeviceStatus
```
A program that used the device before leaves it connected, with no word of its version: so after the stop the driver is
silent until the device's watchdog (1.2 s) sends Init. An Init in mid-session means that its watchdog, or a restart, has
ended the output.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping

from estim.drivers import sciencemode2 as sm
from estim.drivers.base import LEAD, QUESTION_RETRIES, BaseDriver, Got, Off
from estim.drivers.exchange import Call
from estim.drivers.framing import ScienceMode2Framer, WireFrame, encode2
from estim.drivers.rehastim2_profile import PROFILE
from estim.safety.commands import SetOutput
from estim.safety.errors import InterlockTripped
from estim.safety.reports import (
    ChannelFault,
    DeviceFault,
    DeviceLost,
    DeviceStatus,
    DriverReport,
    Identified,
    Noise,
    Prepared,
)
from estim.safety.units import Micros

CONNECT_US = 4_500_000  # a watchdog widened to 2 s for other clients, Init 0.5 s later, one Init lost, answers
PARAMETER_ERROR = -2
# A stop that is not confirmed within the profile's `unobeyed_stop_us` will not be; but silence ends the output: the
# watchdog, 1.2 s, or 2 s where it was widened.
OFF_SILENCE_US = 2_300_000
LEAVE_MAX = 5  # stops sent while connecting
SILENT_US = 500_000  # while nothing is open the driver itself keeps the connection


class RehaStim2Driver(BaseDriver):
    """The RehaStim2 in channel list mode."""

    def __init__(self) -> None:
        super().__init__(PROFILE, ScienceMode2Framer(), packets=256, connect_us=CONNECT_US)
        self._connected = False
        self._open = False  # channel list mode may be open: then only the session's own frames feed the watchdog
        self._list = sm.ChannelList()  # of the last InitChannelListMode that is under way or done
        self._sent_us = 0
        self._free_us = 0  # from when on the next StartChannelListMode may go out
        self._version = 0
        self._leaves = 0
        self._handlers: Mapping[str, Callable[[Got], None]] = {
            "connect-stop": self._got_nothing,
            "connect-status": self._got_connect_mode,
            "leave": self._got_left,
            "init": self._got_left,
            "prepare": self._got_prepared,
            "update": self._got_update,
            "zero": self._got_update,
            "off": self._got_off,
            "off-status": self._got_off_mode,
            "status": self._got_mode,
        }

    # -- what is asked of it ----------------------------------------------------------------------------------------

    def _begin(self, now_us: int) -> None:  # noqa: ARG002
        self._connected, self._open = False, False
        self._list, self._leaves = sm.ChannelList(), 0
        # Unconnected, the device does not answer this; connected to a former program, it stops.
        self._exchange.put(Call("connect-stop", sm.LIST_STOP, has_answer=False))

    def _prepare(self, channels: tuple[int, ...], period_us: Micros, slow: tuple[tuple[int, Micros], ...]) -> None:
        try:
            wanted = sm.ChannelList(tuple(sorted(set(channels))), period_us).slowed(dict(slow))
            init = Call("prepare", sm.LIST_INIT, sm.encode_list_init(wanted))
        except InterlockTripped as error:
            self._reports.append(DeviceFault(code=PARAMETER_ERROR, text=f"prepare: {error}"))
            return
        self._list = wanted
        self._open = True
        self._exchange.put(Call("leave", sm.LIST_STOP, then=(init,)))

    def request_status(self, now_us: int) -> None:  # noqa: ARG002
        """Ask for the stimulation mode; it feeds the watchdog. While an off is not confirmed the driver asks by
        itself, and while it is not connected it must be silent.
        """
        if self._connected and not self.is_off_pending and not self._exchange.is_waiting("status"):
            # No held update delays it.
            self._exchange.put_question(Call("status", sm.GET_MODE, retries=QUESTION_RETRIES))

    def stop_bytes(self) -> bytes:
        """Ends a half-sent frame, then StopChannelListMode: a connected device takes it in every mode."""
        return LEAD + encode2(0, sm.LIST_STOP)

    def _output_call(self, command: SetOutput, seq: int) -> Call:
        if not self._list.channels:
            raise InterlockTripped("command", "channel list mode was not prepared")
        wanted = self._list.including(command)
        data = sm.encode_list_start(command, wanted)
        if wanted == self._list and not command.is_zero:
            return Call("update", sm.LIST_START, data, seq=seq, is_output=True)
        init_data = sm.encode_list_init(wanted)
        if command.is_zero:
            again = (Call("zero", sm.LIST_INIT, init_data, seq=seq),)
        else:
            start = Call("update", sm.LIST_START, data, seq=seq, is_output=True)
            again = (Call("init", sm.LIST_INIT, init_data, seq=seq, then=(start,)),)
        return Call("leave", sm.LIST_STOP, seq=seq, is_output=True, then=again)

    def _off_call(self) -> Call:
        return Call("off", sm.LIST_STOP)

    def _question(self) -> Call:
        return Call("off-status", sm.GET_MODE)

    def _encode(self, call: Call) -> bytes:
        self._sent_us = call.sent_us
        if call.command == sm.LIST_START:
            self._free_us = call.sent_us + self._list.period_us
        elif call.then and call.then[0].command == sm.LIST_INIT:  # from here on this is what updates are made for
            self._list = sm.decode_list_init(call.then[0].data)
            self._free_us = call.sent_us
        return encode2(call.packet, call.command, call.data)

    def _repeat_off(self, off: Off, now_us: int) -> None:
        """Every frame feeds the watchdog, also a stop that is not obeyed: so between tries there is silence."""
        if now_us - off.since_us < self.profile.unobeyed_stop_us:
            super()._repeat_off(off, now_us)
            return
        self._exchange.clear()
        off.stopped = False
        off.since_us = off.due_us = now_us + OFF_SILENCE_US

    # -- time -------------------------------------------------------------------------------------------------------

    def _keeps_alive(self) -> bool:
        """Connected with nothing open: no output can hang on this frame, so the driver may send it by itself."""
        return self._connected and not self._open and not self.is_off_pending

    def _held_until_us(self) -> int | None:
        """Updates closer together than one period may be lost by the device (wire document 3.6), so the next waits."""
        return self._free_us if self._exchange.next_kind == "update" else None

    def data_to_send(self, now_us: int) -> bytes:
        """The next frame; an update not before one period has passed since the last one."""
        held_us = self._held_until_us()
        return b"" if held_us is not None and now_us < held_us else super().data_to_send(now_us)

    def next_deadline_us(self) -> int | None:
        """The next time-out, the next Watchdog, or the time of an update that is held."""
        due_us = super().next_deadline_us()
        held_us = self._held_until_us() if self._exchange.flying is None else None
        if held_us is not None:
            due_us = held_us if due_us is None else min(due_us, held_us)
        if not self._keeps_alive():
            return due_us
        alive_us = self._sent_us + SILENT_US
        return alive_us if due_us is None else min(due_us, alive_us)

    def tick(self, now_us: int) -> tuple[DriverReport, ...]:
        """Time-outs, and the Watchdog frame while nothing is open."""
        reports = super().tick(now_us)
        if self._keeps_alive() and now_us - self._sent_us >= SILENT_US:
            self._sent_us = now_us
            self._exchange.put(Call("watchdog", sm.WATCHDOG, has_answer=False))
        return reports

    def _lose(self, reason: str, reports: list[DriverReport], *, output_ended: bool = False) -> None:
        self._connected = self._open = False
        super()._lose(reason, reports, output_ended=output_ended)

    # -- what it says -----------------------------------------------------------------------------------------------

    def _take(self, frame: WireFrame, now_us: int, reports: list[DriverReport]) -> None:
        if frame.command == sm.INIT:
            self._got_init(frame, now_us, reports)
            return
        if frame.command == sm.STIMULATION_ERROR:
            self._got_error(sm.signed(frame.data[0]) if frame.data else sm.ERROR_MODULE, reports)
            return
        unknown = frame.command == sm.UNKNOWN_COMMAND
        call = self._exchange.failed() if unknown else self._exchange.answered(frame.packet, frame.command, now_us)
        if call is None:
            if self._connect_until_us is None or frame.command != sm.LIST_STOP + 1:
                text = f"an answer {frame.command} (packet {frame.packet}) to nothing that was asked"
                reports.append(Noise(count=1, text=text))
            return
        got = Got(call, frame, now_us, reports)
        if unknown:
            self._refused(got, "the device does not know this command")
        else:
            self._handlers[call.kind](got)

    def _refused(self, got: Got, text: str = "") -> None:
        code = got.result if not text else sm.UNKNOWN_COMMAND
        text = f"{got.call.kind}: {text or sm.result_text(got.result)}"
        got.reports.append(DeviceFault(code=code, text=text, seq=got.call.seq or None))

    def _got_init(self, frame: WireFrame, now_us: int, reports: list[DriverReport]) -> None:
        if self._off is not None:  # it is unconnected, so its output has ended
            self._off_confirmed(now_us)
            reports.append(DeviceStatus(output_on=False, level_open=False))
        if self._connect_until_us is None:
            self._reset(reports)
            return
        self._version = frame.data[0] if frame.data else 0
        accepted = self._version == sm.PROTOCOL_VERSION
        answer = sm.ACCEPTED if accepted else sm.INCOMPATIBLE
        self._exchange.clear()
        self._exchange.put(Call("init-ack", sm.INIT_ACK, answer, has_answer=False, packet=frame.packet))
        if accepted:
            self._exchange.put(Call("connect-status", sm.GET_MODE, retries=QUESTION_RETRIES))
        else:
            self._connect_until_us = None
            reason = f"it speaks ScienceMode2 protocol version {self._version}, {sm.PROTOCOL_VERSION} is understood"
            reports.append(DeviceLost(reason=reason))

    def _reset(self, reports: list[DriverReport]) -> None:
        """Init although nobody is connecting: the device is unconnected, so its output has ended."""
        if self._connected:
            reason = "it sent Init: its watchdog expired or it was restarted, so its output has ended"
            self._lose(reason, reports, output_ended=True)

    def _got_error(self, code: int, reports: list[DriverReport]) -> None:
        """The device stopped by itself; its mode says so to the next question."""
        text = sm.ERRORS.get(code, f"stimulation error {code}, which the wire document does not know")
        if code == sm.ERROR_ELECTRODE:
            reports.append(ChannelFault(channel=None, kind="electrode", text=text))
        else:
            reports.append(DeviceFault(code=code, text=text))

    def _got_nothing(self, got: Got) -> None:
        """What follows tells whether it helped."""

    def _got_connect_mode(self, got: Got) -> None:
        if self._connect_until_us is None:
            return  # asked twice, and the answer to the first came late
        mode = _mode(got)
        if mode is None:
            self._lose(f"it does not tell its mode ({sm.result_text(got.result)})", got.reports)
        elif mode == sm.MODE_START:
            self._connect_until_us = None
            self._connected = True
            firmware = f"ScienceMode2 protocol version {self._version}"
            got.reports.append(Identified(model=self.profile.model, device_id="", firmware=firmware))
        elif self._leaves >= LEAVE_MAX:
            self._lose(f"it is still in mode {mode} after {LEAVE_MAX} stops", got.reports)
        else:
            self._leaves += 1
            self._exchange.put(Call("connect-stop", sm.LIST_STOP, retries=QUESTION_RETRIES))
            self._exchange.put(Call("connect-status", sm.GET_MODE, retries=QUESTION_RETRIES))

    def _got_left(self, got: Got) -> None:
        if got.result:
            self._refused(got)
        elif not got.call.late:
            for call in reversed(got.call.then):
                self._exchange.put_first(call)

    def _got_prepared(self, got: Got) -> None:
        if got.result:
            self._refused(got)
        else:
            got.reports.append(Prepared())

    def _got_update(self, got: Got) -> None:
        if got.result:
            self._refused(got)
        else:
            got.acknowledge(got.call.seq)

    def _got_off(self, got: Got) -> None:
        if not got.result:
            self._stop_acknowledged(got)

    def _got_off_mode(self, got: Got) -> None:
        mode = _mode(got)
        if mode is not None:
            self._status_after_off(got, _status(mode))

    def _off_confirmed(self, now_us: int) -> None:
        super()._off_confirmed(now_us)
        self._open = False
        self._list = sm.ChannelList()

    def _got_mode(self, got: Got) -> None:
        mode = _mode(got)
        if mode is None:
            self._refused(got)
        else:
            got.reports.append(_status(mode))


def _mode(got: Got) -> int | None:
    """The mode in GetStimulationModeAck; None if there is none that the wire document knows."""
    data = got.frame.data
    return data[1] if not got.result and len(data) == 2 and data[1] <= sm.MODE_STARTED else None


def _status(mode: int) -> DeviceStatus:
    return DeviceStatus(output_on=mode == sm.MODE_STARTED, level_open=mode != sm.MODE_START)
