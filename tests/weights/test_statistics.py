"""Files of weights in numbers, and against each other."""

from __future__ import annotations

import math

import numpy as np
import pytest
from numeric.garden_fixtures import Variables

from spinedsl.weights.files import Entry
from spinedsl.weights.statistics import compare_files, statistics

NAN, INF = math.nan, math.inf


def file(**tensors) -> Variables:
    return Variables({name: np.asarray(values, np.float32) for name, values in tensors.items()})


def test_statistics():
    (row,) = statistics(file(x=[[1, 2], [NAN, -5], [INF, -INF]]))
    assert (row.shape, row.dtype, row.bytes, row.elements, row.bad) == ((3, 2), "F32", 24, 6, 3)
    assert (row.lowest, row.highest) == (-5, 2)
    assert row.mean == pytest.approx(-2 / 3)


@pytest.mark.parametrize("values", [[], [NAN]])
def test_statistics_of_nothing(values):
    (row,) = statistics(file(x=values))
    assert (row.lowest, row.highest, row.mean, row.bad) == (None, None, None, len(values))


def test_other_numbers_are_counted_and_not_read():
    whole = file(steps=[1])
    whole.entries["steps"] = Entry("I64", (2, 3), 0, 48)
    (row,) = statistics(whole)
    assert (row.dtype, row.elements, row.mean) == ("I64", 6, None)


def test_comparison():
    left = file(same=[1, 2], only_left=[1], shaped=[1, 2], changed=[4, -8])
    right = file(same=[1, 2], only_right=[1], shaped=[[1, 2]], changed=[4.5, -9])
    comparison = compare_files(left, right)
    assert (comparison.left, comparison.right) == (("only_left",), ("only_right",))
    assert comparison.shapes == (("shaped", (2,), (1, 2)),)
    (difference,) = comparison.differences
    assert (difference.name, difference.largest, difference.relative) == ("changed", 1, 1 / 8)
    assert comparison.compared == 2
    assert not comparison.equal


def test_a_file_equals_itself():
    assert compare_files(file(x=[1, NAN, INF], y=[]), file(x=[1, NAN, INF], y=[])).equal


@pytest.mark.parametrize(
    ("left", "right"),
    [([1, NAN], [1, 2]), ([1, 2], [1, NAN]), ([1, INF], [1, -INF]), ([1, INF], [1, 2]), ([0, 0], [0, 1])],
)
def test_differences_without_a_number_are_infinite(left, right):
    (difference,) = compare_files(file(x=left), file(x=right)).differences
    assert difference.relative == INF


def test_tolerance():
    left, right = file(x=[10, 1]), file(x=[10, 2])
    assert not compare_files(left, right, 0.09).equal
    assert compare_files(left, right, 0.1).equal


def test_what_files_record_is_compared_and_does_not_count():
    left, right = file(x=[1]), file(x=[1])
    left.metadata = {"source": "garden", "network": "a"}
    right.metadata = {"source": "tpu", "network": "a", "more": "b"}
    comparison = compare_files(left, right)
    assert comparison.metadata == (("more", None, "b"), ("source", "garden", "tpu"))
    assert comparison.equal


def test_counters_are_not_compared():
    left, right = file(x=[1], steps=[1]), file(x=[1], steps=[2])
    left.entries["steps"] = Entry("I64", (1,), 0, 8)
    comparison = compare_files(left, right)
    assert (comparison.skipped, comparison.compared, comparison.equal) == (("steps",), 1, True)
