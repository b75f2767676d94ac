"""What all models of a protocol file share: nothing unknown, nothing converted, nothing changed afterwards."""

from __future__ import annotations

import math
from collections.abc import Iterable, Iterator, Mapping
from types import UnionType
from typing import Annotated, Any, Literal, Self, Union, get_args, get_origin

from pydantic import (
    BaseModel,
    BeforeValidator,
    ConfigDict,
    Field,
    ModelWrapValidatorHandler,
    ValidationError,
    ValidationInfo,
    model_validator,
)
from pydantic_core import PydanticCustomError

from estim.protocols.unseen import first_unseen, unseen_words

UNJUDGED = "unjudged"  # of a validation's context: tables (by id) with keys that are not the file's; None: all of them
NUMBER_MAX = 10**9  # 31 years in s, 17 minutes in µs; in µs still below 2^53, where records end


class Strict(BaseModel):
    """Unknown keys are refused, types are not converted (`"50"` and `true` are no numbers), values don't change."""

    model_config = ConfigDict(extra="forbid", frozen=True, strict=True, allow_inf_nan=False)

    @model_validator(mode="before")
    @classmethod
    def _plain(cls, given: Any) -> Any:
        """TOML has arrays only; what is a tuple here is one there. No text or number that nobody means."""
        if not isinstance(given, dict):
            return given
        for key in given.keys() & cls.model_fields.keys():
            for value in given[key] if isinstance(given[key], list) else [given[key]]:
                _refuse_unmeant(key, value)
        return {key: tuple(value) if isinstance(value, list) else value for key, value in given.items()}

    def broken(self) -> Iterator[ValueError]:
        """The rules between keys that this table breaks (`rule`), all of them."""
        yield from ()

    def broken_as_written(self, given: Mapping[str, Any]) -> Iterator[ValueError]:  # noqa: ARG002 - to be overridden
        """As `broken`, where the file's own words are needed, since they stand for another value here."""
        yield from ()

    def surely_broken(self, given: Mapping[str, Any], replaced: Iterable[str]) -> list[str]:
        """The rules that are broken whatever the replaced keys hold: their own values were wrong, and told as such."""
        rules = [str(each) for each in (*self.broken_as_written(given), *self.broken())]
        for key in type(self).model_fields.keys() & set(replaced if rules else ()):
            for value in _any_of(type(self).model_fields[key].annotation):
                other = self.model_copy(update={key: value})
                still = {str(each) for each in (*other.broken_as_written({**given, key: value}), *other.broken())}
                rules = [each for each in rules if each in still]
        return rules

    @model_validator(mode="wrap")
    @classmethod
    def _judged(cls, given: Any, handler: ModelWrapValidatorHandler[Self], info: ValidationInfo) -> Self:
        """All broken rules are told at once: who mends a file wants the whole list."""
        made = handler(given)
        replaced = (info.context or {}).get(UNJUDGED, {}).get(id(given), ())
        if replaced is None:  # its rules were told already, or nobody can know
            return made
        rules = made.surely_broken(given if isinstance(given, dict) else {}, replaced)
        if rules:
            raise PydanticCustomError("rules", "{text}", {"text": "; ".join(rules), "rules": rules})
        return made


def varies(model: type[BaseModel], key: str) -> bool:
    """Whether rules can be tried with other values of this key, or ask nothing of it (`schema`)."""
    if any(field.alias == key for field in model.model_fields.values()):
        return True
    return key in model.model_fields and _any_of(model.model_fields[key].annotation) != []


def _any_of(annotation: Any) -> list[Any]:
    """Values of a kind that differ in what rules may ask of them; none for tables."""
    if get_origin(annotation) is Literal:
        return list(get_args(annotation))
    if get_origin(annotation) in {Union, UnionType}:
        branches = [_any_of(branch) for branch in get_args(annotation)]
        return [value for branch in branches for value in branch] if all(branches) else []
    if get_origin(annotation) is Annotated:
        return _any_of(get_args(annotation)[0])
    if get_origin(annotation) is tuple:
        parts = [_any_of(part) for part in get_args(annotation) if part is not Ellipsis]
        return [tuple(part[0] for part in parts)] if all(parts) else []
    values: dict[Any, list[Any]] = {bool: [False, True], int: [1, NUMBER_MAX], str: ["x"], type(None): [None]}
    return [1.0, 0.001, float(NUMBER_MAX)] if annotation is float else values.get(annotation, [])


def entries_of(error: ValidationError) -> list[dict[str, Any]]:
    """What a validation found, one entry a broken rule."""
    entries: list[dict[str, Any]] = []
    for entry in error.errors(include_url=False):
        rules = entry["ctx"]["rules"] if entry["type"] == "rules" else None
        entries += [{**entry, "type": "value_error", "msg": text} for text in rules] if rules else [{**entry}]
    return entries


def rule(name: str, message: str, *, at: str = "") -> ValueError:
    """A broken rule between keys: `name` becomes the problem's rule, `at` the key that is named."""
    return ValueError(f"[{name}@{at}] {message}" if at else f"[{name}] {message}")


def exactly(*allowed: int) -> BeforeValidator:
    """One of these whole numbers: `true` and `1.0` equal 1 in Python, and are none in a file."""

    def check(value: Any) -> Any:
        if type(value) is not int or value not in allowed:
            words = " or ".join(str(number) for number in allowed)
            raise PydanticCustomError("literal_error", "one of {expected}", {"expected": words})
        return value

    return BeforeValidator(check)


def _refuse_unmeant(key: str, value: Any) -> None:
    if isinstance(value, str):
        if sign := first_unseen(value):  # it moves the cursor, hides a line or turns one around
            raise rule("unseen", f"holds {unseen_words(sign)}; type the text anew", at=key)
    elif isinstance(value, int | float) and NUMBER_MAX < abs(value) < math.inf:
        raise rule("number", f"no number of a protocol is greater than {NUMBER_MAX}", at=key)


Text = Annotated[str, Field(min_length=1, max_length=2_000)]
