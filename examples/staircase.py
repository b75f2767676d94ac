"""3. Staircase: one step up at a time, until a force is reached. Here the virtual patient's muscle answers; a
dynamometer or an EMG threshold stands in the same place, and a person at the terminal before each raise on a real device.
"""

from estim import api


def main(open_session=api.session, device="sim://p24?patient=knee-replacement", enough_percent=5, highest_ma=40):
    def ask(offer):
        force = offer.force_percent or 0
        if force >= 2 and not offer.contracts:
            return "contracts"  # the motor level
        return "strongest" if force >= enough_percent or offer.next_ma > highest_ma else "raise"

    with open_session("knee-replacement-quadriceps-early", patient="p3", device=device) as s:
        level_ma = s.find("quadriceps", ask)
        print(f"level {level_ma:g} mA")
    return s.result, level_ma


if __name__ == "__main__":
    main()
