"""The alarms of a session: they stand until somebody has seen them and their cause is gone."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import replace
from types import MappingProxyType

from estim.record_lines.base import Line
from estim.record_lines.events import AlarmLine, AlarmSeen
from estim.session.snapshot import Alarm

OF_THE_DEVICE = frozenset({"battery-low", "device-lost", "link-lost", "output-uncertain"})  # as long as that lasts
WARNING = "warn-"  # codes of limits that are crossed: each waits for a reason


class Alarms(dict[str, Alarm]):
    """Code → what stands.

    Args:
        log: writes a line into the record.
        standing: of the device, from the sitting before.
    """

    def __init__(self, log: Callable[[Line], None], standing: Mapping[str, Alarm] = MappingProxyType({})) -> None:
        super().__init__(standing)
        self._log = log

    def sound(self, code: str, priority: str, text: str) -> None:
        """Raise an alarm; one that already stands keeps its acknowledgement only if nothing new happened."""
        known = self.get(code)
        if known is None or not known.active or known.text != text:
            self._log(AlarmLine(code=code, priority=priority, text=text))
            self[code] = Alarm(code=code, priority=priority, text=text)

    def seen(self, code: str) -> None:
        """Somebody has seen it; it goes once its cause is gone."""
        self._log(AlarmSeen(code=code))
        if self[code].active:
            self[code] = replace(self[code], acknowledged=True)
        else:
            del self[code]

    def calm(self, code: str) -> None:
        """The cause of an alarm is gone; it stays visible until acknowledged."""
        known = self.get(code)
        if known is None:
            return
        if known.acknowledged:
            del self[code]
        elif known.active:
            self[code] = replace(known, active=False)

    def go_on(self) -> None:
        """A person arms or resumes: what ended output before is over; if it comes again it is a new alarm.

        A warning waits for its reason, and the device is as it was.
        """
        for code in list(self):
            if code not in OF_THE_DEVICE and not code.startswith(WARNING):
                self.calm(code)

    def reset(self) -> None:
        """A fault was left with a reason: its cause and all others are gone."""
        for code in list(self):
            self.calm(code)

    def drop(self, code: str) -> None:
        """It is answered, or its cause is no more: nothing waits for it."""
        self.pop(code, None)

    def of_the_device(self) -> Mapping[str, Alarm]:
        """What goes on standing for the next patient; the rest stands in the record that it belongs to."""
        return {code: alarm for code, alarm in self.items() if code in OF_THE_DEVICE or alarm.priority == "high"}
