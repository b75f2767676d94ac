"""`estim run`: one session line by line. On a simulated device a scripted person plays it; on a real one a person
types. The same controller process as the console's stands behind both; only the front differs.
"""

from estim.lines.played import play
from estim.lines.typed import Person

__all__ = ["Person", "play"]
