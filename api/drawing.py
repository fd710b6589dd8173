"""Pictures with tracks, counting lines, zones and counts drawn on them.

Needs no web server: the live view, and `aforo count --annotate`, draw with the same class.
"""

from __future__ import annotations

import math
from collections import defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from functools import lru_cache
from zoneinfo import ZoneInfo

import cv2
import numpy as np
import numpy.typing as npt

from aforo.model import MICROSECONDS, Image, TrackedFrame, TrackedObject
from aforo.site import Camera, Line
from aforo.words.catalogue import words_of
from api.running_counts import LineCounts, by_direction, presence

COLOURS = {
    "pedestrian": "#56B4E9",
    "cyclist": "#009E73",
    "motorcyclist": "#CC79A7",
    "car": "#E69F00",
    "bus": "#D55E00",
    "truck": "#0072B2",
    "other": "#999999",
}
"""Okabe and Ito's palette, distinct with each common colour blindness. A class without a colour has that of other."""

_FONT = cv2.FONT_HERSHEY_SIMPLEX
_WHITE, _BLACK, _INK, _YELLOW = (255, 255, 255), (0, 0, 0), (24, 24, 24), (66, 228, 240)
_LABEL_INK = {"truck": _WHITE}  # black on every other colour
_BGR = {name: tuple(int(colour[i : i + 2], 16) for i in (5, 3, 1)) for name, colour in COLOURS.items()}

_LINE_LABEL_SHARE = 0.12  # where a line's counts stand, from its lower end: beside the traffic, not on top of it
_ARROW_HEAD_SHARE = 0.35
_COUNT_DISTANCE = 0.62  # from an arrow's tip to the middle of its count, in widths and heights of the caption
_ZONE_OPACITY = 0.14
_CAPTION_SHADE = 0.28
_STALE_SHADE = 0.45
_TRAIL_FRAMES = 30
_ROUNDNESS = 0.15  # of boxes: the radius of their corners as a share of the shorter side

# A rounded box, clockwise and closed: which of x1, y1, x2, y2 is the corner of each of its points, and how far from it
# the point is, in radii.
_ANGLES = np.deg2rad(np.append((np.arange(180, 540, 90)[:, None] + np.linspace(0, 90, 5)).ravel(), 180))
_CORNERS = np.append(np.repeat([[0, 1], [2, 1], [2, 3], [0, 3]], 5, axis=0), [[0, 1]], axis=0)
_FROM_CORNER = np.where(np.isin(_CORNERS, (0, 1)), 1, -1) + np.stack([np.cos(_ANGLES), np.sin(_ANGLES)], axis=1)

Point = tuple[int, int]
Pixels = npt.NDArray[np.int32]


@dataclass(frozen=True, slots=True)
class _Tint:
    """The shade of a zone: the part of the picture that it lies in, its colour in that size, and a mask of the zone."""

    part: tuple[slice, slice]
    colour: Image
    mask: Image

    @classmethod
    def of(cls, corners: Pixels) -> _Tint:
        x, y, width, height = cv2.boundingRect(corners)
        mask = np.zeros((height, width), np.uint8)
        cv2.fillPoly(mask, [corners - (x, y)], 255)
        return cls((slice(y, y + height), slice(x, x + width)), np.full((height, width, 3), _YELLOW, np.uint8), mask)


class _Scenery:
    """What is the same in every picture of one camera in one size: lines, arrows, zones. Prepared once.

    Attributes:
        text_scale: of labels and captions.
        thickness: of thin strokes, in pixels.
        outlines: of the zones.
        tints: shades of the zones.
        strokes: the lines, with an arrow to each side.
        names: where the names of lines and zones stand, by their id.
        tips: of the arrows, and the unit vector along each, by line id and direction.
    """

    def __init__(self, camera: Camera, width_px: int, height_px: int) -> None:
        self._last_px = (width_px - 1, height_px - 1)
        self.text_scale = max(0.4, min(width_px, height_px) * 0.8e-3)
        self.thickness = max(1, round(min(width_px, height_px) / 360))
        self.outlines = [np.array(self._pixels(zone.polygon), np.int32) for zone in camera.zones]
        self.tints = [_Tint.of(corners) for corners in self.outlines]
        self.strokes: list[Pixels] = []
        self.names = {zone.id: min(self._pixels(zone.polygon), key=lambda point: point[::-1]) for zone in camera.zones}
        self.tips: dict[tuple[str, str], tuple[Point, tuple[float, float]]] = {}
        for line in camera.lines:
            self._add(line)

    def _add(self, line: Line) -> None:
        """The line, and arrows near the lower end of it."""
        points = self._pixels(line.points)
        first, last = points[:2], points[-2:]
        start, end = first if first[0][1] >= last[1][1] else last[::-1]
        across = _first_direction(*first if start == first[0] else last)
        x = start[0] + (end[0] - start[0]) * _LINE_LABEL_SHARE
        y = start[1] + (end[1] - start[1]) * _LINE_LABEL_SHARE
        reach = 34 * self.text_scale
        self.names[line.id] = end
        self.strokes.append(np.array(points, np.int32))
        for direction, sign in zip(line.direction_names, (1, -1), strict=True):
            away = (across[0] * sign, across[1] * sign)
            tip = (round(x + away[0] * reach), round(y + away[1] * reach))
            self.strokes += _arrow((round(x), round(y)), tip)
            self.tips[line.id, direction] = (tip, away)

    def _pixels(self, points: Sequence[tuple[float, float]]) -> list[Point]:
        return [(round(x * self._last_px[0]), round(y * self._last_px[1])) for x, y in points]


class _Trail:
    """The last positions of one track, oldest first, in an array that can be drawn as it is."""

    def __init__(self) -> None:
        self.newest = 0
        self._points = np.empty((4 * _TRAIL_FRAMES, 2), np.int32)
        self._end = 0

    def add(self, frame: int, x_px: float, y_px: float) -> None:
        """Append the track's position in that frame."""
        if self._end == len(self._points):
            self._points[: _TRAIL_FRAMES - 1] = self._points[1 - _TRAIL_FRAMES :]
            self._end = _TRAIL_FRAMES - 1
        self._points[self._end] = x_px, y_px
        self._end += 1
        self.newest = frame

    @property
    def points(self) -> Pixels:
        """Pixels, (n, 2), n at most `_TRAIL_FRAMES`."""
        return self._points[max(0, self._end - _TRAIL_FRAMES) : self._end]


class FrameAnnotator:
    """Draws the frames of one camera, in their order: it remembers the trails.

    Args:
        camera: whose lines and zones are drawn.
        timezone: of the time stamp.
        lang: "en" or "es".
    """

    def __init__(self, camera: Camera, timezone: ZoneInfo, lang: str = "en") -> None:
        self._camera = camera
        self._timezone = timezone
        self._words = words_of(lang)
        self._size: tuple[int, int] = (1, 1)
        self._scenery = _Scenery(camera, *self._size)
        self._session = ""
        self._drawn = 0
        self._stamp = (0, self.local_time(0))
        self._trails: dict[int, _Trail] = {}

    def draw(self, image: Image, tracked: TrackedFrame, counts: Mapping[str, LineCounts] | None) -> Image:
        """A copy of the picture with zones, lines, counts, trails, boxes, labels and the local time.

        Args:
            image: the frame, in any size; it is not altered.
            tracked: the road users in it.
            counts: by line id, (direction, class) -> number; lines that are absent show 0. None: unknown here.
        """
        scene: Image = image.copy()
        self._adapt_to_size(scene)
        if tracked.session != self._session:
            self._session = tracked.session
            self._trails = {}
        self._draw_scenery(scene)
        self._draw_road_users(scene, tracked)
        present = presence(self._camera, tracked)
        for zone in self._camera.zones:
            self._caption(scene, f"{zone.name or zone.id}  {present[zone.id].total()}", self._scenery.names[zone.id])
        for line in self._camera.lines:
            self._draw_counts(scene, line, None if counts is None else by_direction(counts.get(line.id, {})))
        self._caption(scene, f"{self._camera.name or self._camera.id}  {self._time_stamp(tracked.captured_at_us)}")
        return scene

    def stale(self, image: Image, since_us: int, ended: bool) -> Image:
        """The last picture of a camera that sends no more: grey, darkened, with the time of it.

        Args:
            image: the frame, in any size; it is not altered.
            since_us: when it was the newest (processing time).
            ended: the camera is a recording that is over; the picture has that instead of the time.
        """
        grey = cv2.cvtColor(image, cv2.COLOR_BGR2GRAY)
        scene: Image = cv2.cvtColor(cv2.convertScaleAbs(grey, alpha=_STALE_SHADE), cv2.COLOR_GRAY2BGR)
        self._adapt_to_size(scene)
        words, since = self._words.picture, self.local_time(since_us, "%H:%M:%S")
        text = words.recording_over if ended else words.no_picture_since.format(time=since)
        height_px, width_px = scene.shape[:2]
        centre = (width_px // 2, height_px // 2)
        self._caption(scene, text, centre, scale=1.6)
        return scene

    def _time_stamp(self, at_us: int) -> str:
        second = at_us // MICROSECONDS
        if second != self._stamp[0]:
            self._stamp = (second, self.local_time(at_us))
        return self._stamp[1]

    def local_time(self, at_us: int, layout: str = "%Y-%m-%d %H:%M:%S") -> str:
        """An instant in the site's time zone."""
        return datetime.fromtimestamp(at_us / MICROSECONDS, self._timezone).strftime(layout)

    def _adapt_to_size(self, scene: Image) -> None:
        size = (scene.shape[1], scene.shape[0])
        if size != self._size:
            self._size = size
            self._scenery = _Scenery(self._camera, *size)
            self._trails = {}

    def _draw_scenery(self, scene: Image) -> None:
        scenery = self._scenery
        for tint in scenery.tints:
            part = scene[tint.part]
            tinted = cv2.addWeighted(tint.colour, _ZONE_OPACITY, part, 1 - _ZONE_OPACITY, 0)
            cv2.copyTo(tinted, tint.mask, part)
        cv2.polylines(scene, scenery.outlines, True, _YELLOW, scenery.thickness, cv2.LINE_AA)
        cv2.polylines(scene, scenery.strokes, False, _INK, scenery.thickness + 3, cv2.LINE_AA)
        cv2.polylines(scene, scenery.strokes, False, _WHITE, scenery.thickness + 1, cv2.LINE_AA)

    def _draw_road_users(self, scene: Image, tracked: TrackedFrame) -> None:
        self._drawn += 1
        forgotten = self._drawn - _TRAIL_FRAMES
        self._trails = {track: trail for track, trail in self._trails.items() if trail.newest >= forgotten}
        if not tracked.objects:
            return
        boxes_px = np.array([seen.box for seen in tracked.objects]) * (self._size * 2)
        radii_px = _ROUNDNESS * np.minimum(boxes_px[:, 2] - boxes_px[:, 0], boxes_px[:, 3] - boxes_px[:, 1])
        corners_px = boxes_px.tolist()
        strokes: defaultdict[str, list[Pixels]] = defaultdict(list)
        for seen, (x1, _, x2, y2), box in zip(tracked.objects, corners_px, _rounded(boxes_px, radii_px), strict=True):
            trail = self._trails.setdefault(seen.track_id, _Trail())
            trail.add(self._drawn, (x1 + x2) / 2, y2)
            strokes[seen.road_user] += (trail.points, box)
        for road_user, polylines in strokes.items():
            cv2.polylines(scene, polylines, False, _colour(road_user), self._scenery.thickness)
        for seen, (x1, y1, _, _) in zip(tracked.objects, corners_px, strict=True):
            self._draw_label(scene, seen, x1, y1)

    def _draw_label(self, scene: Image, seen: TrackedObject, x_px: float, y_px: float) -> None:
        """Class and track id on the upper left corner of a box, moved as far as needed to stay in the picture."""
        text = f"{self._words.road_user(seen.road_user).one} {seen.track_id}"
        patch, mask = _label(text, seen.road_user, self._scenery.text_scale)
        height, width = mask.shape
        x, y = max(0, min(round(x_px), self._size[0] - width)), max(0, round(y_px) - height + 1)
        part = scene[y : y + height, x : x + width]
        cv2.copyTo(patch[: part.shape[0], : part.shape[1]], mask[: part.shape[0], : part.shape[1]], part)

    def _draw_counts(self, scene: Image, line: Line, totals: Mapping[str, int] | None) -> None:
        """The direction and its number at each arrow of the line, and the line's name."""
        for direction in line.direction_names:
            text = self._words.direction(direction).label
            if totals is not None:
                text += f"  {totals.get(direction, 0)}"
            tip, away = self._scenery.tips[line.id, direction]
            self._caption(scene, text, tip, away)
        if line.name:
            self._caption(scene, line.name, self._scenery.names[line.id])

    def _caption(
        self,
        scene: Image,
        text: str,
        centre: Point | None = None,
        away: tuple[float, float] = (0.0, 0.0),
        *,
        scale: float = 1.0,
    ) -> None:
        """White text on a darkened patch, moved as far as needed to stay inside the picture.

        Args:
            scene: is drawn on.
            text: of one line.
            centre: of the patch; None: top left in the picture.
            away: unit vector to where the patch is moved from there, clear of what stands at the centre.
            scale: of the text, times that of all captions.
        """
        width_px, height_px = self._size
        text_scale = self._scenery.text_scale * scale
        (width, _), _ = cv2.getTextSize(text, _FONT, text_scale, 1)
        height = round(36 * text_scale)  # the same for every text
        width += 2 * (height // 3)
        x = y = round(6 * text_scale)
        if centre is not None:
            x = round(centre[0] + away[0] * width * _COUNT_DISTANCE) - width // 2
            y = round(centre[1] + away[1] * height * _COUNT_DISTANCE) - height // 2
        x, y = max(0, min(x, width_px - width)), max(0, min(y, height_px - height))
        patch = scene[y : y + height, x : x + width]
        patch[:] = cv2.convertScaleAbs(patch, alpha=_CAPTION_SHADE)
        baseline = y + height - round(height * 0.3)
        cv2.putText(scene, text, (x + height // 3, baseline), _FONT, text_scale, _WHITE, 1, cv2.LINE_AA)


def _colour(road_user: str) -> tuple[int, ...]:
    return _BGR.get(road_user, _BGR["other"])


def _rounded(boxes_px: npt.NDArray[np.float64], radii_px: npt.NDArray[np.float64]) -> Pixels:
    """Outlines of boxes with round corners, (n, 21, 2), closed."""
    outlines = boxes_px[:, _CORNERS] + radii_px[:, None, None] * _FROM_CORNER
    rounded: Pixels = np.rint(outlines, out=outlines).astype(np.int32)
    return rounded


@lru_cache(maxsize=256)
def _label(text: str, road_user: str, scale: float) -> tuple[Image, Image]:
    """Text on the colour of its class, and a mask that rounds its corners; a track keeps its label for long."""
    (width, height), _ = cv2.getTextSize(text, _FONT, scale, 1)
    padding = max(2, round(6 * scale))
    size = (height + 2 * padding + 1, width + 2 * padding + 1)
    patch, mask = np.full((*size, 3), _colour(road_user), np.uint8), np.zeros(size, np.uint8)
    corners = np.array([[0, 0, size[1] - 1, size[0] - 1]], np.float64)
    cv2.fillConvexPoly(mask, _rounded(corners, np.array([padding], np.float64))[0], 255)
    ink = _LABEL_INK.get(road_user, _BLACK)
    cv2.putText(patch, text, (padding, height + padding), _FONT, scale, ink, 1, cv2.LINE_AA)
    return patch, mask


def _arrow(foot: Point, tip: Point) -> list[Pixels]:
    """Shaft and head of an arrow."""
    x, y = ((a - b) * _ARROW_HEAD_SHARE * math.sqrt(0.5) for a, b in zip(foot, tip, strict=True))
    head = [(tip[0] + x - y, tip[1] + y + x), tip, (tip[0] + x + y, tip[1] + y - x)]
    return [np.array([foot, tip], np.int32), np.rint(head).astype(np.int32)]


def _first_direction(a: tuple[int, int], b: tuple[int, int]) -> tuple[float, float]:
    """The unit vector of a line's first direction in the image (y down), for one who walks from a to b."""
    dx, dy = b[0] - a[0], b[1] - a[1]
    length = math.hypot(dx, dy) or 1.0
    return -dy / length, dx / length
