"""At-least-once delivery gives exactly-once counts: whatever is replayed, in the end there are the same rows."""

from __future__ import annotations

import tempfile
from collections.abc import Iterator
from contextlib import closing, contextmanager
from pathlib import Path

from hypothesis import given, settings
from hypothesis import strategies as st

from aforo.local_time import INTERVALS
from aforo.model import Coverage, Crossing, Rows, TrackKey
from aggregate.store.sqlite.reader import SqliteReader
from aggregate.store.sqlite.writer import SqliteStore

END_US = 3 * INTERVALS["1d"]
LINES = ("a", "b")

crossings = st.builds(
    Crossing,
    camera=st.just("c"),
    session=st.sampled_from(("s1", "s2")),
    track_id=st.integers(0, 3),
    line=st.sampled_from(LINES),
    ordinal=st.integers(0, 1),
    at_us=st.integers(0, END_US - 1),
    direction=st.sampled_from(("up", "down")),
    road_user=st.sampled_from(("car", "bus")),
    final=st.just(True),
    geometry=st.just("v"),
)
coverages = st.builds(
    Coverage,
    camera=st.just("c"),
    session=st.sampled_from(("s1", "s2")),
    minute_us=st.integers(0, 99).map(lambda minute: minute * INTERVALS["1m"]),
    observed_us=st.integers(0, INTERVALS["1m"]),
    frames=st.integers(0, 600),
    dropped=st.integers(0, 600),
)
tracks = st.builds(TrackKey, st.just("c"), st.sampled_from(("s1", "s2")), st.integers(0, 3))
unique_crossings = st.lists(
    crossings, max_size=12, unique_by=lambda row: (row.session, row.track_id, row.line, row.ordinal)
)


@contextmanager
def database() -> Iterator[tuple[SqliteStore, SqliteReader]]:
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "counts.db"
        with SqliteStore(path) as store, closing(SqliteReader(path)) as reader:
            yield store, reader


def contents(reader: SqliteReader) -> tuple[object, ...]:
    return (
        sorted(reader.crossings(LINES, 0, END_US, 1000), key=str),
        reader.coverage(["c"], 0, END_US, "1m"),
    )


@given(
    rows=unique_crossings,
    observed=st.lists(coverages, max_size=12),
    voided=st.lists(tracks, max_size=3),
    data=st.data(),
)
@settings(max_examples=40, deadline=None)
def test_replaying_any_suffix_changes_nothing(
    rows: list[Crossing], observed: list[Coverage], voided: list[TrackKey], data: st.DataObject
) -> None:
    batches = [Rows(crossings=[row]) for row in rows] + [Rows(coverage=[row]) for row in observed]
    batches += [Rows(voided=[key]) for key in voided]
    with database() as (store, reader):
        for batch in batches:
            store.write(batch)
        before = contents(reader)
        for batch in batches[data.draw(st.integers(0, len(batches))) :]:
            store.write(batch)
        assert contents(reader) == before


@given(rows=unique_crossings, interval=st.sampled_from(sorted(INTERVALS)))
@settings(max_examples=40, deadline=None)
def test_the_buckets_of_every_interval_sum_to_the_crossings(rows: list[Crossing], interval: str) -> None:
    with database() as (store, reader):
        store.write(Rows(crossings=rows))
        volumes = reader.volumes("line", LINES, 0, END_US, interval)
        for line in LINES:
            assert sum(volume.count for volume in volumes if volume.place == line) == sum(
                row.line == line for row in rows
            )
