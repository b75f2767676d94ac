"""Where a process of estim begins, as `estim` and as `python -m estim`.

Somebody may change their mind before anything is loaded. What is loaded takes a tenth of a second and more, and Ctrl-C
in it would be a traceback out of some module's first lines: so it is heard here first. Nothing is begun yet that would
have to be ended in order.
"""

import sys

if __name__ == "__main__" and not sys.flags.safe_path:
    # `-m` puts the working directory before everything else; a `queue.py` or `json.py` in it would be run as ours.
    sys.path.append(sys.path.pop(0))

import os

# The module above this one takes its time.
from _signal import SIGINT, default_int_handler, getsignal, signal  # type: ignore[import-not-found]

EXIT_INTERRUPTED = 130  # as `cli.output` has it


def _leave(*_: object) -> None:
    try:
        os.write(2, b"estim: interrupted\n")
    finally:
        os._exit(EXIT_INTERRUPTED)


# Who ignores it (a shell's background job) goes on to; a helper process loads this as well, and is ended by its parent.
if getsignal(SIGINT) is default_int_handler and "multiprocessing" not in sys.modules:
    signal(SIGINT, _leave)


def main() -> int:
    """Load the command line and run it; from there on it ends itself in order."""
    try:
        from estim.cli import main as run  # noqa: PLC0415

        if getsignal(SIGINT) is _leave:
            signal(SIGINT, default_int_handler)
        return run()
    except KeyboardInterrupt:  # in the moment between both
        _leave()
        raise


if __name__ == "__main__":
    sys.exit(main())
