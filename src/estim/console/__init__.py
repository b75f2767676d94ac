"""The therapist's screen (Textual)."""
