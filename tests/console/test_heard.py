"""The controller's words in a second language: every alarm and refusal of the session has a form, values stay."""

from __future__ import annotations

import ast
import datetime
import re
from collections.abc import Iterator
from pathlib import Path
from string import Formatter
from typing import Any

import pytest

from estim.console import present
from estim.console.before import BY_OPTION
from estim.console.coach import coach_lines, concerned
from estim.console.language import ENGLISH, LANGUAGES, load
from estim.console.language.heard import Translation
from estim.console.problem_words import problem_line
from estim.drivers import midlevel, sciencemode2, sciencemode34
from estim.drivers.models import MODELS
from estim.drivers.rehastim1_steps import NOBODY
from estim.drivers.rehastim2_profile import PROFILE as REHASTIM2
from estim.drivers.sciencemode2 import ERRORS
from estim.protocols.catalogue import load_runnable
from estim.protocols.course import judge_measures, past_weeks
from estim.protocols.findings import Findings
from estim.protocols.schema_course import Criterion
from estim.protocols.setup import Setup
from estim.records.spacing import Past, too_early
from estim.safety.limits_table import BY_KEY
from estim.session import arming, events
from estim.session.levels import raise_locked
from estim.session.snapshot import Alarm
from estim.session.state import Phase
from tests.session.desk import Desk

from .pictured import snapshot

HOUR = datetime.timedelta(hours=1)

SOURCE = Path(__file__).parents[2] / "src" / "estim"
# Where the text stands in the call; `_time_is_up` hands it on to `alarm`.
SAYING = {"sound": 2, "fail": 1, "no": 1, "_time_is_up": 1}
# Refusals that no key of the console can bring about: requests of programs.
OF_PROGRAMS = {"§ is none of §", "§ is not known", "§ is nothing that can be confirmed",
               "scripted answers are for simulated devices only"}  # fmt: skip
OTHERS = [name for name in LANGUAGES if name != "en"]


def said(node: ast.expr, scope: ast.AST) -> Iterator[str]:
    """The texts that an expression can be, with § for each value."""
    if isinstance(node, ast.Constant) and isinstance(node.value, str):
        yield node.value
    elif isinstance(node, ast.JoinedStr):
        yield "".join(str(part.value) if isinstance(part, ast.Constant) else "§" for part in node.values)
    elif isinstance(node, ast.IfExp):
        yield from said(node.body, scope)
        yield from said(node.orelse, scope)
    elif isinstance(node, ast.Name):
        for found in ast.walk(scope):
            if isinstance(found, ast.Assign) and any(
                isinstance(t, ast.Name) and t.id == node.id for t in found.targets
            ):
                yield from said(found.value, scope)


def spoken() -> Iterator[tuple[str, str]]:
    """(code, text) of every alarm, fault and refusal that the session's modules can say."""
    for path in sorted((SOURCE / "session").glob("*.py")):
        for scope in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
            if not isinstance(scope, ast.FunctionDef):
                continue
            for call in (node for node in ast.walk(scope) if isinstance(node, ast.Call)):
                name = call.func.id if isinstance(call.func, ast.Name) else getattr(call.func, "attr", "")
                if name in SAYING and len(call.args) > SAYING[name]:
                    code = next(said(call.args[0], scope), "")
                    yield from ((code, text) for text in said(call.args[SAYING[name]], scope))


def causes() -> set[str]:
    """Codes of what ends or pauses a session by itself, as the banner says them."""
    found = {"pulse-timeout", "low-current", "electrode"}  # a channel's, by their kind
    for path in sorted((SOURCE / "session").glob("*.py")):
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
            if (
                isinstance(node, ast.Call)
                and getattr(node.func, "attr", "") in {"fail", "pause", "_gone"}
                and node.args
            ):
                found |= set(said(node.args[0], node))
    return found - {"electrode"}


@pytest.mark.parametrize("language", LANGUAGES)
def test_what_the_banner_says_of_a_fault_or_a_pause_is_no_code(language: str) -> None:
    """A simulator at a real port was a "FAULT  simulated-mismatch", in German as well."""
    say = load(language)
    assert {"simulated-mismatch", "device-reset", "wrong-device", "level-lost", "interlock"} <= causes()
    assert not [code for code in causes() if not say.has(f"cause.{code}")]


def lost() -> set[str]:
    """Why a device can't be reached, or why no session could begin with it: drivers, links, whoever holds it."""
    found = set()
    beside = [SOURCE / "records" / "door.py", SOURCE / "controller" / "client.py"]
    for path in (*(SOURCE / "drivers").glob("*.py"), *beside):
        if path.name == "lsl.py":  # a sensor's: no session ends with it, and no screen says it
            continue
        module = ast.parse(path.read_text(encoding="utf-8"))
        for scope in (node for node in ast.walk(module) if isinstance(node, ast.FunctionDef)):
            for node in ast.walk(scope):
                name = getattr(node.func, "id", getattr(node.func, "attr", "")) if isinstance(node, ast.Call) else ""
                told = None
                if isinstance(node, ast.Call) and name in {"LinkLost", "_lose", "DeviceLost"}:
                    told = (node.args or [word.value for word in node.keywords if word.arg == "reason"])[0]
                elif (isinstance(node, ast.Return) and scope.name == "_why_not") or (
                    isinstance(node, ast.Assign) and ast.unparse(node.targets[0]) == "self._fatal"
                ):
                    told = node.value
                found |= set(said(told, scope)) if told is not None else set()
    return (found | {NOBODY}) - {"", "the controller has no pipes"}  # a fault of ours, seen in no session


def locks() -> set[str]:
    """Why a raise waits: what `raise_locked` can give."""
    path = SOURCE / "session" / "levels.py"
    module = ast.parse(path.read_text(encoding="utf-8"))
    scope = next(n for n in ast.walk(module) if isinstance(n, ast.FunctionDef) and n.name == raise_locked.__name__)
    returned = (node.value for node in ast.walk(scope) if isinstance(node, ast.Return) and node.value is not None)
    return {text for value in returned for text in said(value, scope) if text}


def test_the_search_finds_what_the_session_says() -> None:
    codes = {code for code, _ in spoken()}
    assert {"output-uncertain", "record-failed", "clock-jumped", "device-silent", "duty", "patient-stop"} <= codes
    assert {"arm", "sign", "raise", "resume", "screening"} <= codes
    assert len(list(spoken())) > 70
    assert "only while the contraction is held" in locks()
    assert "at its limit § mA (§)" in locks()


@pytest.mark.parametrize("language", OTHERS)
def test_every_alarm_and_refusal_of_the_session_has_a_form(language: str) -> None:
    heard = load(language).heard
    missing = {text for _, text in spoken() if heard(text) == text} | {text for text in locks() if heard(text) == text}
    assert missing - OF_PROGRAMS == set()
    for _, text in spoken():
        assert heard(text).count("§") == text.count("§"), text  # every value is said


@pytest.mark.parametrize("language", OTHERS)
def test_why_a_device_is_lost_or_never_began_has_a_form(language: str) -> None:
    """A cable that came out was half English on a German screen."""
    heard = load(language).heard
    texts = lost()
    assert {"the port is gone", "no answer to § within § ms", "§ is not there: is the stimulator plugged in and"
            " switched on? `estim devices` lists the ports"} <= texts  # fmt: skip
    assert {text for text in texts if heard(text) == text} == set()
    assert [text for text in texts if heard(text).count("§") != text.count("§")] == []
    assert "der Anschluss ist weg" in heard("The device can't be reached: the port is gone.")


@pytest.mark.parametrize("language", OTHERS)
def test_what_devices_say_and_what_is_confirmed_has_a_form(language: str) -> None:
    heard = load(language).heard
    texts = [
        *(text for _, text in midlevel._FAULTS.values()), *ERRORS.values(), *arming.CONFIRMATIONS.values(),
        *(model.profile.safe_words for model in MODELS.values()),
        *(model.profile.intended_use for model in MODELS.values()),
        arming.STOOD_STILL,
    ]  # fmt: skip
    assert [text for text in texts if heard(text) == text] == []
    measured = [row.words for row in BY_KEY.values() if row.warn is not None]
    assert [words for words in measured if heard(words) == words] == []


def calls() -> set[str]:
    """What drivers call what they ask of a device: `update`, `status`."""
    found = set()
    for path in (SOURCE / "drivers").glob("*.py"):
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
            name = getattr(node.func, "id", getattr(node.func, "attr", "")) if isinstance(node, ast.Call) else ""
            if isinstance(node, ast.Call) and name in {"Call", "_ask", "Step"} and node.args:
                first = node.args[0]
                found |= {str(first.value)} if isinstance(first, ast.Constant) else set()
    return found


@pytest.mark.parametrize("language", OTHERS)
def test_what_a_device_refused_is_read_in_the_language(language: str) -> None:
    """`update: parameter error` stood on a German screen."""
    heard = load(language).heard
    assert {"update", "off", "off-status", "prepare", "relist", "battery"} <= calls()
    quiet = {"watchdog", "init-ack"}  # no answer is expected, so nothing is said of them
    results = [*sciencemode2.RESULTS.values(), *sciencemode34.RESULTS.values(), sciencemode2.result_text(99)]
    results += ["answered with an error", "the device does not know this command"]
    assert [text for text in results if heard(text) == text] == []
    for call in calls() - quiet:
        assert heard(call) != call
        refused = heard(f"{call}: {results[1]}")
        assert refused.endswith(f": {heard(results[1])}"), refused
        assert not refused.startswith(f"{call}:")
        assert heard(call) in heard(f"no answer to {call} within 250 ms")


@pytest.mark.parametrize("language", OTHERS)
def test_each_form_has_the_fields_of_its_text(language: str) -> None:
    import tomllib

    from estim.console.language.heard import forms_of

    path = SOURCE / "console" / "language" / f"{language}.heard.toml"
    table: dict[str, Any] = tomllib.loads(path.read_text(encoding="utf-8"))
    for english, text in forms_of(table).items():
        assert fields(english) == fields(text), english


def fields(text: str) -> set[str]:
    return {name for _, name, _, _ in Formatter().parse(text) if name}


def test_values_are_put_in_and_read_in_the_language_too() -> None:
    heard = load("de").heard
    assert heard("not armed (it is RUNNING)") == "nicht scharf (es ist LÄUFT)"
    lead_off = "channel 2 (yellow-blue cable): a pad or its cable is off, or the skin contact is too poor"
    assert (
        heard(lead_off)
        == "Kanal 2 (Kabel gelb-blau): ein Pad oder sein Kabel ist ab, oder die Haut hat zu wenig Kontakt"
    )
    pull = f"The device does not confirm that its output is off. Make it safe: {REHASTIM2.safe_words}."
    assert "Sicher machen: die Stimulationskabel am Gerät ziehen" in heard(pull)
    warn = "quadriceps: rms current 31 mA, above 30 (L5). Raising waits."
    assert heard(warn) == "quadriceps: Effektivstrom 31 mA, über 30 (L5). Erhöhen wartet."
    asks = "quadriceps: 20 min at one level. Find it again: strongest tolerated."
    assert heard(asks) == "quadriceps: 20 min auf einer Stufe. Neu suchen: strongest tolerated."
    found = "quadriceps, phase[0]: 140 mA, 400 µs: charge per phase 56 µC, allowed at most 50 µC"
    assert heard(found).endswith("Ladung je Phase 56 µC, erlaubt höchstens 50 µC")
    assert heard("at its limit 60 mA (L1)") == "an der Grenze 60 mA (L1)"


def test_a_session_before_its_time_or_past_its_weeks_is_said_in_german() -> None:
    (protocol, _), heard = load_runnable("knee-replacement-quadriceps-early"), load("de").heard
    now = datetime.datetime(2026, 5, 4, 15, 0, tzinfo=datetime.UTC)
    past = [
        Past(protocol=protocol.id, protocol_sha256="", began=now - hours, ended=now - hours) for hours in (HOUR, HOUR)
    ]
    spaced = protocol.model_copy(update={"dose": protocol.dose.model_copy(update={"min_hours_between": 6})})
    found = [problem.message.partition(BY_OPTION)[0] for problem in too_early(spaced, "", past, now)]
    assert len(found) == 2
    for message in (*found, f"{past_weeks(protocol, 99)}: it is played as in its last week"):
        assert heard(message) != message, message
        for english in (" of ", "allowed", "ended", " is "):
            assert english not in heard(message), message


@pytest.mark.parametrize("language", OTHERS)
@pytest.mark.parametrize("action", ["discontinue", "review", "prompt"])
@pytest.mark.parametrize("bound", [{"at_least": 80.0}, {"at_most": 80.0}])
def test_what_a_criterion_says_has_a_form(language: str, action: str, bound: dict[str, float]) -> None:
    heard = load(language).heard
    criterion = Criterion.model_validate({"measure": "quadriceps-index", "action": action, **bound})
    protocol, _ = load_runnable("knee-replacement-quadriceps-early", own=None)
    protocol = protocol.model_copy(update={"criterion": (criterion,)})
    for measures in ((), (("quadriceps-index", 80.0),)):
        setup = Setup(patient_id="P", channels=(), measures=measures, left_out="x y", early_reason="z")
        findings = Findings([])
        judge_measures(protocol, setup, findings)
        for problem in findings.problems:
            assert heard(problem.message) != problem.message, problem.message
            assert not re.search(r"criterion| is |because", heard(problem.message))


def test_what_has_no_form_stays_as_it_came() -> None:
    text = "Something {new} that nobody has written down: 100 %"
    for words in map(load, LANGUAGES):
        assert words.heard(text) == text
    assert ENGLISH.heard("sign in first") == "sign in first"
    assert Translation({"a {x}": "{x} b"}, {})("a {brace}") == "{brace} b"


def test_a_german_screen_says_alarms_coach_and_refusals_in_german() -> None:
    say = load("de")
    alarm = Alarm(code="device-silent", priority="high", text="The device gave no status for 1 s; output was stopped.")
    assert present.alarm_line(alarm, say).startswith("!!! Das Gerät meldete sich 1 s lang nicht")
    problem = {"severity": "refuse", "message": "the device is not ready yet", "key": "start"}
    assert "das Gerät ist noch nicht bereit" in problem_line(problem, say)
    picture = snapshot(2, phase=Phase.FAULT, cause="device-silent", alarms=(alarm,))
    assert "Das Gerät meldete sich" in coach_lines(picture, say)[0]
    named = "channel 2 (yellow-blue cable): a pad or its cable is off, or the skin contact is too poor"
    assert [view.channel for view in concerned(picture, named)] == [2]  # the channel is read from the record's words


def test_a_refusal_of_a_real_session_is_read_in_german() -> None:
    desk = Desk()
    reply = desk.ask(events.Arm)
    messages = [problem.message for problem in reply.problems]
    assert messages
    heard = load("de").heard
    assert [message for message in messages if heard(message) == message] == []
