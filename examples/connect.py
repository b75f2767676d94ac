"""1. Who is there: connect, ask, leave. No current flows."""

from estim import api


def main(open_session=api.session, device="sim://p24"):
    with open_session("knee-replacement-quadriceps-early", patient="p1", device=device) as s:
        print(s.state.device, "·", s.state.intended_use)
        percent = s.state.battery_percent
        print("battery", "not told" if percent is None else f"{percent} %", "· output", s.state.output)
    return s.result


if __name__ == "__main__":
    main()
