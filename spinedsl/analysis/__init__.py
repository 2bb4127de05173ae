"""Readers of the Program that return tables."""
