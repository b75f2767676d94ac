"""The course of care around the sessions: assessment, goals, plan, exercises, home, end. Pure."""
