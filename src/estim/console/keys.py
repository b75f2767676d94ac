"""Keys: what each does, and a site's own map for a pedal, knob or keypad (`console.toml` in the home directory).

    [keys]
    raise = ["plus", "pageup"]

Space, Escape, F12 and every Alt combination belong to the stop and can't be given to anything, so a pedal that types
one of them stops; a map that uses one is refused.
"""

from __future__ import annotations

import tomllib
from collections.abc import Mapping
from dataclasses import dataclass
from types import MappingProxyType

from textual.binding import Binding

from estim.console.stop_gate import is_stop_key
from estim.safety.errors import Problem, UsageError


@dataclass(frozen=True, slots=True, kw_only=True)
class Action:
    """One thing a key does.

    Attributes:
        id: name in the key map.
        keys: Textual's key names.
        group: the help screen's heading.

    Its words stand in the language files: `action.<id>.label` for the footer, `action.<id>.about` for the help.
    """

    id: str
    keys: tuple[str, ...]
    group: str


_SHOWN: Mapping[str, str] = MappingProxyType(
    {"plus": "+", "minus": "-", "question_mark": "?", "equals_sign": "=", "ctrl+q": "^Q"}
)


def shown(key: str) -> str:
    """A key's name as the footer prints it."""
    return _SHOWN.get(key, key.upper())


def _a(id: str, keys: str, group: str) -> Action:  # noqa: A002
    return Action(id=id, keys=tuple(keys.split()), group=group)


ACTIONS: Mapping[str, Action] = MappingProxyType(
    {
        action.id: action
        for action in (
            _a("next", "f8", "way"),
            _a("back", "f7", "way"),
            _a("confirm", "y", "way"),
            _a("progress", "f5", "way"),
            _a("qr", "f6", "way"),
            _a("arm", "f2", "output"),
            _a("start", "f9", "output"),
            _a("pause", "p", "output"),
            _a("resume", "r", "output"),
            _a("trigger", "g", "output"),
            _a("skip", "k", "output"),
            _a("end", "e", "output"),
            _a("raise", "plus equals_sign up", "level"),
            _a("lower", "minus down", "level"),
            _a("cut", "0", "level"),
            _a("sensory", "s", "level"),
            _a("motor", "m", "level"),
            _a("tolerated", "t", "level"),
            _a("no-twitch", "o", "level"),
            _a("seen", "c", "level"),
            _a("channel-found", "n", "level"),
            _a("low-rate", "w", "level"),
            _a("comfort", "f", "level"),
            _a("acknowledge", "a", "always"),
            _a("reset", "x", "always"),
            _a("more", "f4", "always"),
            _a("room", "h", "always"),
            _a("help", "question_mark f1", "always"),
            _a("leave", "ctrl+q", "always"),
        )
    }
)
ALIASES: Mapping[str, str] = MappingProxyType({"raise": "raise_level"})  # action names that Python keeps for itself


def bindings(*ids: str) -> list[Binding]:
    """Textual bindings for these actions, each under its id, so that a key map reaches them."""
    return [
        Binding(
            ",".join(ACTIONS[id].keys),
            ALIASES.get(id, id).replace("-", "_"),
            id,
            show=False,
            id=f"estim.{id}",
            system=id in {"help", "leave"},
        )
        for id in ids  # noqa: A001
    ]


def key_names(keymap: Mapping[str, str]) -> dict[str, str]:
    """Action → its first key as it is printed, with a site's own map applied."""
    return {id: shown(keymap.get(f"estim.{id}", action.keys[0]).split(",")[0]) for id, action in ACTIONS.items()}  # noqa: A001


def key_fields(keymap: Mapping[str, str]) -> dict[str, object]:
    """The same as fields for texts: `key_arm`, `key_channel_found`."""
    return {f"key_{id.replace('-', '_')}": key for id, key in key_names(keymap).items()}  # noqa: A001


def parse_keymap(data: bytes) -> dict[str, str]:
    """A site's key map, as `App.set_keymap` takes it.

    Raises:
        UsageError: not TOML, an unknown action, a key used twice, or one that belongs to the stop; all at once.
    """
    try:
        table = tomllib.loads(data.decode())
    except (tomllib.TOMLDecodeError, UnicodeDecodeError) as error:
        raise UsageError(f"console.toml: {error}") from error
    given = table.get("keys", {})
    problems: list[Problem] = []
    if not isinstance(given, dict):
        raise UsageError('console.toml: keys must be a table, [keys] with lines like raise = ["plus"]')
    used = {key: id for id, action in ACTIONS.items() if id not in given for key in action.keys}  # noqa: A001
    keymap: dict[str, str] = {}
    for id, keys in given.items():  # noqa: A001
        if (problem := _check(id, keys, used)) is not None:
            problems.append(problem)
        else:
            used.update(dict.fromkeys(keys, id))
            keymap[f"estim.{id}"] = ",".join(keys)
    if problems:
        raise UsageError("console.toml:\n" + "\n".join(str(problem) for problem in problems))
    return keymap


def _check(id: str, keys: object, used: Mapping[str, str]) -> Problem | None:  # noqa: A002
    where = f"keys.{id}"
    if id not in ACTIONS:
        allowed = ", ".join(ACTIONS)
        return Problem(severity="refuse", key=where, message=f"no such action; allowed: {allowed}", rule="keys")
    if not isinstance(keys, list) or not keys or not all(isinstance(key, str) and key for key in keys):
        return Problem(severity="refuse", key=where, message='give a list of key names, ["plus"]', rule="keys")
    for key in keys:
        if is_stop_key(key):
            message = f"{key!r} belongs to the stop: Space, Escape, F12 and Alt can't be given to anything"
            return Problem(severity="refuse", key=where, message=message, asked=key, rule="stop-key")
        if key.isdigit() and key != "0":
            message = f"{key!r} chooses a channel"
            return Problem(severity="refuse", key=where, message=message, asked=key, rule="keys")
        if used.get(key, id) != id:
            message = f"{key!r} is already {used[key]}"
            return Problem(severity="refuse", key=where, message=message, asked=key, rule="keys")
    return None
