"""Stub of detectron2; see ../README.md."""
