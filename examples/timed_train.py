"""2. A timed train, with its strength changed meanwhile: full for two contractions, then half.

A pulse width belongs to the level that was found with it, so a script changes the share of the level and not the width.
"""

from estim import api


def main(open_session=api.session, device="sim://p24", contractions=3):
    with open_session("knee-replacement-quadriceps-early", patient="p2", device=device, levels={"quadriceps": 8}) as s:
        s.start()
        for state in s.states():
            s.set_share("quadriceps", 1.0 if state.contraction <= 2 else 0.5)
            if state.contraction > contractions:
                s.stop()
    return s.result


if __name__ == "__main__":
    print(main())
