"""The least time on a device, counted by hand."""

from __future__ import annotations

from dataclasses import replace

import pytest

from spinedsl.analysis.roofline import DEVICES, Bound, Device, bound, device_of
from spinedsl.analysis.summary import summarise
from spinedsl.diagnostics import DiagnosticError
from spinedsl.graph.inline import InlinedNode
from spinedsl.ops import Activation, BatchNorm, Convolution, Operator, Shape
from spinedsl.specification import open_spec

SLOW = Device("slow", gflops=1e-9, gbps=1e-9, number=4)
"""An operation and a byte a second."""
SHAPE = Shape(2, 3, 5)


def node(operator: Operator) -> InlinedNode:
    return InlinedNode("y", "y", operator, ("x",), (SHAPE,), operator.output((SHAPE,)), None, "")


def rounded(found: Bound) -> Bound:
    return replace(found, seconds=round(found.seconds, 6))


def test_a_layer_takes_the_longer_of_both():
    layer = node(Convolution(2, 4))
    # 4 · 15 outputs of 2 products; 30 numbers in, 60 out, 8 weights.
    assert rounded(bound([(layer, 1)], SLOW)) == Bound(120, 392, 392.0, "memory")
    fast = Device("fast", gflops=1e-9, gbps=1, number=4)
    assert rounded(bound([(layer, 1)], fast)) == Bound(120, 392, 240.0, "compute")
    assert bound([(layer, 1)], SLOW).intensity == pytest.approx(240 / 392)


def test_weights_are_read_once_for_all_regions():
    assert rounded(bound([(node(Convolution(2, 4)), 10)], SLOW)) == Bound(1200, 3632, 3632.0, "memory")


def test_what_is_part_of_a_layer_moves_nothing():
    rows = [(node(BatchNorm(2, 1e-3, 0.9)), 1), (node(Activation("relu")), 1)]
    assert bound(rows, SLOW) == Bound(0, 0, 0.0, "memory")
    assert bound(rows, SLOW).intensity == 0


def test_half_the_bytes_are_half_the_time():
    half = Device("half", 1e-9, 1e-9, 2)
    assert bound([(node(Convolution(2, 4)), 1)], half).bytes == 196


@pytest.mark.parametrize("name", DEVICES)
def test_a_device_by_its_name(name):
    assert device_of(name) is DEVICES[name]


def test_a_processor_by_its_peaks():
    found = device_of("cpu:200,40.5")
    assert (found.gflops, found.gbps, found.number) == (200, 40.5, 4)


@pytest.mark.parametrize("text", ["h10", "cpu", "", "H100"])
def test_unknown_devices(text):
    with pytest.raises(DiagnosticError) as caught:
        device_of(text)
    (diagnostic,) = caught.value.diagnostics
    assert diagnostic.code == "SP030" and diagnostic.help


@pytest.mark.parametrize(
    "text",
    ["cpu:", "cpu:1", "cpu:1,", "cpu:0,1", "cpu:1,-2", "cpu:nan,1", "cpu:inf,1", "cpu:1,x", "cpu:1,2,3"],
)
def test_peaks_that_are_none(text):
    with pytest.raises(DiagnosticError) as caught:
        device_of(text)
    assert "doesn't say two peaks" in caught.value.diagnostics[0].message


@pytest.mark.parametrize("spec", ["std:spinenet49", "std:spinenet49_mask_rcnn"])
def test_the_whole_is_the_sum_of_its_blocks(spec):
    summary = summarise(open_spec(spec), DEVICES["t4"])
    assert summary.bound.macs == summary.macs
    assert summary.bound.seconds == pytest.approx(sum(row.bound.seconds for row in summary.rows))
    assert summary.bound.bytes == sum(row.bound.bytes for row in summary.rows)
    # Nothing is faster than its arithmetic alone.
    assert summary.bound.seconds >= 2e-9 * summary.macs / DEVICES["t4"].gflops
