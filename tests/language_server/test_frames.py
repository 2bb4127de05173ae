"""Finding messages behind damaged ones."""

from __future__ import annotations

import io

import pytest

from spinedsl.language_server.frames import MAX_MESSAGE, Frames

BODY = b'{"jsonrpc":"2.0"}'


def message(length: int | None = None, body: bytes = BODY) -> bytes:
    return b"Content-Length: %d\r\n\r\n%s" % (len(body) if length is None else length, body)


def bodies(data: bytes) -> list[bytes]:
    """What pygls would take as bodies."""
    frames, found, length = Frames(io.BytesIO(data)), [], 0
    while header := frames.readline():
        if header.startswith(b"Content-Length: "):
            length = int(header.split(b":")[1])
        if length and not header.strip():
            found.append(frames.read(length))
            length = 0
    return found


@pytest.mark.parametrize("wrong", [1, 5, len(BODY) - 1, len(BODY) + 1, len(BODY) + 7, len(BODY) + 20, 60])
def test_a_wrong_length_costs_one_message(wrong: int) -> None:
    assert bodies(message() + message(wrong) + message() + message())[-2:] == [BODY, BODY]


@pytest.mark.parametrize(
    "junk",
    [b"\r\n\r\n", b"GET / HTTP/1.1\r\n\r\n", b"\x00\xff" * 99, b"x" * 200_000, b"Content-Length: -1\r\n\r\n"],
)
def test_junk_between_messages_is_passed_over(junk: bytes) -> None:
    assert bodies(message() + junk + message())[-1] == BODY


def test_headers_may_be_written_in_other_ways() -> None:
    data = b"content-length:17\nContent-Type: application/json\n\n" + BODY
    assert bodies(data) == [BODY]


def test_a_huge_length_is_not_waited_for() -> None:
    assert bodies(message(MAX_MESSAGE + 1) + message()) == [BODY]


def test_a_body_may_speak_of_headers() -> None:
    body = b'{"text":"Content-Length: 5\\r\\n\\r\\nhello, Content-Length:"}'
    assert bodies(message(body=body) + message()) == [body, BODY]
