"""CRC-32C: known sums, and the plain definition."""

from __future__ import annotations

import random

import pytest

from spinedsl.weights.tensorflow.crc32c import POLYNOMIAL, crc32c, mask


def defined(data: bytes, before: int = 0) -> int:
    """The definition, a bit at a time."""
    checksum = before ^ 0xFFFFFFFF
    for byte in data:
        checksum ^= byte
        for _ in range(8):
            checksum = checksum >> 1 ^ (POLYNOMIAL if checksum & 1 else 0)
    return checksum ^ 0xFFFFFFFF


# RFC 3720, appendix B.4, but for the first two.
@pytest.mark.parametrize(
    ("data", "expected"),
    [
        (b"", 0),
        (b"123456789", 0xE3069283),
        (bytes(32), 0x8A9136AA),
        (b"\xff" * 32, 0x62A8AB43),
        (bytes(range(32)), 0x46DD794E),
        (bytes(range(31, -1, -1)), 0x113FDB5C),
    ],
)
def test_known_sums(data, expected):
    assert crc32c(data) == expected


@pytest.mark.parametrize("length", [8191, 8192, 8193, 8255, 16384, 16385, 20_001])
def test_lanes_give_what_the_definition_gives(length):
    data = random.Random(length).randbytes(length)
    assert crc32c(data, 12345) == defined(data, 12345)


def test_goes_on_from_what_stands_in_front(monkeypatch):
    data = random.Random(0).randbytes(50_000)
    for cut in (0, 1, 9000, 49_999):
        assert crc32c(data[cut:], crc32c(data[:cut])) == crc32c(data)
    whole = crc32c(data)
    monkeypatch.setattr("spinedsl.weights.tensorflow.crc32c._PIECE", 12_345)
    assert crc32c(data) == whole


def test_mask():
    """tensorflow/core/lib/hash/crc32c_test.cc: a mask changes a sum, and differs from its own mask."""
    checksum = crc32c(b"foo")
    assert mask(checksum) == ((checksum >> 15 | (checksum << 17) & 0xFFFFFFFF) + 0xA282EAD8) & 0xFFFFFFFF
    assert len({checksum, mask(checksum), mask(mask(checksum))}) == 3
