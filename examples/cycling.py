"""7. Crank angle: each muscle has a window of the turn, a clinician's decision that the library leaves open; the script
says where the crank is, 20 times a second. `degrees(state)` comes from an encoder; here it turns at 30 a minute.
"""

import tomllib
from importlib.resources import files

from estim import api

WINDOWS = {"quadriceps-right": (20, 130), "hamstrings-right": (160, 280), "quadriceps-left": (200, 310),
           "hamstrings-left": (340, 100), "gluteals-right": (60, 170), "gluteals-left": (240, 350)}  # fmt: skip


def cycling():
    """The library's protocol with this laboratory's windows."""
    keys = tomllib.loads((files("estim.protocols.library") / "spinal-cord-injury-cycling.toml").read_text("utf-8"))
    keys["id"] = "cycling-here"
    keys["phase"][0]["channel"] = [{"name": name, "crank_deg": list(window)} for name, window in WINDOWS.items()]
    return api.protocol(keys)


def main(open_session=api.session, device="sim://p24", degrees=None, seconds=20, level_ma=20):
    degrees = degrees or (lambda state: round(state.t_s * 30 / 60 * 360) % 360)
    with open_session(cycling(), patient="p7", device=device, levels=dict.fromkeys(WINDOWS, level_ma)) as s:
        s.start()
        for state in s.states(timeout_s=seconds, period_s=0.05):
            s.hear(type="crank", deg=degrees(state))
        s.stop()
    return s.result


if __name__ == "__main__":
    print(main())
