"""Checking the specs of a project, as `spinec check` does: each file, what changed, and what is remembered."""
