"""`python -m estim`: the same as `estim`."""

import sys

from estim.cli import main

sys.exit(main())
