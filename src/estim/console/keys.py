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
        label: one or two words for the footer.
        about: a sentence for the help screen.
        group: the help screen's heading.
    """

    id: str
    keys: tuple[str, ...]
    label: str
    about: str
    group: str


_SHOWN: Mapping[str, str] = MappingProxyType(
    {"plus": "+", "minus": "-", "question_mark": "?", "equals_sign": "=", "ctrl+q": "^Q"}
)


def shown(key: str) -> str:
    """A key's name as the footer prints it."""
    return _SHOWN.get(key, key.upper())


def _a(id: str, keys: str, label: str, about: str, group: str) -> Action:  # noqa: A002
    return Action(id=id, keys=tuple(keys.split()), label=label, about=about, group=group)


_WAY, _OUT, _LEVEL, _ALWAYS = "The way", "Output", "Levels", "Always"

ACTIONS: Mapping[str, Action] = MappingProxyType(
    {
        action.id: action
        for action in (
            _a("next", "f8", "Continue", "Go on to the next stage.", _WAY),
            _a("back", "f7", "Back", "Back to the stage before; nothing entered is lost.", _WAY),
            _a("confirm", "y", "Yes, checked", "Confirm the marked check. One at a time, each one read.", _WAY),
            _a("arm", "f2", "Arm", "First of two steps to output: opens the stimulator at 0 mA.", _OUT),
            _a("start", "f9", "Start", "Second step, within 60 s: output begins and rises from 0 mA.", _OUT),
            _a("pause", "p", "Pause", "Output off, the place in the plan is kept; ends after 5 min.", _OUT),
            _a("resume", "r", "Resume", "On after a 3 s count-down, from 0 mA, same contraction again.", _OUT),
            _a("trigger", "g", "Go", "Starts one contraction in a key-triggered phase.", _OUT),
            _a("skip", "k", "Skip phase", "Leaves out the rest of this phase; asks why.", _OUT),
            _a("end", "e", "End", "Ends treatment here as complete; asks why.", _OUT),
            _a("raise", "plus equals_sign up", "Up", "Chosen channel one step up, while it is held.", _LEVEL),
            _a("lower", "minus down", "Down", "Chosen channel one step down, at any time.", _LEVEL),
            _a("cut", "0", "All -20 %", "All channels down by a fifth, at once.", _LEVEL),
            _a("sensory", "s", "Felt", "The patient begins to feel it: sensory level.", _LEVEL),
            _a("motor", "m", "Twitch", "The muscle begins to contract: motor level.", _LEVEL),
            _a("tolerated", "t", "Strongest", "The strongest the patient tolerates.", _LEVEL),
            _a("no-twitch", "o", "No twitch", "No contraction up to here (sensory treatment).", _LEVEL),
            _a("seen", "c", "Contraction!", "A sensory channel made the muscle contract: to 80 %.", _LEVEL),
            _a("channel-found", "n", "Next channel", "This channel's level is found.", _LEVEL),
            _a("comfort", "f", "Comfort", "Then a digit: 0 nothing .. 9; T for 10, unbearable.", _LEVEL),
            _a("acknowledge", "a", "Seen", "You have read the topmost alarm.", _ALWAYS),
            _a("reset", "x", "Reset fault", "Leave a fault once output is off; asks why.", _ALWAYS),
            _a("help", "question_mark f1", "Help", "All keys.", _ALWAYS),
            _a("leave", "ctrl+q", "Leave", "Stops, waits until the device says off, then leaves.", _ALWAYS),
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
            ACTIONS[id].label,
            show=False,
            id=f"estim.{id}",
            system=id in {"help", "leave"},
        )
        for id in ids  # noqa: A001
    ]


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
