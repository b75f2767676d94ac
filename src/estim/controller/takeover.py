"""Take-over: the controller is gone, so the front stops the device itself (docs/decisions/take-over.md).

UNCERTAIN is published before anything is done. Then, none waiting for another longer than its bound: kill (a process
that can wake must not own the port), open, stop and read back until the device says idle, and write down what was seen.
A disk that stands or a process that can't be killed delays none of the others.
"""

from __future__ import annotations

import subprocess
import threading
import time
from collections.abc import Callable
from pathlib import Path

from estim.controller.interface import Takeover
from estim.drivers.address import Address
from estim.drivers.interface import Driver
from estim.drivers.link import ByteLink
from estim.drivers.models import MODELS
from estim.platform.priority import raise_thread
from estim.platform.processes import runs_no_more
from estim.record_lines.base import Line
from estim.record_lines.events import Dose, End, Seal, TakeOver
from estim.record_lines.rows import DoseRow
from estim.record_lines.shape import UNFIT
from estim.records.chain import GENESIS, Chain, Entry
from estim.records.keys import station_signer
from estim.records.replay import replay
from estim.records.segment import digest_of, read_segment, segments
from estim.records.verify import read_record
from estim.records.writer import RecordWriter
from estim.safety.commands import OutputOff
from estim.safety.errors import LinkLost, RecordError
from estim.safety.interlock import Interlock
from estim.safety.reports import DeviceStatus
from estim.session.snapshot import Snapshot

SURE_S = 1.0  # so long a device that answers takes at most; then the screen says what to pull
BEYOND_TIMER_S = 1.0  # beyond the device's own timer: by then a port that comes free tells that it is idle
OPEN_AGAIN_S = 0.003
RECORD_S = 3.0
SLICE_S = 0.05


def awake_until(
    true: Callable[[], bool],
    wait_s: float,
    *,
    wait: Callable[[float], object],
    clock: Callable[[], float] = time.monotonic,
) -> bool:
    """Wait for something for so long of one's own waking time: a front that was stopped in the middle of it begins no
    shorter wait because of that.

    Args:
        wait: waits for a moment.
    """
    left_s = wait_s
    while not true() and left_s > 0:
        began = clock()
        wait(min(left_s, SLICE_S))
        left_s -= min(clock() - began, 2 * SLICE_S)
    return true()


class TakingOver:
    """One take-over, from the loss to the last thing that can be known.

    Args:
        silent_since: `time.monotonic()` of the last sign of life.
        open_link: opens the link to the device; its module is loaded.
        last: the last snapshot that the controller sent.
        cause: `eof` | `silent` | `stuck`.
        say: told what is known, at once and with each change; the last time with `settled`.
    """

    def __init__(
        self,
        child: subprocess.Popen[bytes],
        address: Address,
        open_link: Callable[[], ByteLink],
        home: Path,
        last: Snapshot | None,
        *,
        cause: str,
        silent_since: float,
        say: Callable[[Takeover], None],
    ) -> None:
        self._child, self._address, self._home, self._last = child, address, home, last
        self._open_link = open_link
        self._cause, self._say = cause, say
        self._silent_since = silent_since
        self._profile = MODELS[address.model].profile
        self._idle = threading.Event()
        self._over = threading.Event()

    def run(self) -> None:
        """Do it; bounded by the device's own timer and some seconds more, whatever hangs."""
        self._publish(self._unsure())
        self._child.kill()
        threading.Thread(target=self._stop_device, name="take-over", daemon=True).start()
        if not awake_until(self._idle.is_set, SURE_S, wait=self._idle.wait):
            self._publish(self._unsure())
            beyond_s = self._profile.watchdog_us / 1e6 + BEYOND_TIMER_S - SURE_S
            awake_until(self._idle.is_set, beyond_s, wait=self._idle.wait)
        self._over.set()
        seen = self._idle.is_set()
        took_ms = round((time.monotonic() - self._silent_since) * 1000)
        taken = self._known(seen=seen, took_ms=took_ms)
        self._publish(taken)
        record = threading.Thread(target=self._write_down, args=(taken, took_ms), name="take-over-record", daemon=True)
        record.start()
        awake_until(lambda: not record.is_alive(), RECORD_S, wait=record.join)
        self._say(taken)

    def _publish(self, taken: Takeover) -> None:
        self._say(Takeover(cause=taken.cause, output=taken.output, text=taken.text, settled=False))

    def _unsure(self) -> Takeover:
        return self._known(seen=False, took_ms=0)

    def _known(self, *, seen: bool, took_ms: int) -> Takeover:
        if seen:
            says = "says that it is idle" if self._profile.off_reading == "confirmed" else "has answered the stop"
            text = f"The controller was lost ({self._cause}); the device was stopped and {says} ({took_ms} ms)."
        else:
            text = (
                f"The controller was lost ({self._cause}) and the device does not confirm that it is off. "
                f"OUTPUT UNCERTAIN. Make it safe: {self._profile.safe_words}."
            )
            if self._profile.has_timer:
                text += f" Its own timer ends the output {self._profile.watchdog_us / 1e6:g} s after the last command."
        return Takeover(cause=self._cause, output="OFF" if seen else "UNCERTAIN", text=text)

    # -- the device -------------------------------------------------------------------------------------------------

    def _stop_device(self) -> None:
        """Until the device itself says idle. A fresh driver needs no state for an off: it repeats the stop and asks for
        the status by itself, and speaks of OFF only when the device says so.

        Nothing is written beside a process that may wake and go on: its death comes first, however long that takes. A
        thread of it that waits for a disk is no more than that: it was killed, and runs nothing once the disk answers.
        """
        raise_thread()
        while not runs_no_more(self._child):
            if self._over.wait(OPEN_AGAIN_S):
                return
        link: ByteLink | None = None
        driver = MODELS[self._address.model].make()
        while not self._over.is_set():
            now_us = int(time.monotonic() * 1e6)
            try:
                if link is None:
                    link = self._open_link()
                    driver = MODELS[self._address.model].make()
                    link.write(driver.stop_bytes())
                    driver.submit(Interlock(None).admit(OutputOff(reason="take-over"), now_us), now_us)
                if _says_idle(driver, link, now_us):
                    self._idle.set()
                    break
            except LinkLost:
                if link is not None:
                    link.close()
                    link = None
                time.sleep(OPEN_AGAIN_S)
            time.sleep(0.001)
        if link is not None:
            link.close()

    # -- the record -------------------------------------------------------------------------------------------------

    def _write_down(self, taken: Takeover, took_ms: int) -> None:
        """A new segment, linked to the last good line of the record that broke off."""
        last = self._last
        if last is None or not last.record_path:
            return
        folder = Path(last.record_path)
        try:
            found = segments(folder)
            entries = read_record(folder).entries
            if not found or (entries and entries[-1].kind == Seal.KIND):
                return  # it was closed in order, or is gone
            prev, t_us = (entries[-1].hash, entries[-1].t_us) if entries else (GENESIS, 0)
            before = [digest_of(read_segment(path)) for path in found]
            chain = Chain(simulated=last.simulated, first_n=len(entries), prev=prev, before=before)
            writer = RecordWriter(folder, chain, station_signer(self._home), segment=len(found))
            lost_us = max(t_us, last.now_us)
            over_us = lost_us + took_ms * 1_000
            lines: list[Line] = [
                TakeOver(
                    cause=taken.cause,
                    output=taken.output,
                    text=taken.text,
                    took_ms=took_ms,
                    last_phase=last.phase.value,
                    last_snapshot_us=last.now_us,
                )
            ]
            # The device goes on with what it had until it was stopped; where nobody knows, until its own timer.
            silent_us = over_us if taken.output == "OFF" else over_us + self._profile.watchdog_us
            dose = _dose(entries, last.purpose, silent_us)
            if dose:
                lines.append(Dose(purpose=last.purpose, basis="commands", channels=dose))
            lines.append(End(outcome=taken.outcome, output=taken.output, reason="take-over"))
            for line in lines:
                writer.append(line.KIND, line.to_fields(), lost_us if line is lines[0] else over_us)
            writer.close(over_us)
        except (OSError, RecordError):
            return  # the device is what matters; an auditor sees a record without an end


def _says_idle(driver: Driver, link: ByteLink, now_us: int) -> bool:
    """One exchange; True when the device's own status says that it is idle."""
    while data := driver.data_to_send(now_us):
        link.write(data)
    received = link.read()
    reports = [*(driver.receive_data(received, now_us) if received else ()), *driver.tick(now_us)]
    return any(
        isinstance(report, DeviceStatus) and not report.output_on and not report.level_open for report in reports
    )


def _dose(entries: tuple[Entry, ...], purpose: str, silent_us: int) -> list[DoseRow]:
    """What the acknowledged commands amount to: the controller took its own count along."""
    try:
        return replay(entries, silent_us=silent_us).dose_rows(purpose)
    except UNFIT:
        return []  # lines that nobody can read are no reason to leave the record without its end
