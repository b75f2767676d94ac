"""Whole sessions in simulated time: one (`world`), or many with everything that can go wrong (`campaign`)."""

from estim.rehearsal.world import Plan, Rehearsed, World, rehearse

__all__ = ["Plan", "Rehearsed", "World", "rehearse"]
