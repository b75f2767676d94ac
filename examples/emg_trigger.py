"""5. EMG above a threshold begins a contraction. Threshold, blanking after each pulse, lock-out and rearming are the
protocol's (`[phase.trigger]`): the script hands samples over and holds no timer of its own.

`samples(t_s)` gives the next batch in µV, or None where the amplifier is silent: an inlet read *with* a time limit.
"""

from estim import api

RATE_HZ = 2_000


def main(open_session=api.session, device="sim://p24", samples=None, contractions=2):
    with open_session(
        "stroke-wrist-emg-triggered", patient="p5", device=device, levels={"wrist-finger-extensors": 17}
    ) as s:
        s.start()
        for state in s.states(period_s=0.05):
            batch = samples(state.t_s) if samples else None
            if batch:
                s.hear(type="emg", t0_us=round(state.t_s * 1e6), rate_hz=RATE_HZ, samples_uv=batch)
            if state.contraction > contractions:
                s.stop()
    return s.result


if __name__ == "__main__":
    main(device="sim://p24?patient=stroke")
