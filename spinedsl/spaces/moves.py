"""Moves in a search space: from encodings to others near them. All of them stay in the space.

A move changes one decision: it swaps two blocks of a group, gives a block one other parent, or takes
another value of one thing that is adjusted or chosen.
"""

from __future__ import annotations

from collections.abc import Iterator
from itertools import combinations
from random import Random

from spinedsl.ir.model import Call, Endpoints, ImageInput
from spinedsl.ir.writing import call_text
from spinedsl.spaces.factors import Adjusted, Chosen, Design, Factor, Order, Parents
from spinedsl.spaces.search_space import Encoding, SearchSpace
from spinedsl.syntax.printer import size


def neighbours(space: SearchSpace, encoding: Encoding) -> Iterator[Encoding]:
    """Every encoding that one move leads to, each once."""
    design = space.design(encoding)
    for factor in space.factors:
        for moved in _moved(factor, design):
            yield space.encode(moved)


def mutate(space: SearchSpace, encoding: Encoding, random: Random, moves: int = 1) -> Encoding:
    """The encoding behind some moves; every kind of factor that has a move is as likely to be taken.

    So an order isn't drowned by the many parents. A space of one encoding is left as it is.
    """
    kinds: dict[type[Factor], list[Factor]] = {}
    for factor in space.factors:
        if max(factor.sizes, default=1) > 1:
            kinds.setdefault(type(factor), []).append(factor)
    if not kinds:
        return encoding
    design = space.design(encoding)
    for _ in range(moves):
        factor = random.choice(kinds[random.choice(list(kinds))])
        design = random.choice(list(_moved(factor, design)))
    return space.encode(design)


def crossover(space: SearchSpace, one: Encoding, other: Encoding, random: Random) -> Encoding:
    """A child of two encodings: every decision is one of its parents', as likely the one's as the other's.

    Orders are crossed by places: what the one has in the places drawn stays there, the rest stand in the
    order of the other (order crossover, Davis 1985).
    """
    mother, father = space.design(one), space.design(other)
    child = space.design(one)
    for factor in space.factors:
        if isinstance(factor, Order):
            _cross_order(factor, child, father, random)
        elif random.random() < 0.5:
            factor.decide(factor.digits(father), child)
        else:
            factor.decide(factor.digits(mother), child)
    return space.encode(child)


def _cross_order(order: Order, child: Design, father: Design, random: Random) -> None:
    kept = {place for place in order.places if random.random() < 0.5}
    there = {child.placed[place] for place in kept}
    rest = iter([father.placed[place] for place in order.places if father.placed[place] not in there])
    for place in order.places:
        if place not in kept:
            child.placed[place] = next(rest)


def _moved(factor: Factor, design: Design) -> Iterator[Design]:
    """Every design that a move of one factor leads to."""
    match factor:
        case Order(places=places):
            for one, other in combinations(places, 2):
                moved = design.copy()
                moved.placed[one], moved.placed[other] = moved.placed[other], moved.placed[one]
                yield moved
        case Parents(place=place, first=first, last=last):
            parents = design.parents[place]
            for old in parents:
                for new in range(first, last):
                    if new not in parents:
                        moved = design.copy()
                        moved.parents[place] = tuple(sorted({*parents, new} - {old}))
                        yield moved
        case Adjusted() | Chosen():
            (now,), (size,) = factor.digits(design), factor.sizes
            for value in range(size):
                if value != now:
                    moved = design.copy()
                    factor.decide((value,), moved)
                    yield moved


def told(space: SearchSpace, before: Encoding, after: Encoding) -> list[str]:
    """What differs between two encodings, in words: `b5 reads b2, b4`."""
    one, other = space.design(before), space.design(after)
    found: list[str] = []
    for factor in space.factors:
        if factor.digits(one) != factor.digits(other):
            found += _told(factor, space, one, other)
    return found


def _told(factor: Factor, space: SearchSpace, one: Design, other: Design) -> Iterator[str]:
    names = [*space.space.sources, *(block.name for block in space.space.blocks)]
    match factor:
        case Order(places=places):
            moved = [place for place in places if one.placed[place] != other.placed[place]]
            yield f"{', '.join(space.space.blocks[place].name for place in moved)} change places"
        case Parents(place=place, block=block):
            yield f"{block} reads {', '.join(names[parent] for parent in other.parents[place])}"
        case Adjusted(block=block, adjustment=adjustment):
            yield f"{adjustment.attribute} of {block}: {_value(adjustment.values[factor.digits(other)[0]])}"
        case Chosen(choice=choice):
            yield f"{choice.setting}: {_value(choice.values[factor.digits(other)[0]])}"


def _value(value: object) -> str:
    if isinstance(value, Call):
        return call_text(value)
    if isinstance(value, ImageInput):
        return size((value.channels, value.height, value.width))
    return str(value.channels) if isinstance(value, Endpoints) else str(value)
