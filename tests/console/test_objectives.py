"""Practice is judged by what was done by keys; kept with the operator; asked for before a real device."""

from __future__ import annotations

from pathlib import Path

import pytest

from estim.console.home_view import EmptyHome
from estim.console.settings import parse_settings
from estim.records import training
from estim.records.home import Home
from estim.safety.errors import RecordError, UsageError
from estim.safety.reports import ChannelFault
from estim.session.state import Phase

from .conftest import Make


async def test_a_pause_before_the_pads_contraction_counts_as_well(bench: Make) -> None:
    home = EmptyHome()
    async with bench(home_view=home) as b:
        await b.running()
        given = b._view().given
        for cause in ("lead-off", "pause"):
            b.session.overlay |= {"phase": Phase.PAUSED, "cause": cause, "given": given}
            await b.look(0.1)
            b.session.overlay |= {"phase": Phase.RUNNING}
            await b.look(0.1)
        b.session.overlay |= {"given": given + 1}
        await b.look(0.1)
        assert {("PT1", "pad-lost"), ("PT1", "pause")} <= set(home.done)


async def test_a_stop_by_each_key_a_pause_and_a_lost_pad_are_seen(bench: Make) -> None:
    home = EmptyHome()
    async with bench(home_view=home) as b:
        await b.running()
        assert ("PT1", "find-levels") in home.done
        for key, name in (("space", "stop-space"), ("f12", "stop-f12"), ("escape", "stop-escape")):
            assert ("PT1", name) not in home.done
            await b.send(key)
            await b.look(1.0)
            assert ("PT1", name) in home.done
            await b.follow(lambda: b.phase is Phase.RUNNING)
        await b.press("p")
        await b.look(1.0)
        assert ("PT1", "pause") not in home.done, "a pause counts once contractions come again"
        await b.press("f9")
        await b.look(4.0)
        await b.look(4.0)
        assert ("PT1", "pause") in home.done
        await b.press("f", "8")
        assert ("PT1", "pain") not in home.done
        await b.press("minus")
        await b.look(0.5)
        assert ("PT1", "pain") in home.done
        await b.send("space", " ")
        await b.look(1.0)
        await b.press("f3")
        assert "Practice of PT1: 6 of 10" in b.text, b.text
        assert "· a pad comes off" in b.text
        await b.press("f3")
        assert b.at("treat")


async def test_a_lost_pad_counts_when_contractions_come_again(bench: Make) -> None:
    home = EmptyHome()
    async with bench(home_view=home) as b:
        await b.running()
        b.session.world.extra.append(ChannelFault(channel=1, kind="electrode", text="open"))
        await b.look(0.5)
        await b.follow(lambda: b.at("levels"))
        await b.follow(lambda: b.phase is Phase.RUNNING)
        b._raise(5)
        await b.look(0.1)
        await b.press("t")
        await b.look(1.0)
        assert ("PT1", "pad-lost") not in home.done
        await b.follow(lambda: b.phase is Phase.RUNNING and b._view().purpose == "therapy")
        await b.look(4.0)
        assert ("PT1", "pad-lost") in home.done


async def test_a_site_asks_for_practice_before_a_real_device(bench: Make) -> None:
    home = EmptyHome()
    async with bench(home_view=home, before_real=("stop-space", "pad-lost")) as b:
        b.session.overlay["simulated"] = False
        await b.look(0.1)
        await b.sign_in()
        assert b.at("sign-in")
        assert "this site asks for practice first: stop with Space, a pad comes off" in b.said
        home.done.extend([("PT1", "stop-space"), ("PT1", "pad-lost")])
        await b.press("enter")
        assert b.at("home")


def test_it_is_kept_with_the_operator_once_and_signed(tmp_path: Path) -> None:
    home = Home(tmp_path)
    assert training.met(home) == {}
    training.enter(home, "PT1", "pain", "20260101-P-1")
    lines = (tmp_path / "station.jsonl").read_bytes()
    training.enter(home, "PT1", "pain", "20260102-P-1")
    assert (tmp_path / "station.jsonl").read_bytes() == lines
    training.enter(home, "PT2", "emg", "20260102-P-1")
    assert {who: set(found) for who, found in training.met(home).items()} == {"PT1": {"pain"}, "PT2": {"emg"}}
    assert training.lacking(home, "PT2", ("pain", "emg")) == ("pain",)
    changed = (tmp_path / "station.jsonl").read_text().replace('"PT2"', '"PT3"')
    (tmp_path / "station.jsonl").write_text(changed)
    with pytest.raises(RecordError):
        training.met(home)
    assert training.lacking(home, "PT1", ("pain",)) == ("pain",), "what nobody can vouch for opens nothing"


def test_the_sites_setting_is_checked() -> None:
    assert parse_settings(b'[practice]\nbefore_real = ["pain"]').before_real == ("pain",)
    for wrong in (b'[practice]\nbefore_real = ["dancing"]', b'practice = "all"', b"[practice]\nevery = []"):
        with pytest.raises(UsageError, match="before_real"):
            parse_settings(wrong)
