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
from estim.safety.errors import LinkLost, UsageError, brief, quoted
from estim.safety.units import is_whole

END_S = 1.0
_QUERY = {"patient": "--patient", "seed": "--seed", "faults": "--faults", "pulses": "--pulses"}


def simulated_model(url: str) -> tuple[str, dict[str, str]]:
    """The model and the options of a `sim://` address. Whether its patient and its fault plan are some is for who knows
    the simulator: `estim.rehearsal.asked`.

    Raises:
        UsageError: what it asks for can't be.
    """

    def wrong(why: str) -> UsageError:
        return UsageError(f"device {quoted(url)}: {why}")

    try:
        parts = urlsplit(url)
        options = parse_qs(parts.query, keep_blank_values=True, errors="strict")
    except UnicodeDecodeError:
        raise wrong("a letter that is none") from None
    except ValueError as error:
        raise wrong(str(error)) from None
    if parts.scheme != "sim" or parts.netloc not in MODELS or parts.path.strip("/"):
        raise wrong(f"sim://MODEL with MODEL one of {', '.join(MODELS)}")
    if unknown := sorted(options.keys() - _QUERY.keys()):
        raise wrong(f"no option {', '.join(map(quoted, unknown))}; there are {', '.join(_QUERY)}")
    if twice := [name for name, values in options.items() if len(values) > 1]:
        raise wrong(f"{twice[0]} is given twice")
    if parts.fragment:
        raise wrong("# ends an address; within a name write %23")
    query = {name: values[0] for name, values in options.items()}
    if "\0" in "".join(query.values()):
        raise wrong("a letter that is none")
    if not is_whole(query.get("seed", "0").removeprefix("-")):
        raise wrong(f"seed={brief(query['seed'])}: a whole number of at most 18 digits, in the digits 0 to 9")
    if "pulses" in query and not _may_be_written(Path(query["pulses"])):
        raise wrong(f"pulses={brief(query['pulses'])}: no file can be written there")
    return parts.netloc, query


def _may_be_written(path: Path) -> bool:
    try:
        return path.parent.is_dir() and not path.is_dir()
    except (OSError, ValueError):  # a name that no file can have
        return False


class Simulator:
    """A running simulator; ends by itself 3 s after its parent is gone.

    Raises:
        UsageError: not a `sim://` address, or an unknown model.
        LinkLost: it does not start.
    """

    def __init__(self, url: str, *, logs: Path) -> None:
        model, query = simulated_model(url)
        arguments = [model, "--tcp", "0", "--until-parent"]
        if "patient" in query:
            arguments += ["--side", "0"]
        for name, value in query.items():
            arguments += [f"{_QUERY[name]}={value}"]  # in one: a value may begin with a hyphen
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
                f"device {quoted(url)}: {said}"
                if said
                else f"the simulator does not start; see {logs / 'simulator.log'}"
            ) from None
        self.address = Address(model, said["device"], simulated=True, named=url)
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
