"""The way from 0 to a level: one ramp, or the short one as far as the last contraction came and on from there. Pure."""

from __future__ import annotations

from dataclasses import dataclass

from estim.safety.ramp import ramp_amplitude_ua, shortest_ramp_us
from estim.safety.schedule import Window
from estim.safety.units import MicroAmp, ceil_div, floor_to_step


@dataclass(frozen=True, slots=True, kw_only=True)
class RampUp:
    """Pulses of a ramp up.

    Attributes:
        pulses: after so many the level stands.
        step_ua: the device's amplitude step × phase ratio.
        led_ua: what the contraction before reached, where that was too short for its ramp; 0: nothing leads.
        led_pulses: of the short ramp (L17b) up to there.
        slope_pulses: of the long ramp (L17a) up to the level, whose slope leads on from there.
    """

    pulses: int
    step_ua: int
    led_ua: int = 0
    led_pulses: int = 0
    slope_pulses: int = 1

    def amplitude_ua(self, target_ua: int, pulse: int) -> MicroAmp:
        """Amplitude of pulse number `pulse` (from 0) on the way to `target_ua`."""
        if not self.led_pulses:
            return ramp_amplitude_ua(target_ua, pulse, self.pulses, self.step_ua)
        if pulse < self.led_pulses:
            return ramp_amplitude_ua(min(self.led_ua, target_ua), pulse, self.led_pulses, self.step_ua)
        further_ua = target_ua * (pulse + 1 - self.led_pulses) // self.slope_pulses
        return MicroAmp(min(target_ua, floor_to_step(self.led_ua + further_ua, self.step_ua)))


def led_ramp(window: Window, target_ua: int, step_ua: int, *, pulses: int, led_ua: int) -> RampUp:
    """The ramp of `pulses` pulses, or a led one where the level stands sooner by that.

    Args:
        led_ua: reached by the contraction before; 0 where it reached nothing, or all.
    """
    led_ua = floor_to_step(min(led_ua, target_ua), step_ua)
    if led_ua <= 0:
        return RampUp(pulses=pulses, step_ua=step_ua)
    short_us = shortest_ramp_us(led_ua, window.period_us, step_ua, window.ramp_up_us, first=False)
    led_pulses = ceil_div(short_us, window.period_us)
    whole = led_pulses + ceil_div((target_ua - led_ua) * pulses, target_ua)
    if whole >= pulses:
        return RampUp(pulses=pulses, step_ua=step_ua)
    return RampUp(pulses=whole, step_ua=step_ua, led_ua=led_ua, led_pulses=led_pulses, slope_pulses=pulses)
