"""The console's words: one file a language (`en.toml`, `de.toml`), the same keys and placeholders in each.

What the controller says itself (alarms, refusals, findings) comes in English, as it stands in the record; `heard` turns
it into the language where the language has a form for it. A protocol's own text stays its author's.
"""

from __future__ import annotations

import string
import tomllib
from collections.abc import Callable, Mapping
from importlib import resources
from types import MappingProxyType
from typing import Any

from estim.console.language.heard import Translation, forms_of
from estim.protocols.muscles import name_of
from estim.safety.errors import UsageError, quoted

Table = Mapping[str, str | tuple[str, ...]]
LANGUAGES = ("en", "de")
SHORT_MUSCLE = 23


class Words:
    """One language. A text that is missing or does not fit its fields is shown raw: no screen fails for a word.

    Args:
        table: dotted key → text, or lines of text.
        fields: known to every text, such as the names of the keys.
        heard: a text of the controller → the same in this language, or as it came.
    """

    def __init__(
        self,
        language: str,
        table: Table,
        fields: Mapping[str, object] = MappingProxyType({}),
        heard: Callable[[str], str] = str,
    ) -> None:
        self.language = language
        self._table = table
        self._fields = dict(fields)
        self.heard = heard

    def __call__(self, key: str, /, **fields: object) -> str:
        """The text of `key`; a text that is no key stays what it is."""
        text = self._table.get(key, key)
        return self._fill(text if isinstance(text, str) else "\n".join(text), fields)

    def lines(self, key: str, /, **fields: object) -> tuple[str, ...]:
        """A text of several lines."""
        text = self._table.get(key, key)
        return tuple(self._fill(line, fields) for line in ((text,) if isinstance(text, str) else text))

    def of(self, group: str, name: str, /, **fields: object) -> str:
        """The text of `group.name`, or `name` itself where the group has none: for codes that may be new."""
        return self(f"{group}.{name}", **fields) if f"{group}.{name}" in self._table else name

    def has(self, key: str) -> bool:
        """There is such a text."""
        return key in self._table

    def muscle(self, name: str) -> str:
        """A muscle in this language, by its name in the vocabulary; unknown ones as their author has them."""
        return name_of(name, language=self.language)

    def short_muscle(self, name: str) -> str:
        """The same in at most `SHORT_MUSCLE` letters, as its author wrote it short."""
        key = f"muscle-short.{name}"
        return self(key) if self.has(key) else self.muscle(name).partition(" (")[0]

    def key(self, shown: str) -> str:
        """The name of a key as it is printed on keyboards of this language."""
        return self.of("key-name", shown)

    def own(self, text: str) -> tuple[str, ...]:
        """A protocol author's own words: marked where they are not in this language."""
        return (text,) if self.language == "en" else (f"{text} {self('own-words')}",)

    def names(self, group: str) -> tuple[str, ...]:
        """The names under `group`."""
        return tuple(key.removeprefix(f"{group}.") for key in self._table if key.startswith(f"{group}."))

    def with_fields(self, **fields: object) -> Words:
        """The same words with more fields known."""
        return Words(self.language, self._table, {**self._fields, **fields}, self.heard)

    def _fill(self, text: str, fields: Mapping[str, object]) -> str:
        if "{" not in text:
            return text
        try:
            return text.format(**{**self._fields, **fields})
        except (KeyError, IndexError, ValueError):
            return text


def load(language: str) -> Words:
    """The words of one language.

    Raises:
        UsageError: there is none of this name.
    """
    if language not in LANGUAGES:
        raise UsageError(f"language {quoted(language)}: one of {', '.join(LANGUAGES)}")
    table = flat(_read(f"{language}.toml"))
    forms = forms_of(_read(f"{language}.heard.toml")) if language != "en" else {}
    names = {key.partition(".")[2]: str(text) for key, text in table.items() if key.startswith(_NAMES)}
    return Words(language, MappingProxyType(table), heard=Translation(forms, names))


_NAMES = ("phase.", "output-state.")


def _read(name: str) -> dict[str, Any]:
    return tomllib.loads(resources.files(__package__).joinpath(name).read_text(encoding="utf-8"))


def flat(table: Mapping[str, Any], prefix: str = "") -> dict[str, str | tuple[str, ...]]:
    """Nested tables as dotted keys."""
    found: dict[str, str | tuple[str, ...]] = {}
    for name, value in table.items():
        if isinstance(value, Mapping):
            found |= flat(value, f"{prefix}{name}.")
        else:
            found[f"{prefix}{name}"] = value if isinstance(value, str) else tuple(value)
    return found


def placeholders(text: str) -> frozenset[str]:
    """The fields that a text asks for."""
    return frozenset(name for _, name, _, _ in string.Formatter().parse(text) if name)


def chosen(given: str | None, configured: str | None, environment: Mapping[str, str]) -> str:
    """The language to use: the command line's, else `console.toml`'s, else the locale's, else English.

    Raises:
        UsageError: one that was named on purpose is not there.
    """
    for named in (given, configured):
        if named:
            if named not in LANGUAGES:
                raise UsageError(f"language {quoted(named)}: one of {', '.join(LANGUAGES)}")
            return named
    locale = environment.get("LC_ALL") or environment.get("LC_MESSAGES") or environment.get("LANG") or ""
    short = locale.partition("_")[0].partition(".")[0].lower()
    return short if short in LANGUAGES else "en"


ENGLISH = load("en")
