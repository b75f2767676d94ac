"""Simulated stimulators that speak the real wire formats. Imports nothing from estim."""
