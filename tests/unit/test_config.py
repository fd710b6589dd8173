from __future__ import annotations

from collections.abc import Iterator
from dataclasses import asdict
from pathlib import Path
from typing import get_args

import pytest
from pydantic import BaseModel, ValidationError

from aforo.address import Address
from aforo.config.camera import CameraSection
from aforo.config.geometry import LineSection
from aforo.config.reading import load_site, parse_site
from aforo.config.site import SiteConfiguration
from aforo.config.stores import TimescaleSection
from aforo.errors import ConfigurationError
from aggregate.store.postgres.settings import TimescaleSettings

CAMERA = "cameras:\n  - id: north\n    source: a.mp4\n"


def complaint(text: str) -> str:
    with pytest.raises(ConfigurationError) as caught:
        parse_site(text, "site.yaml")
    message = str(caught.value)
    assert "\n" not in message
    return message


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("colour: red\n", "site.yaml, line 1: colour: unknown key"),
        (CAMERA + "    colour: red\n", "site.yaml, line 4: cameras.0.colour: unknown key"),
        ("1: red\n", "site.yaml, line 1: 1: "),
        ("site: {timezone: America/Bogotá}\n", "site.yaml, line 1: site.timezone: expected an IANA time zone such as"),
        ("site:\n  timezone: ''\n", "site.yaml, line 2: site.timezone: expected an IANA time zone such as"),
        ("site:\n  timezone: ../../etc/passwd\n", "site.yaml, line 2: site.timezone: expected an IANA time zone"),
        (CAMERA + "    analyse_fps: 0\n", "site.yaml, line 4: cameras.0.analyse_fps: Input should be greater than 0"),
        (CAMERA + "    analyse_fps: ten\n", "site.yaml, line 4: cameras.0.analyse_fps: Input should be a valid number"),
        ("cameras:\n  - source: a.mp4\n", "site.yaml, line 2: cameras.0.id: Field required"),
        ("cameras:\n  - id: a b\n    source: a.mp4\n", "site.yaml, line 2: cameras.0.id: "),
        (CAMERA + "  - id: north\n    source: b.mp4\n", "the camera id 'north' is used twice"),
        ("store: mysql://db\n", "store must start with sqlite:/// or postgresql://"),
        ("bus: rabbit://db\n", "site.yaml, line 1: bus: "),
        ("detector: {engine: magic}\n", "site.yaml, line 1: detector.engine: Input should be 'auto', 'openvino' or"),
        ("detector:\n  image_size: 650\n", "site.yaml, line 2: detector.image_size: Input should be a multiple of 32"),
        ("api: {port: 70000}\n", "site.yaml, line 1: api.port: Input should be less than or equal to 65535"),
        ("- a\n- b\n", "site.yaml: expected keys such as site, cameras and store, got list"),
        ("", "site.yaml: expected keys such as site, cameras and store, got NoneType"),
        ("site: {id: a\nstore: b", "site.yaml, line 2: not valid YAML: "),
        ("site:\n\tid: a\n", "site.yaml, line 2: not valid YAML: "),
        ("a: \x00\n", "site.yaml, line 1: not valid YAML: a control character"),
        ("site: {id: a}\nstore: sqlite:///a.db\nsite: {id: b}\n", "site.yaml, line 3: site: already given in line 1"),
        (CAMERA + "    source: b.mp4\n", "site.yaml, line 4: source: already given in line 3"),
    ],
)
def test_what_is_wrong_is_named_with_file_line_and_key(text: str, message: str) -> None:
    assert message in complaint(text)


@pytest.mark.parametrize(
    ("key", "section", "message"),
    [
        ("lines", "{id: a, points: [[0.5, 0.5], [0.5, 0.5]]}", "the line has no length between [0.5, 0.5] and"),
        ("lines", "{id: a, points: [[0.5, 0.5]]}", "at least 2 items"),
        ("lines", "{id: a, points: [[0.5, 0.5], [0.5, 1.5]]}", "less than or equal to 1"),
        ("lines", "{id: a, points: [[0.5, 0.5], [0.5, .nan]]}", ""),
        (
            "lines",
            "{id: a, points: [[340, 120], [340, 576]]}",
            "lines.0.points: camera north, line a: points are fractions of the picture's width and height, each should "
            "be at least 0 and less than or equal to 1, got 576: divide x by the picture's width and y by its height",
        ),
        ("lines", "{id: a, points: [[34, 12], [34, 57]]}", "got 57: if these are percent, divide by 100; if pixels"),
        ("lines", "{id: a, points: [[-0.1, 0.5], [0.5, 0.5]]}", "got -0.1: keep them inside the picture"),
        (
            "zones",
            "{id: z, polygon: [[0, 0], [640, 0], [640, 480]]}",
            "camera north, zone z: points are fractions of the",
        ),
        ("zones", "{id: z, polygon: [[0.1, 0.1], [0.9, 0.9], [0.1, 0.1]]}", "the zone has no area"),
        ("lines", "{id: a, points: [[0, 0], [1, 1]], directions: [in, in]}", "both directions are called 'in'"),
        ("lines", "{id: a, points: [[0, 0], [1, 1]], directions: [in]}", ""),
        ("zones", "{id: a, polygon: [[0, 0], [1, 1], [1, 0], [0, 1]]}", "the zone crosses itself: the edge"),
        ("zones", "{id: a, polygon: [[0, 0], [1, 1], [0.5, 0.5]]}", "the zone "),
        ("zones", "{id: a, polygon: [[0, 0], [0, 0], [1, 1], [0, 1]]}", "the corner [0.0, 0.0] twice in a row"),
        ("zones", "{id: a, polygon: [[0, 0], [1, 1]]}", "at least 3 items"),
        ("movements", "{id: a, from: {line: x}, to: {line: x}}", "movement 'a' names the line 'x', which this camera"),
        ("movements", "{id: a, from: {zone: x}, to: {zone: x}}", "movement 'a' names the zone 'x', which this camera"),
        ("movements", "{id: a, from: {line: x, zone: x}, to: {line: x}}", "a gate is either a line or a zone"),
        ("movements", "{id: a, from: {}, to: {line: x}}", "a gate is either a line or a zone"),
        ("movements", "{id: a, from: {zone: x, direction: in}, to: {line: x}}", "a zone has no direction"),
    ],
)
def test_wrong_geometry_is_named_with_its_place(key: str, section: str, message: str) -> None:
    told = complaint(f"{CAMERA}    {key}:\n      - {section}\n")
    # What concerns one key is told at its line; movements are checked against the whole camera.
    assert told.startswith(("site.yaml, line 5: cameras.0." + key, "site.yaml, line 2: cameras.0: movement"))
    assert message in told


def test_ids_are_unique_within_the_site_not_only_within_a_camera() -> None:
    line = "    lines: [{id: stop, points: [[0, 0.5], [1, 0.5]]}]\n"
    second = line.join(["  - id: south\n    source: b.mp4\n", ""])
    assert "the line id 'stop' is used twice" in complaint(CAMERA + line + second)


def test_a_movement_may_only_name_a_direction_that_its_line_has() -> None:
    text = CAMERA + "    lines: [{id: stop, points: [[0, 0.5], [1, 0.5]]}]\n    movements:\n"
    told = complaint(text + "      - {id: a, from: {line: stop, direction: entering}, to: {line: stop}}\n")
    assert "movement 'a' names the direction 'entering'; the line 'stop' has 'down' and 'up'" in told
    parse_site(text + "      - {id: a, from: {line: stop, direction: down}, to: {line: stop}}\n", "site.yaml")


def test_every_problem_of_a_file_is_told_at_once() -> None:
    told = complaint("colour: red\nbus: rabbit\n" + CAMERA + "    size: 3\n")
    assert "line 1: colour" in told
    assert "line 2: bus" in told
    assert "line 6: cameras.0.size" in told


@pytest.mark.parametrize(
    "text",
    ["store: mysql://u:hunter2@db\n", "cameras: [{id: a b, source: 'rtsp://u:hunter2@h/'}]\n", "store: [hunter2]\n"],
)
def test_a_complaint_never_quotes_a_secret(text: str) -> None:
    assert "hunter2" not in complaint(text)


def test_a_file_that_cannot_be_read_is_named(tmp_path: Path) -> None:
    with pytest.raises(ConfigurationError, match=r"cannot read the configuration .*absent\.yaml: No such file"):
        load_site(tmp_path / "absent.yaml")
    with pytest.raises(ConfigurationError, match=r"cannot read the configuration .*: Is a directory"):
        load_site(tmp_path)
    (tmp_path / "latin.yaml").write_bytes("site: {name: Bogotá}".encode("latin-1"))
    with pytest.raises(ConfigurationError, match=r"cannot read the configuration .*latin\.yaml: it is not UTF-8 text"):
        load_site(tmp_path / "latin.yaml")


@pytest.mark.parametrize(
    "path", sorted((Path(__file__).parents[2] / "configs").glob("*.yaml")), ids=lambda path: path.name
)
def test_the_example_sites_are_valid(path: Path) -> None:
    site = load_site(path)
    assert site.cameras
    assert all(camera.lines for camera in site.cameras)


def test_secrets_are_shown_nowhere() -> None:
    site = parse_site(
        "cameras: [{id: a, source: 'rtsp://u:hunter2@h/s'}]\nstore: postgresql://u:hunter2@h/d\n", "site.yaml"
    )
    assert "hunter2" not in f"{site!r} {site} {site.model_dump_json()}"
    assert site.camera("a").shown_source == "rtsp://h"


def test_a_usb_camera_is_a_number() -> None:
    assert parse_site("cameras: [{id: a, source: 0}]\n", "site.yaml").camera("a").sources == (Address("0"),)


def test_a_source_may_be_a_list_of_the_files_of_one_recording() -> None:
    (camera,) = parse_site("cameras: [{id: a, source: [a.mp4, ./b.mp4]}]\n", "site.yaml").cameras
    assert camera.sources == (Address("a.mp4"), Address("./b.mp4"))
    assert (camera.is_recording, camera.shown_source) == (True, "a.mp4, ./b.mp4")
    assert camera.model_dump(mode="json", by_alias=True)["source"] == ["a.mp4", "./b.mp4"]
    (alone,) = parse_site("cameras: [{id: a, source: [a.mp4]}]\n", "site.yaml").cameras
    assert alone.model_dump(mode="json", by_alias=True)["source"] == "a.mp4"


@pytest.mark.parametrize(
    ("source", "message"),
    [
        ("[a.mp4, 'rtsp://u:hunter2@h/1']", "a list is of the files of one recording, and rtsp://h is none"),
        ("[0, 1]", "and 0 is none; give it a section of its own"),
        ("[]", "expected a file or an address, or a list of 1 to 1000 files of one recording"),
        ("[a.mp4, [b.mp4]]", "expected a text: an address or a file"),
        ("[a.mp4, true]", "expected a text: an address or a file"),
        ("{a: b}", "expected a text: an address or a file"),
        ("[a.mp4, '']", "expected a file or an address, got nothing"),
    ],
)
def test_a_list_that_is_no_recording_is_refused(source: str, message: str) -> None:
    told = complaint(f"cameras: [{{id: a, source: {source}}}]\n")
    assert told.startswith("site.yaml, line 1: cameras.0.source: ")
    assert message in told
    assert "hunter2" not in told


def test_an_absent_camera_is_told_with_those_that_are_there() -> None:
    with pytest.raises(ConfigurationError, match="no camera 'south' in the configuration; it has: north"):
        parse_site(CAMERA, "site.yaml").camera("south")


@pytest.mark.parametrize(
    ("points", "names"),
    [
        # A person walking from the first point to the last has the first direction's end at the right hand.
        ([(0.5, 0.9), (0.5, 0.1)], ("right", "left")),
        ([(0.5, 0.1), (0.5, 0.9)], ("left", "right")),
        ([(0.1, 0.5), (0.9, 0.5)], ("down", "up")),
        ([(0.9, 0.5), (0.1, 0.5)], ("up", "down")),
        ([(0.1, 0.1), (0.9, 0.2), (0.2, 0.9)], ("left", "right")),
    ],
)
def test_directions_without_names_follow_the_image(points: list[tuple[float, float]], names: tuple[str, str]) -> None:
    assert LineSection(id="a", points=points).domain().direction_names == names


def _region(region: object, **places: object) -> CameraSection:
    line = {"id": "l", "points": [[0.5, 0.4], [0.5, 0.9]]}
    return CameraSection.model_validate({"id": "c", "source": "0", "region": region, "lines": [line], **places})


def test_a_region_is_two_corners_or_what_the_lines_need() -> None:
    assert _region(None).analysed == (0, 0, 1, 1)
    assert _region([[0.2, 0.3], [0.9, 1.0]]).analysed == (0.2, 0.3, 0.9, 1.0)
    zone = {"id": "z", "polygon": [[0.1, 0.5], [0.3, 0.5], [0.3, 0.6]]}
    assert _region("lines", zones=[zone]).analysed == pytest.approx((0.0, 0.2, 0.7, 1.0))


@pytest.mark.parametrize(
    ("region", "places", "message"),
    [
        ([[0.6, 0.3], [0.9, 1.0]], {}, "line 'l' leaves the camera's region"),
        ([[0.4, 0.3], [0.9, 1.0]], {"zones": [{"id": "z", "polygon": [[0, 0], [1, 0], [1, 1]]}]}, "zone 'z' leaves"),
        ([[0.9, 1.0], [0.2, 0.3]], {}, "upper left and then its lower right"),
        ([[0.5, 0.3], [0.52, 1.0]], {}, "at least 0.05"),
        ("lines", {"lines": []}, "needs a line or a zone"),
        ("middle", {}, "lines"),
        ([[0.5, 0.3], [1.2, 1.0]], {}, "less than or equal to 1"),
    ],
)
def test_a_region_in_which_something_could_not_be_counted_is_refused(
    region: object, places: dict[str, object], message: str
) -> None:
    with pytest.raises(ValidationError, match=message):
        _region(region, **places)


def _sections(model: type[BaseModel]) -> Iterator[type[BaseModel]]:
    yield model
    for field in model.model_fields.values():
        for part in (field.annotation, *get_args(field.annotation)):
            if isinstance(part, type) and issubclass(part, BaseModel):
                yield from _sections(part)


@pytest.mark.parametrize("section", dict.fromkeys(_sections(SiteConfiguration)), ids=lambda section: section.__name__)
def test_every_key_is_described(section: type[BaseModel]) -> None:
    assert section.__doc__
    assert section.model_config["extra"] == "forbid"
    for name, field in section.model_fields.items():
        assert field.description, name


def test_the_settings_of_the_store_have_the_defaults_of_the_configuration() -> None:
    assert asdict(TimescaleSettings()) == TimescaleSection().model_dump()
