"""The wire format: what it keeps, what it refuses."""

from __future__ import annotations

import struct
from dataclasses import replace

import pytest

from aforo.bus import wire
from aforo.errors import WireError
from aforo.model import Box, PastPosition, TrackedFrame, TrackedObject, TrackEnd

FRAME = TrackedFrame(
    camera="north",
    session="20260305T123000Z-ab12cd",
    index=1234,
    captured_at_us=1_772_700_000_123_456,
    span_us=100_000,
    width_px=1920,
    height_px=1080,
    objects=(
        TrackedObject(7, Box(0.125, 0.25, 0.375, 0.5), "cyclist", 0.75),
        TrackedObject(
            8,
            Box(0.5, 0.25, 0.625, 0.5),
            "autobús articulado",
            0.5,
            first=True,
            backfill=(PastPosition(1_772_700_000_023_456, Box(0.5, 0.25, 0.625, 0.5)),),
        ),
    ),
    ended=(TrackEnd(5, "car", 0.75), TrackEnd(6, None)),
    dropped=3,
)

VERSION_2 = bytes.fromhex(
    "020263000000d20400000000000040facce1424c0600a086010000000000800700003804000003000000200002000200"
    "0100000005176e6f7274683230323630333035543132333030305a2d616231326364136175746f62c3ba732061727469"
    "63756c61646f03636172076379636c69737407000000000000000000003e0000803e0000c03e0000003f0000403f0200"
    "000008000000000000000000003f0000803e0000203f0000003f0000003f00010100a073cbe1424c06000000003f0000"
    "803e0000203f0000003f0500000000000000010600000000000000ff"
)
"""`FRAME` as version 2 wrote it, which had no probabilities of classes; its place in the session is 99."""


def _decoded(data: bytes) -> tuple[int, TrackedFrame]:
    message = wire.decode(data)
    return message.sequence, message.frame


def test_a_message_comes_back_as_it_was() -> None:
    assert _decoded(wire.encode(FRAME, 99)) == (99, FRAME)


def test_a_message_of_the_version_before_is_read_and_says_nothing_of_how_sure_a_class_is() -> None:
    ended = tuple(replace(end, class_confidence=None) for end in FRAME.ended)
    assert _decoded(VERSION_2) == (99, replace(FRAME, ended=ended))
    decoded = wire.decode_all([VERSION_2, wire.encode(FRAME, 100)])
    assert [frame.ended[0].class_confidence for frame in decoded.batch.frames()] == [None, 0.75]


def test_a_message_of_the_version_before_that_is_cut_short_is_refused() -> None:
    for length in range(len(VERSION_2)):
        with pytest.raises(WireError):
            wire.decode(VERSION_2[:length])


def test_an_empty_picture_and_the_end_of_a_session_come_back() -> None:
    last = TrackedFrame("north", "s", 0, 1, 0, 640, 480, last=True)
    assert _decoded(wire.encode(last, 0)) == (0, last)


def test_positions_are_kept_to_a_ten_thousandth_of_a_pixel_and_then_for_ever() -> None:
    box = Box(0.1, 0.2, 0.3, 0.7)
    frame = TrackedFrame("north", "s", 0, 1, 0, 1920, 1080, (TrackedObject(1, box, "car", 0.9),))
    _, once = _decoded(wire.encode(frame, 0))
    for kept, was in zip(once.objects[0].box, box, strict=True):
        assert abs(kept - was) * 1920 < 1e-4
    assert _decoded(wire.encode(once, 0))[1] == once


def test_eight_road_users_take_less_than_four_hundred_bytes() -> None:
    objects = tuple(TrackedObject(n, Box(0.1, 0.2, 0.3, 0.7), "car", 0.9) for n in range(8))
    frame = TrackedFrame("sim-00001", "20260305T123000Z-ab12cd", 0, 1, 0, 1920, 1080, objects)
    assert len(wire.encode(frame, 0)) < 400


def test_another_version_is_refused_and_named() -> None:
    data = b"\x01" + wire.encode(FRAME, 0)[1:]
    with pytest.raises(WireError, match="expected a tracked frame of version 3, got version 1; update the older"):
        wire.decode(data)


@pytest.mark.parametrize(
    "data", [b"", b"{}", *(v + rest for v in (b"\x02", b"\x03") for rest in (b"", bytes(200), v * 299))]
)
def test_what_is_no_message_is_refused(data: bytes) -> None:
    with pytest.raises(WireError, match="expected a tracked frame"):
        wire.decode(data)


def test_no_message_cut_short_or_with_more_behind_it_is_taken() -> None:
    data = wire.encode(FRAME, 0)
    for length in range(len(data)):
        with pytest.raises(WireError):
            wire.decode(data[:length])
    with pytest.raises(WireError):
        wire.decode(data + b"\x00")


@pytest.mark.parametrize("coordinate", [float("nan"), float("inf"), -17.0])
def test_a_position_that_is_none_is_refused(coordinate: float) -> None:
    frame = TrackedFrame("n", "s", 0, 1, 0, 1, 1, (TrackedObject(1, Box(coordinate, 0, 1, 1), "car", 0.9),))
    with pytest.raises(WireError, match="a box that lies nowhere near"):
        wire.decode(wire.encode(frame, 0))


@pytest.mark.parametrize(
    ("frame", "reason"),
    [
        (TrackedFrame("n", "s", 0, -1, 0, 1, 1), "a time that is none"),
        (TrackedFrame("n", "s", 0, 5_000_000_000_000_000, 0, 1, 1), "a time that is none"),
        (
            TrackedFrame(
                *("n", "s", 0, 1, 0, 1, 1),
                (TrackedObject(1, Box(0, 0, 1, 1), "car", 0.9, True, (PastPosition(-5, Box(0, 0, 1, 1)),)),),
            ),
            "a time that is none",
        ),
        (TrackedFrame("n", "s", 0, 1, 90_000_000_000, 1, 1), "a span that is none"),
        (
            TrackedFrame("n", "s", 0, 1, 0, 1, 1, (TrackedObject(2**63, Box(0, 0, 1, 1), "car", 0.9),)),
            "a track with no",
        ),
        (TrackedFrame("n", "s", 0, 1, 0, 1, 1, ended=(TrackEnd(2**63, "car"),)), "a track with no number"),
        (TrackedFrame("n", "s", 0, 1, 0, 1, 1, ended=(TrackEnd(1, "car", 1.5),)), "a probability that is none"),
        (TrackedFrame("n\0", "s", 0, 1, 0, 1, 1), "bytes that are none"),
        (TrackedFrame("n", "s", 0, 1, 0, 1, 1, (TrackedObject(1, Box(0, 0, 1, 1), "a\x1eb", 0.9),)), "that are none"),
    ],
)
def test_what_no_store_could_keep_is_refused(frame: TrackedFrame, reason: str) -> None:
    """One such message, set aside, must not stop the counting of all cameras."""
    with pytest.raises(WireError, match=reason):
        wire.decode(wire.encode(frame, 0))


def test_what_does_not_fit_is_refused_with_the_camera() -> None:
    with pytest.raises(WireError, match="camera north: frame -1 does not fit"):
        wire.encode(TrackedFrame("north", "s", -1, 1, 0, 1, 1), 0)
    with pytest.raises(WireError, match="does not fit"):
        wire.encode(TrackedFrame("n" * 300, "s", 0, 1, 0, 1, 1), 0)


def test_a_class_that_the_message_does_not_name_is_refused() -> None:
    frame = TrackedFrame("n", "s", 0, 1, 0, 1, 1, ended=(TrackEnd(1, "car"),))
    data = bytearray(wire.encode(frame, 0))
    struct.pack_into("<B", data, len(data) - 5, 9)
    with pytest.raises(WireError):
        wire.decode(bytes(data))
