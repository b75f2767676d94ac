"""The session itself: states, events, effects and the engine. Sans-IO."""
