"""The controller process: clock, loop, pipes, and the take-over when it dies."""
