"""The only place that knows which system this is: clocks, durable files, processes, signals, terminals, priority, and
waiting for several things at once. Everything above it is the same on Linux, macOS and Windows.
"""
