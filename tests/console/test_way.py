"""The way of a session, stage by stage, key by key, and what each stage insists on."""

from __future__ import annotations

from pathlib import Path

import pytest
from textual.events import Key
from textual.widgets import Input, OptionList, TextArea

from estim.console.draft import Stage
from estim.console.home_view import EmptyHome, PastPatient
from estim.console.screens.device import DeviceScreen
from estim.console.screens.levels import LevelsScreen
from estim.console.screens.outcome import OutcomeScreen
from estim.console.screens.pads import PadsScreen
from estim.console.screens.protocol_choice import ProtocolScreen
from estim.console.screens.run import RunScreen
from estim.console.screens.screening_form import ScreeningScreen
from estim.console.screens.sign import SignScreen
from estim.controller.interface import ConfigureFrom
from estim.protocols.setup import ChannelSetup
from estim.safety.units import MicroAmp
from estim.session import events, screening
from estim.session.state import Phase

from .conftest import Bench, Make
from .fake_session import FakeSession


def sent(b: Bench, kind: type[events.Request]) -> list[events.Request]:
    return [request for request in b.session.requests if isinstance(request, kind)]


async def test_what_is_typed_right_after_enter_is_in_the_next_field(bench: Make) -> None:
    async with bench() as b:
        for key in ("P", "T", "1", "enter", "P", "minus", "4"):  # all of it before the screen answers
            b.app.post_message(Key(key, "-" if key == "minus" else key if len(key) == 1 else None))
        await b.look()
        assert b.app.screen.query_one("#operator", Input).value == "PT1"
        assert b.app.screen.query_one("#patient", Input).value == "P-4"


async def test_the_whole_way_from_sign_in_to_the_sealed_record(bench: Make) -> None:
    async with bench() as b:
        await b.sign_in()
        assert isinstance(b.app.screen, ProtocolScreen)
        await b.choose()
        assert isinstance(b.app.screen, ScreeningScreen)
        await b.press(*["n"] * 29)
        assert "29 of 29" in b.text("#questions")
        await b.press("f8")
        assert isinstance(b.app.screen, PadsScreen)
        await b.press("l", "k", "1", "f8")
        assert isinstance(b.app.screen, DeviceScreen)
        await b.test_device()
        assert isinstance(b.app.screen, LevelsScreen)
        await b.confirm_all()
        await b.press("f2", "f9")
        await b.look(3.5)
        await b.press("plus", "plus", "s", "plus", "m", "plus", "t", "n")
        await b.look(0.1)
        channel = b.session.channels[1]
        assert (channel.sensory_ua, channel.motor_ua, channel.max_tolerated_ua) == (2000, 3000, 4000)
        assert b.session.picture().phase is Phase.CONFIGURED
        await b.press("f8")
        assert isinstance(b.app.screen, RunScreen)
        therapy = sent(b, ConfigureFrom)[-1]
        assert isinstance(therapy, ConfigureFrom)
        assert (therapy.purpose, therapy.setup.channels[0].level_ua) == ("therapy", 4000)
        await b.confirm_all()
        await b.press("f2", "f9")
        await b.look(4.0)
        assert "STIM ON  ch1 4.0 mA" in b.text("#banner")
        await b.look(40)
        assert "F8 goes on to the outcome" in b.text("#checks")
        await b.press("f8")
        assert isinstance(b.app.screen, OutcomeScreen)
        await b.press("3", "tab", "2", "tab", "0")
        b.app.screen.query_one(TextArea).text = "strong contraction"
        await b.press("f8")
        assert isinstance(b.app.screen, SignScreen)
        outcome = [r for r in sent(b, events.Note) if isinstance(r, events.Note) and r.kind == "outcome"]
        assert outcome[0].fields == {"discomfort": "3", "pain": "2", "skin": "0 normal"}
        await b.press("f8", "1")
        assert "amber-river-seven-lantern" in b.text("#sealed")
        assert "records/2026/session-0001" in b.text("#sealed")
        setup = [r.fields for r in sent(b, events.Note) if isinstance(r, events.Note) and "setup_s" in r.fields]
        assert len(setup) == 1


async def test_sign_in_needs_both_and_reads_back(bench: Make) -> None:
    async with bench() as b:
        await b.press("f8")
        assert "both needed" in b.text("#problems")
        b.app.screen.query_one("#patient", Input).value = "P-9"
        await b.look()
        assert "NEW patient P-9" in b.text("#read-back")
        assert sent(b, events.SignIn) == []


async def test_a_known_patient_is_found_and_brings_answers_and_count(bench: Make) -> None:
    known = PastPatient(
        id="P-017",
        second_identifier="born 1958",
        sessions=3,
        last_day="2026-11-19",
        last_protocol="Quadriceps",
        answers=screening.scripted_answers() | {"S12": True, "S12.reason": "GP agrees"},
        skin_blocked="left thigh: 2 redness that stays",
    )
    async with bench(home_view=EmptyHome(known=(known,))) as b:
        assert b.app.screen.query_one(OptionList).option_count == 1
        await b.sign_in()
        await b.look()
        assert b.app.draft.sessions_before == 3
        await b.choose()
        assert b.app.draft.session == 4
        text = b.text("#questions")
        assert "S02" in text
        assert "Heart and implants: last time" in text
        assert "R48" in text
        await b.press(*["n"] * 6)  # today, one by one, with the question about the days after the last session
        await b.press(*["y"] * 7)  # the groups, as last time
        assert "13 of 13" in b.text("#questions")
        await b.press("f8")
        screen = sent(b, events.Screen)[-1]
        assert isinstance(screen, events.Screen)
        assert screen.answers["S12.reason"] == "GP agrees"
        assert isinstance(b.app.screen, PadsScreen)


async def test_brackets_in_names_are_shown_as_they_are(bench: Make, tmp_path: Path) -> None:
    bad = tmp_path / "own[b].toml"
    bad.write_text("schema = 1\ntitle = '[/red]'\n")

    class Home(EmptyHome):
        def own_protocols(self) -> tuple[str, ...]:
            return (str(bad),)

    home = Home(known=(PastPatient(id="[/bold]x", sessions=1, last_protocol="[red]"),))
    async with bench(home_view=home) as b:
        assert "[/bold]x" in str(b.app.screen.query_one(OptionList).get_option_at_index(0).prompt)
        b.app.screen.query_one("#operator", Input).value = "[i]PT"
        b.app.screen.query_one("#patient", Input).value = "[/bold]x"
        await b.press("f8")
        assert "patient [/bold]x: " in b.text("#problems")
        b.app.screen.query_one("#patient", Input).value = "P-017"
        await b.press("f8")
        assert isinstance(b.app.screen, ProtocolScreen)
        prompts = [str(option.prompt) for option in b.app.screen.query_one("#protocols", OptionList).options]
        assert any("own[b].toml" in prompt for prompt in prompts)  # listed with its reason, not hidden


async def test_a_home_with_operators_asks_for_a_pin_once_and_keeps_none(bench: Make) -> None:
    class Home(EmptyHome):
        def asks_pin(self) -> bool:
            return True

    async with bench(home_view=Home()) as b:
        box = b.app.screen.query_one("#pin", Input)
        assert box.password
        b.app.screen.query_one("#operator", Input).value = "PT-1"
        box.value = "secret 7"
        b.app.screen.query_one("#patient", Input).value = "P-1"
        await b.press("f8")
        signed_in = sent(b, events.SignIn)[-1]
        assert isinstance(signed_in, events.SignIn)
        assert signed_in.pin == "secret 7"
        assert box.value == ""
        b.app.go(Stage.SIGN)
        await b.look()
        b.app.screen.query_one("#pin", Input).value = "secret 8"
        await b.press("f8", "1")
        signed = sent(b, events.Sign)[-1]
        assert isinstance(signed, events.Sign)
        assert signed.pin == "secret 8"


async def test_a_home_without_operators_asks_for_no_pin(bench: Make) -> None:
    async with bench() as b:
        assert not b.app.screen.query("#pin")


async def test_skin_of_last_time_is_said_at_sign_in(bench: Make) -> None:
    known = PastPatient(id="P-1", sessions=1, skin_blocked="left thigh: 3 blister or burn")
    async with bench(home_view=EmptyHome(known=(known,))) as b:
        b.app.screen.query_one("#patient", Input).value = "P-1"
        await b.look()
        assert "blister or burn" in b.text("#read-back")


async def test_a_group_can_be_opened(bench: Make) -> None:
    known = PastPatient(id="P-017", sessions=3, answers=screening.scripted_answers())
    async with bench(home_view=EmptyHome(known=(known,))) as b:
        await b.sign_in()
        await b.choose()
        await b.press(*["n"] * 6)
        await b.press("n")  # heart: not as last time
        assert "S01 Implanted" in b.text("#questions")


async def test_unanswered_questions_are_not_passed(bench: Make) -> None:
    async with bench() as b:
        await b.sign_in()
        await b.choose()
        await b.press("n", "n", "f8")
        assert "27 questions have no answer" in b.text("#problems")
        assert sent(b, events.Screen) == []


@pytest.mark.hazard("H24")
async def test_a_contraindication_is_refused_and_says_what_to_do(bench: Make) -> None:
    async with bench() as b:
        await b.sign_in()
        await b.choose()
        b.app.draft.answers = screening.scripted_answers() | {"S01": True}
        del b.app.draft.answers["R48"]
        b.app.go(Stage.SCREENING)
        await b.look()
        await b.press("f8")
        assert "Do not treat" in b.text("#problems")
        assert isinstance(b.app.screen, ScreeningScreen)


async def test_a_yes_asks_where_and_why(bench: Make) -> None:
    async with bench() as b:
        await b.sign_in()
        await b.choose()
        await b.press("down", "down")  # S15, skin: relative, site
        await b.press("y")
        await b.press(*"left", "enter")
        await b.press(*"moved", "enter")
        assert b.app.draft.answers["S15"] is True
        assert b.app.draft.answers["S15.where"] == "left"
        assert b.app.draft.answers["S15.reason"] == "moved"


async def test_search_finds_by_any_word_and_says_when_nothing_fits(bench: Make) -> None:
    async with bench() as b:
        await b.sign_in()
        search = b.app.screen.query_one("#search", Input)
        search.value = "quadriceps knee"
        await b.look()
        assert b.app.screen.query_one("#protocols", OptionList).option_count >= 1
        assert "Evidence" in b.text("#details")
        assert "Basis" in b.text("#details")
        search.value = "nonsense-word"
        await b.look()
        assert "No protocol has these words" in b.text("#details")


async def test_the_week_is_the_therapists_word(bench: Make) -> None:
    async with bench() as b:
        await b.sign_in()
        b.app.screen.query_one("#protocols").focus()
        await b.press("right", "right", "left")
        assert b.app.draft.week == 2
        assert "week 2" in b.text("#details")


async def test_pads_name_side_and_size_before_anything_is_configured(bench: Make) -> None:
    async with bench(session=FakeSession(simulated=False)) as b:
        await b.to_pads()
        assert "REAL DEVICE" in b.text("#banner")
        await b.press("f8")
        said = b.text("#problems")
        assert "which side" in said
        assert "which pads" in said
        assert sent(b, ConfigureFrom) == []
        await b.press("r", "z")
        await b.press(*"7x9", "enter")
        assert b.app.draft.channels["quadriceps"].pads_cm == ((7.0, 9.0), (7.0, 9.0))
        assert "63 cm²" in b.text("#placement")
        await b.press("z")
        await b.press(*"big", "enter")
        assert "write 7.6x12.7" in b.text("#problems")
        await b.press("3", "k", "1", "f8")
        setup = sent(b, ConfigureFrom)[-1]
        assert isinstance(setup, ConfigureFrom)
        assert setup.setup.channels[0].channel == 3
        assert setup.setup.channels[0].side == "right"


async def test_a_cap_for_the_patient_goes_into_the_setup(bench: Make) -> None:
    async with bench() as b:
        await b.to_pads()
        await b.press("l", "c")
        await b.press(*"2x", "enter")
        assert "give whole mA" in b.text("#problems")
        await b.press("c")
        await b.press(*"25", "enter")
        assert "Cap for this patient: 25 mA" in b.text("#placement")
        await b.press("k", "1", "f8")
        setup = sent(b, ConfigureFrom)[-1]
        assert isinstance(setup, ConfigureFrom)
        assert setup.setup.channels[0].cap_ua == 25_000


async def test_other_pads_forget_the_levels(bench: Make) -> None:
    async with bench() as b:
        await b.to_pads()
        await b.press("l")
        b.app.draft.channels["quadriceps"] = ChannelSetup(
            name="quadriceps", channel=1, side="left", level_ua=MicroAmp(20_000)
        )
        await b.press("r")
        assert b.app.draft.channels["quadriceps"].level_ua is None


async def test_levels_must_be_found_before_treatment(bench: Make) -> None:
    async with bench() as b:
        await b.to_levels()
        await b.press("f8")
        assert isinstance(b.app.screen, LevelsScreen)
        assert "find it first" in b.text("#problems")


@pytest.mark.hazard("H44")
async def test_one_key_confirms_one_check_and_the_stop_needs_its_holder(bench: Make) -> None:
    async with bench() as b:
        await b.to_device()
        assert b.session.picture().wants == ("identity", "pads", "stop-control")
        await b.press("y")
        assert b.session.picture().wants == ("pads", "stop-control")
        await b.press("y", "y")
        await b.press("enter")  # nothing said
        assert b.session.picture().wants == ("stop-control",)
        await b.press(*"patient", "enter")
        assert b.session.confirmed["stop-control"] == "patient"


async def test_outcome_insists_on_discomfort_pain_and_skin(bench: Make) -> None:
    async with bench() as b:
        await b.jump(Stage.OUTCOME)
        await b.press("f8")
        assert "Discomfort of stimulation is asked" in b.text("#problems")
        await b.press("9", "tab", "1", "tab", "3", "f8")
        assert "leave this site alone" in b.text("#problems")
        assert isinstance(b.app.screen, OutcomeScreen)
        await b.press("f8")  # read once, then on
        assert isinstance(b.app.screen, SignScreen)


async def test_back_keeps_what_was_entered(bench: Make) -> None:
    async with bench() as b:
        await b.to_pads()
        await b.press("l", "f7")
        assert isinstance(b.app.screen, ScreeningScreen)
        assert "29 of 29" in b.text("#questions")
        await b.press("f8")
        assert b.app.draft.channels["quadriceps"].side == "left"
