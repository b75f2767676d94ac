"""Ten laboratory scripts against `estim.api`, each of at most 40 lines. `python -m examples.timed_train` plays one on a
simulated stimulator in real time; the tests play each in simulated time (`open_session=api.rehearse`).
"""
