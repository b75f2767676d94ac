"""What the patient hears: one tone each for get ready, go, hold and relax (`cue_signal = "audio"`).

Through a kept audio library where it is installed (the `sound` extra), else the terminal's bell. A sound never waits
for anything and nothing waits for it: what comes while one still plays is left out, and a card that fails is silent.
"""

from __future__ import annotations

import array
import math
import threading
from collections.abc import Callable, Mapping
from types import MappingProxyType
from typing import NamedTuple

RATE_HZ = 44_100
LOUD = 0.4  # of full scale: no clipping, and room for the card's own gain (convention)
FADE_S = 0.01  # a tone that begins or ends at once clicks
GAP_S = 0.08


class Tone(NamedTuple):
    """Frequencies one after the other, and how long each of them sounds."""

    hz: tuple[int, ...]
    each_s: float


# Rising for work, falling for rest, so that they are told apart without being learnt (convention).
TONES: Mapping[str, Tone] = MappingProxyType({
    "get-ready": Tone((440, 440), 0.10), "go": Tone((660, 880), 0.15), "hold": Tone((880,), 0.20),
    "relax": Tone((440, 330), 0.20),
})  # fmt: skip
# Key of the patient's word → its tone. Who only lets it work hears that it begins as a low tone, never as a call.
OF_WORD: Mapping[str, str] = MappingProxyType({
    "get-ready": "get-ready", "pull": "go", "try-now": "go", "hold": "hold", "good-hold": "hold", "let-go": "relax",
    "let-it-work": "relax",
})  # fmt: skip


def samples(name: str) -> array.array[int]:
    """The tone `name` as signed 16-bit samples, mono, at `RATE_HZ`."""
    tone = TONES[name]
    out = array.array("h")
    fade = round(FADE_S * RATE_HZ)
    for index, hz in enumerate(tone.hz):
        if index:
            out.extend([0] * round(GAP_S * RATE_HZ))
        count = round(tone.each_s * RATE_HZ)
        for n in range(count):
            edge = min(1.0, n / fade, (count - 1 - n) / fade)
            shape = 0.5 - 0.5 * math.cos(math.pi * edge)
            out.append(round(32_767 * LOUD * shape * math.sin(2 * math.pi * hz * n / RATE_HZ)))
    return out


def card() -> Callable[[bytes], None] | None:
    """Plays 16-bit mono samples and comes back when they are over; None without the library or a sound card."""
    try:
        import sounddevice  # noqa: PLC0415 - an extra

        sounddevice.check_output_settings(samplerate=RATE_HZ, channels=1, dtype="int16")
    except Exception:
        return None

    def play(data: bytes) -> None:
        with sounddevice.RawOutputStream(samplerate=RATE_HZ, channels=1, dtype="int16") as stream:
            stream.write(data)

    return play


class Sounder:
    """Sounds when the patient's word changes.

    Args:
        bell: what a terminal does instead.
        play: plays samples and waits for their end; by default the sound card, looked for at the first sound.
    """

    def __init__(self, bell: Callable[[], None], play: Callable[[], Callable[[bytes], None] | None] = card) -> None:
        self._bell, self._find = bell, play
        self._play: Callable[[bytes], None] | None = None
        self._looked = False
        self._word = ""
        self._busy = threading.Lock()

    def hear(self, word: str, signal: str) -> str:
        """The word of now: sounds if it is another than before and `signal` is `audio`. Gives the tone, "" for none."""
        changed, self._word = word != self._word, word
        tone = OF_WORD.get(word, "") if changed and signal == "audio" else ""
        if tone and self._busy.acquire(blocking=False):
            threading.Thread(target=self._sound, args=(tone,), daemon=True, name="sound").start()
        return tone

    def _sound(self, tone: str) -> None:
        try:
            if not self._looked:
                self._looked, self._play = True, self._find()
            if self._play is None:
                self._bell()
            else:
                self._play(samples(tone).tobytes())
        except Exception:
            self._play = None
        finally:
            self._busy.release()
