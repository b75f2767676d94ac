"""What an author gets: a file to start from that is valid, and a drawing that shows what is played."""

from __future__ import annotations

from dataclasses import replace

import pytest

from estim.desk.checking import check_protocol
from estim.desk.setup_from import SetupWords, setup_from
from estim.drivers.models import MODELS
from estim.protocols import library
from estim.protocols.authoring import new_protocol
from estim.protocols.compile import compile_schedule
from estim.protocols.loader import load, parse
from estim.protocols.plot import plot, share
from estim.protocols.schema import Protocol
from estim.safety.errors import ProtocolError
from estim.safety.schedule import Schedule
from tests.support import LIMITS, SHORT, protocols, runnable


def compiled(protocol: Protocol) -> Schedule:
    regions = tuple(f"{channel.name}=low-back" for channel in protocol.channel if channel.region == "any-permitted")
    setup = setup_from(protocol, SetupWords(patient="test", regions=regions, session=2), simulated=True).setup
    return compile_schedule(protocol, setup, MODELS["p24"].profile, levels_needed=False)


@pytest.mark.parametrize("name", runnable())
def test_every_runnable_protocol_can_be_drawn(name: str) -> None:
    schedule = compiled(protocols()[name])
    drawn = plot(schedule, width=60)
    rows = [line for line in drawn.splitlines() if line.count("│") == 2 and not line.startswith("│")]
    assert len(rows) == sum(len(phase.windows) for phase in schedule.phases)
    assert all(len(row.split("│")[1]) == 60 and "█" in row for row in rows)
    assert all(schedule.channel(window.channel).name in drawn for phase in schedule.phases for window in phase.windows)


def test_on_and_off_are_drawn_in_their_proportion_and_the_session_is_as_long_as_it_is() -> None:
    drawn = plot(compiled(load(library.path("knee-replacement-quadriceps-early"))), width=60)
    bars = next(line for line in drawn.splitlines() if line.startswith("quadriceps")).split("│")[1]
    assert bars.count(" ") == 45
    assert "15 × 60 s" in drawn
    assert "session 15 min" in drawn


def test_alternating_channels_are_never_drawn_at_once_and_rests_count() -> None:
    drawn = plot(compiled(load(library.path("spinal-cord-injury-quadriceps-resistance"))), width=60)
    right, left = (line.split("│")[1] for line in drawn.splitlines() if "-quadriceps │" in line)
    assert all(" " in pair for pair in zip(right, left, strict=True))
    assert "4 sets of 10" in drawn
    assert "session 12.7 min" in drawn  # 4 x 10 x 10 s and 3 x 120 s


def test_a_share_follows_its_ramps_and_intensity() -> None:
    window = compiled(load(SHORT)).phases[0].windows[0]
    half = replace(window, intensity_permille=500)
    assert share(window, -1) == share(window, window.on_us) == share(window, 0) == 0
    assert share(window, window.ramp_up_us // 2) == pytest.approx(0.5, abs=0.01)
    assert (share(window, window.ramp_up_us), share(half, window.ramp_up_us)) == (1, 0.5)


@pytest.mark.parametrize("width", [0, 19, 401])
def test_a_drawing_has_a_width_that_a_screen_has(width: int) -> None:
    with pytest.raises(ValueError, match="20 to 400"):
        plot(compiled(load(SHORT)), width=width)


def test_a_new_file_passes_the_check_on_every_device() -> None:
    protocol = parse(new_protocol("calf-after-cast").encode())
    assert (protocol.id, protocol.title, protocol.basis) == ("calf-after-cast", "Calf after cast", "convention")
    for model in MODELS:
        assert [found for found in check_protocol(protocol, LIMITS, model=model) if found.severity == "refuse"] == []


@pytest.mark.parametrize("name", library.names())
def test_a_copy_is_the_original_but_for_its_head(name: str) -> None:
    text = library.path(name).read_text(encoding="utf-8")
    copy = parse(new_protocol("my-own", title='Mine, "so" \\ called\n', based_on=text).encode())
    changed = {"id": "my-own", "version": "0.1.0", "title": 'Mine, "so" \\ called\n'}
    assert copy == protocols()[name].model_copy(update=changed)


@pytest.mark.parametrize("id", ["Calf", "calf after", "../calf", "", "calf_1"])
def test_an_id_that_is_none_is_refused(id: str) -> None:  # noqa: A002
    with pytest.raises(ProtocolError):
        new_protocol(id)


def test_a_copy_of_what_is_no_protocol_is_refused() -> None:
    with pytest.raises(ProtocolError):
        new_protocol("mine", based_on="schema = 1")
    with pytest.raises(ValueError, match="one line"):
        new_protocol("mine", based_on=SHORT.read_text(encoding="utf-8").replace('title = "A', 'title="A'))
