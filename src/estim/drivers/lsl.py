"""EMG from a Lab Streaming Layer stream, through the optional extra `lsl`.

`lsl://NAME` names the stream; `lsl://NAME?channel=2&unit=mV` its channel (from 1) and, where the stream does not say
it, the unit of its numbers. A stream that goes away says nothing more: no effort is heard then, so nothing starts.
"""

from __future__ import annotations

import importlib
import math
from collections.abc import Mapping
from types import MappingProxyType
from typing import Any
from urllib.parse import parse_qs, unquote, urlsplit

from estim.platform.extras import how_to_get
from estim.safety.errors import LinkLost, UsageError, quoted
from estim.safety.reports import EmgSamples, Report
from estim.safety.units import Micros, is_whole

FIND_S = 5.0
SAMPLES_MAX = 2_048  # of one poll: a second at the usual rates; the loop must not be held up
UV_MAX = 1_000_000  # 1 V: no electrode gives more, a rail or a wrong unit does
# What streams call the unit → how many microvolts one is.
UNITS: Mapping[str, float] = MappingProxyType(
    {
        "uv": 1.0, "µv": 1.0, "μv": 1.0, "microvolt": 1.0, "microvolts": 1.0,
        "mv": 1e3, "millivolt": 1e3, "millivolts": 1e3,
        "v": 1e6, "volt": 1e6, "volts": 1e6,
    }
)  # fmt: skip
_GONE = (RuntimeError, OSError)  # pylsl's own errors are RuntimeErrors


class LslStream:
    """One channel of a stream, as a room that `Runner` polls.

    Args:
        url: `lsl://NAME?channel=1&unit=uV`.
        library: stands for pylsl in tests; None imports it.

    Raises:
        UsageError: not such an address, pylsl is not installed, or the stream has no such channel, rate or unit.
        LinkLost: no stream has this name.
    """

    def __init__(self, url: str, *, library: Any = None) -> None:
        name, channel, unit = _parse(url)
        lsl = library if library is not None else _pylsl(url)
        found = lsl.resolve_byprop("name", name, timeout=FIND_S)
        if not found:
            raise LinkLost(f"{url}: no Lab Streaming Layer stream is called {quoted(name)}")
        self._inlet: Any = lsl.StreamInlet(found[0], max_buflen=2)
        info = self._inlet.info()
        self.rate_hz = _rate(url, info.nominal_srate())
        if not 1 <= channel <= info.channel_count():
            raise UsageError(f"{url}: channel {channel}: the stream has 1 to {info.channel_count()}")
        self._channel = channel - 1
        self._scale = _scale(url, unit or _unit_of(info, self._channel))

    @property
    def is_open(self) -> bool:
        """The stream is still there."""
        return self._inlet is not None

    def poll(self) -> list[Report]:
        """What arrived since, without waiting."""
        if self._inlet is None:
            return []
        try:
            samples, times = self._inlet.pull_chunk(timeout=0.0, max_samples=SAMPLES_MAX)
        except _GONE:
            self._inlet = None
            return []
        if not samples:
            return []
        values = tuple(_microvolts(float(sample[self._channel]) * self._scale) for sample in samples)
        return [EmgSamples(t0_us=Micros(round(times[0] * 1e6)), rate_hz=self.rate_hz, samples_uv=values)]

    def send(self, message: object) -> None:
        """A stream is only heard."""

    def close(self) -> None:
        """Leave the stream. May be called twice."""
        if self._inlet is not None:
            self._inlet.close_stream()
            self._inlet = None


def _parse(url: str) -> tuple[str, int, str]:
    parts = urlsplit(url)
    name = unquote(parts.netloc)
    options = parse_qs(parts.query, keep_blank_values=True)
    if parts.scheme != "lsl" or not name or parts.path not in {"", "/"} or set(options) - {"channel", "unit"}:
        raise UsageError(f"EMG {quoted(url)}: write lsl://NAME or lsl://NAME?channel=1&unit=uV")
    channel = options.get("channel", ["1"])[-1]
    if not is_whole(channel, 6) or int(channel) < 1:
        raise UsageError(f"{url}: channel {quoted(channel)}: a number from 1")
    return name, int(channel), options.get("unit", [""])[-1]


def check_lsl(url: str) -> None:
    """Whether the address is one, and pylsl is there.

    Raises:
        UsageError: one of both is not so.
    """
    _parse(url)
    _pylsl(url)


def _pylsl(url: str) -> Any:
    try:
        return importlib.import_module("pylsl")
    except ImportError:
        raise UsageError(f"{url}: this needs pylsl: {how_to_get('lsl')}") from None
    except RuntimeError as error:  # pylsl is there, the library under it is not
        raise UsageError(f"{url}: pylsl does not find its library liblsl: {error}") from None


def _rate(url: str, rate_hz: float) -> int:
    if not math.isfinite(rate_hz) or rate_hz < 1:
        raise UsageError(f"{url}: the stream has no fixed rate; effort is measured over time, so it needs one")
    return round(rate_hz)


def _unit_of(info: Any, index: int) -> str:
    """The unit that the stream's description gives its channel; "" if it gives none."""
    channel = info.desc().child("channels").child("channel")
    for _ in range(index):
        channel = channel.next_sibling()
    return str(channel.child_value("unit"))


def _scale(url: str, unit: str) -> float:
    scale = UNITS.get(unit.strip().lower())
    if scale is None:
        said = f"the unit {quoted(unit)} is not known" if unit else "the stream does not say its unit"
        raise UsageError(f"{url}: {said}; add ?unit=uV, mV or V")
    return scale


def _microvolts(value: float) -> int:
    """Whole µV; what is no number counts as a rail, which is heard as noise and never as rest."""
    return round(max(-UV_MAX, min(UV_MAX, value))) if math.isfinite(value) else UV_MAX
