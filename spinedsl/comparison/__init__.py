"""Comparing networks: what changed between two of them, and what breaks for who uses the older one."""
