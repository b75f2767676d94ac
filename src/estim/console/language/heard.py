"""The controller's own words in another language. They come in English, as the record keeps them; a language may have a
file of their forms (`de.heard.toml`): English text with {fields} = how it reads. What has no form stays what it is.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from typing import Any

FIELD = re.compile(r"\{(\w+)\}")
AS_LONG_AS_POSSIBLE = "place"  # which may hold colons itself
ONE_WORD = frozenset({"value", "unit", "bound", "unit_of"})  # so that a quantity keeps all of its words


class Translation:
    """Turns texts of the controller into one language.

    Args:
        forms: English text with {fields} → text with the same fields. The first form that fits is taken.
        names: codes of the controller and their words, for what stands in a field (`RUNNING`).
    """

    def __init__(self, forms: Mapping[str, str], names: Mapping[str, str]) -> None:
        self._fixed = {english: text for english, text in forms.items() if not FIELD.search(english)}
        self._forms = [(_pattern(english), text) for english, text in forms.items() if FIELD.search(english)]
        self._names = names

    def __call__(self, text: str) -> str:
        """The text in this language, or as it came."""
        if text in self._fixed:
            return self._fixed[text]
        for pattern, form in self._forms:
            if (found := pattern.fullmatch(text)) is not None:
                return form.format(**{field: self._value(value) for field, value in found.groupdict().items()})
        return text

    def _value(self, text: str) -> str:
        return self._names[text] if text in self._names else self(text)


def _pattern(english: str) -> re.Pattern[str]:
    parts = FIELD.split(english)
    source = "".join(_field(part) if index % 2 else re.escape(part) for index, part in enumerate(parts))
    return re.compile(source, re.DOTALL)


def _field(name: str) -> str:
    return rf"(?P<{name}>\S*)" if name in ONE_WORD else f"(?P<{name}>{'.*' if name == AS_LONG_AS_POSSIBLE else '.*?'})"


def forms_of(table: Mapping[str, Any]) -> dict[str, str]:
    """All forms of a file, whatever heading they stand under."""
    return dict(_walk(table))


def _walk(table: Mapping[str, Any]) -> Iterator[tuple[str, str]]:
    for name, value in table.items():
        if isinstance(value, Mapping):
            yield from _walk(value)
        else:
            yield name, str(value)
