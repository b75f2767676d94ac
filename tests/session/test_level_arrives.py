"""A level that was found arrives, also where a contraction is shorter than its first ramp."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest

from estim.protocols.catalogue import find
from estim.rehearsal import rehearse
from estim.safety.commands import SetOutput
from estim.safety.ramp import step_bound_ua
from estim.safety.schedule import Trigger
from estim.safety.units import Micros
from estim.session import effects, events
from estim.session.run import Run
from tests.safety.build import SECOND, channel, schedule, window
from tests.session.desk import Desk
from tests.support import crank_sample, plan, sample

LEVEL_UA = 40_000
SHORT_GATE = window(
    on_us=Micros(5 * SECOND),
    max_on_us=Micros(5 * SECOND),
    ramp_up_us=Micros(SECOND // 5),
    first_ramp_up_us=Micros(SECOND // 2),
    ramp_down_us=Micros(SECOND // 10),
)


def gates(run: Run, open_us: int, count: int) -> list[list[int]]:
    """Amplitudes that each of `count` gates sends while it is open for `open_us`."""
    run.begin(0)
    played = []
    for number in range(count):
        begin_us = number * 2 * SECOND
        run.open_gates([SHORT_GATE], begin_us)
        sent: list[int] = []
        for now_us in range(begin_us, begin_us + SECOND, 1_000):
            if now_us == begin_us + open_us:
                run.close_gates([SHORT_GATE], now_us)
            sent += [player.amplitude_ua for player in run.turn(now_us)]
            run.collect(now_us)
        played.append(sent)
    return played


def gated(*, gentle: bool = False) -> Run:
    key = Trigger(
        source="key", on="", off="timeout", hold=False, max_on_us=Micros(5 * SECOND), min_on_us=Micros(0),
        extend_us=Micros(0), refractory_us=Micros(0),
    )  # fmt: skip
    made = schedule(
        [channel(ma=LEVEL_UA / 1_000)], [SHORT_GATE], mode="triggered", duration_us=Micros(600 * SECOND), trigger=key
    )
    return Run(made, 500, 0, gentle=gentle)


@pytest.mark.parametrize("open_ms", [300, 350, 420])
def test_a_window_shorter_than_its_first_ramp_leads_to_the_level_within_three(open_ms: int) -> None:
    peaks = [max(sent) for sent in gates(gated(), open_ms * 1_000, 4)]
    assert peaks[0] < LEVEL_UA * 95 // 100, "L17a stays"
    assert peaks == sorted(peaks)
    assert min(peaks[2:]) >= LEVEL_UA * 95 // 100


def test_beyond_what_was_reached_no_pulse_rises_by_more_than_a_first_ramp_may() -> None:
    first, second = gates(gated(), 350_000, 2)
    beyond = [ua for ua in second[: second.index(max(second)) + 1] if ua > max(first)]
    steps = [after - before for before, after in zip([max(first), *beyond], beyond, strict=False)]
    assert steps
    assert max(steps) <= step_bound_ua(LEVEL_UA, 500, first=True)


def test_after_an_off_it_begins_as_the_first_time() -> None:
    run = gated()
    before = gates(run, 350_000, 3)
    run.off(6 * SECOND, 6 * SECOND)
    run.begin(0)
    again = gates(run, 350_000, 1)
    assert max(again[0]) == max(before[0])


def test_a_level_that_was_held_at_a_part_of_it_was_not_held() -> None:
    run = gated()
    weak = replace(SHORT_GATE, intensity_permille=500)
    run.begin(0)
    ramps_us = []
    for begin_us, gate in ((0, weak), (10 * SECOND, weak), (20 * SECOND, SHORT_GATE), (30 * SECOND, SHORT_GATE)):
        run.open_gates([gate], begin_us)
        sent: list[tuple[int, int]] = []
        for now_us in range(begin_us, begin_us + 6 * SECOND, 1_000):
            sent += [(now_us, player.amplitude_ua) for player in run.turn(now_us)]
            run.collect(now_us)
        top_ua = max(ua for _, ua in sent)
        ramps_us.append(next(at_us for at_us, ua in sent if ua == top_ua) - begin_us)
    assert [ramp_us > 400_000 for ramp_us in ramps_us] == [True, False, True, False]


def test_for_whom_each_ramp_is_long_nothing_leads() -> None:
    peaks = {max(sent) for sent in gates(gated(gentle=True), 350_000, 4)}
    assert len(peaks) == 1


class Timed(Desk):
    """Notes when each output is sent."""

    def __init__(self, source: str) -> None:
        self.played: list[tuple[int, int]] = []
        super().__init__(source)

    def _serve(self, effect: effects.Effect) -> None:
        if isinstance(effect, effects.Send):
            channels = effect.command.channels if isinstance(effect.command, SetOutput) else ()
            self.played.append((self.now_us, channels[0].amplitude_ua if channels else 0))
        super()._serve(effect)

    def ramp_us(self, since: int, level_ua: int) -> int:
        """From the first command of the next train to the one that has its level."""
        rising = [(at_us, ua) for at_us, ua in self.played[since:] if ua]
        return next(at_us for at_us, ua in rising if ua == level_ua) - rising[0][0]


def test_what_titration_held_needs_no_first_ramp_again_and_an_off_takes_that_away(tmp_path: Path) -> None:
    path = tmp_path / "made.toml"
    path.write_text(sample("ramp_up_s = 0.5\n", "ramp_up_s = 0.2\n"), encoding="utf-8")
    desk = Timed(str(path))
    desk.sign_in()
    desk.titrate(8)
    assert desk.configure("therapy").accepted
    assert desk.arm().accepted
    since = len(desk.played)
    assert desk.ask(events.Start).accepted
    desk.let_pass(2)
    assert desk.ramp_us(since, 8_000) <= 200_000
    assert desk.ask(events.Pause).accepted
    desk.let_pass(0.3)
    since = len(desk.played)
    assert desk.ask(events.Resume).accepted
    desk.let_pass(5)
    assert desk.ramp_us(since, 8_000) >= 400_000


def test_the_result_says_how_far_each_contraction_came() -> None:
    (row,) = rehearse(plan()).report["channels"]
    assert (row["contractions"], row["reached"]) == (3, 3)
    assert row["reached_percent"] == {"worst": 100.0, "mean": 100.0}


def test_push_off_in_gait_gets_its_level(tmp_path: Path) -> None:
    """Found: a window shorter than its first ramp never counted as held, each stride was a first one: 29 of 40 mA."""
    whole = find("stroke-gait-dorsi-plantarflexors").read_text(encoding="utf-8")
    path = tmp_path / "gait.toml"
    path.write_text(whole.replace("duration_s = 1800", "duration_s = 180"), encoding="utf-8")
    made = plan(path, name="ankle-dorsiflexors", level_ma=30)
    made.levels_ua["gastrocnemius-soleus"] = 40_000
    rows = {row["name"]: row for row in rehearse(made).report["channels"]}
    assert rows["gastrocnemius-soleus"]["reached_percent"]["worst"] >= 95
    assert rows["gastrocnemius-soleus"]["reached"] == rows["gastrocnemius-soleus"]["contractions"] > 24
    assert rows["gastrocnemius-soleus"]["peak_ma"] == 40


@pytest.mark.parametrize(("rpm", "level_ma"), [(20, 60), (40, 60), (50, 60)])
def test_strokes_of_a_crank_count_and_reach_their_level(tmp_path: Path, rpm: int, level_ma: int) -> None:
    text = crank_sample(30).replace("cadence_rpm = 20", f"cadence_rpm = {rpm}")
    text = text.replace("crank_deg = [300, 30]", "crank_deg = [10, 110]").replace(
        "frequency_hz = 50", "frequency_hz = 40"
    )
    path = tmp_path / "crank.toml"
    path.write_text(text, encoding="utf-8")
    report = rehearse(plan(str(path), level_ma=level_ma)).report
    (row,) = report["channels"]
    assert row["contractions"] == report["contractions"] >= rpm // 2 - 1
    assert row["reached_percent"]["worst"] >= 95
