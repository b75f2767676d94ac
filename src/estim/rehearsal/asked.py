"""What a command line asks of a simulated device, judged before anything is begun."""

from __future__ import annotations

from estim.desk.simulator import simulated_model
from estim.safety.errors import UsageError, quoted
from firmware_sim.body.patients import names
from firmware_sim.devices import make_device
from firmware_sim.devices.faulty import FaultyDevice
from firmware_sim.faults import BODY, DEVICE, WIRE, read_plan


def check_simulated(url: str) -> None:
    """The whole of a `sim://` address.

    Raises:
        UsageError: what it asks for can't be.
    """
    model, query = simulated_model(url)
    try:
        if "faults" in query:
            FaultyDevice(make_device(model), read_plan(query["faults"], kinds=(*WIRE, *DEVICE, *BODY)))
        if (patient := query.get("patient")) and patient not in names():
            raise ValueError(f"no virtual patient {quoted(patient)}; there are {', '.join(names())}")
    except ValueError as error:
        raise UsageError(f"device {quoted(url)}: {error}") from None


def check_asked(faults: str | None, patient: str) -> None:
    """The fault plan of a rehearsal, where those of the host happen too, and its virtual patient.

    Raises:
        UsageError: either is none; says all that is wrong with the plan.
    """
    if patient and patient not in names():
        raise UsageError(f"--patient-profile {quoted(patient)}: one of {', '.join(names())}")
    if faults is None:
        return
    try:
        read_plan(faults)
    except ValueError as error:
        raise UsageError(f"--faults: {error}") from None
