"""Take-over: the controller is gone, so the front stops the device itself (docs/decisions/take-over.md).

Kill first (a process that can wake must not own the port), open, stop, read back idle, write down what was seen; all
within one second, or the output is UNCERTAIN and the screen says which cable to pull.
"""

from __future__ import annotations

import subprocess
import time
from pathlib import Path

from estim.controller.interface import Takeover
from estim.drivers.address import Address, open_link
from estim.drivers.interface import Driver
from estim.drivers.link import ByteLink
from estim.drivers.models import MODELS
from estim.record_lines.base import Line
from estim.record_lines.events import Dose, End, Seal, TakeOver
from estim.record_lines.rows import DoseRow
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

LIMIT_S = 1.0
OPEN_AGAIN_S = 0.003


def take_over(
    child: subprocess.Popen[bytes], address: Address, home: Path, last: Snapshot | None, cause: str
) -> Takeover:
    """Stop the device in the place of a controller that is gone or silent. Gives what was seen.

    Args:
        last: the last snapshot that the controller sent, for the record's place.
        cause: `eof` | `silent`.
    """
    began = time.monotonic()
    child.kill()
    child.wait()
    seen = _stop_device(address, began)
    profile = MODELS[address.model].profile
    took_ms = round((time.monotonic() - began) * 1000)
    if seen:
        text = f"The controller was lost ({cause}); the device was stopped and says that it is idle ({took_ms} ms)."
    else:
        text = (
            f"The controller was lost ({cause}) and the device does not confirm that it is off. "
            f"Pull the {profile.cable}. Its own timer ends the output {profile.watchdog_us / 1e6:g} s after the last "
            f"command."
        )
    taken = Takeover(cause=cause, output="OFF" if seen else "UNCERTAIN", text=text)
    _write_down(home, last, taken, took_ms)
    return taken


def _stop_device(address: Address, began: float) -> bool:
    """Until the device itself says idle, or a second has passed. A fresh driver needs no state for an off: it repeats
    the stop and asks for the status by itself, and speaks of OFF only when the device says so.
    """
    link: ByteLink | None = None
    driver = MODELS[address.model].make()
    while (now := time.monotonic()) - began < LIMIT_S:
        if link is None:
            try:
                link = open_link(address)
                link.write(driver.stop_bytes())
            except LinkLost:
                if link is not None:
                    link.close()
                    link = None
                time.sleep(OPEN_AGAIN_S)
                continue
            driver = MODELS[address.model].make()
            driver.submit(Interlock(None).admit(OutputOff(reason="take-over"), _us(now)), _us(now))
        try:
            if _idle(driver, link, _us(now)):
                link.close()
                return True
        except LinkLost:
            link.close()
            link = None
        time.sleep(0.001)
    if link is not None:
        link.close()
    return False


def _us(now: float) -> int:
    return int(now * 1e6)


def _idle(driver: Driver, link: ByteLink, now_us: int) -> bool:
    """One exchange; True when the device's own status says that it is idle."""
    while data := driver.data_to_send(now_us):
        link.write(data)
    received = link.read()
    reports = [*(driver.receive_data(received, now_us) if received else ()), *driver.tick(now_us)]
    return any(
        isinstance(report, DeviceStatus) and not report.output_on and not report.level_open for report in reports
    )


def _write_down(home: Path, last: Snapshot | None, taken: Takeover, took_ms: int) -> None:
    """A new segment, linked to the last good line of the record that broke off."""
    if last is None or not last.record_path:
        return
    folder = Path(last.record_path)
    try:
        found = segments(folder)
        entries = read_record(folder).entries
        if entries and entries[-1].kind == Seal.KIND:
            return  # it was closed in order
        prev, t_us = (entries[-1].hash, entries[-1].t_us) if entries else (GENESIS, 0)
        before = [digest_of(read_segment(path)) for path in found]
        chain = Chain(simulated=last.simulated, first_n=len(entries), prev=prev, before=before)
        writer = RecordWriter(folder, chain, station_signer(home), segment=len(found))
        t_us = max(t_us, last.now_us)
        taken_over = TakeOver(
            cause=taken.cause,
            output=taken.output,
            text=taken.text,
            took_ms=took_ms,
            last_phase=last.phase.value,
            last_snapshot_us=last.now_us,
        )
        lines: list[Line] = [taken_over]
        dose = _dose(entries, last.purpose, t_us + took_ms * 1_000 if taken.output == "OFF" else None)
        if dose:
            lines.append(Dose(purpose=last.purpose, basis="commands", channels=dose))
        lines.append(End(outcome="fault", output=taken.output, reason="take-over"))
        for line in lines:
            writer.append(line.KIND, line.to_fields(), t_us)
        writer.close(t_us)
    except (OSError, RecordError):
        return  # the device is what matters; an auditor sees a record without an end


def _dose(entries: tuple[Entry, ...], purpose: str, silent_us: int | None) -> list[DoseRow]:
    """What the acknowledged commands amount to: the controller took its own count along."""
    try:
        return replay(entries, silent_us=silent_us).dose_rows(purpose)
    except (KeyError, TypeError, ValueError, AttributeError):
        return []  # lines that nobody can read are no reason to leave the record without its end
