"""A manual count beside a store: the command as an engineer runs it, and files that it refuses."""

from __future__ import annotations

import json
import tracemalloc
from collections.abc import Sequence
from contextlib import closing
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from command_line import aforo

from aforo.config.reading import load_site
from aforo.errors import ConfigurationError
from aforo.local_time import to_us
from aforo.model import MINUTE_US, Coverage, Crossing, Movement, Rows
from aggregate.store.sqlite.writer import SqliteStore
from app import assemble
from app.validation.manual_count import COLUMNS, load_manual_count
from app.validation.place_validation import compare_with_store

SITE = """
site: {{id: centre, timezone: America/Bogota}}
store: "sqlite:///{folder}/counts.db"
cameras:
  - id: north
    source: rtsp://10.0.0.5/stream
    lines:
      - {{id: stop, points: [[0.1, 0.5], [0.9, 0.5]]}}
    zones:
      - {{id: corner, polygon: [[0.1, 0.1], [0.9, 0.1], [0.5, 0.9]]}}
    movements:
      - {{id: through, from: {{line: stop}}, to: {{zone: corner}}}}
"""
ENDS = {"interval_start": 0, "interval_end": 1}
START = datetime.fromisoformat("2026-03-05T07:00:00-05:00")
MANUAL = [40, 52, 47, 60, 55, 49, 44, 58, 51, 46, 57, 41]
COUNTED = [34, 45, 39, 52, 46, 42, 38, 49, 43, 39, 49, 35]


def quarter(number: int) -> datetime:
    return START + timedelta(minutes=15 * number)


@pytest.fixture
def config(tmp_path: Path) -> Path:
    """A site whose line counted `COUNTED` cars down, in quarter-hours that were observed whole."""
    file = tmp_path / "site.yaml"
    file.write_text(SITE.format(folder=tmp_path))
    store(file, COUNTED)
    return file


def store(config: Path, counted: Sequence[int], *, unobserved: Sequence[int] = ()) -> None:
    site = load_site(config)
    rows = Rows()
    for number, count in enumerate(counted):
        start_us = to_us(quarter(number))
        for minute in range(15 if number not in unobserved else 0):
            rows.coverage.append(Coverage("north", "s", start_us + minute * MINUTE_US, MINUTE_US, 300, 0))
        for each in range(count):
            track, at_us = 1000 * number + each, start_us + each * 1_000_000
            rows.crossings.append(Crossing("north", "s", track, "stop", 0, at_us, "down", "car", True, "v"))
            rows.movements.append(Movement("north", "s", track, "through", 0, at_us, at_us, "car", True, "v"))
    with SqliteStore(site_file(config)) as opened:
        opened.register(site.domain())
        opened.write(rows)


def site_file(config: Path) -> Path:
    return config.with_name("counts.db")


def row(number: int, count: object, **fields: object) -> dict[str, object]:
    return {
        "count_id": "2026-03",
        "place": "stop",
        "direction": "down",
        "road_user": "car",
        "interval_start": quarter(number).isoformat(),
        "interval_end": quarter(number + 1).isoformat(),
        "count": count,
        "observer": "ana",
        "source": "video",
        "note": "",
    } | fields


def manual_file(folder: Path, rows: Sequence[dict[str, object]]) -> Path:
    file = folder / "manual.csv"
    lines = [",".join(COLUMNS), *(",".join(str(each[column]) for column in COLUMNS) for each in rows)]
    file.write_text("\n".join(lines) + "\n")
    return file


def validate(config: Path, rows: Sequence[dict[str, object]]) -> dict[str, Any]:
    file = manual_file(config.parent, rows)
    ended = aforo("validate", str(file), "-c", str(config), "--json", "-")
    assert ended.code == 0, ended.err
    found: dict[str, Any] = json.loads(ended.out)
    return found


def refusal(config: Path, file: Path) -> str:
    with pytest.raises(ConfigurationError) as refused:
        load_manual_count(file, load_site(config).domain())
    assert str(refused.value).startswith(f"{file}: ")
    return str(refused.value)


def test_the_command_says_what_follows_from_a_manual_count(config: Path) -> None:
    file = manual_file(config.parent, [row(number, count) for number, count in enumerate(MANUAL)])
    ended = aforo("validate", str(file), "-c", str(config), "--lang", "es", "--json", str(config.parent / "v.json"))
    assert ended.code == 0, ended.err
    assert "con reservas" in ended.out
    assert "una persona puede aceptar el factor 1,1742" in ended.err.replace("\n", " ")
    document = json.loads((config.parent / "v.json").read_text())
    (found,) = document["results"]
    assert document["state"] == found["state"] == "with_reservations"
    assert (found["left_out"], found["agreement"]["manual"], found["agreement"]["counted"]) == (0, 600, 511)
    assert round(found["factor_offered"], 4) == 1.1742
    assert found["geometry_version"] == load_site(config).domain().cameras[0].lines[0].version


@pytest.mark.parametrize("place", [{"place": "through", "direction": ""}, {"road_user": "all", "direction": ""}])
def test_movements_and_all_classes_are_compared_alike(config: Path, place: dict[str, object]) -> None:
    found = validate(config, [row(number, count, **place) for number, count in enumerate(MANUAL)])
    assert found["results"][0]["agreement"]["counted"] == sum(COUNTED)


def test_intervals_without_observation_are_left_out_and_told(tmp_path: Path) -> None:
    config = tmp_path / "site.yaml"
    config.write_text(SITE.format(folder=tmp_path))
    store(config, COUNTED, unobserved=(3, 4))
    (found,) = validate(config, [row(number, count) for number, count in enumerate(MANUAL)])["results"]
    assert (found["left_out"], found["agreement"]["intervals"]) == (2, 10)
    assert found["state"] == "not_validated", "ten intervals are too few"
    assert found["agreement"]["manual"] == sum(MANUAL) - MANUAL[3] - MANUAL[4]


def test_a_class_that_aforo_never_saw_was_counted_as_nobody(config: Path) -> None:
    found = validate(config, [row(number, 9, road_user="cyclist") for number in range(12)])
    assert found["results"][0]["agreement"]["counted"] == 0
    assert found["state"] == "do_not_use"


def test_observers_who_differ_are_no_reference(config: Path) -> None:
    first = [row(number, count) for number, count in enumerate(MANUAL)]
    near = [row(number, count + (number == 0), observer="luis") for number, count in enumerate(MANUAL)]
    far = [row(number, count + 5, observer="luis") for number, count in enumerate(MANUAL)]
    (found,) = validate(config, first + near)["results"]
    assert (found["state"], round(found["observers_wape"], 5)) == ("with_reservations", round(1 / 600, 5))
    assert found["agreement"]["manual"] == 600, "the first observer's"
    (found,) = validate(config, first + far)["results"]
    assert (found["state"], found["factor_offered"], found["observers_wape"]) == ("not_validated", None, 0.1)


def test_two_campaigns_of_one_observer_are_no_double_count(config: Path) -> None:
    rows = [row(number, count, count_id=name) for name in ("march", "again") for number, count in enumerate(MANUAL)]
    (found,) = validate(config, rows)["results"]
    assert (found["agreement"]["manual"], found["agreement"]["counted"], found["observers_wape"]) == (600, 511, 0.0)


def test_intervals_of_a_second_observer_that_share_time_with_the_first_ones_add_nothing(config: Path) -> None:
    aside = [
        row(number, 99, observer="luis")
        | {key: (quarter(number + end) + timedelta(minutes=5)).isoformat() for key, end in ENDS.items()}
        for number in range(11)
    ]
    first = [row(number, count) for number, count in enumerate(MANUAL)]
    (found,) = validate(config, first + aside)["results"]
    assert (found["agreement"]["intervals"], found["agreement"]["manual"]) == (12, 600)


def test_counts_of_other_years_in_one_file_are_compared_in_bounded_memory(config: Path) -> None:
    """Ten million minutes lie between: only those that somebody counted are read."""
    long_ago = {"interval_start": "2006-03-05T07:00:00-05:00", "interval_end": "2006-03-05T07:15:00-05:00"}
    rows = [row(number, count) for number, count in enumerate(MANUAL)] + [row(0, 7, **long_ago)]
    file = load_manual_count(manual_file(config.parent, rows), load_site(config).domain())
    with closing(assemble.open_reader(load_site(config))) as reader:
        tracemalloc.start()
        try:
            (found,) = compare_with_store(reader, file)
            _, peak_bytes = tracemalloc.get_traced_memory()
        finally:
            tracemalloc.stop()
    assert (found.left_out, found.agreement and found.agreement.manual) == (1, 600)
    assert peak_bytes < 20_000_000


@pytest.mark.parametrize("shift", [1, -1, 0])
def test_a_clock_that_is_an_interval_off_is_told(config: Path, shift: int) -> None:
    """The counts of interval n + shift are those that people wrote down for interval n."""
    rows = [row(number, COUNTED[number + shift]) for number in range(1, 11)]
    (found,) = validate(config, rows)["results"]
    assert found["shift"] == shift


@pytest.mark.parametrize(
    ("fields", "sentence"),
    [
        ({"interval_start": "2026-03-05T12:00:00"}, "row 2: interval_start: expected an offset"),
        ({"interval_start": "2026-02-30T12:00:00-05:00"}, "row 2: interval_start: expected ISO 8601"),
        ({"interval_start": "2026-03-05T07:00:30-05:00"}, "row 2: interval_start: expected a whole minute"),
        ({"interval_end": "2026-03-05T06:00:00-05:00"}, "row 2: interval_end: expected a time after interval_start"),
        (
            {"interval_end": "2026-03-06T07:01:00-05:00"},
            "row 2: interval_end: expected a time after interval_start, by a day",
        ),
        ({"place": "through", "direction": "down"}, "row 2: direction: expected nothing, got 'down'"),
        ({"count": "-1"}, "row 2: count: expected a whole number, 0 or more, got '-1'"),
        ({"count": "1.5"}, "row 2: count: expected a whole number"),
        ({"count": ""}, "row 2: count: expected a whole number"),
        ({"count": "9" * 5000}, "row 2: count: expected a whole number"),
        ({"count": "٣"}, "row 2: count: expected a whole number"),
        (
            {"place": "nowhere"},
            "row 2: place: expected a line, zone or movement of the site (stop, corner, through)",
        ),
        ({"direction": "left"}, "row 2: direction: expected "),
        ({"road_user": "tram"}, "row 2: road_user: expected pedestrian"),
        ({"source": "memory"}, "row 2: source: expected street or video"),
        ({"count_id": ""}, "row 2: count_id: expected a name"),
        ({"note": "x" * 501}, "row 2: note: expected at most 500 characters"),
        ({"note": "a,b"}, "row 2: expected 10 fields, got 11"),
        ({"note": '"a'}, "row "),
    ],
)
def test_a_wrong_field_is_named_with_its_row(config: Path, fields: dict[str, object], sentence: str) -> None:
    assert sentence in refusal(config, manual_file(config.parent, [row(0, **({"count": 3} | fields))]))


@pytest.mark.parametrize(
    ("content", "sentence"),
    [
        ("", "got nothing"),
        ("place,count\n", "expected the columns count_id"),
        (",".join(COLUMNS) + "\n", "holds no counts"),
        ("\0", "row 1: "),
    ],
)
def test_what_is_no_manual_count_is_refused(config: Path, content: str, sentence: str) -> None:
    file = config.with_name("manual.csv")
    file.write_text(content)
    assert sentence in refusal(config, file)


def test_an_id_that_a_line_and_a_zone_have_is_refused(config: Path) -> None:
    config.write_text(config.read_text().replace("corner", "stop"))
    told = refusal(config, manual_file(config.parent, [row(0, 3)]))
    assert "row 2: place: expected an id of one place alone, not of a line and a zone, got 'stop'" in told


def test_overlapping_intervals_are_refused(config: Path) -> None:
    rows = [row(0, 3), row(0, 4, interval_end=quarter(2).isoformat())]
    assert "two intervals overlap" in refusal(config, manual_file(config.parent, rows))


def test_the_command_refuses_in_one_sentence(config: Path) -> None:
    file = manual_file(config.parent, [row(0, -1)])
    ended = aforo("validate", str(file), "-c", str(config))
    assert ended.code == 2
    assert "row 2: count: expected a whole number, 0 or more, got '-1'" in ended.complaint
