"""9. Markers: each `stimulus` of a paradigm (PsychoPy, a BCI, over LSL) begins one contraction; its strength is drawn at
random beforehand, so that responses give a recruitment curve. A marker triggers and stops; it can not set a current.

`marker(state)` gives the next marker's text or None: `inlet.pull_sample(timeout=0.0)` in a laboratory.
"""

import random

from estim import api


def main(open_session=api.session, device="sim://p24", marker=None, trials=4, seed=1):
    chance, curve = random.Random(seed), []
    marker = marker or (lambda state: "stimulus" if not state.channels[MUSCLES[0]].on else None)
    with open_session("hand-grasp-task", patient="p9", device=device, levels=dict.fromkeys(MUSCLES, 8)) as s:
        s.start()
        for state in s.states():
            if len(curve) >= trials or (said := marker(state)) == "end":
                s.stop()
            elif said == "stimulus":
                try:
                    s.trigger(MUSCLES[0])
                except api.Refused:
                    continue  # refractory: the paradigm is told that this one did not happen
                s.mark(f"stimulus {len(curve) + 1}")
                curve.append(s.state.channels[MUSCLES[0]].level_ma)
                s.set_share(MUSCLES[0], chance.choice((0.4, 0.6, 0.8, 1.0)))
    return s.result, curve


MUSCLES = ("finger-wrist-extensors", "finger-flexors", "thumb")

if __name__ == "__main__":
    print(main())
