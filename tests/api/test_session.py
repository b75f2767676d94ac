"""What a script can do, and what it can not: on the record, and by the exceptions that the handbook documents."""

from __future__ import annotations

import asyncio
import itertools
import json
import os
import threading
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from estim import api
from estim.api.conversation import _refusal
from estim.api.errors import SessionError
from estim.api.session import Session
from estim.cli import main
from estim.controller.interface import Answer
from estim.records.door import in_session
from estim.records.home import Home
from estim.session import events
from tools.public_names import difference

PROTOCOL = "knee-replacement-quadriceps-early"


@pytest.fixture
def session(tmp_path: Path) -> Session:
    """A rehearsed one with a level of 20 mA."""
    return api.rehearse(PROTOCOL, patient="p1", device="sim://p24?seed=3", levels={"quadriceps": 20}, home=tmp_path)


def lines(result: api.Result | None) -> Iterator[dict]:  # type: ignore[type-arg]
    assert result is not None
    assert result.record is not None
    for line in (result.record / "record.jsonl").read_bytes().splitlines():
        yield json.loads(line)


def highest_ua(result: api.Result | None) -> int:
    """The most that any command of the record sent."""
    return max(
        (
            row["amplitude_ua"]
            for line in lines(result)
            if line["kind"] == "command"
            for row in line["fields"].get("channels", ())
        ),
        default=0,
    )


def test_a_whole_session_ends_completed_and_verified(session: Session) -> None:
    with session as s:
        s.start()
        assert s.wait()
    assert session.result is not None
    assert (session.result.outcome, session.result.verified) == ("completed", True)
    assert session.result.contractions == 15


@pytest.mark.parametrize("make", [api.rehearse, api.session], ids=["rehearse", "session"])
def test_a_script_signs_for_nobody_whatever_name_it_gives(
    tmp_path: Path, make: Callable[..., Session], capsys: pytest.CaptureFixture[str]
) -> None:
    """21 CFR 11.50: a signature is a person's. The station seals what a script did, and no one has signed it."""
    with make(PROTOCOL, patient="p1", operator="PT1", levels={"quadriceps": 20}, home=tmp_path) as s:
        s.start()
        s.stop()
    home = ["--home", str(tmp_path)]
    assert main(["records", "list", *home]) == 0
    assert "ok  UNSIGNED" in capsys.readouterr().out
    assert main(["records", "verify", "last", *home]) == 0
    said = capsys.readouterr().out
    assert "UNSIGNED: a script closed it, no person signed this session" in said
    assert "Signed by" not in said
    assert main(["records", "export", "--simulated", "--format", "json", *home]) == 0
    (row,) = json.loads(capsys.readouterr().out)["sessions"]
    assert row["signed_by_person"] is False


def test_where_a_session_runs_is_said_as_it_was_named(tmp_path: Path) -> None:
    """`sim://` leads to a socket that nobody chose; who asks for the patient, or looks on, is told what was."""
    named = "sim://p24?seed=3"
    with api.session(PROTOCOL, patient="p1", device=named, levels={"quadriceps": 20}, home=tmp_path):
        elsewhere = in_session(Home(tmp_path), "p1")
        assert elsewhere is not None
        assert elsewhere.device == named
        for lock in (tmp_path / "records" / "open").glob("*.lock"):
            assert f"on {named}, since " in lock.read_text("utf-8")


def test_a_refusal_names_nothing_that_a_script_has_not() -> None:
    """`estim run` goes on before its time with a reason; there is no such argument here."""
    at_once = "1 of 1 sessions of today were given, or now with a reason (--early TEXT)"
    refused = _refusal(Answer(id=1, accepted=False, problems=({"key": "dose", "message": at_once},)))
    assert "estim run --early TEXT" in str(refused)
    assert "(--early" not in str(refused)
    assert refused.problems[0]["message"] == str(refused)


def test_a_seed_repeats_a_closed_loop_to_the_byte(tmp_path: Path) -> None:
    records = []
    for name in ("a", "b"):
        made = api.rehearse(PROTOCOL, device="sim://p24?seed=5", levels={"quadriceps": 10}, home=tmp_path / name)
        with made as s:
            s.start()
            for state in s.states(timeout_s=100):
                s.set_share("quadriceps", 0.5 if state.contraction == 1 else 0.9)
        assert made.result is not None
        assert made.result.record is not None
        records.append((made.result.record / "record.jsonl").read_bytes())
    first, second = (record.splitlines()[2:] for record in records)
    assert len(first) > 100
    assert [json.loads(line)["fields"] for line in first if b'"command"' in line] == [
        json.loads(line)["fields"] for line in second if b'"command"' in line
    ]


def test_pulses_and_charge_are_counted_while_they_play(session: Session) -> None:
    """A loop that doses by charge sees what has come, not what had come when the last contraction ended."""
    seen: list[tuple[bool, int, int]] = []
    with session as s:
        s.start()
        for state in s.states(timeout_s=60, period_s=0.25):
            channel = state.channels["quadriceps"]
            seen.append((channel.on and channel.sent_ma == 20, channel.pulses, channel.charge_uc))
        s.stop()
    held = [(pulses, charge) for on, pulses, charge in seen if on]
    steps = [(after[0] - before[0], after[1] - before[1]) for before, after in itertools.pairwise(held)]
    assert len(steps) > 30
    assert all(12 <= pulses <= 13 and 5 * pulses - 1 <= charge <= 5 * pulses + 1 for pulses, charge in steps), steps
    assert session.result is not None
    (given,) = session.result.channels
    assert seen[-1][1:] == (given["pulses"], int(given["charge_uc"])), "what was seen last is what is booked"


def test_a_record_that_can_not_be_written_is_a_fault_and_no_stop(session: Session) -> None:
    """Nobody stopped it: the script is told what failed."""

    def full(s: Session) -> None:
        with s:
            s.start()
            s.wait(lambda state: state.channels["quadriceps"].on, 60)
            s._front._world.extra.append(events.RecordFailed(reason="No space left on device"))  # type: ignore[attr-defined]
            s.wait(timeout_s=10)

    with pytest.raises(api.Fault, match="No space left on device") as told:
        full(session)
    assert told.value.cause == "record-failed"
    assert session.result is not None
    assert (session.result.outcome, session.result.exit_code) == ("fault", 3)


def test_more_than_was_found_is_refused_with_both_numbers_and_output_goes_on(session: Session) -> None:
    with session as s:
        s.start()
        s.wait(lambda state: state.channels["quadriceps"].on and not state.channels["quadriceps"].locked, 60)
        with pytest.raises(api.AboveFound) as refused:
            s.set_share("quadriceps", 1.5)
        assert "30 mA" in str(refused.value)
        assert "20 mA" in str(refused.value)
        assert (refused.value.asked_ma, refused.value.found_ma, refused.value.channel) == (30, 20, "quadriceps")
        with pytest.raises(api.AboveFound):
            s.raise_level("quadriceps")
        assert s.state.output == "ON"
        s.stop()
    assert highest_ua(session.result) <= 20_000


@pytest.mark.parametrize("share", [float("nan"), float("inf"), -0.1, "full", None])
def test_what_is_no_share_is_refused(session: Session, share: object) -> None:
    with session as s:
        s.start()
        with pytest.raises(api.Refused):
            s.set_share("quadriceps", share)  # type: ignore[arg-type]


def test_a_fall_is_at_once_and_a_rise_keeps_the_pace_of_a_hand(session: Session) -> None:
    seen: list[tuple[float, float]] = []
    with session as s:
        s.start()
        s.wait(lambda state: state.channels["quadriceps"].sent_ma == 20, 60)
        s.set_share("quadriceps", 0.5)
        s.wait(lambda state: state.channels["quadriceps"].level_ma <= 10, 1)
        assert s.state.channels["quadriceps"].level_ma == 10
        s.set_share("quadriceps", 1)
        for state in s.states(timeout_s=8, period_s=0.05):
            seen.append((state.t_s, state.channels["quadriceps"].level_ma))
        s.stop()
    steps = [(b[0], b[1] - a[1]) for a, b in itertools.pairwise(seen) if b[1] != a[1]]
    assert len(steps) >= 5
    assert all(step == 1 for _, step in steps)  # L15: 1 mA
    assert all(b[0] - a[0] >= 0.45 for a, b in itertools.pairwise(steps))  # L15: two a second


def test_an_exception_in_the_body_ends_output_seals_the_record_and_passes_on(session: Session) -> None:
    def body() -> None:
        with session as s:
            s.start()
            s.wait(lambda state: state.output == "ON", 60)
            raise ZeroDivisionError

    with pytest.raises(ZeroDivisionError):
        body()
    assert session.result is not None
    assert (session.result.outcome, session.result.verified) == ("stopped", True)
    kinds = [line["kind"] for line in lines(session.result)]
    assert kinds[-1] == "seal"
    assert any(
        "ZeroDivisionError" in json.dumps(line["fields"]) for line in lines(session.result) if line["kind"] == "note"
    )
    ends = [line["fields"] for line in lines(session.result) if line["kind"] == "end"]
    assert ends[-1]["output"] == "OFF"


def test_a_patient_who_presses_the_switch_is_told_to_the_script(session: Session) -> None:
    with session as s:
        s.start()
        s.wait(lambda state: state.output == "ON", 60)
        s.hear(type="patient-switch", pressed=True)
        with pytest.raises(api.Stopped) as stopped:
            s.wait(timeout_s=60)
        assert "patient" in stopped.value.cause
    assert session.result is not None
    assert session.result.outcome == "stopped"


def test_one_session_at_a_time(session: Session, tmp_path: Path) -> None:
    other = api.rehearse(PROTOCOL, levels={"quadriceps": 5}, home=tmp_path)
    with session as s:
        with pytest.raises(api.Refused, match="one at a time"), other:
            pass
        s.start()
        assert s.state.phase in {"ARMED", "RUNNING"}
    with other as s:  # the first is closed
        s.start()


def test_another_thread_neither_drives_nor_keeps_alive(session: Session) -> None:
    said: list[BaseException] = []
    with session as s:
        s.start()

        def drive() -> None:
            assert s.state.phase
            for act in (lambda: s.set_share("quadriceps", 0.1), lambda: next(s.states()), s.pause):
                try:
                    act()
                except SessionError as refused:
                    said.append(refused)

        thread = threading.Thread(target=drive)
        thread.start()
        thread.join()
    assert len(said) >= 2
    assert all("thread" in str(refused) for refused in said)


def test_no_inner_door_lets_another_thread_keep_output_alive_or_ask_for_more(session: Session) -> None:
    said: list[BaseException] = []
    beats: list[float | None] = []
    with session as s:
        s.start()
        pictures = s.states()
        next(pictures)

        def drive() -> None:
            before = s._last_beat_s
            s.turn(0.01)
            beats.extend((before, s._last_beat_s))
            raises = events.Raise(id=s.next_id(), channel=1, snapshot_n=s.snapshot.n)
            for act in (lambda: s.ask(raises), s.alive, lambda: next(pictures), lambda: s.raise_level("quadriceps")):
                try:
                    act()
                except SessionError as refused:
                    said.append(refused)

        thread = threading.Thread(target=drive)
        thread.start()
        thread.join()
    assert beats[0] == beats[1]
    assert len(said) == 4
    assert all("thread" in str(refused) for refused in said)


@pytest.mark.skipif(not hasattr(os, "fork"), reason="no fork on this system")
def test_a_fork_neither_drives_the_session_nor_ends_it(session: Session) -> None:
    with session as s:
        s.start()
        inside, outside = os.pipe()
        child = os.fork()
        if not child:  # it does what a helper process might, and goes through the end of the block
            told = b"drove"
            try:
                s.set_share("quadriceps", 0.1)
            except SessionError as refused:
                told = str(refused).encode()
            s.__exit__(None, None, None)
            os.write(outside, told)
            os._exit(0)
        os.waitpid(child, 0)
        told = os.read(inside, 1_000)
        os.close(inside)
        os.close(outside)
        assert b"fork" in told
        assert s.state.phase in {"ARMED", "RUNNING"}
        assert s.wait()
    assert session.result is not None
    assert (session.result.outcome, session.result.verified) == ("completed", True)


@pytest.mark.parametrize("what", [KeyboardInterrupt, SystemExit, GeneratorExit])
def test_every_way_out_of_the_block_ends_output(session: Session, what: type[BaseException]) -> None:
    def script() -> None:
        with session as s:
            s.start()
            next(iter(s.states()))
            raise what

    with pytest.raises(what):
        script()
    assert session.result is not None
    assert (session.result.outcome, session.result.verified) == ("stopped", True)
    with pytest.raises(api.Refused, match="not open"):
        session.start()
    with pytest.raises(api.Refused, match="not open"):
        next(iter(session.states()))


def test_a_loop_that_waits_for_something_else_has_no_output_and_is_told(session: Session) -> None:
    async def closed_loop() -> None:
        with session as s:
            s.start()
            for number, _ in enumerate(s.states()):
                if number == 20:
                    s._front.wait(3.0)  # as `await queue.get()` does, while a task of the same loop looks on
                    assert s.state.phase

    with pytest.raises(api.Stopped, match="silent"):
        asyncio.run(closed_loop())
    assert session.result is not None
    assert session.result.outcome == "stopped"


def test_levels_on_a_real_device_want_a_person_before_anything_is_opened(tmp_path: Path) -> None:
    with pytest.raises(api.NeedsAPerson, match="find"):
        api.session(PROTOCOL, patient="p1", device="/dev/ttyACM0", levels={"quadriceps": 20}, home=tmp_path)
    assert not (tmp_path / "logs").exists()


def test_a_level_above_a_limit_is_refused_with_its_problems_before_anything_is_opened(tmp_path: Path) -> None:
    with pytest.raises(api.Refused) as refused:
        api.rehearse(PROTOCOL, levels={"quadriceps": 140}, home=tmp_path)
    assert {problem["rule"] for problem in refused.value.problems} >= {"L1"}


def test_nothing_starts_without_levels_pads_or_in_the_wrong_order(tmp_path: Path) -> None:
    with api.rehearse(PROTOCOL, home=tmp_path) as s:
        with pytest.raises(api.Refused, match="no level was found"):
            s.start()
        with pytest.raises(api.Refused, match="no channel 'biceps'"):
            s.find("biceps", lambda _: True)
        with pytest.raises(api.Refused):
            s.pause()
    with pytest.raises(api.Refused, match="not open"):
        s.start()


def test_levels_are_found_by_asking_before_each_raise(tmp_path: Path) -> None:
    asked: list[float] = []

    def by_level(offer: api.Offer) -> object:
        asked.append(offer.level_ma)
        if offer.level_ma >= 3 and not offer.felt:
            return "felt"
        if offer.level_ma >= 6 and not offer.contracts:
            return "contracts"
        return offer.level_ma < 9

    with api.rehearse(PROTOCOL, home=tmp_path) as s:
        assert s.find("quadriceps", by_level) == 9
        s.start()
        s.wait(lambda state: state.output == "ON", 60)
        view = s.state.channels["quadriceps"]
        assert (view.found_ma, view.level_ma) == (9, 9)
        s.stop()
    assert asked[0] == 0
    marks = [
        (line["fields"]["mark"], line["fields"]["level_ua"]) for line in lines(s.result) if line["kind"] == "levels"
    ]
    assert marks == [("sensory", 3000), ("motor", 6000), ("max-tolerated", 9000)]


def test_an_inline_protocol_goes_through_the_same_limits(tmp_path: Path) -> None:
    from examples.fatigue import TEST

    wrong = {**TEST, "phase": [{**TEST["phase"][0], "frequency_hz": 180}]}  # type: ignore[index]
    with pytest.raises(api.Refused) as refused:
        api.rehearse(api.protocol(wrong), levels={"quadriceps": 10}, home=tmp_path)
    assert any("180" in str(problem) for problem in refused.value.problems)


def test_public_names_are_the_kept_ones_or_the_version_says_so() -> None:
    assert difference() == [], (
        "run python -m tools.public_names --write, and raise api.VERSION if a line went or changed"
    )


def test_what_is_public_is_what_the_handbook_names() -> None:
    page = (Path(__file__).parents[2] / "docs" / "python.md").read_text("utf-8")
    missing = [name for name in api.__all__ if f"`{name}" not in page and f"api.{name}" not in page]
    methods = [name for name in vars(Session) if not name.startswith("_") and f"s.{name}" not in page]
    assert (missing, methods) == ([], [])


def test_a_steady_train_makes_a_steady_force(tmp_path: Path) -> None:
    """50 Hz holds a muscle: a body that hears of its pulses late would show a force that comes and goes."""
    made = api.rehearse(PROTOCOL, device="sim://p24?patient=knee-replacement", levels={"quadriceps": 36}, home=tmp_path)
    forces = []
    with made as s:
        s.start()
        s.wait(lambda state: state.channels["quadriceps"].sent_ma == 36, 60)
        s.wait(timeout_s=0.5)
        for state in s.states(timeout_s=8, period_s=0.1):
            forces.append(state.force_percent or 0)
        s.wait(lambda state: state.contraction == 2, 120)
        s.stop()
    assert len(forces) > 60
    assert min(forces) > 0.5 * max(forces) > 0
    assert s.result is not None
    evoked = s.result.document["channels"][0]["evoked_percent_mvic"]
    assert evoked["measured"] == 1
    assert evoked["least"] == evoked["most"] == evoked["mean"] >= max(forces)


@pytest.mark.parametrize(("seconds", "code"), [(0.2, 1), (8, 0)])
def test_a_stop_within_the_first_contraction_is_none_before_it(session: Session, seconds: float, code: int) -> None:
    """Exit code 1 says that nothing was done; 346 pulses that a stop cut short were called so."""
    with session as s:
        s.start()
        s.wait(timeout_s=seconds)
        s.stop()
    assert session.result is not None
    pulses = sum(row["pulses"] for row in session.result.document["channels"])
    assert (session.result.outcome, session.result.contractions, bool(pulses)) == ("stopped", 0, not code)
    assert session.result.exit_code == code


@pytest.mark.parametrize("given", [{"seed": 3}, {"patient_profile": "able"}])
def test_a_seed_or_a_patient_that_is_said_twice_and_differs_is_refused(
    tmp_path: Path, given: dict[str, object]
) -> None:
    """One of them had been taken, and nobody was told which."""
    device = "sim://p24?seed=4&patient=stroke"
    with pytest.raises(api.Refused, match="said twice"):
        api.rehearse(PROTOCOL, device=device, levels={"quadriceps": 10}, home=tmp_path, **given)  # type: ignore[arg-type]
    api.rehearse(PROTOCOL, device=device, levels={"quadriceps": 10}, home=tmp_path, seed=4, patient_profile="stroke")
