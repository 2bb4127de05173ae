"""The expanded network: nothing is implied any more.

Every block has its final width and channels, every connection its rule, every repeat is a chain of
blocks, edges of unread blocks are explicit. Passes over this form live in spinedsl/passes/.
"""

from __future__ import annotations

from fractions import Fraction

from spinedsl.ir.model import Call, Network, StemStep
from spinedsl.records import record
from spinedsl.source import Span


@record
class Arrow:
    """A connection with its rule."""

    source: str
    rule: Call
    span: Span | None = None


@record
class ExpandedBlock:
    """One block as it will be built.

    Attributes:
        name: `b2`, or `b2.0`, `b2.1`, … for the copies that `repeat` makes.
        width: base channels; scaled once the `scale` pass has run.
        channels: what its kind puts out; 0 until the `scale` pass has run.
        repeat: copies still to be made.
        arrows: the connections that are resampled and merged; none for stem blocks and copies.
        after: the block it follows directly, without resampling or merging.
        dangling: unread blocks whose outputs join its merge as they are.
        drop_path: its share of the network's drop-path rate.
    """

    name: str
    kind: Call
    level: int
    width: int
    channels: int = 0
    repeat: int = 1
    merge: Call | None = None
    arrows: tuple[Arrow, ...] = ()
    after: str | None = None
    dangling: tuple[str, ...] = ()
    endpoint: str | None = None
    drop_path: Fraction = Fraction(0)
    in_stem: bool = False
    span: Span | None = None

    @property
    def reads(self) -> tuple[str, ...]:
        """Names of everything it reads."""
        chained = () if self.after is None else (self.after,)
        return (*(a.source for a in self.arrows), *chained, *self.dangling)

    @property
    def base(self) -> str:
        """The name in the spec: without the number of the copy."""
        return self.name.partition(".")[0]


@record
class Removed:
    """A block that was pruned, and why."""

    name: str
    reason: str
    span: Span | None


@record
class ExpandedNetwork:
    """A network on its way through the passes.

    Attributes:
        network: the validated network it comes from.
        stem: operators and blocks, in order.
        blocks: scale-permuted blocks, in order.
        removed: what pruning took away.
    """

    network: Network
    stem: tuple[StemStep | ExpandedBlock, ...]
    blocks: tuple[ExpandedBlock, ...]
    removed: tuple[Removed, ...] = ()

    def stem_blocks(self) -> tuple[ExpandedBlock, ...]:
        """The named blocks of the stem."""
        return tuple(item for item in self.stem if isinstance(item, ExpandedBlock))
