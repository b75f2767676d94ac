"""Keys: none belongs to two things, none of them is a stop, and a site's own map is checked whole."""

from __future__ import annotations

from pathlib import Path

import pytest

from estim.console.keys import ACTIONS, parse_keymap
from estim.console.stop_gate import is_stop_key
from estim.safety.errors import UsageError


def test_no_key_but_the_way_back_is_a_stop_and_none_does_two_things_at_once() -> None:
    for group in ("output", "level", "always"):
        keys = [key for action in ACTIONS.values() if action.group == group for key in action.keys]
        assert len(keys) == len(set(keys))
    keys = [key for action in ACTIONS.values() if action.id != "back" for key in action.keys]
    assert not any(is_stop_key(key) for key in keys)
    assert not any(key.isdigit() and key != "0" for key in keys)  # digits choose channels


def test_arm_and_start_lie_apart() -> None:
    assert ACTIONS["arm"].keys == ("f2",)
    assert ACTIONS["start"].keys == ("f9",)


def test_a_map_replaces_keys() -> None:
    assert parse_keymap(b'[keys]\nraise = ["plus", "pageup"]\n') == {"raise": ("plus", "pageup")}
    assert parse_keymap(b"") == {}


@pytest.mark.parametrize(
    ("text", "says"),
    [
        ('[keys]\nraise = ["space"]', "belongs to the stop"),
        ('[keys]\nraise = ["shift+f12"]', "belongs to the stop"),
        ('[keys]\nraise = ["alt+u"]', "belongs to the stop"),
        ('[keys]\nfly = ["u"]', "no such action"),
        ('[keys]\nraise = "u"', "list of key names"),
        ('[keys]\nraise = ["3"]', "chooses a channel"),
        ('[keys]\nraise = ["p"]', "already pause"),
        ('[keys]\nraise = ["u"]\nlower = ["u"]', "already raise"),
        ("keys = 3", "must be a table"),
        ("keys = [", "console.toml"),
    ],
)
def test_a_wrong_map_is_refused_with_its_reason(text: str, says: str) -> None:
    with pytest.raises(UsageError, match=says):
        parse_keymap(text.encode())


def test_all_faults_of_a_map_are_said_at_once() -> None:
    with pytest.raises(UsageError) as caught:
        parse_keymap(b'[keys]\nraise = ["space"]\nlower = ["f12"]\n')
    assert "keys.raise" in str(caught.value)
    assert "keys.lower" in str(caught.value)


def test_the_table_in_the_docs_names_every_action() -> None:
    text = (Path(__file__).parents[2] / "docs" / "console.md").read_text()
    for action in ACTIONS.values():
        assert f"`{action.id}`" in text
