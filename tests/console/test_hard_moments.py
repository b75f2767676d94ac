"""A hurt that is said, in titration and in a pause; half of a yes; a visit in which nothing is treated."""

from __future__ import annotations

import datetime
import json
from collections import Counter
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import pytest

from estim.console.before import too_soon
from estim.console.comfort import Hurting
from estim.console.draft import Draft, Stage
from estim.console.ending import ending_of
from estim.console.home_reading import read_sessions
from estim.console.language import ENGLISH, load
from estim.console.panel import Panel
from estim.console.past import PastPatient
from estim.console.recovery import PAUSE_EXPIRED, expired_lines
from estim.console.stages.form import FormPane, Row
from estim.console.stages.glance import glance_lines, how_words
from estim.protocols import library
from estim.protocols.catalogue import load_runnable
from estim.protocols.loader import load as load_protocol
from estim.records.spacing import Past
from estim.session import events, play
from estim.session.state import Phase

from .conftest import PROTOCOL, Bench, Make
from .every_stage import resize
from .test_home_view import session
from .test_screening import to_screening

HOUR = datetime.timedelta(hours=1)
NOT_STARTED = "not started within 60 s"


def _notes(b: Bench) -> list[tuple[str, dict[str, Any]]]:
    return [(one.kind, dict(one.fields)) for one in b.session.requests if isinstance(one, events.Note)]


async def _seeking(b: Bench, steps: int) -> None:
    await b.jump(Stage.LEVELS)
    await b.press("f2")
    await b.look(1.0)
    await b.press("f9")
    await b.raise_by(steps)
    await b.look(1.0)


# -- a level that hurt is no level ---------------------------------------------------------------------------------


@pytest.mark.parametrize("language", ["en", "de"])
async def test_what_was_called_unbearable_is_not_the_strongest_that_is_tolerated(bench: Make, language: str) -> None:
    """F, T, and T once more: 10 of 10, and then the level of the treatment was just that."""
    async with bench(say=(say := load(language))) as b:
        await _seeking(b, 8)
        await b.press("f", "t", "t")
        assert b.at("levels")
        assert b._view().channels[0].max_tolerated_ua is None
        assert say("mark.hurts", level="8.0") in " ".join(b.said.split())
        assert b.next == f"→ 0 {say('live.hurts-says')}"
        await b.press("0")
        await b.look(2.0)
        await b.press("t")
        await b.look(0.2)
        assert b._view().channels[0].max_tolerated_ua == 6000, "lower it may be"


async def test_told_again_of_less_pain_it_may_be(bench: Make) -> None:
    async with bench() as b:
        await _seeking(b, 8)
        await b.press("f", "8", "f", "5", "t")
        await b.look(0.2)
        assert b._view().channels[0].max_tolerated_ua == 8000


async def test_nor_is_it_found_by_going_on_to_the_next_channel(bench: Make) -> None:
    async with bench() as b:
        await b.seek("hip-fracture-quadriceps-home")
        await b.raise_by(5)
        await b.look(1.0)
        await b.press("m", "f", "9", "n")
        await b.look(1.0)
        assert b.at("levels")
        assert "it hurts, as was said" in b.said


def test_pain_belongs_to_its_channel_and_pads() -> None:
    hurting = Hurting()
    hurting.said(7, {"1": 20_000, "2": 0})
    hurting.said(9, {"1": 22_000})
    assert [hurting.at(1, ua) for ua in (19_500, 20_000, 30_000)] == [0, 20_000, 20_000]
    assert hurting.at(2, 40_000) == 0
    hurting.said(3, {"1": 15_000})
    assert hurting.at(1, 20_000), "that lower ones do not hurt says nothing of this one"
    hurting.said(3, {"1": 20_000})
    assert not hurting.at(1, 20_000)
    hurting.said(10, {"1": 20_000, "2": 9_000})
    hurting.forget(1)
    assert (hurting.at(1, 20_000), hurting.at(2, 9_000)) == (0, 9_000)
    hurting.forget()
    assert hurting.at(2, 9_000) == 0


# -- a pain that is said in a pause --------------------------------------------------------------------------------


async def test_in_a_pause_it_is_asked_and_lowered(bench: Make) -> None:
    async with bench() as b:
        await b.running()
        await b.press("p")
        await b.look(1.0)
        assert b.phase is Phase.PAUSED
        before_ua = b._view().channels[0].level_ua
        await b.press("f")
        await b.look(0.3)
        assert "unbearable" in b.next
        await b.press("9")
        await b.look(0.2)
        said = next(fields for _, fields in _notes(b) if "discomfort" in fields)
        assert said["discomfort"] == 9
        assert said["felt_ua"] == {"1": before_ua}, "of the contraction before the pause"
        assert b.next == "→ 0 takes all channels down by a fifth: it hurt"
        await b.press("0")
        await b.look(0.2)
        lower_ua = b._view().channels[0].level_ua
        assert 0 < lower_ua <= before_ua * 80 // 100
        await b.press("minus")
        await b.look(0.2)
        assert b._view().channels[0].level_ua < lower_ua
        await b.follow(lambda: b.phase is Phase.RUNNING)


# -- screening: half of a yes --------------------------------------------------------------------------------------


async def test_a_yes_that_was_left_half_said_is_asked_again(bench: Make) -> None:
    """Esc at "why": it stood there as answered, and the next line led from one refusal to the same one, for ever."""
    async with bench(size=(120, 40)) as b:
        await to_screening(b)
        await b.press("n", "n", "y", "1")
        assert "Why is it treated all the same?" in b.text
        await b.press("f7")
        assert "Where?" in b.text, "one step back"
        await b.press("f7")
        assert "S15" not in b.app.draft.answers
        assert b.next.startswith("→ N no to S15")
        assert "2 of 29 answered" in b.text
        await b.press("y", "2", "1")
        assert b.app.draft.answers["S15.where"] == "right leg"
        await b.follow(lambda: b.at("pads"))


async def test_a_no_that_became_half_a_yes_is_no_no(bench: Make) -> None:
    async with bench(size=(120, 40)) as b:
        await to_screening(b)
        await b.press("n", "up", "y", "f7")
        assert "S02" not in b.app.draft.answers
        assert "S02" in b.next


async def _screened(b: Bench, first: str) -> None:
    """These keys for the first question, and for all others what the next line names."""
    await to_screening(b)
    await b.press(*first)
    for _ in range(200):
        if b.app.pane.form.complete and not b.app._waiting:  # type: ignore[attr-defined]
            break
        await b.follow_one()
    await b.look(1.0)


@pytest.mark.parametrize("language", ["en", "de"])
@pytest.mark.parametrize("first", ["y6", "nny60"], ids=["a clot in the limb", "skin, and no reason to treat"])
async def test_a_screening_that_forbids_leads_to_the_signature(bench: Make, language: str, first: str) -> None:
    """The one way out was to leave the program and sign at its next start; and with a clot in the limb that is treated
    the next line led to the pads.
    """
    async with bench(size=(120, 40), say=(say := load(language))) as b:
        await _screened(b, first)
        assert b.at("screening"), b.text
        rule = "S02" if first == "y6" else "S15"
        assert rule in b.said
        assert f"▸ {say('screening.yes')}" in b.text, "the answer that forbids is marked"
        says = "screening.blocked-says" if first == "y6" else "screening.end-says"
        assert b.next == f"→ E {say(says, key_back=b.app.key_names['back'])}", b.text
        await b.press("e", "1")
        assert b.at("outcome")
        assert say.of("reason", "contraindicated") in b.text
        assert ("reason", {"ended_for": "contraindicated"}) in _notes(b)
        assert b.app.snapshot is not None
        assert ending_of(b.app.snapshot, b.app.draft) == "not-treated"
        await b.press("f7")
        assert b.at("screening"), "back is where it was ended"
        await b.press("f8")
        await b.look(1.0)
        await b.press("e", "1", "r", "3")
        assert say("outcome.discomfort") not in b.text, "nothing flowed: nobody is asked how it felt"
        await b.press("n", "1", "f8")
        await b.look(0.5)
        assert b.app.snapshot.word_head, b.text
        ended = [fields["ended"] for _, fields in _notes(b) if "ended" in fields]
        assert ended == [f"{say('ending.not-treated')}: {say.of('reason', 'skin')}"]


async def test_whoever_leaves_the_blocked_channel_out_may_go_on(bench: Make) -> None:
    async with bench(size=(120, 40)) as b:
        await _screened(b, "y6")
        await b.press("enter")
        await b.look(0.3)
        assert b.at("pads")


async def test_from_every_stage_before_treatment_a_visit_can_be_ended_and_signed(bench: Make) -> None:
    for stage in (Stage.PLAN, Stage.PADS, Stage.LEVELS):
        async with bench() as b:
            await b.jump(stage)
            await b.press("ctrl+q", "e", "2")
            assert b.at("outcome"), (stage, b.text)
            await b.press("n", "1", "f8")
            await b.look(0.5)
            assert b.app.snapshot is not None
            assert b.app.snapshot.word_head, (stage, b.text)


# -- at home -------------------------------------------------------------------------------------------------------


async def test_leaving_by_hand_is_no_crash(bench: Make) -> None:
    left: list[bool] = []
    async with bench() as b:
        await b.jump(Stage.PADS)
        b.app.exit = lambda *_: left.append(True)  # type: ignore[method-assign]
        await b.press("ctrl+q", "q")
        assert left
        assert _notes(b)[-1] == ("note", {"left_by": "PT1"})


LEFT: Sequence[tuple[str, dict[str, object]]] = (
    ("note", {"left_by": "PT1"}),
    ("request", {"what": "leave", "source": "console-gone"}),
)


def test_what_home_says_of_it(tmp_path: Path) -> None:
    session(tmp_path, "20261101T0800", "P-1", signed=False, more=LEFT)
    session(tmp_path, "20261102T0800", "P-2", signed=False, more=LEFT[1:])
    by_crash, by_hand = read_sessions(tmp_path, "2026-11-28")[1]
    assert (by_crash.how, by_hand.how) == ("killed", "quit")
    assert how_words(by_hand, ENGLISH) == "it was left by hand before the signature, with the output off"


def test_the_last_day_has_its_own_ending(tmp_path: Path) -> None:
    """`last 2026-11-30:` with nothing behind it; or the ending of the visit before it."""
    session(tmp_path, "20261101T0800", "P-1")
    (tmp_path / "20261103T0800").mkdir()
    head = {"kind": "header", "fields": {"patient": "P-1", "utc": "2026-11-03T08:00:00.000+00:00", "operator": "PT1"}}
    end = {"kind": "end", "fields": {"outcome": "stopped", "contractions": 0}}
    lines = "".join(json.dumps(each, separators=(",", ":")) + "\n" for each in (head, end))
    (tmp_path / "20261103T0800" / "record.jsonl").write_text(lines)
    (patient,) = read_sessions(tmp_path, "2026-11-28")[0]
    assert (patient.last_day, patient.last_ending, patient.last_contractions) == ("2026-11-03", "not-treated", 0)
    assert patient.sessions == 1
    assert "last   2026-11-03: not treated" in glance_lines(patient, ENGLISH)


@pytest.mark.parametrize("word", ["!!", "--", "…"])
async def test_initials_have_a_letter_or_a_digit(bench: Make, word: str) -> None:
    async with bench() as b:
        await b.type(word)
        await b.press("enter")
        assert b.at("sign-in")
        assert "at least one letter or digit" in b.text
        await b.press("backspace", "backspace", "backspace")
        await b.type("7b")
        await b.press("enter")
        assert b.at("home")


async def test_a_comma_is_a_point(bench: Make) -> None:
    """`61,5` was "0 to 150 %"."""
    async with bench(say=load("de")) as b:
        await b.jump(Stage.ASSESSMENT, protocol="knee-replacement-quadriceps-early")
        await b.press("m")
        await b.type("61,5")
        await b.press("enter")
        assert b.at("screening"), b.text
        assert b.app.draft.measured == {"quadriceps-index": 61.5}
        assert ("note", {"measured_before": {"quadriceps-index": "61.5"}}) in _notes(b)


# -- help ----------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("language", ["en", "de"])
async def test_help_uses_the_room_and_names_no_key_twice(bench: Make, language: str) -> None:
    async with bench(say=(say := load(language))) as b:
        await b.jump(Stage.PADS)
        await b.press("f1")
        footer = " ".join(b.lines()[-2:])
        assert footer.count("F7") == 1, footer
        assert say("help.states") not in b.text
        await resize(b, (200, 60))
        assert say("help.states") in b.text
        assert say("way.outcome") in b.text
        assert not [panel.id for panel in b.app.on_top().query(Panel) if panel.max_scroll_y]


@pytest.mark.parametrize("language", ["en", "de"])
async def test_help_says_what_a_key_does_in_words(bench: Make, language: str) -> None:
    """`F  Feels` helped nobody."""
    async with bench(size=(120, 40), say=(say := load(language)), keymap=b'[keys]\nraise = ["pageup"]\n') as b:
        await b.running()
        await b.press("f1")
        for name in ("raise", "lower", "cut", "pause", "comfort", "tolerated", "end"):
            assert say(f"action.{name}.about") in b.text, name
        assert "PgUp" in b.text


# -- what is typed stays ---------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("key", "wrong", "more", "right"), [("z", "5x", "5", "5x5"), ("c", "2o", "", "20"), ("o", "9", "", "3")]
)
async def test_a_typing_slip_at_the_pads_stays_to_be_put_right(
    bench: Make, key: str, wrong: str, more: str, right: str
) -> None:
    """`pad size '5x'` was said, and the line was gone: Z, and all of it once more."""
    async with bench() as b:
        await b.jump(Stage.PADS)
        await b.press(key)
        await b.type(wrong)
        await b.press("enter")
        assert b.app.questions, "the line is still there"
        assert "✖" in b.text
        if not more:
            await b.press(*["backspace"] * len(wrong))
        await b.type(more or right)
        await b.press("enter")
        assert not b.app.questions
        setup = next(iter(b.app.draft.channels.values()))
        found = {"z": setup.pads_cm, "c": setup.cap_ua, "o": setup.channel}[key]
        assert found == {"z": ((5.0, 5.0), (5.0, 5.0)), "c": 20_000, "o": 3}[key]


async def test_pad_sizes_take_a_comma(bench: Make) -> None:
    async with bench(say=load("de")) as b:
        await b.jump(Stage.PADS)
        await b.press("z")
        await b.type("7,6x12,7")
        await b.press("enter")
        assert next(iter(b.app.draft.channels.values())).pads_cm == ((7.6, 12.7), (7.6, 12.7))


async def test_a_stop_for_pain_is_a_level_that_hurt_until_it_was_said_wrongly(bench: Make) -> None:
    async with bench() as b:
        await _seeking(b, 8)
        await b.press("space")
        await b.look(1.0)
        await b.press("2")
        await b.look(0.2)
        assert "! hurt from    8.0" in b.text
        await b.press("f2")
        await b.look(1.0)
        await b.press("f9")
        await b.raise_by(8)
        await b.look(1.0)
        await b.press("t")
        assert "from 8.0 mA on it hurts" in " ".join(b.said.split())
        await b.press("space")
        await b.look(1.0)
        await b.press("2", "r", "7")
        assert "hurt from" not in b.text


@pytest.mark.parametrize("language", ["en", "de"])
def test_what_is_too_early_is_named_by_its_title(language: str) -> None:
    """`stroke-foot-drop-peroneal: 1 of 1 sessions of today` is a file's name."""
    now = datetime.datetime(2026, 11, 28, 9, 0, tzinfo=datetime.UTC)
    protocol, digest = load_runnable(PROTOCOL, own=None)
    given = Past(protocol=PROTOCOL, protocol_sha256=digest, began=now - HOUR, ended=now - HOUR / 2)
    draft = Draft(side="right")
    draft.choose(PROTOCOL, protocol)
    told = too_soon(draft, PastPatient(id="P-1", recent=(given,)), load(language), now, None)
    assert told
    assert all(one.startswith(f"{protocol.title}: ") and PROTOCOL not in one for one in told), told


# -- pads of several channels, and what stops any treatment ----------------------------------------------------------


@pytest.mark.parametrize("size", [(80, 24), (120, 40), (200, 60)])
async def test_the_list_of_channels_is_seen_and_leaves_the_room_to_the_figure(
    bench: Make, size: tuple[int, int]
) -> None:
    """At 80 × 24 it had no row at all; at 200 × 60 it took 43, and the figure what was left."""
    async with bench(size=size) as b:
        await b.jump(Stage.PADS, protocol="stroke-shoulder-subluxation")
        listed, atlas = b.app.pane.query_one("#channels-list", Panel), b.app.pane.query_one("#atlas", Panel)
        assert listed.size.height == 2, b.text
        assert atlas.size.height >= size[1] - 12
        for words in ("1 supraspinatus R", "2 posterior deltoid R", "skin now: ?", "pads lie as drawn"):
            assert words in b.text, words


async def test_of_many_channels_the_one_that_is_asked_for_is_in_sight(bench: Make) -> None:
    async with bench() as b:
        await b.jump(Stage.PADS, protocol="spinal-cord-injury-cycling")
        for _ in range(5):
            await b.press("down")
        assert "▸ · 6 gluteus maximus" in b.text
        assert "skin now: ?" in b.text


def test_what_stops_each_treatment_is_read_in_german() -> None:
    counted = Counter(one for name in library.names() for one in load_protocol(library.path(name)).stop_criteria)
    heard = load("de").heard
    shared = [text for text, count in counted.items() if count > 10]
    assert len(shared) == 6
    assert [text for text in shared if heard(text) == text] == []


async def test_what_happened_has_one_clock_while_levels_are_found(bench: Make) -> None:
    """A discomfort of 1:03 stood between raises of 3:56 and 4:01."""
    async with bench(size=(200, 60)) as b:
        await b.look(300.0)  # the station was idle for a while
        await _seeking(b, 4)
        await b.press("f", "3")
        await b.raise_by(1)
        await b.look(0.3)
        times = [
            line.partition("  ")[0] for line in reversed(b.app.happened.lines(9)) if "mA" in line or "3 of" in line
        ]
        at_s = [int(minutes) * 60 + int(seconds) for minutes, seconds in (one.split(":") for one in times)]
        assert at_s == sorted(at_s), times
        assert at_s[-1] < 300, "of this session, not of the program"


@pytest.mark.parametrize(
    ("protocol", "measures"),
    [
        ("stroke-shoulder-subluxation", ["pain"]),
        ("low-back-pain-multifidus", ["pain"]),
        (PROTOCOL, ["tug", "walk-10m"]),
    ],
)
async def test_nobody_is_asked_to_walk_for_a_shoulder(bench: Make, protocol: str, measures: list[str]) -> None:
    async with bench() as b:
        await b.jump(Stage.ASSESSMENT, protocol=protocol)
        assert b.app.pane._measures() == measures  # type: ignore[attr-defined]


async def test_a_channel_has_one_short_name_in_german(bench: Make) -> None:
    async with bench(say=load("de")) as b:
        await _seeking(b, 2)
        assert "7/9 Stärken · K1 " in b.text
        assert "ch1" not in b.text


# -- the last page -----------------------------------------------------------------------------------------------------


async def test_an_event_that_was_taken_back_is_none(bench: Make) -> None:
    """Y and its words by mistake, then N: the page said no, and the record had the event."""
    async with bench(size=(120, 40)) as b:
        await b.jump(Stage.OUTCOME)
        await b.press("0", "0", "1", "y")
        await b.type("red arm")
        await b.press("enter", "up", "n")
        assert "red arm" not in b.text
        await b.press("1", "f8")
        await b.look(0.5)
        assert b.app.snapshot is not None
        assert b.app.snapshot.word_head
        assert not [fields for _, fields in _notes(b) if "adverse_event" in fields]


async def test_what_is_changed_after_a_refused_seal_is_what_is_sealed(bench: Make) -> None:
    """It was written once, before the refusal: the page showed one value, and another was signed."""
    async with bench(size=(120, 40)) as b:
        await b.jump(Stage.OUTCOME)
        await b.press("0", "0", "1", "y")
        await b.type("red arm")
        await b.press("enter", "1")
        b.app.station.operator = "!!"  # as nobody may sign
        refused = b.session.send
        b.session.send = lambda request: None if isinstance(request, events.Sign) else refused(request)  # type: ignore[method-assign]
        await b.press("f8")
        b.app.pane._sent = False  # type: ignore[attr-defined]
        b.app._waiting.clear()
        b.session.send = refused  # type: ignore[method-assign]
        b.app.station.operator = "PT1"
        await b.press("up", "n", "up", "up", "up", "up", "3")
        await b.look(0.2)
        await b.press("down", "down", "down", "down", "f8")
        await b.look(0.5)
        assert b.app.snapshot is not None
        assert b.app.snapshot.word_head, b.text
        said = _notes(b)
        assert [fields["adverse_event"] for _, fields in said if "adverse_event" in fields] == [
            "red arm",
            "withdrawn: red arm",
        ]
        assert [fields["discomfort"] for kind, fields in said if kind == "outcome"] == ["0", "3"]
        assert len([1 for _, fields in said if "ended" in fields]) == 1, "what is the same is not written again"


# -- nobody is there ---------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("language", ["en", "de"])
async def test_whoever_comes_back_reads_what_ended_by_itself(bench: Make, language: str) -> None:
    """Armed and called away: READY stood there, and not a word of why."""
    async with bench(say=(say := load(language))) as b:
        await b.jump(Stage.TREAT)
        await b.press("f2")
        await b.look(1.0)
        for _ in range(62):
            await b.look(1.0)
        assert b.phase is Phase.CONFIGURED
        assert say(f"expired.{NOT_STARTED}", time="1:00")[:21] in b.text, b.text
        await b.follow(lambda: b.phase is Phase.RUNNING)
        assert say(f"expired.{NOT_STARTED}", time="1:00")[:21] not in b.text
        await b.look(2.0)
        await b.press("p")
        for _ in range(305):
            await b.look(1.0)
        assert b.phase is Phase.CONFIGURED
        assert b.app.snapshot is not None
        assert "\n".join(expired_lines(b.app.snapshot, say)) == say(f"expired.{PAUSE_EXPIRED}", time="5:00")
        assert say(f"expired.{PAUSE_EXPIRED}", time="5:00")[:21] in b.text, b.text


def test_the_session_calls_them_so() -> None:
    source = (Path(play.__file__)).read_text("utf-8")
    assert all(f'"{cause}"' in source for cause in load("en").names("expired"))


async def test_a_form_that_is_left_half_typed_is_found_so(bench: Make) -> None:
    taken: list[dict[str, str]] = []
    left: dict[str, str] = {}
    async with bench() as b:
        await b.jump(Stage.TREAT)
        rows = [Row(name="sets", title="Sets"), Row(name="reps", title="Repetitions")]
        b.app.ask(FormPane(b.app, "How it went", rows, lambda typed: taken.append(dict(typed)), left=left.update))
        await b.look(0.2)
        await b.type("3")
        await b.press("f7")
        assert left == {"sets": "3"}
        b.app.ask(FormPane(b.app, "How it went", rows, lambda typed: taken.append(dict(typed)), given=left))
        await b.look(0.2)
        assert "Sets: 3" in b.text
        await b.press("enter")
        await b.type("10")
        await b.press("enter")
        assert taken == [{"sets": "3", "reps": "10"}]


async def test_a_pain_on_the_channel_that_is_sought_lowers_no_other(bench: Make) -> None:
    """0 on channel 2 took a fifth off what had been found on channel 1, which had not hurt."""
    async with bench() as b:
        await b.seek("stroke-shoulder-subluxation")
        await b.raise_by(6)
        await b.look(1.0)
        await b.press("t")
        await b.look(1.0)
        for _ in range(5):
            for _ in range(200):
                if not b._view().channels[1].raise_locked:
                    break
                await b.look(0.2)
            await b.press("plus")
        await b.look(1.0)
        assert [view.level_ua for view in b._view().channels] == [6000, 5000]
        await b.press("f", "8")
        await b.look(0.2)
        assert b.next == "→ 0 takes channel 2 down by a fifth: it hurts (Space stops)"
        await b.press("0")
        await b.look(0.3)
        assert [view.level_ua for view in b._view().channels] == [6000, 4000]
        assert b.next != "→ 0 takes channel 2 down by a fifth: it hurts (Space stops)"
        pane = b.app.pane  # two keys before the next drawing, as on a busy machine
        for key in ("1", "0"):
            next(command for command in pane.commands() if key in command.keys).act()
        await b.look(0.3)
        assert [view.level_ua for view in b._view().channels] == [6000, 3000], "a digit leads 0 to no other channel"


@pytest.mark.parametrize("protocol", [PROTOCOL, "older-adults-quadriceps-low-intensity"])
async def test_bad_skin_leads_to_the_end_of_the_visit(bench: Make, protocol: str) -> None:
    """Nothing led on: the next line said that the site is left alone, and no key."""
    async with bench() as b:
        await b.jump(Stage.PADS, protocol=protocol)
        await b.press("4")
        assert b.next.startswith("→ E ends for today"), b.text
        await b.press("e", "3")
        assert b.at("outcome")
        assert "not treated: skin" in " ".join(b.text.split())
        assert "skin under the pads" in b.text, "the next visit hears of it"
        await b.press("f7")
        assert b.at("pads")
        await b.press("1")
        assert b.next.startswith("→ Y"), "a wrong digit is put right"


async def test_who_does_not_agree_is_not_led_to_a_yes(bench: Make) -> None:
    """After N the next line named Y once more, and whoever followed it treated."""
    async with bench() as b:
        await b.jump(Stage.ASSESSMENT)
        b.app.draft.consent = False
        await b.press("n")
        assert b.next == "→ E ends for today: why, outcome, signature", b.text
        await b.press("e", "2")
        assert b.at("outcome")
        assert "not treated: patient asked" in " ".join(b.text.split())
        await b.press("f7", "y")
        assert b.app.draft.consent, "who agrees after all may"


async def test_whose_levels_were_sought_is_asked_how_it_was(bench: Make) -> None:
    async with bench() as b:
        await _seeking(b, 3)
        await b.press("space")
        await b.look(1.0)
        await b.press("1", "e", "2")
        assert b.at("outcome")
        assert b.next.startswith("→ 0 no discomfort now"), b.text
        await b.press("0", "0", "1", "n", "1", "f8")
        await b.look(0.5)
        assert b.app.snapshot is not None
        assert b.app.snapshot.word_head


@pytest.mark.parametrize("language", ["en", "de"])
async def test_the_list_of_commands_speaks_the_language_and_says_what_each_does(bench: Make, language: str) -> None:
    """`Search for commands…` stood on a German screen, and each name twice."""
    async with bench(size=(120, 40), say=(say := load(language))) as b:
        await b.running()
        await b.press("f10")
        await b.look(0.5)
        assert say("commands.search") in b.text
        assert ("Search" in b.text) == (language == "en")
        assert say("action.cut.about") in b.text, b.text
        await _finds_nothing(b)
        b.app.close_lists()
        b.app.search_themes()
        await b.look(0.5)
        assert say("commands.search-themes") in b.text
        await _finds_nothing(b)


async def _finds_nothing(b: Bench) -> None:
    """And can be searched on, and taken: nothing happens."""
    for letters in ("qqq", "qq"):
        await b.pilot.press(*letters)
        for _ in range(40):
            await b.look(0.05)
            if b.app.say("commands.nothing") in b.text:
                break
        assert b.text.count(b.app.say("commands.nothing")) == 1, b.text
        await b.pilot.press("down", "enter")
        assert len(b.app.screen_stack) == 2, "the list still stands there"
