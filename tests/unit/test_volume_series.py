"""Volumes by columns."""

from __future__ import annotations

from aforo.model import Volume
from aforo.volume_series import Volumes

ROWS = [
    Volume(0, "line", "stop", "in", "car", 3, 1),
    Volume(0, "line", "stop", "out", "car", 2, 0),
    Volume(60, "line", "far", "in", "car", 4, 0),
    Volume(60, "line", "stop", "in", "car", 7, 7),
]


def volumes() -> Volumes:
    return Volumes.of(
        (row.start_us, row.kind, row.place, row.direction, row.road_user, row.count, row.provisional) for row in ROWS
    )


def test_rows_become_a_series_per_place_direction_and_class_and_come_back_by_start() -> None:
    found = volumes()
    assert [(series.place, series.direction) for series in found.series] == [
        ("stop", "in"),
        ("stop", "out"),
        ("far", "in"),
    ]
    first = found.series[0]
    assert (first.start_us.tolist(), first.count.tolist(), first.provisional.tolist()) == ([0, 60], [3, 7], [1, 7])
    assert sorted(found, key=str) == sorted(ROWS, key=str)
    assert [row.start_us for row in found] == [0, 0, 60, 60]


def test_of_no_rows_there_is_nothing() -> None:
    assert list(Volumes.of([])) == []
