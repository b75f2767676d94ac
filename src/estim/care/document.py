"""Reading a TOML document against a model: everything that is wrong with it at once, each with line, key and rule."""

from __future__ import annotations

import tomllib
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any, TypeVar

from pydantic import BaseModel, ValidationError

from estim.protocols.lines import LineIndex
from estim.protocols.loader import SIZE_MAX, key_text
from estim.safety.errors import Problem, ProtocolError

Model = TypeVar("Model", bound=BaseModel)
Further = Callable[[Any], Sequence[tuple[list[Any], str, object, object]]]


def load_document(path: Path, model: type[Model], *, further: Further | None = None) -> Model:
    """The document in a file.

    Args:
        further: what else is wrong with a valid document: place, words, asked, allowed of each finding.

    Raises:
        ProtocolError: it can't be read, is no TOML, or breaks the model; `problems` lists everything.
    """
    try:
        if path.is_file() and path.stat().st_size > SIZE_MAX:
            raise ProtocolError([problem("file", f"more than {SIZE_MAX} bytes")], path=path)
        data = path.read_bytes()
    except (OSError, ValueError) as error:
        raise ProtocolError(
            [problem("file", f"can't be read: {getattr(error, 'strerror', None) or error}")], path=path
        ) from None
    return parse_document(data, model, path=path, further=further)


def parse_document(
    data: bytes, model: type[Model], *, path: Path | None = None, further: Further | None = None
) -> Model:
    """The document in these bytes.

    Raises:
        ProtocolError: as `load_document`.
    """
    try:
        text = data.decode("utf-8-sig")
        document = tomllib.loads(text)
    except UnicodeDecodeError as error:
        raise ProtocolError([problem("file", f"not UTF-8 text: {error.reason}")], path=path) from None
    except (tomllib.TOMLDecodeError, RecursionError, ValueError) as error:
        raise ProtocolError([problem("file", f"not a TOML file: {error}", rule="toml")], path=path) from None
    index = LineIndex(text)
    try:
        made = model.model_validate(document)
    except ValidationError as error:
        problems = [_from_pydantic(entry, document, index) for entry in error.errors() if not _is_echo(entry, document)]
        raise ProtocolError(problems, path=path) from None
    found = further(made) if further is not None else ()
    if found:
        raise ProtocolError(
            [
                problem(
                    key_text(place), words, line=index.line_of(place), asked=asked, allowed=allowed, rule="reference"
                )
                for place, words, asked, allowed in found
            ],
            path=path,
        )
    return made


def problem(key: str, message: str, *, rule: str = "file", **details: Any) -> Problem:
    """A refusal of the schema layer."""
    return Problem(severity="refuse", key=key, message=message, rule=rule, layer="schema", **details)


def _from_pydantic(entry: Any, document: Any, index: LineIndex) -> Problem:
    place = list(entry["loc"])
    kind, message = entry["type"], entry["msg"].removeprefix("Value error, ")
    if message.startswith("[") and "@" in message.split("]", 1)[0]:  # a rule between keys names its key
        head, _, message = message.partition("] ")
        place.append(head.partition("@")[2])
    if kind == "missing":
        message = "is missing"
    elif kind == "extra_forbidden":
        message = "is no key of this file"
    asked = _value(document, place)
    shown = asked if isinstance(asked, str | int | float | bool) and repr(asked) not in message else None
    allowed = (entry.get("ctx") or {}).get("expected")
    return problem(
        key_text(place) or "file",
        message if shown is None else f"{shown!r}: {message}",
        line=index.line_of(place),
        asked=shown,
        allowed=allowed,
        rule={"missing": "required", "extra_forbidden": "unknown-key"}.get(kind, "value"),
    )


def _is_echo(entry: Any, document: Any) -> bool:
    """A list whose items are wrong is called too short as well."""
    value = _value(document, list(entry["loc"]))
    return entry["type"] == "too_short" and isinstance(value, list) and len(value) >= entry["ctx"]["min_length"]


def _value(document: Any, place: list[Any]) -> object:
    for part in place:
        try:
            document = document[part]
        except (KeyError, IndexError, TypeError):
            return None
    value: object = document
    return value
