"""`spinec space`: search spaces counted, sampled and searched by hand."""

from __future__ import annotations

import json
from collections.abc import Sequence
from itertools import islice
from random import Random
from typing import TYPE_CHECKING, Any

import click

from spinedsl.cli import console
from spinedsl.cli.progress import progress
from spinedsl.cli.space_members import (
    Written,
    encoding_of,
    meeting,
    network_called,
    refuse,
    show_members,
    spaced,
    writes_members,
)
from spinedsl.cli.tables import aligned

if TYPE_CHECKING:
    from spinedsl.analysis.requirements import Requirements
    from spinedsl.ir.model import Network
    from spinedsl.spaces.counting import Count
    from spinedsl.spaces.estimating import Estimate
    from spinedsl.spaces.search_space import SearchSpace


@click.group("space", context_settings={"help_option_names": ["-h", "--help"]})
def command() -> None:
    """Count, sample and walk the search spaces that specs declare.

    SPACE is a path, `path:space`, or `std:NAME`; SPEC is a network of it. Every network that is printed
    is a complete .spine file. Networks have numbers from 0; each number is as likely to be sampled.
    """


@command.command("list")
@click.option("--json", "as_json", is_flag=True, help="As JSON.")
def list_(as_json: bool) -> None:
    """List the search spaces that ship with spinec.

    \b
    Examples:
      spinec space list
    """
    from spinedsl.spaces.opening import standard_spaces

    spaces = standard_spaces()
    if as_json:
        click.echo(json.dumps([{"name": name, "file": file} for name, file in spaces], indent=2))
        return
    width = max(len(name) for name, _ in spaces)
    for name, file in spaces:
        click.echo(f"std:{name:<{width}}  specs/{file}")


@command.command()
@spaced
@click.option("--samples", type=click.IntRange(100, 10_000_000), default=10_000, show_default=True,
              help="Networks drawn to estimate how many meet the requirements.")  # fmt: skip
@click.option("--seed", type=click.IntRange(0), default=0, show_default=True, help="Of the draw.")
@click.option("--jobs", type=click.IntRange(1, 256), default=1, show_default=True,
              help="Processes that look at them; the result is the same.")  # fmt: skip
@click.option("--json", "as_json", is_flag=True, help="As JSON; numbers as text, they have many digits.")
def count(
    space: SearchSpace, requirements: Requirements, samples: int, seed: int, jobs: int, as_json: bool
) -> None:
    """Count the networks of a search space, factor by factor.

    Counted are choices, as the papers do; two of them may make the same network where blocks are alike,
    and how many networks differ is counted too. What `require` leaves is counted exactly in a small
    space, and estimated from samples in a large one, with bounds of 95 % confidence.

    \b
    Examples:
      spinec space count std:spinenet
      spinec space count std:spinenet --require "macs(640) <= 40G" --samples 2000
    """
    from spinedsl.spaces.counting import counts, distinct
    from spinedsl.spaces.estimating import count_meeting

    factors, different = counts(space), distinct(space)
    estimate = None
    if requirements.conditions:
        with progress("drawing") as tell:
            estimate = count_meeting(space, requirements, samples, seed, tell, jobs)
    if as_json:
        click.echo(json.dumps(_document(space, factors, different, estimate), indent=2))
        return
    rows = [(c.what, c.formula, f"{c.number:,}") for c in factors]
    rows.append(("in all", "", f"{space.size:,}"))
    if different is not None:
        rows.append(("that differ", "", f"{different:,}"))
    click.echo(f"{space.name}, a space of {space.space.seed}\n")
    click.echo("\n".join(aligned(rows, right={2})))
    if estimate is not None:
        click.echo(f"\n{_told(estimate)}")


def _document(
    space: SearchSpace, factors: Sequence[Count], different: int | None, estimate: Estimate | None
) -> dict[str, Any]:
    """Numbers as text: most readers of JSON keep 53 bits of them."""
    document: dict[str, Any] = {
        "space": space.name,
        "seed": space.space.seed,
        "factors": [{"what": c.what, "formula": c.formula, "number": str(c.number)} for c in factors],
        "size": str(space.size),
        "distinct": None if different is None else str(different),
    }
    if estimate is not None:
        document["meeting"] = {
            "met": estimate.met,
            "drawn": estimate.drawn,
            "exact": estimate.exact,
            "low": str(estimate.low),
            "high": str(estimate.high),
        }
    return document


def _told(estimate: Estimate) -> str:
    if estimate.exact:
        return f"{estimate.met:,} of them meet what is required; all were looked at"
    return (
        f"{estimate.met:,} of {estimate.drawn:,} drawn meet what is required: between {float(estimate.low):.3g} "
        f"and {float(estimate.high):.3g} of them do, with a confidence of 95 %"
    )


@command.command()
@spaced
@click.option("-n", "--number", type=click.IntRange(1, 10_000_000), default=1, show_default=True,
              help="How many.")  # fmt: skip
@click.option("--seed", type=click.IntRange(0), default=0, show_default=True,
              help="Equal seeds draw equal networks.")  # fmt: skip
@writes_members
def sample(space: SearchSpace, requirements: Requirements, number: int, seed: int, written: Written) -> None:
    """Draw networks: each number of the space is equally likely.

    With `require` in the space, or `--require`, those that don't meet it are drawn again, so that those
    that do stay equally likely.

    \b
    Examples:
      spinec space sample std:spinenet --seed 7
      spinec space sample std:spinenet -n 100 --require "params <= 25M" -o networks
    """
    from spinedsl.spaces import sampling

    drawn = islice(sampling.sample(space, requirements, seed), number)
    show_members(space, (member.encoding for member in drawn), written, number)


@command.command()
@spaced
@click.argument("spec")
def contains(space: SearchSpace, requirements: Requirements, spec: str) -> None:
    """Say whether a network is in a search space, and if not, why not.

    \b
    Examples:
      spinec space contains std:spinenet std:spinenet49
      spinec space contains my.spine:narrow found.spine --require "params <= 25M"
    """
    network = network_called(spec)
    console.say(f"“{network.name}” is network {_rank_of(network, space, requirements)} of “{space.name}”")


@command.command()
@spaced
@click.argument("spec")
def rank(space: SearchSpace, requirements: Requirements, spec: str) -> None:
    """Print the number of a network; the smallest, if several stand for it.

    \b
    Examples:
      spinec space rank std:spinenet std:spinenet49
    """
    click.echo(_rank_of(network_called(spec), space, requirements))


def _rank_of(network: Network, space: SearchSpace, requirements: Requirements) -> int:
    """The number of a network that is in the space and meets what is required."""
    encoding = encoding_of(network, space)
    refuse(network, space, requirements)
    return space.rank(encoding)


@command.command()
@spaced
@click.argument("number", type=click.IntRange(0))
@writes_members
def unrank(space: SearchSpace, requirements: Requirements, number: int, written: Written) -> None:
    """Print the network of a number.

    \b
    Examples:
      spinec space unrank std:spinenet 12345678901234567890
    """
    encoding = space.unrank(number)
    refuse(space.network(encoding), space, requirements)
    show_members(space, [encoding], written, 1)


@command.command()
@spaced
@click.argument("spec")
@click.option("-n", "--number", type=click.IntRange(1, 1_000_000), default=1, show_default=True,
              help="How many.")  # fmt: skip
@click.option("--moves", type=click.IntRange(1, 1000), default=1, show_default=True,
              help="Moves that lead to each.")  # fmt: skip
@click.option("--seed", type=click.IntRange(0), default=0, show_default=True, help="Of the draw.")
@writes_members
def mutate(
    space: SearchSpace,
    requirements: Requirements,
    spec: str,
    number: int,
    moves: int,
    seed: int,
    written: Written,
) -> None:
    """Draw networks near to one.

    A move swaps two blocks of a group, gives a block one other parent, or takes another value of one
    thing that is adjusted or chosen.

    \b
    Examples:
      spinec space mutate std:spinenet std:spinenet49 --seed 1
      spinec space mutate std:spinenet std:spinenet49 -n 20 --moves 3 -o near
    """
    from spinedsl.spaces import moves as walking

    start, random = encoding_of(network_called(spec), space), Random(seed)
    drawn = (walking.mutate(space, start, random, moves) for _ in iter(int, 1))
    show_members(space, islice(meeting(drawn, space, requirements), number), written, number)


@command.command()
@spaced
@click.argument("one")
@click.argument("other")
@click.option("-n", "--number", type=click.IntRange(1, 1_000_000), default=1, show_default=True,
              help="How many.")  # fmt: skip
@click.option("--seed", type=click.IntRange(0), default=0, show_default=True, help="Of the draw.")
@writes_members
def crossover(
    space: SearchSpace,
    requirements: Requirements,
    one: str,
    other: str,
    number: int,
    seed: int,
    written: Written,
) -> None:
    """Draw children of two networks: each decision is the one's or the other's.

    \b
    Examples:
      spinec space crossover std:spinenet std:spinenet49 std:r0_sp53 -n 4 -o children
    """
    from spinedsl.spaces import moves as walking

    mother, father = (encoding_of(network_called(spec), space) for spec in (one, other))
    random = Random(seed)
    drawn = (walking.crossover(space, mother, father, random) for _ in iter(int, 1))
    show_members(space, islice(meeting(drawn, space, requirements), number), written, number)


@command.command()
@spaced
@click.argument("spec")
@writes_members
def neighbours(space: SearchSpace, requirements: Requirements, spec: str, written: Written) -> None:
    """List the networks that are one move away; with `-o`, write them.

    \b
    Examples:
      spinec space neighbours std:spinenet std:spinenet49
      spinec space neighbours std:spinenet std:spinenet49 --require "params <= 21M" -o near
    """
    from spinedsl.spaces import moves as walking

    start = encoding_of(network_called(spec), space)
    near = (e for e in walking.neighbours(space, start) if requirements.met(space.network(e)))
    if written.folder is not None:
        show_members(space, near, written)
        return
    for encoding in near:
        console.put(f"{space.rank(encoding)}  {'; '.join(walking.told(space, start, encoding))}")


@command.command()
@spaced
@click.argument("spec")
@writes_members
def repair(space: SearchSpace, requirements: Requirements, spec: str, written: Written) -> None:
    """Print the network of the space that is nearest to one, and meets what is required.

    Blocks keep their places; parents that they may not have are replaced by the nearest; levels, kinds
    and the rest change as little as can be.

    \b
    Examples:
      spinec space repair std:r0_permutations std:spinenet49
      spinec space repair std:spinenet std:r0_sp53 --require "params <= 18M"
    """
    from spinedsl.spaces.repair import repair as repaired

    show_members(space, [repaired(network_called(spec), space, requirements)], written, 1)
