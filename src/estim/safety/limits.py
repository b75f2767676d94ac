"""Limits in force: absolute & site & device & patient. A meet-semilattice: `&` only ever tightens, and each bound
remembers the layer that set it, so that a refusal can name it. Pure.
"""

from __future__ import annotations

import tomllib
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any

from estim.safety.errors import Layer, Problem, SiteFileError, quoted
from estim.safety.guardrail import Bound, Guardrail
from estim.safety.limits_table import BY_KEY, PAD_STEPS, TABLE
from estim.safety.profile import DeviceProfile

SITE_WORDS = ("responsible", "date", "reason")
SITE_MORE = ("asked_by", "source", "until")  # of a file that two people sign; records/site.py holds them
SIGNATURE_MARK = b"\n# signature: "


@dataclass(frozen=True, slots=True)
class Limits:
    """One bound for each guardrail; a missing one is the absolute column's.

    Attributes:
        pad_steps: what a site file opens it opens for larger pads only: (pad area mm², the most in µA on smaller ones).
    """

    bounds: Mapping[str, Bound] = field(default_factory=dict)
    pad_steps: tuple[tuple[int, int], ...] = ()

    def __and__(self, other: Limits) -> Limits:
        """The tighter of both, bound by bound."""
        met = dict(self.bounds)
        for key, bound in other.bounds.items():
            met[key] = BY_KEY[key].tighter(met[key], bound) if key in met else bound
        return Limits(met, tuple(dict.fromkeys((*self.pad_steps, *other.pad_steps))))

    def pad_amplitude_ua(self, area_mm2: int) -> int | None:
        """The most that a pad of this area may have, whatever else is open; None: nothing speaks of it."""
        return min((most for below, most in self.pad_steps if area_mm2 < below), default=None)

    def __getitem__(self, key: str) -> Bound:
        """The bound in force for a guardrail; never looser than absolute, whatever was put in."""
        guardrail = BY_KEY[key]
        absolute = Bound(value=guardrail.absolute, layer="absolute", source=guardrail.source)
        return guardrail.tighter(absolute, self.bounds[key]) if key in self.bounds else absolute

    @classmethod
    def of(cls, values: Mapping[str, int], *, layer: Layer, source: str) -> Limits:
        """A layer from plain numbers.

        Raises:
            KeyError: no guardrail has this key.
        """
        return cls({BY_KEY[key].key: Bound(value=value, layer=layer, source=source) for key, value in values.items()})

    @classmethod
    def from_profile(cls, profile: DeviceProfile) -> Limits:
        """What the device itself can't exceed, and the maker's rated band where it is narrower."""
        shortest_us = min(grid.min_us for grid in profile.period_grids)
        values = {
            "amplitude_ua": int(profile.amplitude_max_ua),
            "pulse_width_max_us": int(profile.pulse_width_max_us),
            "pulse_width_min_us": int(profile.pulse_width_min_us),
            "rate_mhz": 1_000_000_000 // shortest_us,
            "rate_sensory_mhz": 1_000_000_000 // shortest_us,
        }
        if profile.rated_mhz is not None:
            low, high = profile.rated_mhz
            values |= {"rate_mhz": int(high), "rate_sensory_mhz": int(high), "rate_min_mhz": int(low)}
        return cls.of(values, layer="device", source=profile.source)

    def to_json(self) -> list[dict[str, Any]]:
        """The table in force: one object a guardrail, whole integers in the unit of the key."""
        return [_row_json(guardrail, self[guardrail.key]) for guardrail in TABLE]


def _row_json(guardrail: Guardrail, bound: Bound) -> dict[str, Any]:
    return {
        "key": guardrail.key,
        "rule": guardrail.rule,
        "quantity": guardrail.words,
        "unit": guardrail.unit,
        "scale": guardrail.scale,
        "sense": guardrail.sense,
        "absolute": guardrail.absolute,
        "default": guardrail.default,
        "warn": guardrail.warn,
        "in_force": bound.value,
        "layer": bound.layer,
        "source": bound.source,
        "mark": guardrail.mark,
    }


ABSOLUTE = Limits(
    {row.key: Bound(value=row.absolute, layer="absolute", source=row.source) for row in TABLE},
)
DEFAULT = Limits(
    {
        row.key: Bound(
            value=row.default, layer="site" if row.default != row.absolute else "absolute", source=row.source
        )
        for row in TABLE
    },
)


def parse_site(data: bytes, *, verify: Callable[[bytes, bytes], bool]) -> Limits:
    """A site's own column from its signed file; stands in place of the default column, never past absolute.

    The file is TOML: `responsible`, `date`, `reason`, a table `[limits]` of guardrail keys, and as its last line
    `# signature: <hex>`, an Ed25519 signature over all bytes before that line's newline. `until`, `source` and
    `asked_by` stand in a file that two people sign; whose signatures those are, and the day, is for the caller.

    Args:
        verify: tells whether (message, signature) is signed by a lead's key.

    Raises:
        SiteFileError: everything that is wrong with it; the default column stays in force.
    """
    body, mark, signature = data.rpartition(SIGNATURE_MARK)
    problems: list[Problem] = []

    def wrong(key: str, message: str, **details: object) -> None:
        made = Problem(severity="refuse", key=key, message=message, layer="site", rule="site", **details)  # type: ignore[arg-type]
        problems.append(made)

    try:
        signed = bool(mark) and verify(body, bytes.fromhex(signature.strip().decode("ascii")))
    except (ValueError, UnicodeDecodeError):
        signed = False
    if not signed:
        how = "two leads run `estim limits sign FILE --key KEY`, then `estim limits install FILE`"
        wrong("signature", f"the file is not signed by a lead's key ({how}); the default column stays in force")
    try:
        document = tomllib.loads((body if mark else data).decode("utf-8"))
    except (ValueError, RecursionError) as error:  # no TOML, no UTF-8, a number of 5 000 digits, brackets without end
        wrong("file", f"not a TOML file: {error}")
        raise SiteFileError(problems) from None
    for word in SITE_WORDS:
        if not str(document.get(word, "")).strip():
            wrong(word, f"{quoted(word)} is missing: the file must say who opened these limits, when and why")
    for key in document:
        if key not in {*SITE_WORDS, *SITE_MORE, "limits"}:
            wrong(key, f"unknown key {quoted(key)}", asked=key, allowed=", ".join((*SITE_WORDS, *SITE_MORE, "limits")))
    values = _site_values(document.get("limits", {}), wrong)
    if problems:
        raise SiteFileError(problems)
    source = f"site file of {document['responsible']}, {document['date']}: {document['reason']}"
    stated = Limits.of(values, layer="site", source=source)
    return Limits({**DEFAULT.bounds, **stated.bounds}, PAD_STEPS)


def _site_values(table: object, wrong: Callable[..., None]) -> dict[str, int]:
    values: dict[str, int] = {}
    if not isinstance(table, dict):
        wrong("limits", "must be a table of limit = integer")
        return values
    for key, value in table.items():
        guardrail = BY_KEY.get(key)
        if guardrail is None:
            wrong(f"limits.{key}", f"there is no limit {quoted(key)}", asked=key, allowed=", ".join(sorted(BY_KEY)))
        elif not isinstance(value, int) or isinstance(value, bool):
            wrong(f"limits.{key}", f"{quoted(value)} is not a whole number", asked=str(value))
        elif guardrail.breaks(value, guardrail.absolute):
            wrong(
                f"limits.{key}",
                f"{guardrail.words} {guardrail.shown(value):g} {guardrail.unit} is past the absolute bound "
                f"{guardrail.shown(guardrail.absolute):g} {guardrail.unit}, which no file reaches",
                asked=value,
                allowed=guardrail.absolute,
                unit=guardrail.unit,
                source=guardrail.source,
            )
        else:
            values[key] = value
    return values
