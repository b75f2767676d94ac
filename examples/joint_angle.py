"""6. IMU: a joint angle is held by a PI controller that moves the share of the found level between 0 and 1.

`angle(state)` gives degrees. The controller's sum is clamped (no wind-up); asking for more than the level found is
refused, not delivered.
"""

from estim import api

GOAL_DEG, KP, KI = 30.0, 0.01, 0.004


def main(open_session=api.session, device="sim://p24?patient=knee-replacement", angle=None, seconds=200):
    late_s, total = [], 0.5
    angle = angle or (lambda state: 4 * (state.force_percent or 0))
    with open_session("knee-replacement-quadriceps-early", patient="p6", device=device, levels={"quadriceps": 36}) as s:
        s.start()
        for state in s.states(timeout_s=seconds, period_s=0.1):
            late_s.append(state.late_s)  # by how much this turn came later than 100 ms after the last
            if state.channels["quadriceps"].on:
                error = GOAL_DEG - angle(state)
                total = min(1.0, max(0.0, total + KI * error * 0.1))
                s.set_share("quadriceps", min(1.0, max(0.0, KP * error + total)))
        s.stop()
    return s.result, late_s


if __name__ == "__main__":
    result, late = main()
    print(result.outcome, f"late: median {sorted(late)[len(late) // 2] * 1e3:.1f} ms, worst {max(late) * 1e3:.1f} ms")
