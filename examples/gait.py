"""8. Heel switch: heel off begins the dorsiflexors' window, heel strike ends it; two channels hand over by the protocol.

`switch(t_s)` is read from the insole; here it walks at one stride in 2.4 s.
"""

from estim import api

STRIDE_S, OFF_AT_S, STRIKE_AT_S = 2.4, 0.5, 1.3


def main(open_session=api.session, device="sim://p24", switch=None, seconds=20):
    switch = switch or (lambda t_s: OFF_AT_S <= t_s % STRIDE_S < STRIKE_AT_S)
    was_off = False
    with open_session(
        "stroke-foot-drop-peroneal", patient="p8", device=device, levels={"tibialis-anterior-peronei": 20}
    ) as s:
        s.start()
        for state in s.states(timeout_s=seconds, period_s=0.05):
            if (off := switch(state.t_s)) != was_off:
                was_off = off
                s.hear(type="sensor", name="heel-off" if off else "heel-strike")
        s.stop()
    return s.result


if __name__ == "__main__":
    print(main())
