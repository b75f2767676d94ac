"""estim: an open session controller for neuromuscular electrical stimulation."""

__version__ = "0.1.0"
