"""What a script hands over: numbers of any library, names, sensors' messages; what is none is refused by name."""

from __future__ import annotations

import inspect
import json
import math
import operator
import re
from collections.abc import Callable, Mapping, Sequence
from decimal import Decimal
from types import MappingProxyType
from typing import Any

from estim.api.errors import Refused
from estim.desk.simulator import simulated_model
from estim.drivers.side import parse_line
from estim.safety.errors import UsageError, quoted

HEARD: Mapping[str, tuple[str, ...]] = MappingProxyType(
    {
        "sensor": ("name",),
        "crank": ("deg",),
        "patient-switch": ("pressed",),
        "emg": ("t0_us", "rate_hz", "samples_uv"),
    }
)
DONE_IN_A_ROOM: Mapping[str, tuple[str, ...]] = MappingProxyType(
    {
        "pad": ("channel", "do"),
        "effort": ("percent", "seconds", "limb"),
        "walk": ("walks", "cadence"),
        "ride": ("rides", "cadence"),
        "switch": ("pressed",),
        "sensor": ("name",),
    }
)
PADS = ("lift", "place", "dry", "misplace", "corner", "sweat", "short", "bridge")
SEEDS = 1 << 63
EXAMPLES: Mapping[str, str] = MappingProxyType({"device": "sim://p24"})
ARGUMENTS: Mapping[str, str] = MappingProxyType(
    {"level": "levels:", "pad": "pads:", "side": "side:", "week": "week:", "session": "session:", "patient": "patient:"}
)
OPTION = re.compile(rf"--({'|'.join(ARGUMENTS)})\b")


def plain(value: object) -> Any:
    """Python's own value of another library's (numpy and its kin say it by `tolist`)."""
    made = getattr(value, "tolist", None)
    if callable(made):
        return made()
    if isinstance(value, Mapping):
        return {key: plain(each) for key, each in value.items()}
    if isinstance(value, Sequence) and not isinstance(value, str | bytes):
        return [plain(each) for each in value]
    return value


def number(value: object) -> float | None:
    """A finite number of any library; None for a text, yes or no, a list or anything else."""
    try:
        given = plain(value)
        made = float(given) if not isinstance(given, str | bytes | bytearray | bool) else math.nan
    except Exception:  # another library's number may raise what it likes
        return None
    return made if math.isfinite(made) else None


def written(value: object) -> str:
    """A number of any library in digits, as the command line takes it; what is none, as it looks."""
    given = plain(value)
    made = number(given)
    return format(Decimal(repr(made)), "f") if made is not None and not isinstance(given, str) else str(given)


def for_a_script(said: str) -> str:
    """A refusal that names options of the command line names the arguments that they are here."""
    said = said.replace(
        "now with a reason (--early TEXT)", "now where a person gives a reason (estim run --early TEXT)"
    )
    return OPTION.sub(lambda found: ARGUMENTS[found[1]], said)


def whole(name: str, value: object, *, least: int | None = None) -> int:
    """A whole number of any library.

    Raises:
        Refused: it is none, or below `least`.
    """
    try:
        made = operator.index(value)  # type: ignore[arg-type]
    except TypeError:
        raise Refused(f"{name}={quoted(value)}: a whole number") from None
    if (least is not None and made < least) or abs(made) >= SEEDS:
        raise Refused(
            f"{name}={quoted(value)}: a whole number" + (f" from {least}" if least is not None else " below 2⁶³")
        )
    return made


def seconds(name: str, value: object, *, least: float) -> float:
    """A time.

    Raises:
        Refused: no number, or below `least`.
    """
    made = number(value)
    if made is None or made < least:
        raise Refused(
            f"{name}={quoted(value)}: a number of seconds" + (f", at least {least:g}" if least else " from 0")
        )
    return made


def text(name: str, value: object) -> str:
    """A name that can be written into a record.

    Raises:
        Refused: no text, an empty one, or one with letters that are none.
    """
    if not isinstance(value, str) or not value.strip() or not value.isprintable():
        such = EXAMPLES.get(name, "p1")
        raise Refused(f"{name}={quoted(value)}: a text that can be read, such as {name}='{such}'")
    return value


def halved(said: str) -> bool:
    """Half a letter stands in it: a text that no file of ours can hold."""
    return any("\ud800" <= letter <= "\udfff" for letter in said)


def words(call: str, value: object) -> str:
    """What a person or a script has to say, for the record.

    Raises:
        Refused: half a letter is in it, which no record can hold: written there it would be the record's fault, and
            output would end.
    """
    said = str(value)
    if halved(said):
        raise Refused(f"{call}({quoted(said)}): half a letter is in it, which no record can hold")
    return said


def table(name: str, value: object) -> None:
    """A dictionary by channel.

    Raises:
        Refused: something else.
    """
    if value is not None and not isinstance(value, Mapping):
        raise Refused(f"{name}={quoted(value)}: a dictionary by channel, such as {name}={{'quadriceps': 20}}")


def called(name: str, value: object) -> None:
    """A function.

    Raises:
        Refused: something else.
    """
    if value is not None and not isinstance(value, Callable):  # type: ignore[arg-type]
        raise Refused(f"{name}={quoted(value)}: a function")
    if inspect.iscoroutinefunction(value) or inspect.isgeneratorfunction(value):
        raise Refused(
            f"{name}={quoted(value)}: a plain function; nobody awaits this one, so its answer would never come"
        )


def simulated_device(device: str) -> tuple[str, dict[str, str]]:
    """The model and the options of a `sim://` address.

    Raises:
        Refused: no model, or a seed that is no number.
    """
    try:
        return simulated_model(device)
    except UsageError as error:
        raise Refused(str(error)) from None


def heard(message: Mapping[str, object]) -> dict[str, Any]:
    """A sensor's message as the side channel carries it.

    Raises:
        Refused: no sensor says such a thing.
    """
    if message.get("type") == "patient-switch":  # a stop; whatever else stands there
        return {"type": "patient-switch", "pressed": bool(message.get("pressed", True))}
    made = _known("hear", message, HEARD)
    line = _line("hear", made)
    if parse_line(line) is None:
        says = line.decode("utf-8")[:80]
        raise Refused(
            f"hear(type={quoted(made['type'])}) wants {', '.join(HEARD[made['type']])}; this says nothing: {says}"
        )
    return made


def done_in_a_room(message: Mapping[str, object], channel: Callable[[str], int]) -> dict[str, Any]:
    """What is done in a simulated room; a channel may be said by its name.

    Raises:
        Refused: nobody does such a thing.
    """
    made = _known("room", message, DONE_IN_A_ROOM)
    if isinstance(made.get("channel"), str):
        made["channel"] = channel(made["channel"])
    if made["type"] == "pad" and made.get("do") not in PADS:
        raise Refused(f"room(type='pad', do={quoted(made.get('do'))}): one of {', '.join(PADS)}")
    for key in ("percent", "seconds", "cadence"):
        if key in made and number(made[key]) is None:
            raise Refused(f"room(type={quoted(made['type'])}, {key}={quoted(made[key])}): a number")
    _line("room", made)
    return made


def _known(call: str, message: Mapping[str, object], kinds: Mapping[str, tuple[str, ...]]) -> dict[str, Any]:
    made = dict(plain(message))
    kind = made.get("type")
    if not isinstance(kind, str) or kind not in kinds:
        raise Refused(f"{call}(type={quoted(kind)}): type is one of {', '.join(kinds)}")
    if other := sorted(made.keys() - {"type", *kinds[kind]}):
        raise Refused(f"{call}(type={quoted(kind)}): no {', '.join(other)} here; it takes {', '.join(kinds[kind])}")
    return made


def _line(call: str, message: Mapping[str, Any]) -> bytes:
    for key, value in message.items():
        for each in value if isinstance(value, list) else [value]:
            if not _sayable(each):
                shown = "more than 18 digits" if isinstance(each, int) else quoted(each)  # Python writes no 5000 digits
                raise Refused(
                    f"{call}(type={quoted(message['type'])}): {key}: {shown}: a finite number, a text, or yes or no"
                )
    return json.dumps(message, allow_nan=False).encode("utf-8")


def _sayable(value: object) -> bool:
    """One line of JSON can hold it, and a record what it says."""
    if isinstance(value, str):
        return not halved(value)
    if isinstance(value, int):
        return abs(value) < SEEDS
    return value is None or (isinstance(value, float) and math.isfinite(value))
