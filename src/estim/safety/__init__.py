"""The safety kernel: units, dose, limits, verdict, interlock, and the nouns that every part shares."""
