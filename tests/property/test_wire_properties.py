"""The wire format under any message and any bytes; counts from the wire equal counts from memory."""

from __future__ import annotations

from contextlib import suppress

from hypothesis import given, settings
from hypothesis import strategies as st

from aforo.bus import wire
from aforo.errors import WireError
from aforo.model import Box, PastPosition, Rows, TrackedFrame, TrackedObject, TrackEnd
from aforo.tracked_batch import TrackedBatch
from app import assemble
from app.validation.synthetic_traffic import camera_section, traffic

_float32 = st.floats(0, 1, width=32)
_names = st.text(st.characters(exclude_categories=("C", "Z")), min_size=1, max_size=20)
_times = st.integers(0, 4_102_444_800_000_000)
_ids = st.integers(0, 2**63 - 1)


@st.composite
def _boxes(draw: st.DrawFn) -> Box:
    x1, x2 = sorted((draw(_float32), draw(_float32)))
    y1, y2 = sorted((draw(_float32), draw(_float32)))
    return Box(x1, y1, x2, y2)


_objects = st.builds(
    TrackedObject,
    track_id=_ids,
    box=_boxes(),
    road_user=_names,
    confidence=_float32,
    first=st.booleans(),
    backfill=st.lists(st.builds(PastPosition, _times, _boxes()), max_size=3).map(tuple),
)
_frames = st.builds(
    TrackedFrame,
    camera=st.from_regex(r"[A-Za-z0-9][A-Za-z0-9._-]{0,63}", fullmatch=True),
    session=_names,
    index=st.integers(0, 2**40),
    captured_at_us=_times,
    span_us=st.integers(0, 86_400_000_000),
    width_px=st.integers(1, 65535),
    height_px=st.integers(1, 65535),
    objects=st.lists(_objects, max_size=6).map(tuple),
    ended=st.lists(st.builds(TrackEnd, _ids, st.none() | _names), max_size=4).map(tuple),
    dropped=st.integers(0, 2**31),
    last=st.booleans(),
)


@settings(deadline=None)  # the first one imports
@given(_frames, st.integers(0, 2**32 - 1))
def test_every_message_comes_back(frame: TrackedFrame, sequence: int) -> None:
    message = wire.decode(wire.encode(frame, sequence))
    assert (message.sequence, message.frame) == (sequence, frame)


@given(st.binary(max_size=300) | st.binary(min_size=60, max_size=300).map(lambda data: b"\x02" + data))
def test_garbage_is_refused_by_a_wire_error_and_nothing_else(data: bytes) -> None:
    with suppress(WireError):
        wire.decode(data)


@given(_frames, st.data())
def test_a_damaged_byte_is_refused_or_gives_another_valid_message(frame: TrackedFrame, data: st.DataObject) -> None:
    damaged = bytearray(wire.encode(frame, 0))
    damaged[data.draw(st.integers(0, len(damaged) - 1))] ^= data.draw(st.integers(1, 255))
    with suppress(WireError):
        wire.decode(bytes(damaged))


@settings(max_examples=10, deadline=None)
@given(st.integers(0, 1000), st.floats(0.98, 1.02))
def test_counts_from_the_wire_equal_counts_from_memory(seed: int, scale: float) -> None:
    """Also of positions that 32 bits do not hold exactly; times may then differ by a rounding, at most 1 µs."""
    counters = [assemble.counting_stage([camera_section(0)]) for _ in range(2)]
    frames, _ = traffic(range(1), fps=5, road_users=8, seconds=20, seed=seed)
    for sequence, frame in enumerate(frames):
        scaled = TrackedFrame(
            frame.camera,
            frame.session,
            frame.index,
            frame.captured_at_us,
            frame.span_us,
            frame.width_px,
            frame.height_px,
            tuple(_scaled(seen, scale) for seen in frame.objects),
            frame.ended,
            last=frame.last,
        )
        memory, carried = (
            counter.add(TrackedBatch.of([message]))
            for counter, message in zip(
                counters, (scaled, wire.decode(wire.encode(scaled, sequence)).frame), strict=True
            )
        )
        assert _without_times(memory) == _without_times(carried)
        for here, there in zip(memory.crossings, carried.crossings, strict=True):
            assert abs(here.at_us - there.at_us) <= 1


def _scaled(seen: TrackedObject, scale: float) -> TrackedObject:
    box = Box(*(value * scale for value in seen.box))
    backfill = tuple(PastPosition(past.at_us, Box(*(value * scale for value in past.box))) for past in seen.backfill)
    return TrackedObject(seen.track_id, box, seen.road_user, seen.confidence, seen.first, backfill)


def _without_times(rows: Rows) -> tuple[object, ...]:
    return (
        [(row.track_id, row.line, row.ordinal, row.direction, row.road_user, row.final) for row in rows.crossings],
        [(row.track_id, row.zone, row.ordinal, row.road_user, row.final) for row in rows.visits],
        [(row.track_id, row.movement, row.ordinal, row.road_user, row.final) for row in rows.movements],
        rows.coverage,
        rows.voided,
    )
