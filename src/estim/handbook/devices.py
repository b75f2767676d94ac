"""The stimulators, made from their profiles."""

from __future__ import annotations

from estim.drivers.models import MODELS
from estim.handbook.tables import table
from estim.safety.profile import DeviceProfile


def page() -> str:
    """One heading for each model: what it can deliver, on which grid, how it is made safe."""
    lines = [
        "# Devices",
        "",
        "Made from the profiles that limits, compiler, drivers and screen use. `sim://MODEL` is the simulator of each.",
        "[drivers.md](../drivers.md) says how links and drivers work, [wire.md](../wire.md) what goes over the wire.",
        "",
    ]
    for name, model in MODELS.items():
        lines += [f"## {name}", "", f"**{model.profile.title}.** Intended use, in the maker's words: "]
        lines += [
            f"“{model.profile.intended_use}”",
            "",
            *table(("fact", ""), _facts(model.profile)),
            "Made safe by:",
            "",
        ]
        lines += [f"{number}. {step}" for number, step in enumerate(model.profile.make_safe, 1)]
        lines.append("")
    return "\n".join(lines)


def _facts(profile: DeviceProfile) -> list[tuple[str, str]]:
    widths = (
        f"{profile.pulse_width_min_us} to {profile.pulse_width_max_us} µs in steps of {profile.pulse_width_step_us} µs"
    )
    gap = "free" if profile.interphase_fixed_us is None else f"{profile.interphase_fixed_us} µs, fixed"
    timer = f"{profile.watchdog_us / 1e6:g} s without a command" if profile.has_timer else "the device has no timer"
    return [
        ("channels", str(profile.channels)),
        ("leads", ", ".join(lead.name for lead in profile.leads)),
        ("amplitude", f"to {profile.amplitude_max_ua / 1000:g} mA in steps of {profile.amplitude_step_ua / 1000:g} mA"),
        ("pulse width (one phase)", widths),
        ("interphase interval", gap),
        ("output ends by itself", timer),
    ]
