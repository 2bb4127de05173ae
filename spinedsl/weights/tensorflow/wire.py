"""Protocol buffers' wire format, as far as checkpoints use it.

A message is a sequence of fields: a number, a wire type and a value. Reading gives what is there and
leaves the meaning to the caller; unknown fields are passed over, as the format asks.
Source: https://protobuf.dev/programming-guides/encoding/
"""

from __future__ import annotations

from collections.abc import Iterator

VARINT, FIXED64, LENGTH, FIXED32 = 0, 1, 2, 5
"""The wire types in use."""

Value = int | bytes


class WireProblem(Exception):
    """Bytes that are no message; the message says why, in half a sentence."""


def fields(message: bytes) -> Iterator[tuple[int, Value]]:
    """The fields of a message: a number, with an integer or the bytes of a text or inner message.

    Raises:
        WireProblem: it breaks off, or isn't a message.
    """
    place = 0
    while place < len(message):
        key, place = varint(message, place)
        value: Value
        match key & 7:
            case 0:
                value, place = varint(message, place)
            case 1:
                value, place = _fixed(message, place, 8)
            case 2:
                length, place = varint(message, place)
                if length > len(message) - place:
                    raise WireProblem("a field is longer than its message")
                value, place = message[place : place + length], place + length
            case 5:
                value, place = _fixed(message, place, 4)
            case _:
                raise WireProblem("a field has a type that doesn't exist")
        yield key >> 3, value


def varint(data: bytes, place: int) -> tuple[int, int]:
    """An integer of at most 64 bits, seven to a byte, and the place behind it.

    Raises:
        WireProblem: it doesn't end.
    """
    value = 0
    for shift in range(0, 70, 7):
        if place >= len(data):
            raise WireProblem("a number breaks off")
        byte = data[place]
        place += 1
        value |= (byte & 0x7F) << shift
        if byte < 0x80:
            return value & 0xFFFFFFFFFFFFFFFF, place
    raise WireProblem("a number doesn't end")


def signed(value: Value) -> int:
    """An int32 or int64 field, which holds negative numbers as 64 bits.

    Raises:
        WireProblem: the field holds no number.
    """
    if not isinstance(value, int):
        raise WireProblem("a text stands where a number belongs")
    return value - (1 << 64) if value >> 63 else value


def message(value: Value) -> bytes:
    """The bytes of a field that holds a text or an inner message.

    Raises:
        WireProblem: the field holds a number.
    """
    if isinstance(value, int):
        raise WireProblem("a number stands where a text belongs")
    return value


def text(value: Value) -> str:
    """A field that holds a text.

    Raises:
        WireProblem: it holds a number, or is not UTF-8.
    """
    try:
        return message(value).decode()
    except UnicodeDecodeError:
        raise WireProblem("a name is not UTF-8") from None


def encoded_varint(value: int) -> bytes:
    """A number that isn't negative, seven bits to a byte."""
    pieces = bytearray()
    while value >= 0x80:
        pieces.append(value & 0x7F | 0x80)
        value >>= 7
    pieces.append(value)
    return bytes(pieces)


def encoded_field(number: int, value: int | bytes) -> bytes:
    """A field that holds a number as a varint, or a text or inner message."""
    if isinstance(value, int):
        return encoded_varint(number << 3 | VARINT) + encoded_varint(value)
    return encoded_varint(number << 3 | LENGTH) + encoded_varint(len(value)) + value


def encoded_fixed32(number: int, value: int) -> bytes:
    """A field of four bytes."""
    return encoded_varint(number << 3 | FIXED32) + value.to_bytes(4, "little")


def _fixed(data: bytes, place: int, length: int) -> tuple[int, int]:
    if length > len(data) - place:
        raise WireProblem("a number breaks off")
    return int.from_bytes(data[place : place + length], "little"), place + length
