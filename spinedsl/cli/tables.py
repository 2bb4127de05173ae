"""Columns of text."""

from __future__ import annotations

from collections.abc import Collection, Sequence


def size_text(bytes: int) -> str:
    """`18.2 KiB`, `84.1 MiB`."""
    return f"{bytes / 2**20:,.1f} MiB" if bytes > 2**20 else f"{bytes / 2**10:,.1f} KiB"


def aligned(rows: Sequence[Sequence[str]], right: Collection[int] = ()) -> list[str]:
    """Rows of equally many cells as lines; columns in `right` end flush."""
    widths = [max(map(len, column)) for column in zip(*rows, strict=True)]
    return [
        "  ".join(
            cell.rjust(width) if place in right else cell.ljust(width)
            for place, (cell, width) in enumerate(zip(row, widths, strict=True))
        ).rstrip()
        for row in rows
    ]
