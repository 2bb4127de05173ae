"""Stub of mmdetection; see ../README.md."""
