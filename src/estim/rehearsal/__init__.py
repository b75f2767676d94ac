"""Whole sessions in simulated time: one (`playing`), or many with everything that can go wrong (`campaign`)."""

from estim.rehearsal.plan import RehearsalPlan
from estim.rehearsal.playing import Rehearsed, rehearse
from estim.rehearsal.world import World

__all__ = ["RehearsalPlan", "Rehearsed", "World", "rehearse"]
