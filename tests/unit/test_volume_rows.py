"""The rows of volumes, and the coverage that stands beside them."""

from __future__ import annotations

from collections.abc import Iterable
from zoneinfo import ZoneInfo

import numpy as np
import orjson
import pytest

from aforo.local_time import HOUR_US, buckets
from aforo.model import Point
from aforo.site import Line
from api.place_series import CountedPlace, Series
from api.rest.volume_rows import csv_parts, json_parts

BOGOTA, LONDON = ZoneInfo("America/Bogota"), ZoneInfo("Europe/London")
MIDNIGHT_US = 1_746_507_600 * 1_000_000  # 2025-05-06 in Bogotá


def series(observed_us: list[int]) -> Series:
    place = CountedPlace("north", Line("stop", (Point(0.1, 0.5), Point(0.9, 0.5)), ("in", "out")))
    spans = buckets(MIDNIGHT_US, MIDNIGHT_US + len(observed_us) * HOUR_US, "1h", BOGOTA)
    counts = np.zeros((2, len(observed_us)), np.int64)
    counts[:, 0] = 5, 2
    return Series(place, spans, {("in", "car"): counts}, np.array(observed_us))


def whole(parts: Iterable[bytes]) -> bytes:
    return b"".join(parts)


def test_every_bucket_has_a_row_and_an_unobserved_one_is_unknown() -> None:
    answer = orjson.loads(whole(json_parts({"site": "s"}, [series([HOUR_US, 0])], {"class"}, BOGOTA)))
    place = {"camera": "north", "line": "stop", "road_user": "car"}
    assert answer == {
        "site": "s",
        "rows": [
            {"start": "2025-05-06T00:00:00-05:00", "end": "2025-05-06T01:00:00-05:00", **place}
            | {"count": 5, "provisional": 2, "coverage": 1.0, "complete": True},
            {"start": "2025-05-06T01:00:00-05:00", "end": "2025-05-06T02:00:00-05:00", **place}
            | {"count": None, "provisional": 0, "coverage": 0.0, "complete": False},
        ],
    }


@pytest.mark.parametrize(("by", "names"), [(set(), [{}]), ({"direction"}, [{"direction": "in"}, {"direction": "out"}])])
def test_counts_are_split_by_what_is_asked_for(by: set[str], names: list[dict[str, str]]) -> None:
    rows = orjson.loads(whole(json_parts({"a": 1}, [series([HOUR_US])], by, BOGOTA)))["rows"]
    assert [{key: row[key] for key in row if key in ("direction", "road_user")} for row in rows] == names
    assert [row["count"] for row in rows] == [5, 0][: len(names)]


def test_the_csv_has_the_rows_of_the_json() -> None:
    made = series([HOUR_US, 0])
    lines = whole(csv_parts([made], {"class"}, BOGOTA)).decode().splitlines()
    assert lines[0] == "start,end,camera,line,zone,road_user,count,provisional,coverage,complete"
    assert lines[2] == "2025-05-06T01:00:00-05:00,2025-05-06T02:00:00-05:00,north,stop,,car,,0,0.0,false"


def test_utc_is_written_as_z_and_other_times_with_their_offset() -> None:
    in_utc = Series(series([0]).place, buckets(0, HOUR_US, "1h", ZoneInfo("UTC")), {}, np.array([0]))
    assert b'"start":"1970-01-01T00:00:00Z"' in whole(json_parts({"a": 1}, [in_utc], set(), ZoneInfo("UTC")))
    in_summer = orjson.loads(whole(json_parts({"a": 1}, [series([0])], set(), LONDON)))["rows"][0]
    assert in_summer["start"] == "2025-05-06T06:00:00+01:00"


def test_coverage_and_completeness_are_those_of_the_measures() -> None:
    made = series([0, 1, HOUR_US * 99 // 100 - 1, HOUR_US * 99 // 100, HOUR_US, HOUR_US + 7])
    measured = made.measured()
    assert made.coverage == [figures.coverage for figures in measured]
    assert made.complete == [figures.complete for figures in measured]
