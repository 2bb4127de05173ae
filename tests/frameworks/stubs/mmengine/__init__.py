"""Stub of mmengine; see ../README.md."""
