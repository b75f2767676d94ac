"""What scripts hand over by mistake, or from another library: taken for what it is, or refused by its name."""

from __future__ import annotations

import decimal
import fractions
import math
import os
import tomllib
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from estim import api
from estim.safety.errors import Problem

PROTOCOL = "knee-replacement-quadriceps-early"


def open_with(folder: Path, **given: object) -> api.Session:
    """A rehearsed session with one thing said otherwise."""
    said: dict[str, Any] = {"patient": "p1", "levels": {"quadriceps": 20}, "home": folder, "seed": 3} | given
    return api.rehearse(said.pop("protocol", PROTOCOL), **said)


@pytest.mark.parametrize(
    ("name", "value"),
    [
        *(("patient", value) for value in (None, 5, "", " ", "a\0", "\ud800")),
        *(("device", value) for value in (None, 5, "", "p24", "sim://", "sim://P24", "sim://p24/foo", "sim://[::1")),
        *(("device", f"sim://p24?{value}") for value in ("seed=abc", "seed=1.5", "patient=nobody", "colour=red")),
        *(("protocol", value) for value in (None, 5, "", "nope", b"x", {"id": "x"})),
        *(("levels", value) for value in (20, "quadriceps=20", [("quadriceps", 20)], {1: 20}, {"hamstrings": 20})),
        *(("levels", {"quadriceps": value}) for value in (math.nan, math.inf, None, True, -5, 0, [20], "x", 10**400)),
        *(
            ("pads", value)
            for value in ("x", {"quadriceps": None}, {"quadriceps": math.nan}, {"quadriceps": (1, 2, 3)})
        ),
        *(("week", value) for value in ("1", 0, 1.5, math.nan, None)),
        *(("session", value) for value in ("a", 0, None)),
        *(("seed", value) for value in ("x", 1.5, math.nan, 10**30)),
        *(("patient_profile", value) for value in (5, "nobody")),
        *(("operator", value) for value in (None, "")),
        *(("home", value) for value in (5, "/dev/null")),
        ("on_event", 5),
        ("side", "Left"),
    ],
)
def test_what_is_wrong_in_the_call_is_refused_before_output(name: str, value: object, tmp_path: Path) -> None:
    with pytest.raises(api.Refused), open_with(tmp_path, **{name: value}):
        pytest.fail("it was taken")


@pytest.mark.parametrize(
    "value", [np.float64(20), np.float32(20), np.int64(20), np.array(20), decimal.Decimal(20), "20"]
)
def test_numbers_of_any_library_are_levels_seeds_and_shares(value: Any, tmp_path: Path) -> None:
    with open_with(tmp_path, levels={"quadriceps": value}, week=np.int64(2), seed=np.int64(4)) as s:
        s.start()
        for half in (np.float32(0.5), np.array(0.5), decimal.Decimal("0.5"), fractions.Fraction(1, 2)):
            s.set_share("quadriceps", half)  # type: ignore[arg-type]
    assert s.result is not None
    assert s.result.verified


def test_a_session_that_was_never_opened_or_is_over_takes_nothing_from_the_open_one(tmp_path: Path) -> None:
    idle, over = open_with(tmp_path), open_with(tmp_path)
    with over:
        pass
    with open_with(tmp_path) as s:
        s.start()
        for other in (idle, over):
            other.__exit__(None, None, None)
        with pytest.raises(api.Refused, match="one at a time"):
            idle.__enter__()
        assert s.wait(lambda state: state.output == "ON", 60)


def test_any_letter_may_stand_in_an_inline_protocol_and_half_a_one_may_not() -> None:
    assert tomllib.loads(api.protocol({"title": 'é 😀 "x" \\ #\x7f'}).text)["title"] == 'é 😀 "x" \\ #\x7f'
    with pytest.raises(api.Refused, match="half a letter"):
        api.protocol({"title": "a\ud800"})


def test_an_inline_protocol_may_be_made_of_arrays_and_of_nothing_else() -> None:
    made = api.protocol({"schema": np.int64(1), "channel": [{"electrode_cm": np.array([5.0, 9.0])}]})
    assert made.text.splitlines() == ["schema = 1", "", "[[channel]]", "electrode_cm = [5.0, 9.0]", ""][:4]
    for keys in (None, 5, [1], {"id": object()}):
        with pytest.raises(api.Refused):
            api.protocol(keys)  # type: ignore[arg-type]


@pytest.mark.parametrize("station", ["a folder", "a pipe", "without its key"])
def test_a_rehearsal_in_a_home_that_is_broken_is_refused_before_it_begins(tmp_path: Path, station: str) -> None:
    """The system's own error came, or one of the records at the very end, which no script was told of."""
    path = tmp_path / "station.jsonl"
    if station == "a folder":
        path.mkdir()
    elif station == "a pipe":
        if not hasattr(os, "mkfifo"):
            pytest.skip("no pipes with a name here")
        os.mkfifo(path)
    else:
        path.write_bytes(b"")
    with pytest.raises(api.Refused, match="station"):
        api.rehearse("knee-replacement-quadriceps-early", levels={"quadriceps": 8}, home=tmp_path)


def test_a_home_that_can_not_be_written_to_is_refused() -> None:
    with pytest.raises(api.Refused), open_with(Path("/proc/nowhere")):
        pass


@pytest.fixture(scope="module")
def session_in_hold(tmp_path_factory: pytest.TempPathFactory) -> Iterator[api.Session]:
    """A session whose output is on; what is refused takes no time of it."""
    with open_with(tmp_path_factory.mktemp("home")) as s:
        s.start()
        s.wait(lambda state: state.output == "ON" and state.channels["quadriceps"].on, 60)
        yield s


@pytest.fixture
def running(session_in_hold: api.Session) -> api.Session:
    """It, still on."""
    assert session_in_hold.state.output == "ON"
    return session_in_hold


def share(value: Any) -> Callable[[api.Session], object]:
    """Asks for it."""
    return lambda s: s.set_share("quadriceps", value)


def period(value: Any) -> Callable[[api.Session], object]:
    """Asks for pictures that often."""
    return lambda s: next(s.states(period_s=value))


def time_limit(value: Any) -> Callable[[api.Session], object]:
    """Waits that long."""
    return lambda s: s.wait(timeout_s=value)


SHARES = (np.float32("nan"), np.array([0.5]), "0.5", b"1", -1e-9, 1 + 1e-12, 10**400, [0.5], None)
CALLS: dict[str, Callable[[api.Session], object]] = {
    **{f"share {value!r:.20}": share(value) for value in SHARES},
    **{f"period {value}": period(value) for value in (math.nan, 0, -1, "x")},
    **{f"time {value}": time_limit(value) for value in (math.nan, -1, "x")},
    "until is a number": lambda s: s.wait(5),  # type: ignore[arg-type]
    "no sensor": lambda s: s.hear(),
    "unknown sensor": lambda s: s.hear(type="nope"),
    "a sensor without a name": lambda s: s.hear(type="sensor"),
    "a crank's words": lambda s: s.hear(type="crank", deg="x"),
    "a crank nowhere": lambda s: s.hear(type="crank", deg=math.nan),
    "a current": lambda s: s.hear(type="sensor", name="x", amplitude_ua=90_000),
    "an object": lambda s: s.hear(type="sensor", name=object()),
    "a sample nowhere": lambda s: s.hear(type="emg", t0_us=0, rate_hz=1000, samples_uv=[1, math.nan]),
    "a number without end": lambda s: s.hear(type="crank", deg=10**5000),
    "half a letter of a sensor": lambda s: s.hear(type="sensor", name="\ud800"),
    "half a letter in a note": lambda s: s.note("a\ud800"),
    "half a letter in a mark": lambda s: s.mark("\udc80"),
    "nothing done": lambda s: s.room(),
    "no such deed": lambda s: s.room(type="nope"),
    "no such pad": lambda s: s.room(type="pad", channel="x", do="lift"),
    "no effort": lambda s: s.room(type="effort", percent=math.nan),
}


@pytest.mark.parametrize("call", CALLS)
def test_what_is_wrong_in_a_running_session_is_refused_and_output_goes_on(running: api.Session, call: str) -> None:
    with pytest.raises(api.Refused):
        CALLS[call](running)
    assert running.state.output == "ON"


def test_a_refusal_names_what_was_wrong_and_what_may_stand_there(running: api.Session) -> None:
    """It said "Out of range float values are not JSON compliant", and offered p1 for a device."""
    with pytest.raises(api.Refused, match=r"hear\(type='emg'\): samples_uv: nan: a finite number"):
        running.hear(type="emg", t0_us=0, rate_hz=1000, samples_uv=[1, math.nan])
    with pytest.raises(api.Refused, match=r"device=None: .* such as device='sim://p24'"):
        api.rehearse(PROTOCOL, patient="p1", device=None)  # type: ignore[arg-type]
    with pytest.raises(api.Refused, match=r"protocol\(None\): a dictionary with a protocol file's keys"):
        api.protocol(None)  # type: ignore[arg-type]


def test_sensors_may_speak_in_arrays(running: api.Session) -> None:
    running.hear(type="emg", t0_us=0, rate_hz=1000, samples_uv=np.zeros(10))
    running.hear(type="crank", deg=np.float32(3))
    running.room(type="effort", percent=np.float32(60), seconds=2)
    running.room(type="pad", channel="quadriceps", do="place")


@pytest.mark.parametrize("make", [api.Refused, api.Stale, api.NeedsAPerson])
def test_what_is_refused_without_a_limit_of_its_own_is_a_problem_with_each_key_of_one(
    make: Callable[[str], api.Refused],
) -> None:
    (problem,) = make("only a person").problems
    assert problem.keys() == Problem(severity="refuse", key="", message="").to_json().keys()
    assert (problem["severity"], problem["message"]) == ("refuse", "only a person")


def test_more_than_was_found_is_a_problem_with_both_numbers() -> None:
    (problem,) = api.AboveFound("quadriceps", 30, 20).problems
    assert problem.keys() == Problem(severity="refuse", key="", message="").to_json().keys()
    assert (problem["asked"], problem["allowed"], problem["unit"], problem["line"]) == (30, 20, "mA", None)
