"""What `/v1/volumes`, `movements`, `crossings` and `coverage` answer, made from a reader's rows.

Knows nothing of the web framework: large answers are made in a process of their own, which starts the sooner for that.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from aforo.local_time import Bucket, buckets, local_time
from aforo.model import MICROSECONDS
from aforo.ports import CountReader
from aforo.site import Site
from aforo.traffic_measures import measured
from api.content import Content
from api.place_series import CountedPlace, read_series
from api.rest.schemas import CountsAnswer, CoverageAnswer, CoverageRow, CrossingAnswer, CrossingsAnswer
from api.rest.volume_rows import csv_parts, etag_of, json_parts

JSON = {"content-type": "application/json"}
CSV = {"content-type": "text/csv; charset=utf-8"}


def counts_content(
    site: Site,
    places: Sequence[CountedPlace],
    start_us: int,
    end_us: int,
    interval: str,
    by: set[str],
    shape: str,
    reader: CountReader,
) -> Content:
    """The counts of places per bucket, as JSON or CSV.

    Raises:
        StoreError: the database cannot be read.
    """
    spans, zone = buckets(start_us, end_us, interval, site.timezone), site.timezone
    series = read_series(reader, places, spans, interval)
    heading = CountsAnswer(**_heading(site, interval, spans), rows=[]).model_dump(mode="json", by_alias=True)
    del heading["rows"]
    etag = etag_of(heading, series, by, shape)
    if shape == "csv":
        return Content(CSV, csv_parts(series, by, zone), etag)
    return Content(JSON, json_parts(heading, series, by, zone), etag)


def coverage_content(
    site: Site, cameras: Sequence[str], start_us: int, end_us: int, interval: str, reader: CountReader
) -> Content:
    """Observed time per camera and bucket.

    Raises:
        StoreError: the database cannot be read.
    """
    spans, zone = buckets(start_us, end_us, interval, site.timezone), site.timezone
    shares = {
        (share.camera, share.start_us): share
        for share in reader.coverage(cameras, spans[0].start_us, spans[-1].end_us, interval)
    }
    rows = []
    for camera in cameras:
        for span in spans:
            share = shares.get((camera, span.start_us))
            figures = measured(span, 0, 0, share.observed_us if share else 0)
            rows.append(
                CoverageRow(
                    start=local_time(span.start_us, zone),
                    end=local_time(span.end_us, zone),
                    camera=camera,
                    observed_s=figures.observed_us / MICROSECONDS,
                    coverage=round(figures.coverage, 4),
                    complete=figures.complete,
                    frames=share.frames if share else 0,
                    dropped=share.dropped if share else 0,
                )
            )
    answer = CoverageAnswer(**_heading(site, interval, spans), rows=rows)
    return Content(JSON, [answer.model_dump_json(by_alias=True).encode()])


def crossings_content(
    site: Site, lines: Sequence[str], start_us: int, end_us: int, limit: int, reader: CountReader
) -> Content:
    """Single crossings, newest first.

    Raises:
        StoreError: the database cannot be read.
    """
    answer = CrossingsAnswer(
        rows=[
            CrossingAnswer(
                at=local_time(row.at_us, site.timezone),
                camera=row.camera,
                line=row.line,
                direction=row.direction,
                road_user=row.road_user,
                final=row.final,
                session=row.session,
                track=row.track_id,
                geometry=row.geometry,
                class_confidence=row.class_confidence,
            )
            for row in reader.crossings(lines, start_us, end_us, limit)
        ]
    )
    return Content(JSON, [answer.model_dump_json(by_alias=True).encode()])


def _heading(site: Site, interval: str, spans: Sequence[Bucket]) -> dict[str, Any]:
    return {
        "site": site.id,
        "timezone": site.timezone.key,
        "interval": interval,
        "start": local_time(spans[0].start_us, site.timezone),
        "end": local_time(spans[-1].end_us, site.timezone),
    }
