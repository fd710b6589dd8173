"""The REST questions, asked over a socket of a real server with a real database."""

from __future__ import annotations

import csv
import io
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import httpx
import pytest
from api_server import Cameras, sample_server

MORNING = "from=2025-05-06T07:00&to=2025-05-06T10:00"


@pytest.fixture(scope="module")
def client(tmp_path_factory: pytest.TempPathFactory) -> Iterator[httpx.Client]:
    with sample_server(tmp_path_factory.mktemp("api"), Cameras({"north": "live", "south": "offline"})) as client:
        yield client


def rows(client: httpx.Client, address: str) -> list[dict[str, Any]]:
    answer = client.get(address)
    assert answer.status_code == 200, answer.text
    found: list[dict[str, Any]] = answer.json()["rows"]
    return found


def test_cameras_say_how_they_are_without_their_passwords(client: httpx.Client) -> None:
    answer = client.get("/v1/cameras")
    assert "hunter2" not in answer.text
    north, south = answer.json()["cameras"]
    assert north == {
        "id": "north",
        "name": "Norte",
        "state": "live",
        "reason": "",
        "reason_code": None,
        "reason_values": [],
        "source": "rtsp://10.0.0.5",
        "width_px": 1280,
        "height_px": 720,
        "fps": 9.88,
        "dropped": 4,
        "last_frame": "2025-05-06T10:29:57.500000-05:00",
        "lines": ["stop", "bare"],
        "zones": ["crossing"],
        "known_cars": None,
    }
    assert (south["state"], south["reason"], south["last_frame"]) == (
        "offline",
        "no picture within 20 s of connecting",
        None,
    )
    assert (answer.json()["site"], answer.json()["timezone"]) == ("cll26", "America/Bogota")


def test_cameras_are_unknown_where_none_run(tmp_path: Path) -> None:
    with sample_server(tmp_path) as client:
        assert [camera["state"] for camera in client.get("/v1/cameras").json()["cameras"]] == ["unknown"] * 2
        assert client.get("/readyz").status_code == 200


def test_lines_and_zones_have_their_geometry(client: httpx.Client) -> None:
    stop, bare, far = client.get("/v1/lines").json()["lines"]
    assert stop["points"] == [[0.1, 0.5], [0.9, 0.5]]
    assert (stop["directions"], stop["camera"], stop["name"]) == (["in", "out"], "north", "Acceso")
    assert set(bare["directions"]) == {"left", "right"}
    assert set(far["directions"]) == {"down", "up"}
    (zone,) = client.get("/v1/zones").json()["zones"]
    assert zone["polygon"] == [[0.1, 0.1], [0.9, 0.1], [0.5, 0.9]]
    assert zone["version"] != stop["version"]


def test_each_bucket_has_a_row_zero_where_observed_and_null_where_not(client: httpx.Client) -> None:
    found = rows(client, f"/v1/volumes?line=stop&{MORNING}&interval=1h")
    assert found == [
        {
            "start": "2025-05-06T07:00:00-05:00",
            "end": "2025-05-06T08:00:00-05:00",
            "camera": "north",
            "line": "stop",
            "count": 5,
            "provisional": 0,
            "coverage": 1.0,
            "complete": True,
        },
        {
            "start": "2025-05-06T08:00:00-05:00",
            "end": "2025-05-06T09:00:00-05:00",
            "camera": "north",
            "line": "stop",
            "count": 1,
            "provisional": 1,
            "coverage": 0.5,
            "complete": False,
        },
        {
            "start": "2025-05-06T09:00:00-05:00",
            "end": "2025-05-06T10:00:00-05:00",
            "camera": "north",
            "line": "stop",
            "count": None,
            "provisional": 0,
            "coverage": 0.0,
            "complete": False,
        },
    ]
    assert [row["count"] for row in rows(client, f"/v1/volumes?line=bare&{MORNING}")] == [0, 0, None]
    assert [row["count"] for row in rows(client, f"/v1/volumes?line=far&{MORNING}")] == [None] * 3


def test_counts_are_split_by_direction_and_class(client: httpx.Client) -> None:
    found = rows(client, f"/v1/volumes?line=stop&{MORNING}&by=class,direction")
    first_hour = {(row["direction"], row["road_user"]): row["count"] for row in found[:4]}
    assert first_hour == {("in", "cyclist"): 0, ("in", "car"): 3, ("out", "cyclist"): 2, ("out", "car"): 0}
    assert len(found) == 3 * 4
    assert {row["count"] for row in found[-4:]} == {None}


def test_a_place_where_no_class_was_seen_has_one_row_a_bucket(client: httpx.Client) -> None:
    found = rows(client, f"/v1/volumes?line=bare&{MORNING}&by=class")
    assert [(row["road_user"], row["count"]) for row in found] == [(None, 0), (None, 0), (None, None)]


@pytest.mark.parametrize("by", ["", "&by=class", "&by=direction", "&by=class,direction"])
@pytest.mark.parametrize("interval", ["1m", "5m", "15m", "1h", "1d"])
def test_however_they_are_split_buckets_sum_to_the_crossings(client: httpx.Client, interval: str, by: str) -> None:
    found = rows(client, f"/v1/volumes?line=stop&{MORNING}&interval={interval}{by}")
    assert sum(row["count"] or 0 for row in found) == 6
    assert {"direction" in row for row in found} == {"direction" in by}
    assert {"road_user" in row for row in found} == {"class" in by}


def test_without_a_place_all_are_answered_and_each_once(client: httpx.Client) -> None:
    found = rows(client, f"/v1/volumes?{MORNING}&interval=1d")
    assert [row.get("line") or row.get("zone") for row in found] == ["stop", "bare", "far", "crossing"]
    found = rows(client, f"/v1/volumes?zone=crossing&line=far&line=far&{MORNING}&interval=1d&by=direction")
    assert [(row.get("line"), row.get("zone"), row["direction"], row["count"]) for row in found] == [
        ("far", None, "down", None),
        ("far", None, "up", None),
        (None, "crossing", "entered", 1),
    ]


def test_the_default_range_is_today_until_now(client: httpx.Client) -> None:
    answer = client.get("/v1/volumes?line=stop").json()
    assert (answer["from"], answer["to"]) == ("2025-05-06T00:00:00-05:00", "2025-05-06T11:00:00-05:00")
    assert (answer["interval"], len(answer["rows"])) == ("1h", 11)


@pytest.mark.parametrize(
    ("start", "end"),
    [
        ("2025-05-06", "2025-05-07"),
        ("2025-05-06T00:00:00", "20250507"),
        ("2025-05-06T05:00:00Z", "2025-05-07T05:00Z"),
        ("2025-05-06T00:00:00-05:00", "2025-05-07T07:00:00+02:00"),
        ("2025-05-06T00:00:00-05:00", "2025-05-07T07:00:00%2B02:00"),
    ],
)
def test_times_may_be_dates_local_or_with_an_offset(client: httpx.Client, start: str, end: str) -> None:
    answer = client.get(f"/v1/volumes?line=stop&from={start}&to={end}&interval=1d").json()
    assert (answer["from"], answer["to"]) == ("2025-05-06T00:00:00-05:00", "2025-05-07T00:00:00-05:00")


def test_csv_has_the_same_figures_and_leaves_unknown_ones_empty(client: httpx.Client) -> None:
    answer = client.get(f"/v1/volumes?line=stop&zone=crossing&{MORNING}&by=direction&format=csv")
    assert answer.headers["content-type"] == "text/csv; charset=utf-8"
    listed = list(csv.DictReader(io.StringIO(answer.text)))
    expected = rows(client, f"/v1/volumes?line=stop&zone=crossing&{MORNING}&by=direction")
    assert [(row["start"], row["line"], row["zone"], row["direction"]) for row in listed] == [
        (row["start"], row.get("line") or "", row.get("zone") or "", row["direction"]) for row in expected
    ]
    assert [row["count"] for row in listed] == ["" if row["count"] is None else str(row["count"]) for row in expected]
    assert {row["complete"] for row in listed} == {"true", "false"}


def test_movements_are_counted_per_bucket(client: httpx.Client) -> None:
    found = rows(client, f"/v1/movements?{MORNING}&by=class")
    assert [(row["movement"], row["road_user"], row["count"]) for row in found] == [
        ("through", "car", 1),
        ("through", "car", 0),
        ("through", "car", None),
    ]


def test_coverage_tells_observed_seconds_and_frames(client: httpx.Client) -> None:
    found = rows(client, f"/v1/coverage?camera=north&{MORNING}")
    assert [(row["observed_s"], row["coverage"], row["complete"], row["frames"], row["dropped"]) for row in found] == [
        (3600, 1.0, True, 36000, 60),
        (1800, 0.5, False, 18000, 30),
        (0, 0.0, False, 0, 0),
    ]
    assert [row["camera"] for row in rows(client, f"/v1/coverage?{MORNING}&interval=1d")] == ["north", "south"]


def test_crossings_come_newest_first(client: httpx.Client) -> None:
    newest, before = rows(client, "/v1/crossings?limit=2")
    assert (newest["at"], newest["track"], newest["final"]) == ("2025-05-06T08:10:00-05:00", 9, False)
    assert (before["direction"], before["road_user"], before["final"]) == ("out", "cyclist", True)
    assert (newest["class_confidence"], before["class_confidence"]) == (None, 0.9)


@pytest.mark.parametrize(
    ("address", "status", "names"),
    [
        ("volumes?line=none", 404, ["line", "'none'", "stop, bare, far"]),
        ("volumes?zone=stop", 404, ["zone", "'stop'", "crossing"]),
        ("movements?movement=x", 404, ["movement", "through"]),
        ("coverage?camera=x", 404, ["camera", "north, south"]),
        ("crossings?line=x", 404, ["line", "'x'"]),
        ("volumes?interval=2h", 400, ["interval", "'1h'", "'2h'"]),
        ("volumes?by=colour", 400, ["by", "class,direction", "'colour'"]),
        ("volumes?format=xml", 400, ["format", "'csv'", "'xml'"]),
        ("volumes?lines=stop", 400, ["lines", "no such parameter"]),
        ("volumes?from=yesterday", 400, ["from", "2025-05-06", "'yesterday'"]),
        ("volumes?from=1e30", 400, ["from", "'1e30'"]),
        ("volumes?from=99999-01-01", 400, ["from", "'99999-01-01'"]),
        ("volumes?from=1066-10-14", 400, ["from", "1970", "1066"]),
        ("volumes?to=9999-12-31T23:59:59.999999-14:00&from=2025-01-01", 400, ["to", "9999"]),
        ("volumes?from=2025-05-06&to=2025-05-05", 400, ["from", "before `to`"]),
        ("volumes?from=2025-05-06&to=2025-05-06", 400, ["from", "before `to`"]),
        ("volumes?from=2000-01-01&to=2100-01-01&interval=1m", 400, ["interval", "400000", "shorter range"]),
        ("volumes?from=%00", 400, ["from"]),
        ("crossings?limit=0", 400, ["limit", "'0'"]),
        ("crossings?limit=many", 400, ["limit", "'many'"]),
        ("movements?by=direction", 400, ["by", "class"]),
        ("nothing", 404, ["/v1/nothing"]),
    ],
)
def test_bad_questions_get_one_sentence_that_names_the_parameter(
    client: httpx.Client, address: str, status: int, names: list[str]
) -> None:
    answer = client.get(f"/v1/{address}")
    assert answer.status_code == status, answer.text
    assert list(answer.json()) == ["error"]
    for name in names:
        assert name in answer.json()["error"]


def test_an_absurdly_long_parameter_is_not_echoed_whole(client: httpx.Client) -> None:
    answer = client.get("/v1/volumes", params={"line": "x" * 5000})
    assert answer.status_code == 404
    assert len(answer.text) < 300


def test_openapi_describes_every_parameter_and_answer(client: httpx.Client) -> None:
    document = client.get("/openapi.json").json()
    described = {path for path in document["paths"] if path.startswith("/v1/")}
    assert {f"/v1/{name}" for name in ("cameras", "lines", "zones", "volumes", "movements", "coverage")} <= described
    for path, operations in document["paths"].items():
        for operation in operations.values():
            assert operation["summary"], path
            assert operation["description"], path
            for parameter in operation.get("parameters", []):
                assert parameter.get("description"), (path, parameter["name"])
    volumes = document["paths"]["/v1/volumes"]["get"]
    assert {parameter["name"] for parameter in volumes["parameters"]} == {
        "line",
        "zone",
        "from",
        "to",
        "interval",
        "by",
        "format",
    }
    assert set(volumes["responses"]) >= {"200", "400", "404", "503"}
    assert "422" not in volumes["responses"]
    assert "text/csv" in volumes["responses"]["200"]["content"]
