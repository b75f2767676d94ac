"""Devices that pulse all their channels on one grid (RehaStim2, RehaStim 1): who begins joins it. Pure."""

from __future__ import annotations

from estim.session.player import WindowPlayer


def join_grid(players: list[WindowPlayer]) -> None:
    """Channels that are still silent join the grid of one that plays."""
    running = next((player for player in players if player.amplitude_ua and not player.ended), None)
    for player in players:
        if not player.amplitude_ua and not player.ended:
            player.join(running)
