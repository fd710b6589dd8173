"""Under which conditions counts are right: scores by apparent size and by light."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Sequence
from statistics import median

import numpy as np

from aforo.model import Image
from app.validation.event_matching import ClassScore, LineEvents, class_scores

SMALL_PX, LARGE_PX = 32, 96
"""Limits of COCO's evaluation: small is less than 32² pixels, large more than 96². Here of the network's input."""

NIGHT, DUSK = 50.0, 80.0
"""Mean brightness, 0..255, below which a clip is called night, and dusk. A choice: cameras expose by themselves."""

UNKNOWN = "unknown"
SIZES = ("small", "medium", "large", UNKNOWN)
LIGHTS = ("day", "dusk", "night", UNKNOWN)

_SAMPLED = 8
_LUMA_BGR = np.array([0.114, 0.587, 0.299])


def brightness(image: Image) -> float:
    """Mean luma (ITU-R BT.601) of every eighth pixel of every eighth row of a picture in BGR, 0..255."""
    return float(image[::_SAMPLED, ::_SAMPLED].reshape(-1, 3).mean(axis=0) @ _LUMA_BGR)


def light(mean: float | None) -> str:
    """The light of a clip of that mean brightness."""
    if mean is None:
        return UNKNOWN
    return "night" if mean < NIGHT else "dusk" if mean < DUSK else "day"


def size(area_px: float | None) -> str:
    """The apparent size of a box of that area, square pixels of the network's input."""
    if area_px is None:
        return UNKNOWN
    return "small" if area_px < SMALL_PX**2 else "medium" if area_px <= LARGE_PX**2 else "large"


def size_scores(lines: Iterable[LineEvents]) -> dict[str, ClassScore]:
    """Scores by apparent size, of the lines whose truth has times, all classes together.

    A road user counted under a wrong class has the size of the counted box. One that was missed has no box: it is as
    large as the median of those of its class that were counted on that line, else of unknown size.
    """
    numbers = {name: [0, 0, 0] for name in SIZES}
    for line in lines:
        if not line.timed:
            continue
        pairs, misnamed = line.pairs(), line.misnamed()
        at = dict(pairs + misnamed)
        usual = _usual_areas(line)
        for i in range(len(line.result.truth.events)):
            area = line.counted[at[i]].area_px if i in at else usual.get(line.true_class(i))
            numbers[size(area)][0] += 1
        for each in line.counted:
            numbers[size(each.area_px)][1] += 1
        for _, j in pairs:
            numbers[size(line.counted[j].area_px)][2] += 1
    return {name: ClassScore(*each) for name, each in numbers.items() if any(each)}


def _usual_areas(line: LineEvents) -> dict[str, float]:
    areas = defaultdict[str, list[float]](list)
    for each in line.counted:
        if each.area_px is not None:
            areas[each.road_user].append(each.area_px)
    return {name: median(each) for name, each in areas.items()}


def total_score(lines: Sequence[LineEvents]) -> ClassScore:
    """The scores of all classes together."""
    scores = class_scores(lines).values()
    return ClassScore(*(sum(numbers) for numbers in zip(*scores, strict=True))) if scores else ClassScore(0, 0, 0)
