"""A site's `console.toml`: key map, language, theme. What is wrong in it is said at the start, all at once."""

from __future__ import annotations

from dataclasses import dataclass

from estim.console.language import LANGUAGES
from estim.console.themes import THEME_NAMES
from estim.protocols.loader import decoded, read_toml
from estim.records.training import OBJECTIVES
from estim.safety.errors import ProtocolError, UsageError, quoted

KNOWN = ("keys", "language", "theme", "practice")


@dataclass(frozen=True, slots=True, kw_only=True)
class Settings:
    """What the file says; "" where it says nothing. The key map is judged by `keys.parse_keymap`."""

    data: bytes = b""
    language: str = ""
    theme: str = ""
    before_real: tuple[str, ...] = ()


def parse_settings(data: bytes) -> Settings:
    """Read the file.

    Raises:
        UsageError: not TOML, an unknown key, a language or theme that is not there.
    """
    try:
        table = read_toml(decoded(data, None), None)
    except ProtocolError as error:
        raise UsageError(f"console.toml: {error.problems[0].message}") from None
    problems = [f"{key}: no such setting; there are {', '.join(KNOWN)}" for key in table if key not in KNOWN]
    for key, allowed in (("language", LANGUAGES), ("theme", THEME_NAMES)):
        if key in table and table[key] not in allowed:
            problems.append(f"{key} = {quoted(table[key])}: one of {', '.join(allowed)}")
    practice = table.get("practice", {})
    asked = practice.get("before_real", []) if isinstance(practice, dict) else None
    if not isinstance(asked, list) or set(practice) - {"before_real"} or any(each not in OBJECTIVES for each in asked):
        problems.append(f"practice: before_real = a list of {', '.join(OBJECTIVES)}, and nothing else")
    if problems:
        raise UsageError("console.toml:\n" + "\n".join(problems))
    return Settings(
        data=data, language=table.get("language", ""), theme=table.get("theme", ""), before_real=tuple(asked or ())
    )
