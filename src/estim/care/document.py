"""Reading a TOML document against a model: everything that is wrong with it at once, each with line, key and rule."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from pathlib import Path
from typing import Any, TypeVar, get_args

from pydantic import BaseModel, ValidationError

from estim.care.key_words import MEANING
from estim.protocols.lines import LineIndex
from estim.protocols.loader import decoded, key_text, read_file, read_toml
from estim.protocols.wording import as_in_the_file, shown, unknown, wrong
from estim.safety.errors import Problem, ProtocolError

Model = TypeVar("Model", bound=BaseModel)
Finding = tuple[list[Any], str, object, object]
Further = Callable[[Mapping[str, Any]], Iterable[Finding]]


def load_document(path: Path, model: type[Model], *, further: Further | None = None) -> Model:
    """The document in a file.

    Args:
        further: what else is wrong, looked for in the plain tables of the file, so that a wrong type in one place hides
            no wrong name in another: place, words, asked, allowed of each finding.

    Raises:
        ProtocolError: it can't be read, is no TOML, or breaks the model; `problems` lists everything.
    """
    return parse_document(read_file(path), model, path=path, further=further)


def parse_document(
    data: bytes, model: type[Model], *, path: Path | None = None, further: Further | None = None
) -> Model:
    """The document in these bytes.

    Raises:
        ProtocolError: as `load_document`.
    """
    text = decoded(data, path)
    document = read_toml(text, path)
    index = LineIndex(text)
    problems: dict[tuple[str, str], Problem] = {}
    made: Model | None = None
    try:
        made = model.model_validate(document)
    except ValidationError as error:
        for entry in error.errors(include_url=False):
            if not _is_echo(entry, document):
                said = _from_pydantic(entry, document, index, model)
                problems.setdefault((said.key, said.message), said)
    named = {said.key for said in problems.values()}
    for place, words, asked, allowed in further(document) if further is not None else ():
        key, line = key_text(place), index.line_of(place)
        if key not in named:
            said = problem(key, words, line=line, asked=shown(asked), allowed=allowed, rule="reference")
            problems.setdefault((key, words), said)
    if problems or made is None:
        listed = sorted(problems.values(), key=lambda each: each.line or 0)
        raise ProtocolError(listed, path=path)
    return made


def problem(key: str, message: str, *, rule: str = "file", **details: Any) -> Problem:
    """A refusal of the schema layer."""
    return Problem(severity="refuse", key=key, message=message, rule=rule, layer="schema", **details)


def _from_pydantic(entry: Any, document: Any, index: LineIndex, model: type[BaseModel]) -> Problem:
    place, known = _place(entry["loc"], model)
    kind, message = entry["type"], entry["msg"].removeprefix("Value error, ")
    broken = ""
    if message.startswith("[") and "@" in message.split("]", 1)[0]:  # a rule says its name and its key
        head, _, message = message.removeprefix("[").partition("] ")
        broken, _, at = head.partition("@")
        place.append(at)
    asked, allowed = _value(document, place), (entry.get("ctx") or {}).get("expected")
    name = next((str(part) for part in reversed(place) if not isinstance(part, int)), "")
    rule = {"missing": "required", "extra_forbidden": "unknown-key"}.get(kind, broken or "value")
    if kind == "missing":
        message = "is missing and must be given"
    elif kind == "extra_forbidden":
        message = unknown(name, asked, known)
    elif kind == "tuple_type" and isinstance(asked, dict):
        message, allowed = f"must be an array of tables: write [[{name}]]", "an array of tables"
    elif name in {"at_least", "at_most"} and kind in {"float_type", "string_type"}:
        allowed = "a number, or a grade in quotes"
        message = f"{as_in_the_file(asked)} must be {allowed}"
    elif kind == "value_error":
        message = message if asked is None or str(asked) in message else f"{as_in_the_file(asked)}: {message}"
    else:
        message, allowed = wrong(kind, asked, entry.get("ctx") or {}, key=name, fallback=entry["msg"])
    why = MEANING.get(name, "") if rule != "unknown-key" else ""
    return problem(
        key_text(place) or "file",
        f"{message} ({name}: {why})" if why else message,
        line=index.line_of(place),
        asked=None if isinstance(asked, dict) else shown(asked),
        allowed=allowed,
        rule=rule,
    )


def _place(location: Iterable[Any], model: type[BaseModel]) -> tuple[list[Any], list[str]]:
    """The place in the file, without the branches of unions that pydantic adds; the keys known in its last table."""
    place: list[Any] = []
    here: type[BaseModel] | None = model
    known: list[str] = []
    parts = list(location)
    for number, part in enumerate(parts):
        if isinstance(part, int):
            place.append(part)
            continue
        if here is None:  # below a plain value stand the names of a union's branches
            continue
        fields = {field.alias or name: field for name, field in here.model_fields.items()}
        known = list(fields)
        place.append(part)
        found = _model_in(fields[part].annotation) if part in fields else None
        here = found if found is not None or number == len(parts) - 1 else None
    return place, known


def _model_in(annotation: object) -> type[BaseModel] | None:
    if isinstance(annotation, type) and issubclass(annotation, BaseModel):
        return annotation
    return next((found for found in map(_model_in, get_args(annotation)) if found is not None), None)


def _is_echo(entry: Any, document: Any) -> bool:
    """A list whose items are wrong is called too short as well; of number-or-text each branch complains."""
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
