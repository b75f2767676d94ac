"""Framing and packets of the stimulators, from the device's side."""
