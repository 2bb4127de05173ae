"""CRC-32C, the checksum of TensorFlow's checkpoints, at numpy's speed.

The remainder of a division of polynomials over GF(2) is linear in the data. So much data is cut into
lanes of equal length, whose remainders are computed side by side, sixteen bits a step; pairs of lanes
are then joined: what stands in front is as if that many zeros followed it.
Source: RFC 3720, appendix B.4 (polynomial); tensorflow/core/lib/hash/crc32c.h (mask).
"""

from __future__ import annotations

import functools

import numpy as np
from numpy.typing import NDArray

POLYNOMIAL = 0x82F63B78
"""Castagnoli's, bits reversed."""

_Words = NDArray[np.uint32]
_MUCH = 1 << 13
"""Bytes from which on lanes are faster than byte by byte."""

_LANES = 1 << 15
_PIECE = 1 << 24
"""Bytes whose checksum is computed at once, so that the lanes stay small."""


def crc32c(data: bytes | bytearray | memoryview, before: int = 0) -> int:
    """The checksum of `data`, going on from the checksum `before` of what stands in front of it."""
    view = memoryview(data).cast("B")
    for start in range(0, len(view), _PIECE):
        before = _piece(np.frombuffer(view[start : start + _PIECE], np.uint8), before)
    return before


def mask(checksum: int) -> int:
    """A checksum as it is stored: rotated and shifted, since data that holds its own is unlucky."""
    return ((checksum >> 15 | checksum << 17) + 0xA282EAD8) & 0xFFFFFFFF


def _piece(data: NDArray[np.uint8], before: int) -> int:
    checksum = before ^ 0xFFFFFFFF
    if len(data) >= _MUCH:
        lanes = min(_LANES, 1 << (len(data) // 64).bit_length() - 1)
        length = len(data) // lanes // 2 * 2
        inside = lanes * length
        remainders = _remainders(data[:inside].reshape(lanes, length))
        checksum = int(_zeros(np.array([checksum], np.uint32), inside)[0]) ^ _joined(remainders, length)
        data = data[inside:]
    table = _bytes_list()
    for byte in data.tolist():
        checksum = table[(checksum ^ byte) & 0xFF] ^ checksum >> 8
    return checksum ^ 0xFFFFFFFF


def _remainders(lanes: NDArray[np.uint8]) -> _Words:
    """The remainder of each row, from 0 and without the final inversion."""
    table = _words_table()
    remainders = np.zeros(len(lanes), np.uint32)
    for column in np.ascontiguousarray(lanes.view("<u2").T):
        remainders = table[(remainders ^ column) & 0xFFFF] ^ remainders >> np.uint32(16)
    return remainders


def _joined(remainders: _Words, length: int) -> int:
    """The remainder of all rows, each of `length` bytes, behind one another."""
    while len(remainders) > 1:
        remainders = _zeros(remainders[0::2], length) ^ remainders[1::2]
        length *= 2
    return int(remainders[0])


def _zeros(remainders: _Words, count: int) -> _Words:
    """The remainders after `count` more bytes of zeros."""
    operator = _zeros_operator(count)
    result = np.zeros_like(remainders)
    for bit in range(32):
        result ^= (remainders >> np.uint32(bit) & np.uint32(1)) * operator[bit]
    return result


@functools.lru_cache(maxsize=256)
def _zeros_operator(count: int) -> _Words:
    """What `count` bytes of zeros make of each single bit."""
    bits = np.uint32(1) << np.arange(32, dtype=np.uint32)
    if count == 1:
        return _after_byte(bits)
    half = _zeros(_zeros_operator(count // 2), count // 2)
    return _zeros(half, 1) if count % 2 else half


@functools.cache
def _bytes_table() -> _Words:
    """Remainders of one byte."""
    table = np.arange(256, dtype=np.uint32)
    for _ in range(8):
        table = table >> np.uint32(1) ^ (table & np.uint32(1)) * np.uint32(POLYNOMIAL)
    return table


def _after_byte(remainders: _Words) -> _Words:
    """The remainders after one more byte of zeros."""
    result: _Words = _bytes_table()[remainders & 0xFF] ^ remainders >> np.uint32(8)
    return result


@functools.cache
def _bytes_list() -> list[int]:
    """The same as Python's own numbers, which are faster one at a time."""
    return [int(remainder) for remainder in _bytes_table()]


@functools.cache
def _words_table() -> _Words:
    """Remainders of two bytes."""
    words = np.arange(1 << 16, dtype=np.uint32)
    return _after_byte(_after_byte(words))
