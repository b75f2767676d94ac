"""What turns up while a protocol is compiled. Pure."""

from __future__ import annotations

from dataclasses import dataclass

from estim.safety.errors import Problem, Severity


@dataclass(slots=True)
class Findings:
    """What turned up on the way, collected so that all of it is said at once."""

    problems: list[Problem]

    def add(self, severity: Severity, key: str, message: str, **details: object) -> None:
        """Note one finding; `details` are the further fields of `Problem`."""
        self.problems.append(Problem(severity=severity, key=key, message=message, **details))  # type: ignore[arg-type]

    def refused(self) -> list[Problem]:
        """Those that end the matter."""
        return [problem for problem in self.problems if problem.severity == "refuse"]

    def bends(self) -> tuple[Problem, ...]:
        """Those that are played all the same, and shown."""
        return tuple(problem for problem in self.problems if problem.severity != "refuse")
