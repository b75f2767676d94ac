"""One thing that a key can do now: the key, what it does, whether it may, and if not, which key comes first.

Footer, next line, help, palette and the key itself all read the same commands, so none can say what another denies.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace

from estim.console.presses import Kind


@dataclass(frozen=True, slots=True, kw_only=True)
class Command:
    """What one key does.

    Attributes:
        keys: Textual's names of the keys that do it; the first one is shown.
        act: does it.
        label: its word in the footer; "" keeps it out of there.
        says: what it does, for the next line (`→ KEY says`); "" where it leads nowhere.
        refusal: why it does nothing now, and the key that resolves it; "" where it may.
        kind: how its press is heard.
        answers: one of the answers to what the stage asks.
    """

    keys: tuple[str, ...]
    act: Callable[[], None]
    label: str = ""
    says: str = ""
    refusal: str = ""
    kind: Kind = Kind.ACT
    answers: bool = False

    @property
    def leads(self) -> bool:
        """It may be done and leads on."""
        return bool(self.says) and not self.refusal


def free(commands: Sequence[Command], before: Sequence[Command]) -> list[Command]:
    """What is left of these where others come first: a key that acts there does nothing of these."""
    taken = {key for command in before if not command.refusal for key in command.keys}
    left = [replace(command, keys=tuple(key for key in command.keys if key not in taken)) for command in commands]
    return [command for command in left if command.keys]


def next_of(commands: Sequence[Command]) -> Command | None:
    """What to do next: the first that leads on."""
    return next((command for command in commands if command.leads), None)


def found(commands: Sequence[Command], key: str) -> Command | None:
    """What this key does; one that may act before one that only says why not."""
    having = [command for command in commands if key in command.keys]
    return next((command for command in having if not command.refusal), having[0] if having else None)
