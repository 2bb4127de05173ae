"""Records behave as frozen dataclasses do."""

from __future__ import annotations

import copy
import dataclasses
import pickle
from typing import ClassVar

import pytest

from spinedsl.records import record


@record(kw_only=True)
class Base:
    """A base with a field that doesn't count."""

    span: int = dataclasses.field(default=0, compare=False, repr=False)


@record
class Derived(Base):
    """Fields of every kind."""

    label: ClassVar[str] = "derived"

    first: int
    second: str = "b"
    third: list[int] = dataclasses.field(default_factory=list)


@dataclasses.dataclass(frozen=True, kw_only=True)
class PlainBase:
    span: int = dataclasses.field(default=0, compare=False, repr=False)


@dataclasses.dataclass(frozen=True)
class Plain(PlainBase):
    label: ClassVar[str] = "derived"

    first: int
    second: str = "b"
    third: list[int] = dataclasses.field(default_factory=list)


@pytest.mark.parametrize("make", [Derived, Plain])
class TestLikeADataclass:
    def test_positions_names_and_defaults(self, make: type) -> None:
        value = make(1, third=[2], span=5)
        assert (value.first, value.second, value.third, value.span) == (1, "b", [2], 5)
        assert make(1).third is not make(1).third
        assert value.label == "derived"
        with pytest.raises(TypeError):
            make()
        with pytest.raises(TypeError):
            make(1, "b", [], 5)

    def test_equality_and_hash_leave_out_what_does_not_compare(self, make: type) -> None:
        assert make(1, span=1) == make(1, span=2)
        assert make(1) != make(2)
        assert make(1, third=()) != (1, "b", ())
        assert hash(make(1, third=(), span=1)) == hash(make(1, third=(), span=2))

    def test_frozen(self, make: type) -> None:
        value = make(1)
        with pytest.raises(dataclasses.FrozenInstanceError):
            value.first = 2
        with pytest.raises(dataclasses.FrozenInstanceError):
            del value.first
        assert value.first == 1

    def test_repr(self, make: type) -> None:
        assert repr(make(1)) == f"{make.__name__}(first=1, second='b', third=[])"

    def test_match_and_copies(self, make: type) -> None:
        match make(1, "x"):
            case Derived(first, second) | Plain(first, second):
                assert (first, second) == (1, "x")
        value = make(1, third=[1])
        assert copy.deepcopy(value) == value
        assert pickle.loads(pickle.dumps(value)) == value


def test_the_functions_of_dataclasses_know_records() -> None:
    value = Derived(1, "x", span=3)
    changed = dataclasses.replace(value, first=2)
    assert (changed.first, changed.second, changed.span) == (2, "x", 3)
    assert [f.name for f in dataclasses.fields(value)] == ["span", "first", "second", "third"]
    assert dataclasses.asdict(value) == {"span": 3, "first": 1, "second": "x", "third": []}
    with pytest.raises(TypeError):
        dataclasses.replace(value, fourth=1)


def test_post_init() -> None:
    @record
    class Checked:
        value: int

        def __post_init__(self) -> None:
            if self.value < 0:
                raise ValueError(self.value)

    assert Checked(1).value == 1
    with pytest.raises(ValueError):
        Checked(-1)


def test_a_field_may_have_any_name() -> None:
    @record
    class Named:
        values: int
        names: int

    assert (Named(1, 2).values, Named(1, 2).names) == (1, 2)
