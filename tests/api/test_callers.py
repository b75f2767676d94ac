"""Who calls and how: threads that ended, notebooks, dropped generators, copies, pools of processes, an interrupt at any
line, numbers of other libraries.
"""

from __future__ import annotations

import copy
import gc
import pickle
import sys
import threading
from collections.abc import Callable, Generator, Iterator
from dataclasses import asdict
from decimal import Decimal
from fractions import Fraction
from pathlib import Path
from types import FrameType
from typing import Any

import numpy as np
import pytest

from estim import api
from estim.api import words
from estim.api.front import Front
from estim.api.session import Session
from estim.records.verify import verify_session
from estim.session.snapshot import Snapshot
from tests.support import SHORT

Make = Callable[..., Session]


@pytest.fixture
def make(tmp_path: Path) -> Make:
    """Sessions of a short protocol in simulated time, at 2 mA unless said otherwise."""

    def made(**given: Any) -> Session:
        given.setdefault("levels", {"quadriceps": 2})
        return api.rehearse(SHORT, patient="p1", device="sim://p24?seed=3", home=tmp_path, **given)

    return made


def until_on(session: Session) -> None:
    session.start()
    assert session.wait(lambda state: state.output == "ON", 60)


def usable(make: Make) -> bool:
    with make() as session:
        return session.state.phase != ""


class SlowToBegin:
    """A front whose controller takes 20 s for its first picture, as two processes do on a busy machine."""

    def __init__(self, front: Front) -> None:
        self._front, self._begins_s = front, front.now_s() + 20.0

    def __getattr__(self, name: str) -> Any:
        return getattr(self._front, name)

    @property
    def snapshot(self) -> Snapshot | None:
        return None if self._front.now_s() < self._begins_s else self._front.snapshot


def test_a_controller_that_is_slow_to_begin_is_waited_for_and_then_the_device(make: Make) -> None:
    made = make()
    begun = Session(made.wanted, lambda: SlowToBegin(made._open_front()))
    with begun as session:
        until_on(session)
        assert session.state.output == "ON"


# -- sessions that nobody left -----------------------------------------------------------------------------------------


def test_a_session_that_is_dropped_is_off_and_stands_in_nobodys_way(make: Make, tmp_path: Path) -> None:
    """As a notebook's cell that is run again does: the name is bound anew, and nothing left the first one's block."""
    dropped = make()
    dropped.__enter__()
    until_on(dropped)
    dropped = make()
    with dropped:
        until_on(dropped)
    records = sorted((tmp_path / "records" / "simulated").glob("*-p1"))
    verdicts = [verify_session(record) for record in records]
    assert [(verdict.ok, verdict.sealed) for verdict in verdicts] == [(True, True)] * 2
    assert all(b'"output":"OFF"' in (record / "record.jsonl").read_bytes() for record in records)


def test_a_dropped_session_in_a_circle_is_nobodys_either(make: Make) -> None:
    def circle() -> None:
        told: list[object] = []
        session = make(on_event=lambda *words: told.append(words))
        session.__enter__()
        until_on(session)
        told.append(session)

    circle()
    assert usable(make)


@pytest.mark.parametrize("thread", [False, True])
def test_a_generator_that_holds_a_session_ends_it_when_it_is_dropped(make: Make, *, thread: bool) -> None:
    held: list[Session] = []

    def pictures() -> Generator[api.State, None, None]:
        with make() as session:
            held.append(session)
            session.start()
            yield from session.states()

    stream = pictures()
    next(stream)
    if thread:
        closer = threading.Thread(target=stream.close)
        closer.start()
        closer.join()
    else:
        del stream
        gc.collect()
    assert held[0].result is not None
    assert (held[0].result.outcome, held[0].result.verified) == ("stopped", True)
    assert usable(make)


def test_a_session_is_opened_once_and_left_as_often_as_one_likes(make: Make) -> None:
    session = make()
    session.__exit__(None, None, None)
    with session, pytest.raises(api.Refused, match="opened before"), session:
        pass
    session.__exit__(None, None, None)
    with pytest.raises(api.Refused, match="opened before"), session:
        pass
    assert usable(make)


# -- threads, copies, processes ----------------------------------------------------------------------------------------


def test_a_thread_that_got_an_ended_threads_number_is_another_thread(make: Make) -> None:
    opened: list[tuple[Session, int]] = []
    said: list[tuple[int, str]] = []

    def opens() -> None:
        session = make()
        session.__enter__()
        session.start()
        opened.append((session, threading.get_ident()))

    def drives() -> None:
        try:
            opened[0][0].set_share("quadriceps", 0.5)
        except api.SessionError as refused:
            said.append((threading.get_ident(), str(refused)))

    for act in (opens, *[drives] * 8):
        thread = threading.Thread(target=act)
        thread.start()
        thread.join()
    opened[0][0].__exit__(None, None, None)
    assert len(said) == 8
    assert all("thread" in words for _, words in said)


@pytest.mark.parametrize("how", [copy.copy, copy.deepcopy, pickle.dumps])
def test_there_is_no_second_one_of_a_session(make: Make, how: Callable[[object], object]) -> None:
    session = make()
    with pytest.raises(api.Refused, match="copied"):
        how(session)


def test_what_a_session_told_goes_to_another_process(make: Make) -> None:
    with make() as session:
        state = session.state
    assert session.result is not None
    for thing in (state, session.result):
        assert pickle.loads(pickle.dumps(thing)) == thing  # noqa: S301
        assert asdict(thing) == asdict(copy.deepcopy(thing))


@pytest.mark.parametrize(
    "error",
    [
        api.Refused("no", [{"key": "level"}]), api.AboveFound("quadriceps", 30, 20), api.TooFast("quadriceps", "soon"),
        api.Stale("old"), api.NeedsAPerson("who"), api.Stopped("off", "stop-key"), api.Fault("gone", "link"),
        api.Uncertain("which", "link", "the cable"),
    ],
    ids=lambda error: type(error).__name__,
)  # fmt: skip
def test_a_pools_worker_may_raise_what_a_session_says(error: api.SessionError) -> None:
    """An exception that can not be read back hangs a `multiprocessing.Pool` for ever."""
    again = pickle.loads(pickle.dumps(error))  # noqa: S301
    assert (type(again), str(again), vars(again)) == (type(error), str(error), vars(error))


# -- an interrupt at any line ------------------------------------------------------------------------------------------


class _Interrupted(KeyboardInterrupt):
    pass


def interrupted(script: Callable[[], None], line: int) -> int:
    """Plays the script, raises at the `line`-th line of the interface's code (0: never); how many lines there were."""
    count = 0

    def each(_frame: FrameType, event: str, _given: object) -> Any:
        nonlocal count
        if event == "line":
            count += 1
            if count == line:
                sys.settrace(None)
                raise _Interrupted
        return each

    def calls(frame: FrameType, _event: str, _given: object) -> Any:
        return each if Path(frame.f_code.co_filename).parent.name == "api" else None

    before = sys.gettrace()
    sys.settrace(calls)
    try:
        script()
    finally:
        sys.settrace(before)
    return count


def test_an_interrupt_at_any_line_leaves_no_output_and_the_next_session_opens(make: Make, tmp_path: Path) -> None:
    def script() -> None:
        with make() as session:
            session.start()
            for state in session.states():
                session.set_share("quadriceps", 0.5)
                if state.output == "ON":
                    session.stop()
                    return

    lines = interrupted(script, 0)
    assert lines > 1_000
    for line in (20, 130, 400, lines // 3, lines // 2, lines - 200, lines - 60, lines - 15):
        with pytest.raises(_Interrupted):
            interrupted(script, line)
        gc.collect()
    assert usable(make)
    for record in (tmp_path / "records" / "simulated").glob("*-p1"):
        verdict = verify_session(record)
        assert (verdict.ok, verdict.sealed) == (True, True)
        assert b'"output":"OFF"' in (record / "record.jsonl").read_bytes()


# -- callbacks and numbers ---------------------------------------------------------------------------------------------


def test_a_callback_that_calls_back_is_refused_or_done_and_nothing_hangs(make: Make) -> None:
    def looks_again(_offer: api.Offer) -> bool:
        session.find("quadriceps", lambda _: True)
        return True

    def begins(_offer: api.Offer) -> bool:
        session.start()
        return True

    for ask in (looks_again, begins):
        session = make(levels=None)
        with session, pytest.raises(api.Refused):
            session.find("quadriceps", ask)

    def stops(kind: str, text: str) -> None:
        if (kind, text) == ("output", "ON") and therapy:
            session.stop()

    therapy: list[int] = []
    session = make(on_event=stops)
    with session:
        therapy.append(1)
        session.start()
        session.wait(timeout_s=60)
    assert session.result is not None
    assert session.result.outcome == "stopped"


def test_a_function_that_nobody_would_await_is_refused(make: Make) -> None:
    async def later(*_words: object) -> bool:
        return True

    def some(_offer: object) -> Iterator[bool]:
        yield True

    with pytest.raises(api.Refused, match="plain function"):
        make(on_event=later)
    with make(levels=None) as session:
        for each in (later, some):
            with pytest.raises(api.Refused, match="plain function"):
                session.find("quadriceps", each)
            with pytest.raises(api.Refused, match="plain function"):
                session.wait(each)


@pytest.mark.parametrize(
    "value", [Fraction(5, 2), Decimal("2.5"), Decimal("0.25E+1"), np.float32(2.5), np.array(2.5), "2.5"], ids=repr
)
def test_a_level_of_any_library_is_the_same_level(make: Make, value: Any) -> None:
    assert words.written(value) == "2.5"
    assert make(levels={"quadriceps": value}).wanted.levels_ua == {"quadriceps": 2_000}  # steps of 1 mA


@pytest.mark.parametrize("value", ["2,5", "２", "٢", True, None, np.bool_(True), 2 + 0j, b"2", "2mA", [2]], ids=repr)
def test_a_level_that_is_none_is_refused_in_the_scripts_own_words(make: Make, value: Any) -> None:
    with pytest.raises(api.Refused, match="levels: quadriceps=") as refused:
        make(levels={"quadriceps": value})
    assert "--" not in str(refused.value)


def test_a_share_is_one_up_to_the_last_digits_of_a_sum(make: Make) -> None:
    with make() as session:
        until_on(session)
        session.set_share("quadriceps", sum([0.1] * 10) + 2e-16)
        with pytest.raises(api.AboveFound, match=r"2\.000002 mA was asked for, 2 mA"):
            session.set_share("quadriceps", 1.000001)
        for wrong in (True, np.bool_(True), "1", np.datetime64("NaT", "s")):
            with pytest.raises(api.Refused, match="from 0 to 1"):
                session.set_share("quadriceps", wrong)  # type: ignore[arg-type]


def test_a_level_off_the_devices_steps_is_the_nearest_below_and_is_said(tmp_path: Path) -> None:
    made = api.rehearse(SHORT, device="sim://rehastim2?seed=3", levels={"quadriceps": 7.5}, home=tmp_path)
    with made as session:
        assert session.state.channels["quadriceps"].found_ma == 6
    assert made.result is not None
    said = [problem for problem in made.result.document["problems"] if problem["rule"] == "level-step"]
    assert [(problem["asked"], problem["allowed"]) for problem in said] == [(7.5, 6.0)]
    with pytest.raises(api.Refused, match="the smallest is 2 mA"):
        api.rehearse(SHORT, device="sim://rehastim2", levels={"quadriceps": 1.5}, home=tmp_path)
