"""Asking a device who it is, once, outside a session: connect, make it idle, hear its name, give the port back."""

from __future__ import annotations

import time

from estim.drivers.address import Address, open_link
from estim.drivers.models import MODELS
from estim.platform.waiting import waiting
from estim.safety.errors import LinkLost
from estim.safety.reports import DeviceLost, Identified

LOOK_S = 0.004  # a port that knows no readiness is looked at by time
LIMIT_S = 5.0  # longer than any driver's own time-out


class Unanswered(LinkLost):
    """The port was opened, and no stimulator of this model answered there."""


def ask_identity(address: Address) -> Identified:
    """Who answers at `address`.

    Raises:
        Unanswered: nobody, or not the model that was expected.
        LinkLost: the port can't be opened or used.
    """
    link = open_link(address)
    driver = MODELS[address.model].make()
    waits = waiting()
    began = time.monotonic()

    def now_us() -> int:
        return int((time.monotonic() - began) * 1e6)

    try:
        driver.connect(now_us())
        while time.monotonic() - began < LIMIT_S:
            while data := driver.data_to_send(now_us()):
                link.write(data)
            waits.wait(LOOK_S, [number] if (number := link.fileno()) >= 0 else [])
            received = link.read()
            reports = [*(driver.receive_data(received, now_us()) if received else ()), *driver.tick(now_us())]
            for report in reports:
                if isinstance(report, Identified):
                    return report
                if isinstance(report, DeviceLost):
                    raise Unanswered(f"{address.url}: {report.reason}")
    finally:
        link.close()
        waits.close()
    raise Unanswered(f"{address.url}: nobody answered within {LIMIT_S:g} s")
