"""Python's garbage collector kept out of the way of the stop key.

A collection of everything holds the interpreter, and with it the input thread, for 25-98 ms (measured in the Textual
process). So while output may be on, what is there is frozen and automatic collection is off; `tidy` clears every second
what the pictures since then left behind (22 kB each, 800 MB an hour without it), in under 2 ms.
"""

from __future__ import annotations

import gc


def hush() -> None:
    """Output may come on: collect once, freeze what is left, no collections by themselves."""
    gc.collect()
    gc.freeze()
    gc.disable()


def tidy() -> None:
    """Clear what is new since `hush`; nothing to do while the collector works by itself."""
    if not gc.isenabled():
        gc.collect()


def wake() -> None:
    """Output is proved off: the collector works as always. What was frozen stays so: the next `hush`, a moment before
    output, then looks at little.
    """
    gc.enable()


def rest() -> None:
    """Between patients, and at the end: everything may be looked at again."""
    gc.enable()
    gc.unfreeze()
