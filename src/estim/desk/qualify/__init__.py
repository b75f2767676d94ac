"""Qualifying a real stimulator on a dummy load: the plan of steps, captured waveforms, what they say, the report."""
