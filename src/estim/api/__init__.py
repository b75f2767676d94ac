"""estim from Python: sessions for laboratories, as short as the libraries they know, with the limits, the stop and the
record of the console. See docs/python.md.

    with api.session("knee-replacement-quadriceps-early", patient="p1", device="sim://p24",
                     levels={"quadriceps": 20}) as s:
        s.start()
        for state in s.states():
            s.set_share("quadriceps", 0.8)
    print(s.result.outcome, s.result.record, s.result.verified)

There is no way here to deliver a raw pulse, to pass a level that was found or its rate, to go on after a lost
connection, or to keep output alive from a thread.
"""

from __future__ import annotations

import datetime
from collections.abc import Callable, Mapping
from os import PathLike

from estim.api import words
from estim.api.awaiting import AsyncSession
from estim.api.conversation import Wanted
from estim.api.errors import (
    AboveFound,
    Fault,
    NeedsAPerson,
    Refused,
    SessionError,
    Stale,
    Stopped,
    TooFast,
    Uncertain,
)
from estim.api.finding import Offer
from estim.api.inline import Inline, protocol
from estim.api.live import Live
from estim.api.session import Session
from estim.api.simulated import Simulated
from estim.api.state import ChannelState, Result, State
from estim.desk.preflight import preflight
from estim.desk.setup_from import Said, SetupWords, setup_from
from estim.drivers.address import Address, parse_address
from estim.platform.files import private_folder, trouble
from estim.protocols.catalogue import load_runnable
from estim.protocols.schema import Protocol
from estim.records.door import flags_of, written_here
from estim.records.folders import folder_name
from estim.records.home import Home, find_home
from estim.records.site import limits_in_force
from estim.records.station import check_key
from estim.rehearsal.plan import RehearsalPlan
from estim.rehearsal.room import profiles
from estim.safety.errors import EstimError, quoted

VERSION = 1  # of this interface: names and exceptions change with a new number alone, see docs/python.md

__all__ = [
    "VERSION", "AboveFound", "AsyncSession", "ChannelState", "Fault", "Inline", "NeedsAPerson", "Offer", "Refused",
    "Result", "Session", "SessionError", "Stale", "State", "Stopped", "TooFast", "Uncertain", "asession", "protocol",
    "rehearse", "session",
]  # fmt: skip

Pads = Mapping[str, "str | float | tuple[float, float]"]


def session(
    protocol: str | PathLike[str] | Inline,
    *,
    patient: str,
    device: str = "sim://p24",
    operator: str = "script",
    levels: Mapping[str, float] | None = None,
    pads: Pads | None = None,
    side: str = "left",
    week: int = 1,
    session: int = 1,
    home: str | PathLike[str] | None = None,
    on_event: Callable[[str, str], object] | None = None,
) -> Session:
    """A session in real time; use it as a context manager.

    Args:
        protocol: a name of the library or of the home's own, a file, or what `protocol()` made.
        patient: a pseudonym. operator: who sits at the patient.
        device: as everywhere (`sim://p24?patient=stroke`, `/dev/ttyACM0`, `rehastim2:/dev/ttyUSB0`).
        levels: channel → mA; a scripted titration on simulated devices. On a real one levels are found: `Session.find`.
        pads: channel → size in cm (`"7.6x12.7"`, `(7.6, 12.7)`); must be named on a real device.
        on_event: is told `("phase" | "output" | "alarm", text)` from the script's own turns.

    Raises:
        Refused: what can be refused without a device. NeedsAPerson: `levels` on a real device.
    """
    simulated = words.text("device", device).startswith("sim://")
    _check(levels, pads, on_event)
    if levels and not simulated:
        raise NeedsAPerson(
            f"levels= is for simulated devices alone; on {device} levels are found with find(), and a person answers"
        )
    found_home = _home(home)
    source, kept, said = _said(protocol, found_home, patient, levels, pads, side, week, session, simulated=simulated)
    address = _address(device, simulated=simulated)
    said = _judge(kept, said, address, found_home, levels)
    return Session(
        _wanted(source, said, levels, operator, on_event),
        lambda: Live(address if address.url else device, found_home, notes=said.notes),
    )


def asession(
    protocol: str | PathLike[str] | Inline,
    *,
    patient: str,
    device: str = "sim://p24",
    operator: str = "script",
    levels: Mapping[str, float] | None = None,
    pads: Pads | None = None,
    side: str = "left",
    week: int = 1,
    session: int = 1,
    home: str | PathLike[str] | None = None,
    on_event: Callable[[str, str], object] | None = None,
) -> AsyncSession:
    """`session` for `async with` and `async for`; the same arguments, the same refusals.

    Raises:
        Refused, NeedsAPerson: as `session`.
    """
    return AsyncSession(
        _session(
            protocol, patient=patient, device=device, operator=operator, levels=levels, pads=pads, side=side,
            week=week, session=session, home=home, on_event=on_event,
        )
    )  # fmt: skip


def rehearse(
    protocol: str | PathLike[str] | Inline,
    *,
    patient: str = "rehearsal",
    device: str = "sim://p24",
    operator: str = "script",
    levels: Mapping[str, float] | None = None,
    pads: Pads | None = None,
    side: str = "left",
    week: int = 1,
    session: int = 1,
    home: str | PathLike[str] | None = None,
    on_event: Callable[[str, str], object] | None = None,
    seed: int | None = None,
    patient_profile: str | None = None,
) -> Session:
    """The same in simulated time: the loop's body takes none, `states` and `wait` do. A seed repeats it to the byte.

    Args:
        device: `sim://MODEL?patient=NAME&seed=N`. seed, patient_profile: the same, said apart.
    """
    if not words.text("device", device).startswith("sim://"):
        raise Refused(f"a rehearsal is of a simulated device: sim://p24, not {device}")
    _check(levels, pads, on_event)
    model, query = words.simulated_device(device)
    if unknown := sorted(query.keys() - {"patient", "seed"}):
        raise Refused(f"{device}: a rehearsal from Python knows patient= and seed=, not {', '.join(unknown)}=")
    for key, name, apart in (("seed", "seed", seed), ("patient", "patient_profile", patient_profile)):
        if apart is not None and str(apart) != query.get(key, str(apart)):
            raise Refused(f"{name}={apart!r} and {key}={query[key]} in {device}: said twice, and not the same")
    found_home = _home(home)
    source, kept, said = _said(protocol, found_home, patient, levels, pads, side, week, session, simulated=True)
    said = _judge(kept, said, _address(device, simulated=True), found_home, levels)
    profile = patient_profile if patient_profile is not None else query.get("patient", "")
    _known_profile(profile)
    number = words.whole("seed", seed if seed is not None else int(query.get("seed") or 0))
    now = datetime.datetime.now(datetime.UTC)
    try:
        patient, flags = written_here(found_home, patient), flags_of(found_home, patient)
        check_key(found_home.root)  # with it the record is sealed, at the end
    except EstimError as error:
        raise _refused(error) from None
    except OSError as error:
        raise Refused(f"{error.filename or found_home.root}: {trouble(error)}") from None

    def front() -> Simulated:
        private_folder(found_home.root)  # the record is written at the end: that it can be is known now
        return Simulated(
            RehearsalPlan(
                source=source,
                setup=said.setup,
                levels_ua=said.levels_ua,
                motor_ua=said.motor_ua,
                model=model,
                seed=number,
                limits=limits_in_force(found_home),
                folder=found_home.records(simulated=True) / folder_name(now, patient),
                own=found_home.protocols,
                patient_profile=profile,
                patient_flags=flags,
                notes=said.notes,
            )
        )

    return Session(_wanted(source, said, levels, operator, on_event), front)


_session = session  # where `session` is the number of one


def _known_profile(name: str) -> None:
    if name and name not in profiles():
        raise Refused(f"no virtual patient {quoted(name)}; there are {', '.join(profiles())}")


def _wanted(
    source: str,
    said: Said,
    levels: Mapping[str, float] | None,
    operator: str,
    on_event: Callable[[str, str], object] | None,
) -> Wanted:
    return Wanted(
        source=source,
        setup=said.setup,
        levels_ua=said.levels_ua if levels else {},
        motor_ua=said.motor_ua,
        operator=words.text("operator", operator),
        on_event=on_event,
    )


def _address(device: str, *, simulated: bool) -> Address:
    if not simulated:
        try:
            return parse_address(device)
        except EstimError as error:
            raise _refused(error) from None
    model, query = words.simulated_device(device)
    _known_profile(query.get("patient", ""))
    return Address(model=model, url="", simulated=True)


def _said(
    wanted: str | PathLike[str] | Inline,
    home: Home,
    patient: str,
    levels: Mapping[str, float] | None,
    pads: Pads | None,
    side: str,
    week: int,
    number: int,
    *,
    simulated: bool,
) -> tuple[str, Protocol, Said]:
    """The protocol's source and content, and the setup that the words describe."""
    if not isinstance(wanted, str | PathLike | Inline):
        raise Refused(f"protocol={quoted(wanted)}: a name, a file, or what api.protocol() made")
    words.text("patient", patient)
    week, number = words.whole("week", week, least=1), words.whole("session", number, least=1)
    try:
        source = wanted.write(home) if isinstance(wanted, Inline) else str(wanted)
        found, _ = load_runnable(source, own=home.protocols)
        asked = SetupWords(
            patient=patient,
            levels=tuple(f"{name}={words.written(value)}" for name, value in (levels or {}).items()),
            pads=tuple(f"{name}={_size(size)}" for name, size in (pads or {}).items()),
            side=side,
            week=week,
            session=number,
        )
        return source, found, setup_from(found, asked, simulated=simulated)
    except EstimError as error:
        raise _refused(error) from None
    except OSError as error:
        raise Refused(f"home {home.root}: {trouble(error)}") from None


def _check(levels: object, pads: object, on_event: object) -> None:
    words.table("levels", levels)
    words.table("pads", pads)
    words.called("on_event", on_event)


def _home(home: str | PathLike[str] | None) -> Home:
    if not isinstance(home, str | PathLike | None):
        raise Refused(f"home={quoted(home)}: a folder")
    try:
        return find_home(str(home) if home is not None else None)
    except EstimError as error:
        raise _refused(error) from None


def _size(size: object) -> str:
    size = words.plain(size)
    return "x".join(words.written(part) for part in size) if isinstance(size, tuple | list) else words.written(size)


def _judge(found: Protocol, said: Said, address: Address, home: Home, levels: Mapping[str, float] | None) -> Said:
    """What can be refused without a device; levels that `find` will bring are not missed yet. Gives what was said with
    each level on the device's own steps, and a note of each that was not.
    """
    try:
        asked = address if levels else Address(model=address.model, url=address.url, simulated=False)
        return preflight(found, said, asked, limits=limits_in_force(home))
    except EstimError as error:
        raise _refused(error) from None


def _refused(error: EstimError) -> Refused:
    problems = [problem.to_json() for problem in getattr(error, "problems", ())]
    for problem in problems:
        problem["message"] = words.for_a_script(str(problem["message"]))
    return Refused(words.for_a_script(str(error)), problems)
