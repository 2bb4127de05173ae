"""Specs in a git repository: as they were at a revision, and what has changed since."""
