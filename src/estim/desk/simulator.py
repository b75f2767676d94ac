"""The simulator as a process of its own, for `sim://MODEL?patient=NAME&seed=N&faults=PLAN`. Only `cli` calls this."""

from __future__ import annotations

import contextlib
import json
import os
from pathlib import Path
from urllib.parse import parse_qs, urlsplit

from estim.drivers.address import Address
from estim.drivers.models import MODELS
from estim.platform.files import open_private, private_folder
from estim.platform.processes import start_module, wait_until_gone
from estim.safety.errors import LinkLost, UsageError

END_S = 1.0
_QUERY = {"patient": "--patient", "seed": "--seed", "faults": "--faults", "pulses": "--pulses"}


class Simulator:
    """A running simulator; ends by itself 3 s after its parent is gone.

    Raises:
        UsageError: not a `sim://` address, or an unknown model.
        LinkLost: it does not start.
    """

    def __init__(self, url: str, *, logs: Path) -> None:
        try:
            parts = urlsplit(url)
        except ValueError as error:
            raise UsageError(f"device {url!r}: {error}") from None
        model = parts.netloc
        if parts.scheme != "sim" or model not in MODELS:
            raise UsageError(f"device {url!r}: sim://MODEL with MODEL one of {', '.join(MODELS)}")
        query = parse_qs(parts.query, keep_blank_values=True)
        unknown = sorted(query.keys() - _QUERY.keys())
        if unknown:
            raise UsageError(f"device {url!r}: no option {', '.join(unknown)}; there are {', '.join(_QUERY)}")
        arguments = [model, "--tcp", "0", "--until-parent"]
        if "patient" in query:
            arguments += ["--side", "0"]
        for name, values in query.items():
            arguments += [_QUERY[name], values[-1]]
        if "\0" in "".join(arguments):
            raise UsageError(f"device {url!r}: a letter that is none")
        private_folder(logs)
        with open_private(logs / "simulator.log", "ab") as log:
            before = log.seek(0, os.SEEK_END)
            self._child = start_module("firmware_sim", arguments, log=log)
        line = self._child.stdout.readline() if self._child.stdout is not None else b""
        try:
            said = json.loads(line)
        except ValueError:
            self.close()
            said = _last_words(logs / "simulator.log", before)
            raise (UsageError if said else LinkLost)(
                f"device {url!r}: {said}" if said else f"the simulator does not start; see {logs / 'simulator.log'}"
            ) from None
        self.address = Address(model, said["device"], True)  # noqa: FBT003
        self.side = said.get("side", "")

    def close(self) -> None:
        """Let it end."""
        with contextlib.suppress(OSError):
            if self._child.stdin is not None:
                self._child.stdin.close()
        self._child.terminate()
        if not wait_until_gone(self._child, END_S):
            self._child.kill()  # it stands still, as a simulated device that hangs does
            wait_until_gone(self._child, END_S)
        if self._child.stdout is not None:
            self._child.stdout.close()


def _last_words(log: Path, before: int) -> str:
    """Why it did not begin, in its own words; "" where it said nothing of the kind."""
    with contextlib.suppress(OSError), log.open("rb") as file:
        file.seek(before)
        for line in reversed(file.read(65_536).decode("utf-8", "replace").splitlines()):
            if "firmware_sim: " in line:
                return line.partition("firmware_sim: ")[2].removeprefix("error: ")
    return ""
