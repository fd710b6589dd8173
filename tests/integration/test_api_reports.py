"""Reports over the socket, and the hourly report against real counts with real gaps."""

from __future__ import annotations

import csv
import io
import re
from collections.abc import Iterator
from datetime import datetime, timedelta
from pathlib import Path

import httpx
import openpyxl
import pytest
from api_server import sample_server

from aforo.config.site import SiteConfiguration
from aforo.local_time import HOUR_US, to_us
from aforo.model import MINUTE_US, Coverage, Crossing, Rows
from aggregate.store.sqlite.reader import SqliteReader
from aggregate.store.sqlite.writer import SqliteStore
from api.place_series import find_place
from api.reports.hourly import hourly_report
from api.reports.workbook import to_csv


@pytest.fixture(scope="module")
def client(tmp_path_factory: pytest.TempPathFactory) -> Iterator[httpx.Client]:
    with sample_server(tmp_path_factory.mktemp("api")) as client:
        yield client


def test_a_report_comes_as_csv_xlsx_and_pdf(client: httpx.Client) -> None:
    address = "/v1/reports/hourly.{}?line=stop&from=2025-05-06T06:00&to=2025-05-06T10:00&lang=es"
    answer = client.get(address.format("csv"))
    assert answer.headers["content-type"] == "text/csv; charset=utf-8"
    assert answer.headers["content-disposition"] == 'attachment; filename="cll26_stop_20250506T0600_20250506T1000.csv"'
    rows = list(csv.reader(io.StringIO(answer.content.decode("utf-8-sig"))))
    assert [(row[1], row[-3], row[-1]) for row in rows[1:6]] == [
        ("06:00–07:00", "", "sin observación"),
        ("07:00–08:00", "5", "completa"),
        ("08:00–09:00", "1", "incompleta"),
        ("09:00–10:00", "", "sin observación"),
        ("Total", "6", "incompleta"),
    ]
    local = client.get(address.format("csv") + "&separator=semicolon").content.decode("utf-8-sig")
    assert "07:00–08:00;" in local
    assert re.search(r";0,\d+;", local)
    book = openpyxl.load_workbook(io.BytesIO(client.get(address.format("xlsx")).content))
    assert book.sheetnames == ["Resumen", "Horas"]
    answer = client.get(address.format("pdf"))
    assert answer.headers["content-type"] == "application/pdf"
    assert answer.content.startswith(b"%PDF")


@pytest.mark.parametrize(
    ("question", "first", "last"),
    [
        ("day=2025-05-05", "2025-05-05 00:00–01:00", "2025-05-05 23:00–00:00"),
        ("day=2025-05-06", "2025-05-06 00:00–01:00", "2025-05-06 10:00–11:00"),
        ("", "2025-05-06 00:00–01:00", "2025-05-06 10:00–11:00"),
    ],
)
def test_a_day_is_whole_and_today_ends_now(client: httpx.Client, question: str, first: str, last: str) -> None:
    answer = client.get(f"/v1/reports/hourly.csv?zone=crossing&{question}".rstrip("&"))
    rows = list(csv.reader(io.StringIO(answer.content.decode("utf-8-sig"))))
    hours = [f"{row[0]} {row[1]}" for row in rows if row and row[0].startswith("2025-")]
    assert (hours[0], hours[-1]) == (first, last)


@pytest.mark.parametrize(
    ("address", "status", "names"),
    [
        ("hourly.csv", 400, ["line", "neither"]),
        ("hourly.csv?line=stop&zone=crossing", 400, ["line", "both"]),
        ("hourly.csv?line=none", 404, ["line", "'none'", "stop"]),
        ("hourly.csv?line=stop&day=2025-05-06&from=2025-05-06", 400, ["day", "both"]),
        ("hourly.csv?line=stop&day=someday", 400, ["day", "'someday'"]),
        ("hourly.csv?line=stop&lang=fr", 400, ["lang", "'es'", "'fr'"]),
        ("hourly.csv?line=stop&from=2020-01-01&to=2025-01-01", 400, ["from", "at most a year"]),
        ("hourly.pdf?line=stop&from=2024-01-01&to=2024-03-01", 400, ["from", "month", "csv or xlsx"]),
        ("hourly.csv?line=stop&separator=tab", 400, ["separator", "'semicolon'", "'tab'"]),
        ("hourly.xlsx?line=stop&separator=semicolon", 400, ["separator", "only a CSV"]),
        ("hourly.csv?line=stop&days=1", 400, ["days", "no such parameter"]),
        ("hourly.ods?line=stop", 400, ["file_format", "'ods'"]),
    ],
)
def test_bad_questions_for_reports(client: httpx.Client, address: str, status: int, names: list[str]) -> None:
    answer = client.get(f"/v1/reports/{address}")
    assert answer.status_code == status, answer.text
    for name in names:
        assert name in answer.json()["error"]


@pytest.mark.shared_data
@pytest.mark.parametrize(
    ("sensor", "first_day"),
    [
        ("107 Quay Street", "2022-02-26"),  # breaks off on 1 March at 6:00
        ("107 Quay Street", "2022-07-18"),  # comes back on 22 July at 6:00
        ("45 Queen Street", "2024-09-16"),
        ("188 Quay Street Lower Albert (EW)", "2022-08-28"),
    ],
)
def test_a_week_of_real_counts_comes_out_as_it_went_in(
    shared_data: Path, tmp_path: Path, sensor: str, first_day: str
) -> None:
    site = SiteConfiguration.model_validate(
        {
            "site": {"id": "auckland", "timezone": "Pacific/Auckland"},
            "cameras": [{"id": "sensor", "source": "x", "lines": [{"id": "door", "points": [[0.1, 0.5], [0.9, 0.5]]}]}],
        }
    )
    first = datetime.fromisoformat(first_day)
    start_us, end_us = (to_us((first + timedelta(days=n)).replace(tzinfo=site.timezone)) for n in (0, 7))
    published: dict[tuple[str, int], int | None] = {}
    week = {(first + timedelta(days=n)).strftime("%Y-%m-%d") for n in range(7)}
    with (shared_data / "counts/auckland/hourly_counts.csv").open(encoding="utf-8-sig", newline="") as file:
        for row in csv.DictReader(file):
            if row["date"] in week:
                count = row[sensor]
                published[row["date"], int(row["hour"].split(":")[0])] = int(float(count)) if count else None
    rows = Rows()
    for (date, hour), count in published.items():
        at_us = to_us(datetime.fromisoformat(date).replace(hour=hour, tzinfo=site.timezone))
        if count is None:
            continue
        for minute in range(60):
            rows.coverage.append(Coverage("sensor", "s", at_us + minute * MINUTE_US, MINUTE_US, 600, 0))
        rows.crossings += [
            Crossing(
                "sensor",
                "s",
                len(rows.crossings) + k,
                "door",
                0,
                at_us + HOUR_US * k // count,
                "down",
                "pedestrian",
                True,
                "v",
            )
            for k in range(count)
        ]
    path = tmp_path / "counts.db"
    with SqliteStore(path) as store:
        store.register(site.domain())
        store.write(rows)
    reader = SqliteReader(path)
    report = hourly_report(site.domain(), reader, find_place(site.domain(), "line", "door"), start_us, end_us)
    reader.close()

    reported = {(f"{hour.day:%Y-%m-%d}", int(hour.label[:2])): hour.total.count for hour in report.hours}
    assert reported == published
    known = [count for count in published.values() if count is not None]
    assert report.total.total.count == (sum(known) if known else None)
    assert report.total.total.complete == (len(known) == len(reported))
    exported = list(csv.reader(io.StringIO(to_csv(report).decode("utf-8-sig"))))[1 : len(reported) + 1]
    assert [row[-3] for row in exported] == ["" if count is None else str(count) for count in reported.values()]
