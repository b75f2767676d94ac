"""Stimulator drivers (sans-IO) and the links that carry their bytes."""
