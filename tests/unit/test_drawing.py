"""The annotator: what it draws, where, and what it leaves alone."""

from __future__ import annotations

from dataclasses import replace
from zoneinfo import ZoneInfo

import numpy as np
import pytest

from aforo.config.camera import CameraSection
from aforo.model import Box, Image, TrackedFrame, TrackedObject
from api.drawing import COLOURS, FrameAnnotator

UTC = ZoneInfo("UTC")
BARE = CameraSection.model_validate({"id": "north", "source": "x"}).domain()


def scene(height: int = 480, width: int = 640) -> Image:
    return np.random.default_rng(3).integers(90, 110, (height, width, 3), np.uint8)


def tracked(*boxes: Box, session: str = "s", road_user: str = "car") -> TrackedFrame:
    objects = tuple(TrackedObject(number, box, road_user, 0.9) for number, box in enumerate(boxes, 1))
    return TrackedFrame("north", session, 0, 1_700_000_000_000_000, 0, 640, 480, objects)


def changed(before: Image, after: Image) -> np.ndarray:
    return np.any(before != after, axis=2)


def test_the_input_is_never_altered() -> None:
    image = scene()
    before = image.copy()
    annotator = FrameAnnotator(BARE, UTC)
    annotator.draw(image, tracked(Box(0.2, 0.2, 0.6, 0.8)), {})
    annotator.stale(image, 0, ended=False)
    assert np.array_equal(image, before)


def test_a_box_is_drawn_in_the_colour_of_its_class_where_the_road_user_is() -> None:
    image = scene()
    empty = FrameAnnotator(BARE, UTC).draw(image, tracked(), {})
    drawn = FrameAnnotator(BARE, UTC).draw(image, tracked(Box(0.5, 0.5, 0.75, 0.75)), {})
    mask = changed(empty, drawn)
    assert mask[340:342, 318:323].any(), "left edge of the box"
    assert not mask[:200].any(), "nothing far away"
    assert not mask[260:340, 340:460].any(), "nor inside the box"
    orange = tuple(int(COLOURS["car"][i : i + 2], 16) for i in (5, 3, 1))
    assert (drawn == orange).all(axis=2).sum() > 200


def test_an_unknown_class_is_drawn_as_other() -> None:
    image = scene()
    box = Box(0.5, 0.5, 0.75, 0.75)
    drawn = FrameAnnotator(BARE, UTC).draw(image, tracked(box, road_user="scooter"), {})
    grey = tuple(int(COLOURS["other"][i : i + 2], 16) for i in (5, 3, 1))
    assert (drawn == grey).all(axis=2).sum() > 200


def test_trails_follow_a_track_and_end_with_its_session() -> None:
    image = scene()
    annotator = FrameAnnotator(BARE, UTC)
    annotator.draw(image, tracked(Box(0.1, 0.5, 0.2, 0.6)), {})
    there = Box(0.7, 0.5, 0.8, 0.6)
    alone = FrameAnnotator(BARE, UTC).draw(image, tracked(there), {})
    assert changed(alone, annotator.draw(image, tracked(there), {}))[280:296, 150:440].any()
    assert not changed(alone, annotator.draw(image, tracked(there, session="t"), {})).any()


def test_a_track_that_went_away_for_longer_than_its_trail_begins_a_new_one() -> None:
    image, there = scene(), Box(0.7, 0.5, 0.8, 0.6)
    alone = FrameAnnotator(BARE, UTC).draw(image, tracked(there), {})
    annotator = FrameAnnotator(BARE, UTC)
    annotator.draw(image, tracked(Box(0.1, 0.5, 0.2, 0.6)), {})
    for _ in range(31):
        annotator.draw(image, tracked(), {})
    assert not changed(alone, annotator.draw(image, tracked(there), {})).any()


def test_a_trail_is_only_so_long() -> None:
    image = np.full((480, 640, 3), 100, np.uint8)
    annotator = FrameAnnotator(BARE, UTC)
    for step in range(200):
        drawn = annotator.draw(image, tracked(Box(0.004 * step, 0.5, 0.004 * step + 0.01, 0.6)), {})
    trail = np.flatnonzero(changed(image, drawn)[288])
    assert trail.min() == round((0.004 * 170 + 0.005) * 640), "thirty positions"


def test_labels_stay_inside_the_picture() -> None:
    image = scene()
    empty = FrameAnnotator(BARE, UTC).draw(image, tracked(), {})
    orange = tuple(int(COLOURS["car"][i : i + 2], 16) for i in (5, 3, 1))
    middle, corner = (
        FrameAnnotator(BARE, UTC).draw(image, tracked(box), {})
        for box in (Box(0.5, 0.5, 0.52, 0.52), Box(0.98, 0.0, 1.0, 0.02))
    )
    shown = [int(((drawn == orange).all(axis=2) & changed(empty, drawn)).sum()) for drawn in (middle, corner)]
    assert shown[1] > 0.85 * shown[0]


@pytest.mark.parametrize(
    ("points", "direction", "side"),
    [
        ([[0.5, 0.9], [0.5, 0.1]], "right", (slice(None), slice(0, 320))),
        ([[0.5, 0.1], [0.5, 0.9]], "right", (slice(None), slice(0, 320))),
        ([[0.5, 0.1], [0.5, 0.9]], "left", (slice(None), slice(321, None))),
        ([[0.1, 0.5], [0.9, 0.5]], "down", (slice(0, 240), slice(None))),
        ([[0.9, 0.5], [0.1, 0.5]], "down", (slice(0, 240), slice(None))),
        ([[0.9, 0.5], [0.1, 0.5]], "up", (slice(241, None), slice(None))),
        ([[0.5, 0.1], [0.4, 0.5], [0.5, 0.9]], "right", (slice(None), slice(0, 300))),
    ],
)
def test_the_count_of_a_direction_stands_on_the_side_it_leads_to(
    points: list[list[float]], direction: str, side: tuple[slice, slice]
) -> None:
    camera = CameraSection.model_validate(
        {"id": "north", "source": "x", "lines": [{"id": "l", "points": points}]}
    ).domain()
    image = scene()
    annotator = FrameAnnotator(camera, UTC)
    zero = annotator.draw(image, tracked(), {})
    eight = annotator.draw(image, tracked(), {"l": {(direction, "car"): 5, (direction, "bus"): 3}})
    mask = changed(zero, eight)
    assert mask.any()
    assert not mask[side].any(), "the other side is unchanged"


def test_where_nobody_counts_no_number_is_shown() -> None:
    line = {"id": "l", "points": [[0.5, 0.1], [0.5, 0.9]]}
    camera = CameraSection.model_validate({"id": "north", "source": "x", "lines": [line]}).domain()
    image = np.full((480, 640, 3), 255, np.uint8)
    zero, unknown = (FrameAnnotator(camera, UTC).draw(image, tracked(), counts) for counts in ({}, None))
    dark = [int((drawn.max(axis=2) < 80)[200:].sum()) for drawn in (zero, unknown)]
    assert 0 < dark[1] < dark[0], "narrower captions"


def test_a_zone_is_shaded_and_tells_how_many_are_inside() -> None:
    zone = {"id": "z", "polygon": [[0.2, 0.4], [0.8, 0.4], [0.8, 0.9], [0.2, 0.9]]}
    camera = CameraSection.model_validate({"id": "north", "source": "x", "zones": [zone]}).domain()
    image = scene()
    plain = FrameAnnotator(BARE, UTC).draw(image, tracked(), {})
    empty = FrameAnnotator(camera, UTC).draw(image, tracked(), {})
    assert changed(plain, empty)[300, 300], "shaded"
    one = FrameAnnotator(camera, UTC).draw(image, tracked(Box(0.6, 0.6, 0.7, 0.8)), {})
    assert changed(empty, one)[180:205, 100:200].any(), "the number at the zone's corner"


def test_labels_speak_the_viewers_language() -> None:
    image, seen = scene(), tracked(Box(0.5, 0.5, 0.75, 0.75), road_user="pedestrian")
    english, spanish = (FrameAnnotator(BARE, UTC, lang).draw(image, seen, {}) for lang in ("en", "es"))
    assert changed(english, spanish).any()


def test_the_time_stamp_is_local_to_the_site() -> None:
    assert FrameAnnotator(BARE, ZoneInfo("America/Bogota")).local_time(1_700_000_000_000_000) == "2023-11-14 17:13:20"


def test_a_camera_that_sends_no_more_is_shown_grey_and_darker() -> None:
    image = scene()
    drawn = FrameAnnotator(BARE, UTC).stale(image, 0, ended=False)
    assert np.ptp(drawn.astype(int), axis=2).max() == 0
    assert drawn[:100].mean() < image[:100].mean() * 0.6
    assert drawn[200:280].max() == 255, "the sentence"
    assert changed(drawn, FrameAnnotator(BARE, UTC).stale(image, 0, ended=True)).any()


@pytest.mark.parametrize(("height", "width"), [(16, 16), (480, 640), (2160, 3840), (900, 200)])
def test_every_size_of_picture_can_be_drawn(height: int, width: int) -> None:
    camera = CameraSection.model_validate(
        {
            "id": "north",
            "source": "x",
            "lines": [{"id": "l", "name": "A long name that is wider than the picture", "points": [[0, 0], [1, 1]]}],
            "zones": [{"id": "z", "polygon": [[0, 0], [1, 0], [1, 1]]}],
        }
    ).domain()
    annotator = FrameAnnotator(camera, UTC)
    seen = replace(tracked(Box(0.0, 0.0, 1.0, 1.0), Box(0.9, 0.9, 1.0, 1.0)), width_px=width, height_px=height)
    assert annotator.draw(scene(height, width), seen, {}).shape == (height, width, 3)
    assert annotator.draw(scene(480, 640), seen, {}).shape == (480, 640, 3), "and another one after it"
