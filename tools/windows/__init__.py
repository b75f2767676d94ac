"""Windows' Python on this Linux machine: `python -m tools.windows`."""
