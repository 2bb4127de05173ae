"""What the commands of `spinec space` share: reading spaces and members, writing members."""

from __future__ import annotations

import functools
from collections.abc import Callable, Iterable, Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from spinedsl.cli import console
from spinedsl.cli.progress import progress
from spinedsl.diagnostics import Diagnostics, fail
from spinedsl.records import record
from spinedsl.resources import SUFFIX

if TYPE_CHECKING:
    from spinedsl.analysis.requirements import Requirements
    from spinedsl.ir.model import Network
    from spinedsl.spaces.search_space import Encoding, SearchSpace

Decorated = Callable[..., Any]
FOLDER = click.Path(file_okay=False, path_type=Path)


@record
class Written:
    """Where members are written.

    Attributes:
        folder: None to print them.
        force: replace files that spinec did not write.
    """

    folder: Path | None
    force: bool


def spaced(function: Decorated) -> Decorated:
    """SPACE, `--require` and `--root`: the command gets `space` and `requirements`."""

    @functools.wraps(function)
    def opened(space: str, require: tuple[str, ...], roots: tuple[Path, ...], **others: Any) -> Any:
        from spinedsl.analysis.requirements import Requirements
        from spinedsl.spaces.opening import open_space, parse_requirement

        found = open_space(space, roots)
        further = [parse_requirement(text) for text in require]
        return function(space=found, requirements=Requirements.of(found.space, further), **others)

    for add in (
        click.option(
            "--root", "roots", multiple=True, metavar="DIR",
            type=click.Path(exists=True, file_okay=False, path_type=Path),
            help="Allow imports from this folder too.",
        ),
        click.option(
            "--require", multiple=True, metavar="CONDITION",
            help="What networks must meet, besides what the space requires: \"macs(640) <= 30G\".",
        ),
        click.argument("space"),
    ):  # fmt: skip
        opened = add(opened)
    return opened


def writes_members(function: Decorated) -> Decorated:
    """`-o` and `--force`: the command gets `written`."""

    @functools.wraps(function)
    def told(output: Path | None, force: bool, **others: Any) -> Any:
        return function(written=Written(output, force), **others)

    for add in (
        click.option("--force", is_flag=True, help="Replace files that spinec did not write."),
        click.option("-o", "--output", type=FOLDER, metavar="DIR", help="Write a file for each; else they are printed."),
    ):  # fmt: skip
        told = add(told)
    return told


def encoding_of(network: Network, space: SearchSpace) -> Encoding:
    """The encoding of a network.

    Raises:
        DiagnosticError: it isn't in the space (SP039).
    """
    from spinedsl.spaces import membership

    return membership.encoding_of(network, space)


def refuse(network: Network, space: SearchSpace, requirements: Requirements) -> None:
    """See that a network meets what is required.

    Raises:
        DiagnosticError: everything that it doesn't meet (SP039).
    """
    from spinedsl.analysis.requirements import refuse_unmet

    diagnostics = Diagnostics()
    refuse_unmet(network, requirements, space.space, diagnostics)
    diagnostics.stop_on_errors()


def meeting(
    encodings: Iterable[Encoding], space: SearchSpace, requirements: Requirements
) -> Iterator[Encoding]:
    """Those that meet what is required.

    Raises:
        DiagnosticError: too many in a row don't (SP047).
    """
    from spinedsl.spaces.sampling import meeting as those_meeting

    for member in those_meeting(encodings, space, requirements):
        yield member.encoding


def network_called(spec: str) -> Network:
    """The network that SPEC means, or the backbone of a model; that it is in a space isn't asked."""
    from spinedsl.specification import open_spec

    return open_spec(spec).network


def member_name(space: SearchSpace, encoding: Encoding) -> str:
    """What a member is called: by its number, or by a digest of it where that is too long for a name."""
    import hashlib

    rank = str(space.rank(encoding))
    name = f"{space.name}_{rank}"
    return name if len(name) <= 64 else f"{space.name[:40]}_{hashlib.sha256(rank.encode()).hexdigest()[:16]}"


def show_members(
    space: SearchSpace, encodings: Iterable[Encoding], written: Written, total: int | None = None
) -> None:
    """Print members, or write a file for each.

    Args:
        total: how many there are, if that is known.
    """
    from spinedsl.emit.output import write_output
    from spinedsl.spaces.writing import member_text
    from spinedsl.version import __version__

    if written.folder is not None:
        _make(written.folder)
    count = 0
    with progress("writing") as tell:
        for encoding in encodings:
            name = member_name(space, encoding)
            comment = f"Generated by spinec {__version__}: network {space.rank(encoding)} of the space “{space.name}”."
            text = member_text(space.network(encoding, name), (comment,))
            if written.folder is None:
                console.put(f"\n{text}" if count else text, nl=False)
            else:
                write_output(written.folder / f"{name}{SUFFIX}", text.encode(), "text", written.force)
                tell(count, count + 1 if total is None else total, name)
            count += 1
    if written.folder is not None:
        console.say(f"wrote {count:,} network{'s' * (count != 1)} to {written.folder}")


def _make(folder: Path) -> None:
    try:
        folder.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise fail(
            "SP050", f"“{folder}” can't be made: {error.strerror}", help="choose another folder"
        ) from error
