"""10. Identification and fatigue: doublets against single pulses, with the force recorded; a pattern computed elsewhere
(cocofest, bioptim) is played back in the same way. The trains are a protocol like any other: loader, compiler and
limits judge them.
"""

from estim import api

TRAIN = {"kind": "work", "mode": "timed", "waveform": "symmetric-biphasic", "pulse_width_us": 250, "interphase_us": 100,
         "on_s": 3, "off_s": 6, "ramp_up_s": 0.5, "ramp_down_s": 0.3}  # fmt: skip
TEST = {
    "schema": 1, "id": "doublets", "version": "1.0.0", "title": "Doublets against single pulses", "goal": "strength",
    "conditions": ["laboratory"], "indication": "identification", "position": "seated", "cue": "relax",
    "expected_response": "contraction", "stop_criteria": ["pain"], "contraindications": [], "basis": "convention",
    "evidence": [{"citation": "made for this laboratory"}],
    "channel": [{"name": "quadriceps", "muscle": "quadriceps femoris", "region": "thigh", "electrode_cm": [7.6, 12.7],
                 "placement": "two pads on the thigh", "amplitude_rule": "functional",
                 "amplitude_instruction": "a visible contraction", "plausible_ma": [5, 60]}],
    "phase": [{"name": "single", "frequency_hz": 20, "contractions": 3, **TRAIN},
              {"name": "doublets", "frequency_hz": 10, "contractions": 3, "burst": {"pulses": 2, "interval_us": 8000},
               **TRAIN}],
    "dose": {"sessions_per_day": 1, "days_per_week": 1, "weeks": 1}, "provenance": {"frequency_hz": "convention"},
}  # fmt: skip


def main(open_session=api.session, device="sim://p24?patient=knee-replacement"):
    peak = {}
    with open_session(api.protocol(TEST), patient="p10", device=device, levels={"quadriceps": 32}) as s:
        s.start()
        for state in s.states(period_s=0.1):
            where = state.plan_phase, state.contraction
            peak[where] = max(peak.get(where, 0), state.force_n or 0)
    return s.result, peak


if __name__ == "__main__":
    print(main())
