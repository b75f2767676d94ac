"""The tones of the patient's words: frequency, length, no clipping; and that nothing waits for them."""

from __future__ import annotations

import itertools
import threading

import pytest

from estim.desk.cue_word import WORDS
from estim.desk.sounds import FADE_S, GAP_S, OF_WORD, RATE_HZ, TONES, Sounder, samples


def parts(name: str) -> list[list[int]]:
    """The samples of each frequency of a tone, without fades and gaps."""
    tone, made = TONES[name], list(samples(name))
    each, gap, fade = round(tone.each_s * RATE_HZ), round(GAP_S * RATE_HZ), round(FADE_S * RATE_HZ)
    assert len(made) == len(tone.hz) * each + (len(tone.hz) - 1) * gap
    starts = [number * (each + gap) for number in range(len(tone.hz))]
    return [made[start + fade : start + each - fade] for start in starts]


@pytest.mark.parametrize("name", TONES)
def test_a_tone_has_its_frequency_and_length_and_never_clips(name: str) -> None:
    for hz, wave in zip(TONES[name].hz, parts(name), strict=True):
        crossings = sum(before < 0 <= after for before, after in itertools.pairwise(wave))
        assert crossings * RATE_HZ / len(wave) == pytest.approx(hz, rel=0.1)
        assert 0.35 < max(map(abs, wave)) / 32_767 < 0.45
    whole = samples(name)
    assert (whole[0], whole[-1]) == (0, 0), "it begins and ends without a click"
    steps = [abs(after - before) for before, after in itertools.pairwise(whole)]
    assert max(steps) < 32_767 * 0.4 * 2 * 3.1416 * max(TONES[name].hz) / RATE_HZ * 1.05


def test_the_four_tones_are_told_apart() -> None:
    assert len({tone.hz for tone in TONES.values()}) == len(TONES) == 4
    assert set(OF_WORD) <= set(WORDS)
    assert set(OF_WORD.values()) == set(TONES)


def test_a_change_of_word_sounds_once_and_only_where_the_protocol_asks() -> None:
    played: list[bytes] = []
    over = threading.Event()

    def play(data: bytes) -> None:
        played.append(data)
        over.set()

    sounder = Sounder(lambda: None, lambda: play)
    assert sounder.hear("pull", "none") == ""
    assert sounder.hear("hold", "audio") == "hold"
    assert over.wait(60)
    assert sounder.hear("hold", "audio") == ""
    assert sounder.hear("rest", "audio") == ""
    assert played == [samples("hold").tobytes()]


def test_nothing_waits_for_a_card_that_hangs_and_without_one_the_bell_rings() -> None:
    hangs, rang = threading.Event(), threading.Event()

    def hanging(_data: bytes) -> None:
        hangs.wait(60)

    stuck = Sounder(lambda: None, lambda: hanging)
    assert stuck.hear("pull", "audio") == "go"
    assert stuck.hear("hold", "audio") == "hold"  # left out, not waited for
    hangs.set()
    Sounder(rang.set, lambda: None).hear("pull", "audio")
    assert rang.wait(60)
