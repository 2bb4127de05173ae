"""Targets: what a lowered network can be written as. None of them sees another."""
