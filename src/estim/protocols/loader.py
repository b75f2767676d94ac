"""Loading a protocol file: everything that is wrong with it at once, each with line, key, value and rule."""

from __future__ import annotations

import difflib
import hashlib
import re
import tomllib
from pathlib import Path
from typing import Any, get_args

from pydantic import BaseModel, ValidationError

from estim.protocols.lines import LineIndex
from estim.protocols.schema import Protocol
from estim.safety.errors import Problem, ProtocolError

SIZE_MAX = 256 * 1024
_TOML_LINE = re.compile(r"at line (\d+), column (\d+)")
_RULE = re.compile(r"^(?:Value error, )?\[([a-z0-9-]+)\] (.*)$", re.DOTALL)
_WAVEFORM_HINT = (
    "only balanced biphasic pulses exist here (net charge is exactly 0, L12): symmetric-biphasic, or "
    "asymmetric-balanced-biphasic with phase_ratio = 2 or 4"
)


def load(path: Path) -> Protocol:
    """The protocol in a file.

    Raises:
        ProtocolError: it can't be read, is not TOML, or breaks the schema; `problems` lists everything.
    """
    return load_with_digest(path)[0]


def line_index(path: Path) -> LineIndex:
    """Lines of a file that was loaded before, to say where a number stands that a limit forbids."""
    return LineIndex(path.read_text(encoding="utf-8"))


def load_with_digest(path: Path) -> tuple[Protocol, str]:
    """The protocol in a file, and the SHA-256 of its bytes for the record.

    Raises:
        ProtocolError: as `load`.
    """
    data = _read(path)
    return parse(data, path=path), hashlib.sha256(data).hexdigest()


def parse(data: bytes, *, path: Path | None = None) -> Protocol:
    """The protocol in these bytes.

    Raises:
        ProtocolError: as `load`.
    """
    try:
        text = data.decode("utf-8")
    except UnicodeDecodeError as error:
        line = data[: error.start].count(b"\n") + 1
        raise ProtocolError([_problem("file", f"not UTF-8 text: {error.reason}", line=line)], path=path) from None
    try:
        document = tomllib.loads(text)
    except tomllib.TOMLDecodeError as error:
        found = _TOML_LINE.search(str(error))
        line = int(found[1]) if found else text.count("\n") + 1
        raise ProtocolError(
            [_problem("file", f"not a TOML file: {error}", line=line, rule="toml")], path=path
        ) from None
    except RecursionError:
        raise ProtocolError([_problem("file", "is nested deeper than any protocol", rule="toml")], path=path) from None
    except ValueError as error:  # a number of thousands of digits, which Python does not read
        raise ProtocolError([_problem("file", f"not a TOML file: {error}", rule="toml")], path=path) from None
    try:
        return Protocol.model_validate(document)
    except ValidationError as error:
        index = LineIndex(text)
        problems = [
            _from_pydantic(entry, document, index)
            for entry in error.errors(include_url=False)
            if not _is_echo(entry, document)
        ]
        raise ProtocolError(_distinct(problems), path=path) from None
    except RecursionError:
        raise ProtocolError([_problem("file", "is nested deeper than any protocol", rule="toml")], path=path) from None


def _read(path: Path) -> bytes:
    try:
        if path.is_dir():
            raise ProtocolError([_problem("file", "is a folder, not a protocol file")], path=path)
        if path.exists() and not path.is_file():
            raise ProtocolError([_problem("file", "is no regular file")], path=path)
        size = path.stat().st_size
        if size > SIZE_MAX:
            raise ProtocolError(
                [_problem("file", f"{size} bytes are more than a protocol has", asked=size, allowed=SIZE_MAX)],
                path=path,
            )
        return path.read_bytes()
    except OSError as error:
        raise ProtocolError([_problem("file", f"can't be read: {error.strerror or error}")], path=path) from None


def _problem(key: str, message: str, *, line: int | None = None, rule: str = "file", **details: Any) -> Problem:
    return Problem(severity="refuse", key=key, message=message, line=line, rule=rule, layer="schema", **details)


def _distinct(problems: list[Problem]) -> list[Problem]:
    """One problem a key and message: a union type reports each of its branches."""
    seen: dict[tuple[str, str], Problem] = {}
    for problem in problems:
        seen.setdefault((problem.key, problem.message), problem)
    return list(seen.values())


def _from_pydantic(entry: Any, document: dict[str, Any], index: LineIndex) -> Problem:
    location = [part for part in entry["loc"] if not _is_branch(part)]
    key = key_text(location)
    line = index.line_of(location)
    asked = _shown(_value_at(document, location))
    kind = entry["type"]
    if kind == "extra_forbidden":
        return _unknown_key(location, key, line, asked)
    if kind == "missing":
        return _problem(key, "is missing and must be given", line=line, rule="required")
    ruled = _RULE.match(entry["msg"])
    if ruled:
        return _problem(key or "file", ruled[2], line=line, rule=ruled[1], asked=asked)
    message = entry["msg"].replace("a valid tuple", "an array")
    if isinstance(_value_at(document, location), dict) and kind == "tuple_type":
        message = f"should be an array of tables: write [[{key}]]"
    allowed = _allowed(entry)
    if location and location[-1] == "waveform":
        message = f"{asked!r}: {_WAVEFORM_HINT}"
        return _problem(key, message, line=line, rule="L12", asked=asked, allowed=allowed)
    return _problem(key, f"{asked!r}: {message}", line=line, rule="value", asked=asked, allowed=allowed)


def _is_echo(entry: Any, document: dict[str, Any]) -> bool:
    """A list whose items are wrong is called too short as well, since no item of it is valid."""
    value = _value_at(document, list(entry["loc"]))
    return entry["type"] == "too_short" and isinstance(value, list) and len(value) > 0


def _is_branch(part: object) -> bool:
    """Names that pydantic adds for the branches of a union are no keys of the file."""
    return isinstance(part, str) and (
        part.startswith(("tuple[", "constrained-", "function-")) or part in {"int", "float"}
    )


def _unknown_key(location: list[Any], key: str, line: int | None, asked: object) -> Problem:
    known = _known_keys(location[:-1])
    near = difflib.get_close_matches(str(location[-1]), known, n=1)
    hint = f"; did you mean {near[0]!r}?" if near else f"; known here: {', '.join(sorted(known))}"
    return _problem(
        key, f"there is no key {location[-1]!r} here{hint}", line=line, rule="unknown-key", asked=_shown(asked)
    )


def _known_keys(location: list[Any]) -> list[str]:
    model: Any = Protocol
    for part in location:
        if isinstance(part, int):
            continue
        field = (
            next((f for name, f in model.model_fields.items() if part in {name, f.alias}), None)
            if isinstance(model, type) and issubclass(model, BaseModel)
            else None
        )
        if field is None:
            return []
        model = _model_in(field.annotation)
    if not (isinstance(model, type) and issubclass(model, BaseModel)):
        return []
    return [field.alias or name for name, field in model.model_fields.items()]


def _model_in(annotation: object) -> object:
    """The model inside a tuple or union annotation."""
    if isinstance(annotation, type) and issubclass(annotation, BaseModel):
        return annotation
    for argument in get_args(annotation):
        found = _model_in(argument)
        if found is not None:
            return found
    return None


def key_text(location: list[Any]) -> str:
    """`["phase", 0, "frequency_hz"]` as `phase[0].frequency_hz`."""
    text = ""
    for part in location:
        text += f"[{part}]" if isinstance(part, int) else f".{part}" if text else str(part)
    return text


def _value_at(document: Any, location: list[Any]) -> object:
    value: Any = document
    for part in location:
        try:
            value = value[part]
        except (KeyError, IndexError, TypeError):
            return None
    return value


def _shown(value: object) -> int | float | str | bool | None:
    if value is None or isinstance(value, bool | int | float | str):
        return value
    if isinstance(value, dict | list):
        return "a table" if isinstance(value, dict) else "an array"
    return str(value)[:80]


def _allowed(entry: Any) -> int | float | str | None:
    context = entry.get("ctx") or {}
    for name in ("expected", "gt", "ge", "le", "lt", "pattern"):
        if name in context:
            value = context[name]
            words = {"gt": "above ", "ge": "at least ", "le": "at most ", "lt": "below "}.get(name, "")
            return f"{words}{value}" if words else str(value)
    return None
