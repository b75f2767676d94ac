"""4. Keyboard: + and - move the level within what was found, p pauses and goes on, q ends. Space stops, always.

`keys` stands for what is typed where there is no terminal (the tests); else the state brings it.
"""

from estim import api


def main(open_session=api.session, device="sim://p24", keys=None, find_ma=8):
    with open_session(
        "knee-replacement-quadriceps-early", patient="p4", device=device, levels={"quadriceps": find_ma}
    ) as s:
        s.start()
        for state in s.states():
            for key in state.keys if keys is None else keys(state):
                try:
                    if key == "+":
                        s.raise_level("quadriceps")
                    elif key == "-":
                        s.lower("quadriceps")
                    elif key == "p":
                        s.pause() if state.phase == "RUNNING" else s.resume()
                    elif key == "q":
                        s.stop()
                except api.Refused as refused:
                    print(refused)
    return s.result


if __name__ == "__main__":
    main()
