"""Simulated devices: state machine, timers, output stage, errors. Sans-IO."""
