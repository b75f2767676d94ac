"""Levels that are felt and move nothing (L26): the way that the screen names leads to the treatment."""

from __future__ import annotations

from .conftest import make_bench

FELT = "repetitive-strain-forearm-tens"


async def test_what_is_felt_is_followed_by_a_motor_mark_or_none_up_to_there() -> None:
    """Found in the console: `N this channel is found` after S alone, and then every treatment was refused."""
    async with make_bench(size=(120, 40)) as b:
        await b.seek(FELT)
        await b.raise_by(4)
        await b.look(1.0)
        await b.press("s")
        await b.look(0.2)
        assert b.next.startswith("→ +"), b.next
        await b.press("n")
        assert "90 % of the motor mark" in b.text
        await b.raise_by(1)
        await b.look(1.0)
        assert b.next.startswith("→ O"), b.next
        await b.press("o")
        await b.look(0.2)
        assert b.next.startswith("→ -"), b.next
        await b.press("minus")
        await b.look(0.2)
        assert b.next.startswith("→ N"), b.next
        await b.press("n")
        await b.look(2.0)
        assert b.at("treat"), b.text
        assert "L26" not in b.text
