"""estim: an open session controller for neuromuscular electrical stimulation."""
