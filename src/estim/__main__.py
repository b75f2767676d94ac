"""`python -m estim`: the same as `estim`."""

import sys

if not sys.flags.safe_path:
    # `-m` puts the working directory before everything else; a `queue.py` or `json.py` in it would be run as ours.
    sys.path.append(sys.path.pop(0))

from estim.cli import main

sys.exit(main())
