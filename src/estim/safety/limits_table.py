"""The limit table: every number, its two bounds, its source. `SAFETY.md` shows it; a test keeps both equal.

Numbers: docs/decisions/limits.md, with what trials changed in the first table (L4, L15, L17a/b, L19 to L22, L26 to
    L28).
`judgement` and `convention` rows are this project's own and want a clinician's review.
"""

from __future__ import annotations

from estim.safety.guardrail import Guardrail, Mark, Sense

_S = 1_000_000


def _row(
    key: str,
    rule: str,
    words: str,
    unit: str,
    scale: int,
    *,
    absolute: int,
    default: int,
    source: str,
    mark: Mark,
    warn: int | None = None,
    sense: Sense = "max",
) -> Guardrail:
    return Guardrail(
        key=key,
        rule=rule,
        words=words,
        unit=unit,
        scale=scale,
        sense=sense,
        absolute=absolute,
        default=default,
        warn=warn,
        source=source,
        mark=mark,
    )


# fmt: off
TABLE: tuple[Guardrail, ...] = (
    _row("amplitude_ua", "L1", "pulse amplitude", "mA", 1_000, absolute=130_000, default=100_000, warn=80_000,
         source="vendor maximum 130 mA; trials 65 to 100 mA", mark="verified"),
    _row("pulse_width_max_us", "L2", "phase width", "µs", 1, absolute=1_000, default=500, warn=400,
         source="RehaStim 20 to 500 µs; one trial at 1 ms", mark="verified"),
    _row("pulse_width_min_us", "L2", "phase width", "µs", 1, absolute=20, default=50, sense="min",
         source="RehaStim 20 to 500 µs", mark="verified"),
    _row("interphase_us", "L3", "interphase interval", "µs", 1, absolute=1_000, default=200, warn=200,
         source="RehaStim fixed 100 µs", mark="verified"),
    _row("rate_mhz", "L4", "rate", "Hz", 1_000, absolute=150_000, default=100_000, warn=80_000,
         source="NMES 20 to 100 Hz; the IEC 50 mA row holds to 400 Hz", mark="verified"),
    _row("rate_sensory_mhz", "L4", "rate (sensory)", "Hz", 1_000, absolute=150_000, default=150_000,
         source="conventional TENS 80 to 150 Hz", mark="verified"),
    _row("rate_min_mhz", "L4", "rate", "Hz", 1_000, absolute=1_000, default=1_000, sense="min",
         source="below 1 Hz rms over 1 s says nothing", mark="judgement"),
    _row("rms_ua", "L5", "rms current", "mA", 1_000, absolute=50_000, default=40_000, warn=30_000,
         source="IEC 60601-2-10 up to 400 Hz: 50 mA; 40 = 50/1.25 leaves room for 20 % device error", mark="verified"),
    _row("rms_total_ua", "L6", "rms current of all channels", "mA", 1_000, absolute=100_000, default=80_000,
         warn=60_000, source="8 channels at 28 mA", mark="judgement"),
    _row("density_ua_per_cm2", "L7", "current density", "mA/cm²", 1_000, absolute=2_000, default=1_600, warn=1_000,
         source="IEC 60601-2-10 instructions and vendor: 2 mA rms/cm²; we make the warning hard", mark="verified"),
    _row("power_uw_per_cm2", "L8", "power density", "W/cm²", 1_000_000, absolute=250_000, default=100_000,
         warn=50_000, source="FDA 0.25, Hasomed 0.1 W/cm² at 1 kΩ", mark="verified"),
    _row("energy_nj", "L9", "energy per pulse", "mJ", 1_000_000, absolute=50_000_000, default=15_000_000,
         warn=10_000_000, source="IEC 300 mJ at 500 Ω never binds; Digitimer DS5 50 mJ", mark="verified"),
    _row("charge_pc", "L10", "charge per phase", "µC", 1_000_000, absolute=65_000_000, default=50_000_000,
         warn=40_000_000, source="RehaStim2 envelope 130 mA × 500 µs", mark="known"),
    _row("charge_density_pc_per_cm2", "L11", "charge density per phase", "µC/cm²", 1_000_000, absolute=10_000_000,
         default=5_000_000, warn=4_000_000, source="single pulses on tiny pads, where rms over 1 s is low",
         mark="judgement"),
    _row("pad_area_min_mm2", "L14", "pad area", "cm²", 100, absolute=100, default=800, warn=2_500, sense="min",
         source="3.2 cm round pad = 8.04 cm²; area is mandatory", mark="judgement"),
    _row("pad_area_max_mm2", "L14", "pad area", "cm²", 100, absolute=20_000, default=20_000,
         source="catches a slip of mm² and cm²", mark="judgement"),
    _row("raise_step_ua", "L15", "step of one raise", "mA", 1_000, absolute=1_000, default=1_000,
         source="IEC 60601-2-10: at most 1 mA a step", mark="known"),
    _row("raises_per_s", "L15", "raises per second", "1/s", 1, absolute=5, default=2,
         source="against key auto-repeat", mark="judgement"),
    _row("ceiling_rise_ua_per_s", "L16", "rise above the tolerated level", "mA/s", 1_000, absolute=5_000,
         default=2_000, source="slip control", mark="judgement"),
    _row("first_ramp_min_us", "L17a", "first ramp up", "s", _S, absolute=300_000, default=500_000, sense="min",
         source="trials 0.5 to 3.5 s", mark="judgement"),
    _row("repeat_ramp_min_us", "L17b", "repeated ramp up", "s", _S, absolute=100_000, default=200_000, sense="min",
         source="a level already held: gait and hand protocols 0.2 s", mark="judgement"),
    _row("on_us", "L19", "contraction on time", "s", _S, absolute=60 * _S, default=20 * _S, warn=15 * _S,
         source="trials 5 to 15 s; above 15 Hz", mark="verified"),
    _row("on_triggered_us", "L19", "triggered on time", "s", _S, absolute=10 * _S, default=10 * _S,
         source="gait and grasp gates", mark="convention"),
    _row("duty_permille", "L20", "duty", "%", 10, absolute=750, default=500, warn=400,
         source="trials 1:1 to 1:5; per channel, above 15 Hz", mark="verified"),
    _row("duty_triggered_permille", "L20", "duty of triggered output", "%", 10, absolute=750, default=650,
         source="gait; held by a governor", mark="convention"),
    _row("block_us", "L21a", "therapy clock of a block", "min", 60 * _S, absolute=3_600 * _S, default=3_600 * _S,
         source="typical 10 to 30 min, up to 60", mark="judgement"),
    _row("motor_on_us", "L21b", "motor on time per channel and session", "min", 60 * _S, absolute=3_600 * _S,
         default=1_800 * _S, warn=1_500 * _S, source="typical 10 to 30 min; above 15 Hz", mark="judgement"),
    _row("sensory_amplitude_ua", "L26", "sensory amplitude", "mA", 1_000, absolute=60_000, default=50_000,
         source="holds without any human mark", mark="convention"),
    _row("sensory_charge_pc", "L26", "sensory charge per phase", "µC", 1_000_000, absolute=12_000_000,
         default=10_000_000, source="holds without any human mark", mark="convention"),
    _row("sensory_rms_ua", "L26", "sensory rms current", "mA", 1_000, absolute=15_000, default=15_000,
         source="holds without any human mark", mark="convention"),
    _row("sensory_density_ua_per_cm2", "L26", "sensory current density", "mA/cm²", 1_000, absolute=1_000,
         default=1_000, source="holds without any human mark", mark="convention"),
    _row("muscle_day_min", "L27", "motor on time per muscle and day", "min", 1, absolute=120, default=60,
         source="keeps blocks from defeating L21", mark="convention"),
)
# fmt: on

BY_KEY = {guardrail.key: guardrail for guardrail in TABLE}

SENSORY_SHARE_PERCENT = 90  # L26: of today's motor mark
AREA_CREDIT_MM2 = 10_000  # L14: a larger pad counts as 100 cm²
# L14: what a site file opens it opens for larger pads only (docs/site-limits.md): below 8 cm² at most 15 mA, below
# 60 cm² at most 100 mA, as the ready proposals say. Neither binds within the default column.
PAD_STEPS = ((800, 15_000), (6_000, 100_000))
FUSED_MHZ = 15_000  # L19 to L21: above 15 Hz contractions fuse
