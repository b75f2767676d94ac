"""Booked is never less than made, but for what a device hides; these worlds gave pulses that nothing counted."""

from __future__ import annotations

from pathlib import Path

import pytest

from estim.record_lines import events as lines
from estim.records.chain import Entry
from estim.rehearsal import accounts
from estim.rehearsal.campaign import Story, play_story
from firmware_sim.devices.interface import Pulse
from firmware_sim.faults import Fault
from tests.rehearsal.planted import world_plan
from tests.support import DATA, plan, sample

# p24 83: a fall was never sent, since the wire had lost what was sent before it; the device went on at its last level.
# p24 131: a device that acknowledges a zero and plays on for 0.4 s of a rest, which is taken at its word (SAFETY.md).
# rehastim1 47: a piece that the wire doubled, of which nobody can know.
# rehamove3 779: a turn whose bytes left late, then the host slept: the device's timer began later than the turn.
SEEDS = [("p24", 83), ("p24", 131), ("rehastim1", 47), ("rehamove3", 779)]


@pytest.mark.parametrize(("model", "seed"), SEEDS)
def test_nothing_comes_out_that_is_not_booked(model: str, seed: int) -> None:
    assert play_story(world_plan(model), Story.from_seed(seed)).broken == {}


PATTERNS = {
    "two rates": '[phase.train]\nkind = "two-rate"\nthen_hz = 40\nafter_s = 1\n[dose]\n',
    "bursts": "burst = { pulses = 2, interval_us = 8000 }\n[dose]\n",
    "slower": '[phase.train]\nkind = "two-rate"\nthen_hz = 10\nafter_s = 1\n[dose]\n',
    "doublets again": (
        '[phase.train]\nkind = "catch"\nfirst = { pulses = 2, interval_us = 8000, times = 1 }\n'
        "repeat_every_s = 0.2\n[dose]\n"
    ),
    "doublets": '[phase.train]\nkind = "catch"\nfirst = { pulses = 2, interval_us = 8000, times = 3 }\n[dose]\n',
}


@pytest.mark.parametrize("pattern", PATTERNS)
def test_the_record_explains_every_pulse_of_a_pattern(pattern: str, tmp_path: Path) -> None:
    """Found: worlds played bursts and a second rate again as single pulses at the first."""
    source = tmp_path / "pattern.toml"
    source.write_text(sample("[dose]\n", PATTERNS[pattern]).replace("frequency_hz = 50", "frequency_hz = 20"), "utf-8")
    assert play_story(plan(source), Story.from_seed(3)).broken == {}


# A host that slept as the second rate was due, so that the device played on at the first, for its timer.
# The wire lost the command behind a doublet, so that the device played doublets on.
@pytest.mark.parametrize(("pattern", "seed"), [("slower", 10), ("doublets again", 36)])
def test_what_a_device_was_not_told_it_does_not_play(pattern: str, seed: int, tmp_path: Path) -> None:
    source = tmp_path / "pattern.toml"
    text = (DATA / "worlds.toml").read_text("utf-8").replace("[dose]\n", PATTERNS[pattern])
    text = text.replace("frequency_hz = 40", "frequency_hz = 20").replace("contractions = 22", "contractions = 3")
    source.write_text(text.replace("on_s = 2", "on_s = 6").replace("off_s = 2", "off_s = 6"), "utf-8")
    assert play_story(plan(source, level_ma=20), Story.from_seed(seed)).broken == {}


@pytest.mark.parametrize(("model", "seed"), [("p24", 170_039), ("rehamove3", 170_038)])
def test_a_burst_that_has_begun_goes_to_its_end_and_nothing_else_does(model: str, seed: int) -> None:
    """A stop met a doublet: its second pulse comes 8 ms after the first, behind an off that is confirmed."""
    made = plan("quadriceps-doublets", level_ma=20)
    made.model = model
    verdict = play_story(made, Story.from_seed(seed))
    assert verdict.broken == {}
    assert 5_000 < max(verdict.worst_us.values()) <= 5_000 + 8_000


def test_an_ignored_update_is_open_up_to_the_next_that_is_taken() -> None:
    """The end of a ramp was acknowledged and not taken: a plateau of 6.5 s at 1.5 mA, the record says 10."""
    made = plan("quadriceps-doublets", level_ma=20)
    made.model = "p24"
    assert play_story(made, Story.from_seed(8, around=True).only(("f0",))).broken == {}


@pytest.mark.parametrize(("came_ua", "broken"), [(1_000, False), (0, True)])
def test_a_lie_explains_nothing_after_the_next_update(came_ua: int, *, broken: bool) -> None:
    """20 pulses a second for 30 s; the update at 1 s is ignored, the one at 11 s is taken."""
    entries = [_told(at_s, ua) for at_s, ua in ((0, 1_000), (1, 2_000), (11, 1_000), (30, 0))]
    pulses = [
        Pulse(at_us, 1, came_ua * 250, -came_ua * 250, 250, 100, came_ua) for at_us in range(0, 30_000_000, 50_000)
    ]
    lie = Fault(at_us=900_000, kind="ignore-update", for_us=200_000)
    assert bool(accounts.unexplained(entries, pulses, [lie])) is broken
    assert accounts.unexplained(entries, pulses, [])


def _told(at_s: int, amplitude_ua: int) -> Entry:
    row = {"channel": 1, "amplitude_ua": amplitude_ua, "pulse_width_us": 250, "period_us": 50_000}
    fields = {"ack_us": 0, "channels": [row] if amplitude_ua else []}
    return Entry(at_s, at_s * 1_000_000, lines.Command.KIND, True, fields, "")


def test_a_stop_between_the_pulses_of_a_doublet_leaves_its_second_open() -> None:
    """A RehaStim 2 ends at once: one pulse of 1.5 µC came less than the record's commands give."""
    made = plan("quadriceps-doublets", level_ma=20)
    made.model = "rehastim2"
    assert play_story(made, Story.from_seed(3_008_020).only(("w0",))).broken == {}


@pytest.mark.parametrize(("stop_us", "open_pc"), [(1_004_000, 250_000), (1_030_000, 0)])
def test_only_a_stop_within_a_doublet_leaves_something_open(stop_us: int, open_pc: int) -> None:
    told = _told(0, 1_000)
    told.fields["channels"][0]["burst_pulses"] = 2
    stop = _told(1, 0)._replace(t_us=stop_us)
    found = accounts.replayed([told, stop], 5_000)
    assert (found.charge_pc[1], found.open_pc[1]) == (21 * 2 * 250_000, open_pc)


def test_a_device_that_is_lost_while_it_is_deaf_to_stops_is_booked_up_to_its_timer() -> None:
    """Somebody else took its answers, and each stop that it ignored fed its timer: 2.4 s, of which 1.5 are booked."""
    made = plan("quadriceps-doublets", level_ma=20)
    made.model = "rehastim2"
    assert play_story(made, Story.from_seed(3_116_064, around=True)).broken == {}


@pytest.mark.parametrize(("lost_us", "hides"), [(5_000_000, True), (9_500_000, False), (900_000, False), (0, False)])
def test_a_device_hides_nothing_where_it_is_heard_or_obeys(lost_us: int, *, hides: bool) -> None:
    fault = {"cause": "device-lost" if lost_us else "lead-off", "text": ""}
    entries = [Entry(0, lost_us or 5_000_000, lines.Fault.KIND, True, fault, "")]
    deaf = Fault(at_us=4_000_000, kind="ignore-stop", for_us=5_000_000)
    assert accounts.hidden(entries, [deaf]) is hides
    assert not accounts.hidden(entries, [Fault(at_us=4_000_000, kind="silence", for_us=5_000_000)])


def test_one_pulse_too_few_is_seen() -> None:
    made, measured = {("therapy", 1): 3}, {("therapy", 1): 600}
    assert "3 pulses came out, 0 are booked" in accounts.booked_less([], made, measured, {})
    assert "0 are booked" in accounts.booked_less([], made, measured, {1: 2}), "two were doubled, the third was not"
