"""The error of counts against the truth, by examples that can be worked out by hand."""

from __future__ import annotations

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pytest

from aforo.errors import ConfigurationError
from app.validation.truth import LineResult, LineTruth, by_class, load_truth, load_truths, wape

Numbers = Mapping[str, Mapping[str, int]]


def truth(counts: Numbers, either: Mapping[str, int] | None = None) -> LineTruth:
    return LineTruth("a.mp4", ((0, 0), (10, 0)), flat(counts), either or {})


def flat(counts: Numbers) -> dict[tuple[str, str], int]:
    return {(direction, user): n for direction, classes in counts.items() for user, n in classes.items()}


@pytest.mark.parametrize(
    ("true", "either", "counted", "error"),
    [
        pytest.param({"up": {"car": 3}}, {}, {"up": {"car": 3}}, 0, id="right"),
        pytest.param({"up": {"car": 3}}, {}, {"up": {"car": 2}}, 1, id="one missed"),
        pytest.param({"up": {"car": 3}}, {}, {"up": {"car": 5}}, 2, id="two too many"),
        pytest.param({"up": {"car": 3}}, {}, {}, 3, id="nothing counted"),
        pytest.param({}, {}, {"up": {"car": 2}}, 2, id="counted where nobody was"),
        pytest.param({"up": {"car": 1}, "down": {"car": 1}}, {}, {"up": {"car": 2}}, 2, id="wrong direction is two"),
        pytest.param({"up": {"car": 1}}, {}, {"up": {"truck": 1}}, 2, id="wrong class is two errors"),
        pytest.param({"up": {"car": 2, "bus": 2}}, {}, {"up": {"car": 3, "bus": 1}}, 2, id="errors do not cancel"),
        pytest.param({"up": {"car": 1}}, {"up": 1}, {"up": {"car": 2}}, 0, id="either, as one class"),
        pytest.param({"up": {"car": 1}}, {"up": 1}, {"up": {"car": 1, "truck": 1}}, 0, id="either, as the other"),
        pytest.param({"up": {"car": 1}}, {"up": 1}, {"up": {"car": 1}}, 1, id="either, missed"),
        pytest.param({"up": {"car": 1}}, {"up": 1}, {"up": {"car": 1, "truck": 2}}, 1, id="either, and one more"),
        pytest.param({"up": {"car": 1}}, {"up": 1}, {"up": {"truck": 1}}, 1, id="either counted, the car missed"),
        pytest.param({"up": {"car": 1}}, {"down": 1}, {"up": {"car": 2}}, 2, id="either of the other direction"),
        pytest.param({}, {"up": 2}, {"up": {"van": 2}}, 0, id="nothing but either"),
        pytest.param({}, {"up": 2}, {}, 2, id="nothing but either, missed"),
    ],
)
def test_the_error_of_a_line(true: Numbers, either: dict[str, int], counted: Numbers, error: int) -> None:
    assert LineResult(truth(true, either), flat(counted)).error == error


def test_wape_is_the_sum_of_errors_over_the_sum_of_the_truth() -> None:
    results = [
        LineResult(truth({"up": {"car": 8}, "down": {"car": 2}}), flat({"up": {"car": 7}, "down": {"car": 3}})),
        LineResult(truth({"right": {"pedestrian": 9}}, {"right": 1}), flat({"right": {"pedestrian": 10}})),
    ]
    assert wape(results) == 2 / 20


def test_wape_may_be_more_than_one() -> None:
    assert wape([LineResult(truth({"up": {"car": 1}}), flat({"up": {"car": 4}}))]) == 3


def test_without_any_truth_there_is_no_error_to_give() -> None:
    with pytest.raises(ConfigurationError, match="no road users"):
        wape([LineResult(truth({}), flat({"up": {"car": 4}}))])


def test_per_class_the_errors_of_lines_and_directions_add_up() -> None:
    results = [
        LineResult(truth({"up": {"car": 2}, "down": {"car": 2}}), flat({"up": {"car": 3}, "down": {"car": 1}})),
        LineResult(truth({"up": {"bus": 1}}), flat({"up": {"truck": 1}})),
    ]
    assert by_class(results) == {"bus": (1, 0, 1), "car": (4, 4, 2), "truck": (0, 1, 1)}


def written(path: Path, *entries: dict[str, Any]) -> Path:
    file = path / "truth.json"
    file.write_text(json.dumps({"convention": "…", "ground_truth": entries}), encoding="utf-8")
    return file


ENTRY = {"clip": "a.mp4", "line": [[0, 5], [10, 5]], "counts": {"up": {"car": 2}, "down": {}}}


def test_a_truth_file(tmp_path: Path) -> None:
    events = [{"frame": 7, "direction": "up"}, {"frames": [3, 9], "direction": "up", "cls": "car"}]
    (entry,) = load_truth(written(tmp_path, ENTRY | {"event_frames": events}))
    assert entry == LineTruth(
        "a.mp4", ((0.0, 5.0), (10.0, 5.0)), {("up", "car"): 2}, {}, ((7, 7, "up", ""), (3, 9, "up", "car"))
    )
    assert entry.total == 2


def test_what_the_total_has_more_than_the_classes_may_be_of_either_class(tmp_path: Path) -> None:
    (entry,) = load_truth(written(tmp_path, ENTRY | {"total": {"up": 3, "down": 0}}))
    assert (entry.either, entry.total) == ({"up": 1}, 3)


@pytest.mark.parametrize("name", ["either", "either_class"])
def test_either_may_also_stand_among_the_classes(tmp_path: Path, name: str) -> None:
    """It is then part of the total, and not one more."""
    counts = {"up": {"car": 2, name: 1}, "down": {}}
    for total in ({}, {"total": {"up": 3, "down": 0}}):
        (entry,) = load_truth(written(tmp_path, ENTRY | {"counts": counts} | total))
        assert (dict(entry.counts), entry.either, entry.total) == ({("up", "car"): 2}, {"up": 1}, 3)


@pytest.mark.parametrize("name", ["either", "either_class"])
def test_either_may_also_stand_beside_the_counts(tmp_path: Path, name: str) -> None:
    for either in ({"up": 1}, {"up": {"car|truck": 1}}, {"up": {"car/truck": 1}, "down": {}}):
        (entry,) = load_truth(written(tmp_path, ENTRY | {name: either}))
        assert (dict(entry.counts), entry.either, entry.total) == ({("up", "car"): 2}, {"up": 1}, 3)


@pytest.mark.parametrize(
    "text",
    [
        "",
        "not json",
        "[]",
        "{}",
        '{"ground_truth": 3}',
        '{"ground_truth": [{"clip": "a.mp4"}]}',
        '{"ground_truth": [{"clip": "a.mp4", "line": [[0, 1], [2]], "counts": {}}]}',
        '{"ground_truth": [{"clip": "a.mp4", "line": [[0, 1], [2, 3]], "counts": {"up": 3}}]}',
        '{"ground_truth": [{"clip": "a.mp4", "line": [[0, 1], [2, 3]], "counts": {"up": {"car": "many"}}}]}',
        '{"ground_truth": [{"clip": "a.mp4", "line": [[0, 1], [2, 3]], "counts": {"up": {"car": -1}}}]}',
        '{"ground_truth": [{"clip": "a.mp4", "line": [[0, 1]], "counts": {"up": {"car": 1}}}]}',
        *(
            json.dumps({"ground_truth": [ENTRY | {key: "odd"}]}).replace('"odd"', odd)
            for key in ("clip", "line", "counts", "total", "either", "event_frames")
            for odd in (
                "Infinity",
                "[[NaN, 1], [2, 3]]",
                "[[1e999, 1], [2, 3]]",
                "9" * 5000,
                f"[[{'9' * 5000}, 1], [2, 3]]",
                "[" * 100_000,
                '{"a":' * 100_000,
                '{"up": 1, "up": 2}',
                '"' + "a" * 5000 + '"',
                '"a\\u0000"',
                "true",
                '{"up": {"car": 1.5}}',
                '{"up": {"car": true}}',
                '{"up\\u001b[2J": {"car": 1}}',
                '[{"frame": -1}]',
                "1",
                '{"up": {"car": Infinity}}',
                '[{"frame": 1, "cls": 3}]',
                '[{"frames": []}]',
                '[["a", "b"], ["c", "d"]]',
            )
        ),
    ],
    ids=lambda text: text[-40:],
)
def test_other_files_are_refused_in_one_sentence(tmp_path: Path, text: str) -> None:
    file = tmp_path / "truth.json"
    file.write_text(text, encoding="utf-8")
    with pytest.raises(ConfigurationError, match="not a ground-truth file: expected") as refused:
        load_truth(file)
    assert str(file) in str(refused.value)
    assert str(refused.value).isprintable()
    assert len(str(refused.value)) < 500


def test_a_truth_file_that_is_not_there_or_not_text(tmp_path: Path) -> None:
    with pytest.raises(ConfigurationError, match="cannot read the ground truth"):
        load_truth(tmp_path / "none.json")
    (tmp_path / "bytes.json").write_bytes(b"\xff\xfe\x00{")
    with pytest.raises(ConfigurationError, match="it is UTF-16, expected UTF-8"):
        load_truth(tmp_path / "bytes.json")
    with pytest.raises(ConfigurationError, match="cannot read the ground truth"):
        load_truth(tmp_path)


@pytest.mark.parametrize(
    ("stated", "name", "right"),
    [
        ("pick-up (car/truck)", "pick-up", {"car", "truck"}),
        ("van (car | truck)", "van", {"car", "truck"}),
        ("car/truck", "car/truck", {"car", "truck"}),
        ("tricycle", "tricycle", set()),
        ("quad (car)", "quad", {"car"}),
    ],
)
def test_an_ambiguous_class_names_those_that_are_right(tmp_path: Path, stated: str, name: str, right: set[str]) -> None:
    events = [{"frame": 7, "direction": "up", "cls": name}]
    (entry,) = load_truth(written(tmp_path, ENTRY | {"either_class": {"up": {stated: 1}}, "event_frames": events}))
    assert entry.alternatives == {name: right}
    assert entry.events == ((7, 7, "up", name),)


def test_a_passage_may_be_named_as_detectors_do(tmp_path: Path) -> None:
    """The counts say motorcyclist, so a passage of a motorcycle is one of them."""
    counts = {"up": {"motorcyclist": 1, "cyclist": 1, "tram": 1}}
    events = [{"frame": i, "direction": "up", "cls": name} for i, name in enumerate(("motorcycle", "bicycle", "tram"))]
    (entry,) = load_truth(written(tmp_path, ENTRY | {"counts": counts, "event_frames": events}))
    assert [event[3] for event in entry.events] == ["motorcyclist", "cyclist", "tram"]


def test_several_files_are_one(tmp_path: Path) -> None:
    (tmp_path / "b").mkdir()
    first = written(tmp_path, ENTRY)
    second = written(tmp_path / "b", ENTRY | {"line": [[0, 9], [10, 9]]}, ENTRY | {"clip": "b.mp4"})
    assert load_truths([first, second]) == load_truth(first) + load_truth(second)


def test_a_line_in_two_files_is_refused(tmp_path: Path) -> None:
    """The same file given twice, too."""
    first = written(tmp_path, ENTRY)
    with pytest.raises(ConfigurationError, match=r"hold the same line of a\.mp4, which would count twice"):
        load_truths([first, first])
