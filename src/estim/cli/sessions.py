"""`console`, `run`, `rehearse`: sessions. The one place that turns `sim://` into a simulator process."""

from __future__ import annotations

import argparse
import contextlib
import dataclasses
import datetime
import sys
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from estim.cli import in_course
from estim.cli.output import EXIT_REFUSED, home_of, model_of, print_result, said_of
from estim.cli.speaking import legible
from estim.cli.speaking import say as warn
from estim.platform.files import trouble
from estim.platform.terminals import somebody_sits_at

if TYPE_CHECKING:
    from estim.controller.client import ControllerClient
    from estim.desk.setup_from import Said
    from estim.drivers.address import Address
    from estim.protocols.schema import Protocol
    from estim.records.home import Home
    from estim.safety.errors import Problem


@contextlib.contextmanager
def _device(text: str, home: Home) -> Iterator[tuple[Address, str]]:
    """The address and side channel of `--device`; `sim://` becomes a simulator process here and nowhere else."""
    from estim.desk.simulator import Simulator
    from estim.drivers.address import parse_address

    if not text.startswith("sim://"):
        yield parse_address(text), ""
        return
    _check_simulated(text)
    simulator = Simulator(text, logs=home.logs)
    try:
        yield simulator.address, simulator.side
    finally:
        simulator.close()


def _check_simulated(url: str) -> None:
    """What it asks for is judged here, before a process is begun; the simulator is loaded for that only if it must.

    Raises:
        UsageError: it can't be.
    """
    from estim.desk.simulator import simulated_model

    if simulated_model(url)[1].keys() & {"patient", "faults"}:
        from estim.rehearsal.asked import check_simulated

        check_simulated(url)


def _own_home(given: argparse.Namespace) -> Home:
    """The home, closed to the other users of this machine, as all that is written into it from now on."""
    from estim.platform.files import make_private, take_back

    home = home_of(given)
    make_private()
    try:
        take_back(home.root)
    except OSError as error:  # FAT and some shares have no owners
        warn(f"{home.root}: other users of this machine may read it: {trouble(error)}")
    return home


def console(given: argparse.Namespace) -> int:
    """The therapist's screen; with --observe somebody else's session, with --web in a browser."""
    from estim.console.start import need_terminal, run_observer
    from estim.drivers.room import check_rooms
    from estim.platform.priority import favour

    home = _own_home(given)
    if given.web:
        return _web(given, home)
    if given.patient_screen or given.observe is not None:
        from estim.records.pseudonym import legible_name

        pid, who = given.observe or None, legible_name("who looks on,", given.who)
        favour()
        return run_observer(
            home.root, pid=pid, who=who, language=given.language, theme=given.theme, patient=given.patient_screen
        )
    check_rooms(given.emg)
    if given.web_tab is not None:
        return _web_tab(given, home)
    need_terminal()
    return _console(given, home, lambda _pid: None)


def _console(given: argparse.Namespace, home: Home, began: Callable[[int], object]) -> int:
    from estim.console.start import run_console
    from estim.controller.client import ControllerClient
    from estim.platform.priority import favour

    with _device(given.device, home) as (address, room):
        side = f"{room} {given.emg}".strip()
        for problem in check_site(home, simulated=address.simulated):
            warn(problem.message)
        client = ControllerClient(address, home.root, side=side)
        began(client.pid)
        favour()  # with the threads that hear keys; not what it has started: that would load ahead of everybody
        try:
            return run_console(client, home=home.root, language=given.language, theme=given.theme, empty_room=not room)
        finally:
            client.close()


def _web(given: argparse.Namespace, home: Home) -> int:
    from estim.console.web import refuse_real, serve

    refuse_real(given.device)
    _check_simulated(given.device)
    arguments = ["--device", given.device, "--home", str(home.root)]
    for option in ("language", "theme"):
        if getattr(given, option):
            arguments += [f"--{option}", getattr(given, option)]
    return serve(arguments, port=given.port)


def _web_tab(given: argparse.Namespace, home: Home) -> int:
    """One tab: the first holds the session, others look on at it."""
    from estim.console.start import run_observer
    from estim.console.web import held_by, refuse_real, tab_lock
    from estim.platform.priority import favour

    refuse_real(given.device)
    with tab_lock(home.root, given.web_tab) as began:
        if began is not None:
            return _console(given, home, began)
        pid = held_by(home.root, given.web_tab)
        favour()
        return run_observer(home.root, pid=pid, who="second tab", language=given.language, theme=given.theme)


def _check_names(given: argparse.Namespace) -> None:
    """Patient and operator, before anything is begun; the patient as this home writes it.

    Raises:
        RecordError: what no pseudonym can be.
    """
    from estim.records.door import written_here
    from estim.records.operators import load_operators, no_stranger_by_name
    from estim.records.pseudonym import legible_name

    given.patient = written_here(home_of(given), given.patient)
    operator = legible_name("operator", getattr(given, "operator", ""))
    no_stranger_by_name(operator, load_operators(home_of(given).operators))


def run(given: argparse.Namespace) -> int:
    """One session, line by line."""
    from estim.controller.client import ControllerClient
    from estim.desk.result import Seen, result_of
    from estim.drivers.room import check_rooms
    from estim.platform.priority import favour
    from estim.safety.errors import UsageError

    home = _own_home(given)
    _check_names(given)
    check_rooms(given.emg)
    with _device(given.device, home) as (named, room):
        side = f"{room} {given.emg}".strip()
        address = _ask_whether_simulated(named)
        if given.yes and not address.simulated:
            raise _refused("--yes", "every step is confirmed by a person on a real device; --yes is for simulated ones")
        a_person = not address.simulated and somebody_sits_at(sys.stdin)
        belongs = in_course.begin(given, home, simulated=address.simulated, asks=a_person)
        protocol, said = said_of(given, home, simulated=address.simulated)
        if a_person:
            in_course.ask_measures(given, protocol)
            protocol, said = said_of(given, home, simulated=address.simulated)
        said = _check_before(protocol, said, address, home)
        if not address.simulated and not a_person:
            raise UsageError("a session on a real device needs a person at a terminal")
        say = (lambda text: print(legible(text), file=sys.stderr)) if given.json else _now
        began = time.perf_counter()
        client = ControllerClient(address, home.root, side=side)
        favour()  # not what it has started: that would load ahead of everybody
        refused, noted = _play_out(given, client, protocol, said, simulated=address.simulated, say=say)
        last = client.snapshot
        result = result_of(
            Seen(
                source=given.protocol,
                simulated=address.simulated,
                began=began,
                folder=Path(last.record_path) if last is not None and last.record_path else None,
                word_head=last.word_head if last is not None else "",
                session_us=last.now_us if last is not None else 0,
                output=last.output.value if last is not None else "OFF",
                alarms=last.alarms if last is not None else (),
                refused=refused,
                notes=(*said.notes, *noted),
                takeover=client.takeover,
                fatal=client.fatal,
            )
        )
    belongs.finish(protocol, result.document)
    return print_result(given, result)


def _now(text: str) -> None:
    """A line at once, into a pipe too: who reads there must see that output is on, and is missed when gone."""
    print(text, flush=True)


def _play_out(
    given: argparse.Namespace,
    client: ControllerClient,
    protocol: Protocol,
    said: Said,
    *,
    simulated: bool,
    say: Callable[[str], None],
) -> tuple[Sequence[Problem | Mapping[str, Any]], Sequence[Problem | Mapping[str, Any]]]:
    """The session itself, scripted or typed; gives what was refused, and what was said at sign-in."""
    from estim.desk.acting import VirtualPatient
    from estim.desk.script import ScriptedTherapist
    from estim.lines import Person, play

    if not simulated:
        pins = _own_home(given).operators.exists()
        typist = Person(
            client=client, source=given.protocol, setup=said.setup, operator=given.operator, say=say, pins=pins
        )
        typist.run()
        return typist.refused, typist.noted
    person = ScriptedTherapist(
        source=given.protocol,
        setup=said.setup,
        levels_ua=said.levels_ua,
        motor_ua=said.motor_ua,
        next_id=client.next_id,
        operator=given.operator,
    )
    patient = VirtualPatient(protocol=protocol, next_id=client.next_id, cadence_per_min=said.setup.cadence_per_min)
    play(client, person, say=say, patient=patient)
    return person.refused, person.noted


def _ask_whether_simulated(address: Address) -> Address:
    """A simulator says so by its id; a port that is not `sim://` is asked before anything else is decided."""
    from estim.drivers.asking import Unanswered, ask_identity
    from estim.drivers.discovery import NOBODY_ANSWERS

    if address.simulated:
        return address
    try:
        identity = ask_identity(address)
    except Unanswered as error:  # a packet's name and a time say nothing to a clinic
        raise Unanswered(
            f"{error}: {NOBODY_ANSWERS}. Is it this model? Who answers at which port: estim devices --probe"
        ) from None
    return type(address)(address.model, address.url, identity.device_id.startswith("SIM"))


def _check_before(protocol: Protocol, said: Said, address: Address, home: Home) -> Said:
    """Everything that can be refused without a device is refused before one is touched."""
    from estim.desk.preflight import preflight
    from estim.records.site import limits_in_force

    site = check_site(home, simulated=address.simulated)
    said = preflight(protocol, said, address, limits=limits_in_force(home))
    return dataclasses.replace(said, notes=(*said.notes, *site))


def check_site(home: Home, *, simulated: bool) -> list[Problem]:
    """Limits of the site that do not hold: practice goes on with the shipped ones and says so.

    Raises:
        SetupError: the session is a real one.
    """
    from estim.records.site import site_problem
    from estim.safety.errors import Problem

    text = site_problem(home)
    if text and not simulated:
        raise _refused("site", text)
    return [Problem(severity="warn", key="site", message=text, layer="site", rule="site")] if text else []


def _refused(key: str, message: str) -> Exception:
    from estim.safety.errors import Problem, SetupError

    return SetupError([Problem(severity="refuse", key=key, message=message, rule="session")])


def rehearse(given: argparse.Namespace) -> int:
    """One session in simulated time."""
    from estim.cli.worlds import check_words, worlds
    from estim.drivers.address import Address
    from estim.platform.files import putting_whole
    from estim.records.door import flags_of
    from estim.records.folders import folder_name
    from estim.records.site import limits_in_force
    from estim.rehearsal import RehearsalPlan
    from estim.rehearsal import rehearse as play_through
    from estim.rehearsal.asked import check_asked

    check_words(given)
    home = home_of(given)
    _check_names(given)
    model_of(given.device_model, "--device-model")
    check_asked(given.faults, given.patient_profile)
    belongs = in_course.begin(given, home, simulated=True, asks=False)
    protocol, said = said_of(given, home, simulated=True)
    said = _check_before(protocol, said, Address(model=given.device_model, url="", simulated=True), home)
    if given.worlds is not None or given.world:
        return worlds(given, said, limits_in_force(home), home)
    folder = home.records(simulated=True) / folder_name(datetime.datetime.now(datetime.UTC), given.patient)
    with contextlib.ExitStack() as stack:
        pulses = stack.enter_context(putting_whole(Path(given.pulses))) if given.pulses else None
        done = play_through(
            RehearsalPlan(
                source=given.protocol,
                setup=said.setup,
                levels_ua=said.levels_ua,
                motor_ua=said.motor_ua,
                model=given.device_model,
                seed=given.seed,
                limits=limits_in_force(home),
                folder=folder,
                own=home.protocols,
                pulses=pulses,
                patient_profile=given.patient_profile,
                patient_flags=flags_of(home, given.patient),
                notes=said.notes,
            ),
            faults=given.faults,
        )
    belongs.finish(protocol, done.result.document)
    return print_result(given, done.result, lost=EXIT_REFUSED)
