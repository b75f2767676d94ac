"""The handbook: `docs/` and pages made from the code, built into one site that reads without a network."""
