"""The letterbox against Ultralytics' own, and back out of it."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from aforo.model import Image
from detect.openvino import boxes
from detect.openvino.letterbox import Letterbox

SIZES = [(768, 576), (640, 480), (1280, 720), (1920, 1080), (333, 777), (1001, 97), (97, 1001), (64, 64), (31, 640)]


def restored(letterbox: Letterbox, box: np.ndarray) -> np.ndarray:
    """A box of the network's input, (4,) left, top, right, bottom, back in the picture."""
    xywh = np.array([[*box[:2], *(box[2:] - box[:2])]], np.float32)
    found, _, _ = boxes.select_boxes(xywh, np.ones(1, np.float32), np.zeros(1, np.intp), 0.7, 1, letterbox.placement)
    return found


def picture(width: int, height: int) -> Image:
    return np.random.default_rng(width * height).integers(0, 255, (height, width, 3), np.uint8)


@pytest.mark.parametrize(("width", "height"), SIZES)
@pytest.mark.parametrize("image_size", [640, 320])
def test_the_networks_input_is_that_of_ultralytics(width: int, height: int, image_size: int) -> None:
    from ultralytics.data.augment import LetterBox

    image = picture(width, height)
    ours = Letterbox.fit(width, height, image_size).apply(image)
    theirs = LetterBox((image_size, image_size), auto=True, stride=32)(image=image)
    assert ours.shape == theirs.shape
    assert np.array_equal(ours, theirs)


@pytest.mark.parametrize(("width", "height"), SIZES)
@pytest.mark.parametrize("fixed", [(640, 640), (480, 640), (320, 320)])
def test_a_fixed_input_is_that_of_ultralytics(width: int, height: int, fixed: tuple[int, int]) -> None:
    """`fixed` is height and width."""
    from ultralytics.data.augment import LetterBox

    image = picture(width, height)
    ours = Letterbox.into(width, height, fixed[1], fixed[0]).apply(image)
    assert np.array_equal(ours, LetterBox(fixed, auto=False)(image=image))


@settings(max_examples=300, deadline=None)
@given(
    width=st.integers(8, 4000),
    height=st.integers(8, 4000),
    image_size=st.sampled_from([320, 640, 960]),
    corners=st.tuples(*[st.floats(0, 1)] * 4),
)
def test_boxes_come_back_where_they_were(
    width: int, height: int, image_size: int, corners: tuple[float, float, float, float]
) -> None:
    """Into the network and out again, within the rounding of the scaled picture; and as Ultralytics does it."""
    from ultralytics.utils.ops import scale_boxes

    x1, x2 = sorted(corners[:2])
    y1, y2 = sorted(corners[2:])
    box = np.array([[x1 * width, y1 * height, x2 * width, y2 * height]], np.float32)
    letterbox = Letterbox.fit(width, height, image_size)
    inside = box * letterbox.scale + [letterbox.left, letterbox.top, letterbox.left, letterbox.top]
    assert inside[0, 2] <= letterbox.input_wh[0] + 1
    assert inside[0, 3] <= letterbox.input_wh[1] + 1
    found = restored(letterbox, inside[0])
    assert np.allclose(found, box, atol=max(width, height) * 1e-4)
    theirs = scale_boxes(letterbox.input_wh[::-1], inside.astype(np.float32).copy(), (height, width))
    # They leave the padding unrounded here, and take the scale of the side that rounding has shrunk most.
    rounding = 0.51 / letterbox.scale + max(width, height) * 0.51 / min(letterbox.scaled_wh)
    assert np.allclose(found, theirs, atol=rounding + 1e-3)


def test_boxes_are_clipped_to_the_picture() -> None:
    letterbox = Letterbox.fit(768, 576, 640)
    found = restored(letterbox, np.array([-50, -50, 9999, 9999]))
    assert found.tolist() == [[0, 0, 768, 576]]
