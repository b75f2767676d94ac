"""Keys: what each does, and a site's own map for a pedal, knob or keypad (`console.toml` in the home directory).

    [keys]
    raise = ["plus", "pageup"]

Space, Escape, F12 and every Alt combination belong to the stop and can't be given to anything, so a pedal that types
one of them stops; a map that uses one is refused.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from types import MappingProxyType

from estim.console.stop_gate import is_stop_key
from estim.protocols.loader import decoded, read_toml
from estim.safety.errors import Problem, ProtocolError, UsageError, quoted


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
    {
        "plus": "+",
        "minus": "-",
        "question_mark": "?",
        "equals_sign": "=",
        "ctrl+q": "Ctrl+Q",
        "ctrl+p": "Ctrl+P",
        "enter": "Enter",
        "space": "Space",
        "escape": "Esc",
        "tab": "Tab",
        "up": "↑",
        "down": "↓",
        "left": "←",
        "right": "→",
        "slash": "/",
        "pageup": "PgUp",
        "pagedown": "PgDn",
    }
)


def shown(key: str) -> str:
    """A key's name as it is printed."""
    return _SHOWN.get(key, key.upper())


def _a(id: str, keys: str, group: str) -> Action:  # noqa: A002
    return Action(id=id, keys=tuple(keys.split()), group=group)


ACTIONS: Mapping[str, Action] = MappingProxyType(
    {
        action.id: action
        for action in (
            _a("next", "enter f8", "way"),
            _a("back", "f7 escape", "way"),
            _a("seal", "f8", "way"),
            _a("new", "n", "way"),
            _a("search", "slash", "way"),
            _a("confirm", "y", "way"),
            _a("no", "n", "way"),
            _a("unsure", "u", "way"),
            _a("course", "f5", "way"),
            _a("records", "f6", "way"),
            _a("practice", "f3", "way"),
            _a("arm", "f2", "output"),
            _a("start", "f9", "output"),
            _a("pause", "p", "output"),
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
            _a("channel-found", "n enter", "level"),
            _a("low-rate", "w", "level"),
            _a("comfort", "f", "level"),
            _a("acknowledge", "a", "always"),
            _a("reset", "x", "always"),
            _a("more", "f4", "always"),
            _a("room", "h", "always"),
            _a("help", "f1 question_mark", "always"),
            _a("commands", "f10 ctrl+p", "always"),
            _a("leave", "ctrl+q ctrl+c", "always"),
        )
    }
)


def keys_of(id: str, keymap: Mapping[str, tuple[str, ...]]) -> tuple[str, ...]:  # noqa: A002
    """The keys of an action, a site's own before the program's."""
    return keymap.get(id) or ACTIONS[id].keys


def key_names(keymap: Mapping[str, tuple[str, ...]]) -> dict[str, str]:
    """Action → its first key as it is printed, with a site's own map applied."""
    return {id: shown(keys_of(id, keymap)[0]) for id in ACTIONS}  # noqa: A001


def key_fields(keymap: Mapping[str, tuple[str, ...]]) -> dict[str, object]:
    """The same as fields for texts: `key_arm`, `key_channel_found`."""
    return {f"key_{id.replace('-', '_')}": key for id, key in key_names(keymap).items()}  # noqa: A001


def parse_keymap(data: bytes) -> dict[str, tuple[str, ...]]:
    """A site's key map: action → its keys.

    Raises:
        UsageError: not TOML, an unknown action, a key used twice, or one that belongs to the stop; all at once.
    """
    try:
        table = read_toml(decoded(data, None), None)
    except ProtocolError as error:
        raise UsageError(f"console.toml: {error.problems[0].message}") from None
    given = table.get("keys", {})
    problems: list[Problem] = []
    if not isinstance(given, dict):
        raise UsageError('console.toml: keys must be a table, [keys] with lines like raise = ["plus"]')
    used = [(key, id) for id, action in ACTIONS.items() if id not in given for key in action.keys]  # noqa: A001
    keymap: dict[str, tuple[str, ...]] = {}
    for id, keys in given.items():  # noqa: A001
        if (problem := _check(id, keys, used)) is not None:
            problems.append(problem)
        else:
            used += [(key, id) for key in keys]
            keymap[id] = tuple(keys)
    if problems:
        raise UsageError("console.toml:\n" + "\n".join(str(problem) for problem in problems))
    return keymap


def _meet(one: str, other: str) -> bool:
    """Both actions can be there at once: those of the forms never stand beside those of a running output."""
    groups = {ACTIONS[one].group, ACTIONS[other].group}
    return one != other and ("way" not in groups or bool(groups & {"always"}) or len(groups) == 1)


def _check(id: str, keys: object, used: Sequence[tuple[str, str]]) -> Problem | None:  # noqa: A002
    where = f"keys.{id}"
    if id not in ACTIONS:
        allowed = ", ".join(ACTIONS)
        return Problem(severity="refuse", key=where, message=f"no such action; allowed: {allowed}", rule="keys")
    if not isinstance(keys, list) or not keys or not all(isinstance(key, str) and key for key in keys):
        return Problem(severity="refuse", key=where, message='give a list of key names, ["plus"]', rule="keys")
    for key in keys:
        if is_stop_key(key):
            message = f"{quoted(key)} belongs to the stop: Space, Escape, F12 and Alt can't be given to anything"
            return Problem(severity="refuse", key=where, message=message, asked=key, rule="stop-key")
        if key.isdigit() and key != "0":
            message = f"{quoted(key)} chooses a channel"
            return Problem(severity="refuse", key=where, message=message, asked=key, rule="keys")
        if (other := next((each for known, each in used if known == key and _meet(id, each)), "")) != "":
            message = f"{quoted(key)} is already {other}"
            return Problem(severity="refuse", key=where, message=message, asked=key, rule="keys")
    return None
