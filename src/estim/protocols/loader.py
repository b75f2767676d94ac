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
from estim.protocols.mended import Fault, Mended, value_at
from estim.protocols.muscles import why_not
from estim.protocols.schema import Protocol
from estim.protocols.schema_base import NUMBER_MAX, varies
from estim.protocols.schema_course import Sourced
from estim.protocols.schema_words import meaning
from estim.protocols.slips import slip
from estim.protocols.wording import as_in_the_file, needed, no_mark, no_toml, shown, unknown, wrong
from estim.safety.errors import Problem, ProtocolError

SIZE_MAX = 256 * 1024
PROBLEMS_MAX = 200  # nobody reads more at once
_PART = r"""(?:[A-Za-z0-9_-]{1,80}|"[^"\n]{0,80}"|'[^'\n]{0,80}')"""
_DEEP = re.compile(rf"{_PART}(?:[ \t]{{0,8}}\.[ \t]{{0,8}}{_PART}){{64}}")
_TOML_LINE = re.compile(r"at line (\d+), column (\d+)")
RULE = re.compile(r"^(?:Value error, )?\[([a-z0-9-]+)(?:@([\w.\[\]]+))?\] (.*)$", re.DOTALL | re.IGNORECASE)
_PATH = re.compile(r"\[(\d+)\]|(\w+)")
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


class BrokenFile(ProtocolError):
    """A file that breaks the schema, with all that does.

    Attributes:
        mended: what the file says beside its faults.
    """

    def __init__(self, problems: list[Problem], mended: Mended, *, path: Path | None = None) -> None:
        super().__init__(problems, path=path)
        self.mended = mended


def _everything(document: dict[str, Any], index: LineIndex) -> tuple[list[Problem], Mended]:
    mended, problems = Mended(document), list[Problem]()
    for entries in mended.turns(_fault, lambda entry, others: _is_echo(entry, others, document)):
        problems += [_from_pydantic(entry, document, index) for entry in entries]
    problems = _distinct(problems)
    if len(problems) > PROBLEMS_MAX:
        more = _problem("file", f"and {len(problems) - PROBLEMS_MAX} more")
        problems = [*problems[:PROBLEMS_MAX], more]
    return problems, mended


def _fault(entry: dict[str, Any]) -> Fault:
    """What a finding means for the rest of the file."""
    place, kind = tuple(_place(entry)), entry["type"]
    ruled = RULE.match(entry["msg"])
    if ruled and ruled[1] in {"text", "number"} and ruled[2]:
        return Fault((*place, ruled[2]), varies=_varies((*place, ruled[2])))
    if kind == "extra_forbidden":
        near = difflib.get_close_matches(str(place[-1]), _known_keys(list(place[:-1])), n=1)
        slip = near[0] if near else ""
        return Fault(place, unknown=True, slip=slip, varies=bool(slip) and _varies((*place[:-1], slip)))
    table = bool(ruled) and (not place or isinstance(entry["input"], dict))
    about = (*place, *place_of_key(ruled[2])) if table and ruled and ruled[2] else ()
    return Fault(place, missing=kind == "missing", table=table, about=about, varies=not table and _varies(place))


def _varies(place: tuple[Any, ...]) -> bool:
    """Whether this is a key of a table that the schema has, and of a kind that can be varied."""
    last = max((number for number, part in enumerate(place) if isinstance(part, str)), default=0)
    model = _model_at(list(place[:last]))
    return model is not None and varies(model, str(place[last]))


def line_index(path: Path) -> LineIndex:
    """Lines of a file that was loaded before, to say where a number stands that a limit forbids."""
    return LineIndex(path.read_text(encoding="utf-8"))


def load_with_digest(path: Path) -> tuple[Protocol, str]:
    """The protocol in a file, and the SHA-256 of its bytes for the record.

    Raises:
        ProtocolError: as `load`.
    """
    data = read_file(path)
    return parse(data, path=path), hashlib.sha256(data).hexdigest()


def parse(data: bytes, *, path: Path | None = None) -> Protocol:
    """The protocol in these bytes. A byte order mark at the begin is passed over: some editors write one.

    Raises:
        ProtocolError: as `load`.
    """
    text = decoded(data, path)
    if not text.strip():
        raise ProtocolError([_problem("file", "is empty; `estim protocols new` begins one", line=1)], path=path)
    document = read_toml(text, path)
    try:
        return Protocol.model_validate(document, context={"basis": document.get("basis")})
    except ValidationError:
        raise BrokenFile(*_everything(document, LineIndex(text)), path=path) from None
    except RecursionError:
        raise ProtocolError([_problem("file", "is nested deeper than any protocol", rule="toml")], path=path) from None


def decoded(data: bytes, path: Path | None) -> str:
    """The text of a file in UTF-8.

    Raises:
        ProtocolError: in what it seems to be written instead, and in which line.
    """
    try:
        return data.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        line = data[: error.start].count(b"\n") + 1
        wide = data[:2] in {b"\xff\xfe", b"\xfe\xff"}
        hint = "it looks like UTF-16; save it as UTF-8" if wide else f"{error.reason}; save it as UTF-8"
        raise ProtocolError([_problem("file", f"not UTF-8 text: {hint}", line=line)], path=path) from None


def read_toml(text: str, path: Path | None) -> dict[str, Any]:
    """The tables of a TOML text.

    Raises:
        ProtocolError: what can't be read, with its line; a key that stands twice is named.
    """
    deep = _DEEP.search(text)
    if deep:  # the parser takes time and memory with the square of the depth: 200 kB of it would take all there is
        line = text.count("\n", 0, deep.start()) + 1
        problem = _problem("file", "is nested deeper than any protocol", line=line, rule="toml")
        raise ProtocolError([problem], path=path)
    try:
        return tomllib.loads(text)
    except tomllib.TOMLDecodeError as error:
        found = _TOML_LINE.search(str(error))
        line = int(found[1]) if found else text.count("\n") + 1
        lines = text.splitlines()
        key, message = no_toml(str(error), lines[line - 1] if line <= len(lines) else "")
        raise ProtocolError([_problem(key, message, line=line, rule="toml")], path=path) from None
    except RecursionError:
        raise ProtocolError([_problem("file", "is nested deeper than any protocol", rule="toml")], path=path) from None
    except ValueError:  # a number of thousands of digits, which Python does not read
        message = "not a TOML file: a number in it has thousands of digits"
        raise ProtocolError([_problem("file", message, rule="toml")], path=path) from None


def read_file(path: Path) -> bytes:
    """The bytes of a file of a person's. A pipe in its place would be waited for, a device read without end.

    Raises:
        ProtocolError: it can't be read, is none, or holds more than `SIZE_MAX` bytes.
    """
    try:
        if path.is_dir():
            raise ProtocolError([_problem("file", "is a folder, not a file")], path=path)
        if path.exists() and not path.is_file():
            raise ProtocolError([_problem("file", "is no regular file")], path=path)
        size = path.stat().st_size
        if size > SIZE_MAX:
            raise ProtocolError(
                [_problem("file", f"{size} bytes are more than a protocol has", asked=size, allowed=SIZE_MAX)],
                path=path,
            )
        return path.read_bytes()
    except (OSError, ValueError) as error:
        reason = getattr(error, "strerror", None) or error
        raise ProtocolError([_problem("file", f"can't be read: {reason}")], path=path) from None


def _problem(key: str, message: str, *, line: int | None = None, rule: str = "file", **details: Any) -> Problem:
    return Problem(severity="refuse", key=key, message=message, line=line, rule=rule, layer="schema", **details)


def _distinct(problems: list[Problem]) -> list[Problem]:
    """One problem a key and message: a union type reports each of its branches."""
    seen: dict[tuple[str, str], Problem] = {}
    for problem in problems:
        seen.setdefault((problem.key, problem.message), problem)
    return list(seen.values())


def _from_pydantic(entry: Any, document: dict[str, Any], index: LineIndex) -> Problem:
    location = _place(entry)
    kind = entry["type"]
    ruled = RULE.match(entry["msg"])
    if ruled and ruled[2]:
        location = [*location, *place_of_key(ruled[2])]
    key = key_text(location)
    line = index.line_of(location)
    value = value_at(document, location)
    if kind == "extra_forbidden":
        message = unknown(str(location[-1]), value, _known_keys(location[:-1]))
        return _problem(key, message, line=line, rule="unknown-key", asked=shown(value))
    if kind == "missing":
        return _problem(key, needed(_model_name(location[:-1]), str(location[-1])), line=line, rule="required")
    if ruled:
        asked = None if isinstance(value, dict) else shown(value)
        allowed = f"a number up to {NUMBER_MAX}" if ruled[1] == "number" else None
        return _problem(
            key or "file", ruled[3] + slip(key, value), line=line, rule=ruled[1], asked=asked, allowed=allowed
        )
    if isinstance(value, dict) and kind == "tuple_type":
        message = f"should be an array of tables: write [[{key}]]"
        return _problem(key, message, line=line, rule="value", asked="a table", allowed="an array of tables")
    last = next((str(part) for part in reversed(location) if not isinstance(part, int)), "")
    message, allowed = wrong(kind, value, entry.get("ctx") or {}, key=last, fallback=entry["msg"])
    if location[0] == "provenance" and len(location) == 2:  # a word or a table: neither branch alone says so
        message, allowed = no_mark(value)
    if last == "waveform":
        return _problem(
            key,
            f"{as_in_the_file(value)}: {_WAVEFORM_HINT}",
            line=line,
            rule="L12",
            asked=shown(value),
            allowed=allowed,
        )
    refusal = why_not(value) if last == "region" and isinstance(value, str) else None
    if refusal is not None:
        return _problem(key, refusal.sentence(), line=line, rule="not-treated", asked=value, allowed=allowed)
    message += slip(last, value)
    why = meaning(_model_name(location[:-1] if not isinstance(location[-1], int) else location[:-2]), last)
    return _problem(
        key,
        f"{message} ({why.rstrip('.')})" if why else message,
        line=line,
        rule="value",
        asked=shown(value),
        allowed=allowed,
    )


def _is_echo(entry: Any, entries: list[Any], document: dict[str, Any]) -> bool:
    """Findings that only repeat another one: a list whose items are wrong is called too short as well, and of a union
    each branch complains, also the one that was never meant.
    """
    kind = entry["type"]
    if kind not in {"too_short", "tuple_type", "int_type", "float_type"}:
        return False
    place = _place(entry)
    value = value_at(document, place)
    if kind == "too_short":
        return isinstance(value, list) and len(value) >= max(1, entry["ctx"]["min_length"])
    if isinstance(value, list) == (kind == "tuple_type") or isinstance(value, dict):
        return False
    return any(other is not entry and _place(other)[: len(place)] == place for other in entries)


def _place(entry: Any) -> list[Any]:
    return [part for part in entry["loc"] if not _is_branch(part)]


def _is_branch(part: object) -> bool:
    """Names that pydantic adds for the branches of a union are no keys of the file."""
    return isinstance(part, str) and (
        part.startswith(("tuple[", "constrained-", "function-")) or part in {"int", "float", "mark-alone", "mark-table"}
    )


def place_of_key(key: str) -> tuple[str | int, ...]:
    """`phase[0].frequency_hz` as `("phase", 0, "frequency_hz")`."""
    return tuple(int(item) if item else name for item, name in _PATH.findall(key))


def _known_keys(location: list[Any]) -> list[str]:
    model = _model_at(location)
    return [] if model is None else [field.alias or name for name, field in model.model_fields.items()]


def _model_name(location: list[Any]) -> str:
    model = _model_at(location)
    return model.__name__ if model is not None else ""


def _model_at(location: list[Any]) -> type[BaseModel] | None:
    """The model of the table at a place of the file."""
    if location[:1] == ["provenance"] and len(location) == 2:
        return Sourced
    model: Any = Protocol
    for part in location:
        if isinstance(part, int):
            continue
        field = next((f for name, f in model.model_fields.items() if part in {name, f.alias}), None)
        model = _model_in(field.annotation) if field is not None else None
        if not (isinstance(model, type) and issubclass(model, BaseModel)):
            return None
    return model if isinstance(model, type) and issubclass(model, BaseModel) else None


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
