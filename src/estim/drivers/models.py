"""The stimulators that estim knows, by model name."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from types import MappingProxyType

from estim.drivers import p24, rehamove3, rehastim1, rehastim1_profile, rehastim2, rehastim2_profile
from estim.drivers.interface import Driver
from estim.safety.profile import DeviceProfile


@dataclass(frozen=True, slots=True, kw_only=True)
class DeviceModel:
    """One model: its facts, its driver, its serial line.

    Attributes:
        baud, parity, stop_bits: of the serial line; irrelevant for USB CDC (P24).
        rtscts: hardware flow control.
        usb: vendor and product ids by which a port can be told, product None = any.
        asked: `--probe` may ask who it is. Not where the only question is a byte that means something else to others:
        such
            a device is named (`rehastim1:/dev/ttyUSB0`).
    """

    profile: DeviceProfile
    make: Callable[[], Driver]
    baud: int
    parity: str
    stop_bits: int
    rtscts: bool
    usb: tuple[int, int | None]
    asked: bool = True


MODELS: Mapping[str, DeviceModel] = MappingProxyType(
    {
        "p24": DeviceModel(
            profile=p24.PROFILE,
            make=p24.P24Driver,
            baud=115_200,  # without meaning on USB CDC; one that every system takes
            parity="N",
            stop_bits=1,
            rtscts=False,
            usb=(0x0483, 0x5740),
        ),
        "rehamove3": DeviceModel(
            profile=rehamove3.PROFILE,
            make=rehamove3.RehaMove3Driver,
            baud=3_000_000,
            parity="N",
            stop_bits=2,
            rtscts=True,
            usb=(0x0403, None),
        ),
        "rehastim2": DeviceModel(
            profile=rehastim2_profile.PROFILE,
            make=rehastim2.RehaStim2Driver,
            baud=460_800,
            parity="E",
            stop_bits=1,
            rtscts=False,
            usb=(0x0403, None),
        ),
        "rehastim1": DeviceModel(
            profile=rehastim1_profile.PROFILE,
            make=rehastim1.RehaStim1Driver,
            baud=115_200,
            parity="N",
            stop_bits=2,
            rtscts=True,
            usb=(0x0403, None),
            asked=False,
        ),
    }
)
