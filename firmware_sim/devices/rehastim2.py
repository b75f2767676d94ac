"""RehaStim2 (ScienceMode2): channel list mode in slots, handshake, watchdog, emergency switch. Sans-IO.

Modes are the values of GetStimulationMode: 0 start, 1 initialised, 2 started.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass

from firmware_sim.devices.interface import DeviceEvent, Pulse
from firmware_sim.devices.load_port import Load, ResistiveLoad
from firmware_sim.devices.options import Options
from firmware_sim.wire.sciencemode2 import Frame, Reader, build

CHANNELS = 8
SLOT_US = 1_500
GAP_US = 100
INIT_AGAIN_US = 500_000
WATCHDOG_US = 1_200_000
INTERVAL_MIN_US = 8_000
WIDTH_MAX_US, WIDTH_MIN_US, CURRENT_MAX_MA, MAIN_CODE_MAX = 500, 20, 130, 2_048
OPEN_OHM, SHORT_OHM = 10_000, 50
OK, TRANSFER, PARAMETER, WRONG_MODE, BUSY = 0, -1, -2, -3, -8
INIT, INIT_ACK, UNKNOWN, WATCHDOG, ERROR = 1, 2, 3, 4, 38
AWKWARD = frozenset({0x0F, 0x81, 0xF0})  # packet numbers that a client reading fixed offsets stumbles over


@dataclass(frozen=True, slots=True)
class _Train:
    """What one channel plays in each pass of the list."""

    mode: int  # 0 single, 1 doublet, 2 triplet
    width_us: int
    current_ma: int


@dataclass(slots=True)
class _List:
    """The channel list as InitChannelListMode set it."""

    channels: tuple[int, ...]
    low: frozenset[int]
    factor: int
    inter_us: int
    main_us: int  # as asked for, at least 8 ms; 0: each Start plays the list once


class RehaStim2:
    """A RehaStim2 made of software.

    Args:
        options: `watchdog_s=2.0` for clients that are silent for longer than the documented 1.2 s;
            `receive_buffer=maker` cuts frames as the maker's library does.
    """

    model = "rehastim2"
    channels = CHANNELS
    step_ua = 2_000
    timer_us = WATCHDOG_US
    tells_of_leads = True
    plays_each_once = False

    def __init__(self, *, seed: int = 0, options: Mapping[str, str] | None = None) -> None:  # noqa: ARG002
        self.on_pulse: Callable[[Pulse], None] = lambda _pulse: None
        given = Options(self.model, options)
        self._watchdog_us = round(given.number("watchdog_s", WATCHDOG_US / 1e6, low=0.1, high=60) * 1_000_000)
        self._reader = Reader(restarts=given.restarts())
        given.finish()
        self._out: list[bytes] = []
        self._loads: dict[int, Load] = {channel: ResistiveLoad() for channel in range(1, CHANNELS + 1)}
        self._connected = False
        self._own_packet = 0
        self._init_us = 0  # when Init goes out next
        self._heard_us = 0
        self._mode = 0
        self._list: _List | None = None
        self._trains: dict[int, _Train] = {}
        self._playing: dict[int, _Train] = {}
        self._pass_us = 0  # when the next pass of the list begins
        self._passes = 0
        self._due: list[tuple[int, int, _Train]] = []  # (time, channel, train) of the pass that is being played
        self._switch = False
        self._hung = False
        self._refuse = 0
        self._ignores: dict[str, bool] = {}

    def set_load(self, channel: int, load: Load) -> None:
        """Hang a load on a channel."""
        self._loads[channel] = load

    # -- time -------------------------------------------------------------------------------------------------------

    def advance(self, now_us: int) -> None:
        """Init frames, the watchdog, and every pulse up to `now_us`, in their order."""
        if self._connected and now_us - self._heard_us > self._watchdog_us:
            self._play(self._heard_us + self._watchdog_us)
            self._drop_out()
            self._connected = False
            self._init_us = self._heard_us + self._watchdog_us
        self._play(now_us)
        while not self._connected and not self._hung and now_us >= self._init_us:
            self._out.append(build(0, INIT, b"\x01"))  # packet 0 for each: clients read it at a fixed offset
            self._init_us += INIT_AGAIN_US

    def _drop_out(self) -> None:
        self._mode = 0
        self._list = None
        self._trains, self._playing, self._due = {}, {}, []

    def _play(self, until_us: int) -> None:
        while self._mode == 2 and self._list is not None:
            if not self._due:
                if self._pass_us > until_us or not (self._list.main_us or self._passes == 0):
                    return
                self._begin_pass(self._list)
                continue
            at_us, channel, train = self._due[0]
            if at_us > until_us:
                return
            self._due.pop(0)
            self._pulse(at_us, channel, train)

    def _begin_pass(self, listed: _List) -> None:
        """One pass: groups 0 to 2, each channel in its own slot; parameters of the last command apply from here on."""
        self._playing = dict(self._trains)
        due: list[tuple[int, int, _Train]] = []
        for slot, channel in enumerate(listed.channels):
            train = self._playing.get(channel)
            rests = channel in listed.low and self._passes % (listed.factor + 1)
            if train is None or train.current_ma == 0 or rests:
                continue
            for group in range(train.mode + 1):
                due.append((self._pass_us + group * listed.inter_us + slot * SLOT_US, channel, train))
        self._due = sorted(due, key=lambda entry: entry[0])
        self._passes += 1
        longest = max((train.mode + 1 for train in self._playing.values()), default=1)
        self._pass_us += max(listed.main_us, longest * listed.inter_us if longest > 1 else 0, 1)

    def _pulse(self, at_us: int, channel: int, train: _Train) -> None:
        load = self._loads[channel]
        if not SHORT_OHM <= load.test_ohm(at_us) <= OPEN_OHM:
            self._error(-2)
            return
        width = max(WIDTH_MIN_US, train.width_us)
        asked = train.current_ma // 2 * 2_000  # the hardware's step is 2 mA
        first = load.deliver(asked, width, GAP_US, at_us)
        second = load.deliver(asked, width, 0, at_us + width + GAP_US)
        self.on_pulse(Pulse(at_us, channel, first * width, -second * width, width, GAP_US, max(first, second)))

    def _error(self, code: int) -> None:
        self._drop_out()
        self._own_packet += 1
        while self._own_packet & 0xFF in AWKWARD:
            self._own_packet += 1
        self._out.append(build(self._own_packet & 0xFF, ERROR, bytes((code & 0xFF,))))

    def next_deadline_us(self) -> int | None:
        """The next pulse, Init frame or the watchdog."""
        due = [self._heard_us + self._watchdog_us + 1 if self._connected else self._init_us]
        if self._hung and not self._connected:
            return None  # it says nothing and plays nothing
        if self._due:
            due.append(self._due[0][0])
        elif self._mode == 2 and self._list is not None and (self._list.main_us or self._passes == 0):
            due.append(self._pass_us)
        return min(due)

    def inject(self, event: DeviceEvent, now_us: int) -> None:
        """Switch (the emergency switch is pressed, `value` 0 lets it go) | module | restart | hang | resume."""
        self.advance(now_us)
        if event.kind == "switch":
            self._switch = event.value != 0
            if self._switch:
                self._error(-1)
        elif event.kind == "module":
            self._error(-3)
        elif event.kind == "restart":
            self._drop_out()
            self._connected = False
            self._init_us = now_us
        elif event.kind in {"hang", "resume"}:
            self._hung = event.kind == "hang"
        elif event.kind in {"ignore-stop", "ignore-update"}:
            self._ignores[event.kind] = bool(event.value)
        elif event.kind == "refuse":
            self._refuse = event.value
        else:
            raise ValueError(f"a rehastim2 knows no event {event.kind!r}")

    # -- bytes ------------------------------------------------------------------------------------------------------

    def data_to_send(self) -> list[bytes]:
        """Frames, each to be written in one piece."""
        out, self._out = self._out, []
        return out

    def receive(self, data: bytes, now_us: int) -> None:
        """Take bytes from the host."""
        self.advance(now_us)
        for frame in self._reader.feed(data):
            if not self._hung:
                self._take(frame, now_us)

    def _ack(self, frame: Frame, result: int, rest: bytes = b"") -> None:
        self._out.append(build(frame.packet, frame.command + 1, bytes((result & 0xFF,)) + rest))

    def _take(self, frame: Frame, now_us: int) -> None:
        if not self._connected:
            if frame.intact and frame.command == INIT_ACK and frame.data[:1] == b"\0":
                self._connected, self._heard_us = True, now_us
            return
        handler = {10: self._get_mode, 30: self._init_list, 32: self._start, 34: self._stop, 36: self._single}.get(
            frame.command
        )
        if not frame.intact:
            if handler is not None:
                self._ack(frame, TRANSFER)
            return
        self._heard_us = now_us
        if frame.command in {WATCHDOG, INIT_ACK}:
            return
        if handler is not None and self._refuse:
            self._refuse -= 1
            self._ack(frame, BUSY)
        elif handler is None:
            self._out.append(build(frame.packet, UNKNOWN, bytes((frame.command,))))
        else:
            handler(frame, now_us)

    def _get_mode(self, frame: Frame, now_us: int) -> None:  # noqa: ARG002
        self._ack(frame, OK, bytes((self._mode,)))

    def _init_list(self, frame: Frame, now_us: int) -> None:  # noqa: ARG002
        data = frame.data
        if self._mode:
            self._ack(frame, WRONG_MODE)
            return
        main = data[4] << 8 | data[5] if len(data) == 7 else -1
        if len(data) != 7 or data[0] > 7 or not 0 <= main <= MAIN_CODE_MAX or data[6] > 1:
            self._ack(frame, PARAMETER)
            return
        channels = tuple(bit + 1 for bit in range(8) if data[1] >> bit & 1)
        inter_us = max(INTERVAL_MIN_US, data[3] * 500 + 1_500)
        main_us = max(INTERVAL_MIN_US, main * 500 + 1_000) if main else 0
        low = frozenset(bit + 1 for bit in range(8) if data[2] >> bit & 1)
        self._list = _List(channels, low, data[0], inter_us, main_us)
        self._trains, self._playing, self._due = {}, {}, []
        self._mode = 1
        self._ack(frame, OK)

    def _start(self, frame: Frame, now_us: int) -> None:
        if self._mode == 0 or self._list is None:
            self._ack(frame, WRONG_MODE)
            return
        trains = self._read_trains(frame.data, self._list.channels)
        if trains is None:
            self._ack(frame, PARAMETER)
            return
        if self._switch:
            self._ack(frame, OK)
            self._error(-1)
            return
        if self._ignores.get("ignore-update"):
            self._ack(frame, OK)
            return
        self._trains = trains
        if self._mode == 1 or not self._list.main_us:
            self._pass_us, self._passes = max(now_us, self._pass_us if self._due else now_us), 0
        self._mode = 2
        self._ack(frame, OK)
        self._play(now_us)

    @staticmethod
    def _read_trains(data: bytes, channels: tuple[int, ...]) -> dict[int, _Train] | None:
        if len(data) != 4 * len(channels):
            return None
        trains: dict[int, _Train] = {}
        for index, channel in enumerate(channels):
            mode, high, low, current = data[4 * index : 4 * index + 4]
            width = high << 8 | low
            if mode > 2 or width > WIDTH_MAX_US or current > CURRENT_MAX_MA:
                return None
            trains[channel] = _Train(mode, width, current)
        return trains

    def _stop(self, frame: Frame, now_us: int) -> None:  # noqa: ARG002
        if not self._ignores.get("ignore-stop"):
            self._drop_out()
        self._ack(frame, OK)

    def _single(self, frame: Frame, now_us: int) -> None:
        if self._mode:
            self._ack(frame, WRONG_MODE)
            return
        data = frame.data
        if len(data) != 4 or data[0] > 7 or (data[1] << 8 | data[2]) > WIDTH_MAX_US or data[3] > CURRENT_MAX_MA:
            self._ack(frame, PARAMETER)
            return
        self._ack(frame, OK)
        if self._switch:
            self._error(-1)
        elif data[3]:
            self._pulse(now_us, data[0] + 1, _Train(0, data[1] << 8 | data[2], data[3]))
