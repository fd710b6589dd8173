"""Drawing what was tracked and counted onto a picture.

Needs no web server: the live view, and `aforo count --annotate`, draw with the same class.
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from zoneinfo import ZoneInfo

import cv2
import numpy as np
import supervision as sv

from aforo.config import CameraSection, LineSection, ZoneSection
from aforo.model import MICROSECONDS, ROAD_USERS, Image, TrackedFrame
from api.running import LineCounts, by_direction, presence

COLOURS = {
    "pedestrian": "#56B4E9",
    "cyclist": "#009E73",
    "motorcyclist": "#CC79A7",
    "car": "#E69F00",
    "bus": "#D55E00",
    "truck": "#0072B2",
    "other": "#999999",
}
"""Okabe and Ito's palette, told apart with every common kind of colour blindness. Any other class is drawn as other."""

_LABEL_INK = {"truck": "#FFFFFF"}  # black on every other colour

NAMES = {
    "en": {},
    "es": {
        "pedestrian": "peatón",
        "cyclist": "ciclista",
        "motorcyclist": "motociclista",
        "car": "automóvil",
        "bus": "bus",
        "truck": "camión",
        "other": "otro",
    },
}
"""Road users as they are called on the picture, where that differs from their id."""

DIRECTIONS: dict[str, dict[str, str]] = {
    "en": {},
    "es": {"right": "derecha", "left": "izquierda", "up": "arriba", "down": "abajo"},
}
"""The default directions of a line; a name that the site chose is shown as it is."""

_NO_PICTURE_SINCE = {"en": "no picture since {}", "es": "sin imagen desde las {}"}
_RECORDING_OVER = {"en": "end of the recording", "es": "fin de la grabación"}

_FONT = cv2.FONT_HERSHEY_SIMPLEX
_WHITE, _INK, _YELLOW = (255, 255, 255), (24, 24, 24), (66, 228, 240)
_LINE_LABEL_SHARE = 0.12  # where a line's counts stand, from its lower end: beside the traffic, not on top of it
_ZONE_OPACITY = 0.14
_CAPTION_SHADE = 0.28
_STALE_SHADE = 0.45
_TRACE_FRAMES = 30


@dataclass(frozen=True)
class _Brushes:
    """Supervision's annotators and the sizes that go with one resolution."""

    text_scale: float
    thickness: int
    box: sv.RoundBoxAnnotator
    label: sv.LabelAnnotator
    trace: sv.TraceAnnotator

    @classmethod
    def for_size(cls, width_px: int, height_px: int) -> _Brushes:
        text_scale = max(0.4, min(width_px, height_px) * 0.8e-3)
        thickness = max(1, round(min(width_px, height_px) / 360))
        palette = sv.ColorPalette([sv.Color.from_hex(COLOURS[name]) for name in ROAD_USERS])
        return cls(
            text_scale=text_scale,
            thickness=thickness,
            box=sv.RoundBoxAnnotator(color=palette, thickness=thickness, roundness=0.3),
            label=sv.LabelAnnotator(
                color=palette,
                text_color=sv.ColorPalette(
                    [sv.Color.WHITE if name == "truck" else sv.Color.BLACK for name in ROAD_USERS]
                ),
                text_scale=text_scale,
                text_padding=max(2, round(6 * text_scale)),
                border_radius=max(2, round(6 * text_scale)),
            ),
            trace=sv.TraceAnnotator(
                color=palette, position=sv.Position.BOTTOM_CENTER, trace_length=_TRACE_FRAMES, thickness=thickness
            ),
        )


class FrameAnnotator:
    """Draws the frames of one camera, in their order: it remembers the trails.

    Args:
        camera: whose lines and zones are drawn.
        timezone: of the time stamp.
        lang: "en" or "es".
    """

    def __init__(self, camera: CameraSection, timezone: ZoneInfo, lang: str = "en") -> None:
        self._camera = camera
        self._timezone = timezone
        self._lang = lang
        self._size: tuple[int, int] = (0, 0)
        self._session = ""
        self._brushes = _Brushes.for_size(1, 1)

    def draw(self, image: Image, tracked: TrackedFrame, counts: Mapping[str, LineCounts]) -> Image:
        """A copy of the picture with zones, lines, counts, trails, boxes, labels and the local time.

        Args:
            image: the frame, in any size; it is not altered.
            tracked: the road users in it.
            counts: by line id, (direction, road user) -> number; lines that are absent show 0.
        """
        scene: Image = image.copy()
        self._take_size(scene)
        if tracked.session != self._session:
            self._session = tracked.session
            self._brushes.trace.reset()
        for zone in self._camera.zones:
            self._shade_zone(scene, zone)
        for line in self._camera.lines:
            self._stroke_line(scene, line)
        self._draw_road_users(scene, tracked)
        present = presence(self._camera, tracked)
        for zone in self._camera.zones:
            corner = min(self._pixels(zone.polygon), key=lambda point: (point[1], point[0]))
            self._caption(scene, f"{zone.name or zone.id}  {present[zone.id].total()}", corner)
        for line in self._camera.lines:
            self._draw_counts(scene, line, by_direction(counts.get(line.id, {})))
        self._caption(scene, f"{self._camera.name or self._camera.id}  {self.local_time(tracked.captured_at_us)}")
        return scene

    def stale(self, image: Image, since_us: int, ended: bool) -> Image:
        """The last picture of a camera that sends no more: grey, darkened, and saying since when.

        Args:
            image: the frame, in any size; it is not altered.
            since_us: when it was the newest (processing time).
            ended: the camera is a recording that is over: it says so instead.
        """
        grey = cv2.cvtColor(cv2.cvtColor(image, cv2.COLOR_BGR2GRAY), cv2.COLOR_GRAY2BGR)
        scene: Image = (grey * _STALE_SHADE).astype(np.uint8)
        self._take_size(scene)
        text = _NO_PICTURE_SINCE[self._lang].format(self.local_time(since_us, "%H:%M:%S"))
        height_px, width_px = scene.shape[:2]
        centre = (width_px // 2, height_px // 2)
        self._caption(scene, _RECORDING_OVER[self._lang] if ended else text, centre, scale=1.6)
        return scene

    def local_time(self, at_us: int, layout: str = "%Y-%m-%d %H:%M:%S") -> str:
        """An instant in the site's time zone."""
        return datetime.fromtimestamp(at_us / MICROSECONDS, self._timezone).strftime(layout)

    def _take_size(self, scene: Image) -> None:
        size = (scene.shape[1], scene.shape[0])
        if size != self._size:
            self._size = size
            self._brushes = _Brushes.for_size(*size)

    def _draw_road_users(self, scene: Image, tracked: TrackedFrame) -> None:
        detections = self._detections(tracked)
        names = NAMES[self._lang]
        labels = [f"{names.get(seen.road_user, seen.road_user)} {seen.track_id}" for seen in tracked.objects]
        self._brushes.trace.annotate(scene, detections)
        self._brushes.box.annotate(scene, detections)
        self._brushes.label.annotate(scene, detections, labels)

    def _detections(self, tracked: TrackedFrame) -> sv.Detections:
        if not tracked.objects:
            return sv.Detections.empty()
        width_px, height_px = self._size
        return sv.Detections(
            xyxy=np.array([seen.box for seen in tracked.objects], np.float32)
            * np.array([width_px, height_px, width_px, height_px], np.float32),
            confidence=np.array([seen.confidence for seen in tracked.objects], np.float32),
            class_id=np.array([_class_id(seen.road_user) for seen in tracked.objects]),
            tracker_id=np.array([seen.track_id for seen in tracked.objects]),
        )

    def _shade_zone(self, scene: Image, zone: ZoneSection) -> None:
        corners = np.array(self._pixels(zone.polygon), np.int32)
        x, y, width, height = cv2.boundingRect(corners)
        part = scene[y : y + height, x : x + width]
        filled = part.copy()
        cv2.fillPoly(filled, [corners - (x, y)], _YELLOW)
        cv2.addWeighted(filled, _ZONE_OPACITY, part, 1 - _ZONE_OPACITY, 0, dst=part)
        cv2.polylines(scene, [corners], True, _YELLOW, self._brushes.thickness, cv2.LINE_AA)

    def _stroke_line(self, scene: Image, line: LineSection) -> None:
        points = [np.array(self._pixels(line.points), np.int32)]
        thickness = self._brushes.thickness
        cv2.polylines(scene, points, False, _INK, thickness + 3, cv2.LINE_AA)
        cv2.polylines(scene, points, False, _WHITE, thickness + 1, cv2.LINE_AA)

    def _draw_counts(self, scene: Image, line: LineSection, totals: Mapping[str, int]) -> None:
        """An arrow and a number to each side of the line, near the lower end of it."""
        first, last = self._pixels(line.points[:2]), self._pixels(line.points[-2:])
        start, end = first if first[0][1] >= last[1][1] else last[::-1]
        across = _towards_the_walkers_right(*first if start == first[0] else last)
        x = start[0] + (end[0] - start[0]) * _LINE_LABEL_SHARE
        y = start[1] + (end[1] - start[1]) * _LINE_LABEL_SHARE
        reach = 34 * self._brushes.text_scale
        for direction, sign in zip(line.direction_names, (1, -1), strict=True):
            dx, dy = across[0] * sign * reach, across[1] * sign * reach
            tip = (round(x + dx), round(y + dy))
            for colour, extra in ((_INK, 3), (_WHITE, 1)):
                cv2.arrowedLine(
                    scene,
                    (round(x), round(y)),
                    tip,
                    colour,
                    self._brushes.thickness + extra,
                    cv2.LINE_AA,
                    tipLength=0.35,
                )
            text = f"{DIRECTIONS[self._lang].get(direction, direction)}  {totals.get(direction, 0)}"
            width, height = self._text_size(text, 1.0)
            centre = (
                round(tip[0] + across[0] * sign * width * 0.62),
                round(tip[1] + across[1] * sign * height * 0.62),
            )
            self._caption(scene, text, centre)
        if line.name:
            self._caption(scene, line.name, end)

    def _caption(self, scene: Image, text: str, centre: tuple[int, int] | None = None, *, scale: float = 1.0) -> None:
        """White text on a darkened patch, moved as far as needed to stay inside the picture; None: top left."""
        height_px, width_px = scene.shape[:2]
        width, height = self._text_size(text, scale)
        margin = round(6 * self._brushes.text_scale)
        x, y = (margin, margin) if centre is None else (centre[0] - width // 2, centre[1] - height // 2)
        x, y = max(0, min(x, width_px - width)), max(0, min(y, height_px - height))
        patch = scene[y : y + height, x : x + width]
        patch[:] = (patch * _CAPTION_SHADE).astype(np.uint8)
        baseline = y + height - round(height * 0.3)
        text_scale = self._brushes.text_scale * scale
        cv2.putText(scene, text, (x + height // 3, baseline), _FONT, text_scale, _WHITE, 1, cv2.LINE_AA)

    def _text_size(self, text: str, scale: float) -> tuple[int, int]:
        """Width and height of a caption with its padding; the same height for every text."""
        text_scale = self._brushes.text_scale * scale
        (width, _), _ = cv2.getTextSize(text, _FONT, text_scale, 1)
        height = round(36 * text_scale)
        return width + 2 * (height // 3), height

    def _pixels(self, points: list[tuple[float, float]]) -> list[tuple[int, int]]:
        width_px, height_px = self._size
        return [(round(x * (width_px - 1)), round(y * (height_px - 1))) for x, y in points]


def _class_id(road_user: str) -> int:
    return ROAD_USERS.index(road_user if road_user in ROAD_USERS else "other")


def _towards_the_walkers_right(a: tuple[int, int], b: tuple[int, int]) -> tuple[float, float]:
    """The unit vector of a line's first direction in the image (y down), for one who walks from a to b."""
    dx, dy = b[0] - a[0], b[1] - a[1]
    length = math.hypot(dx, dy) or 1.0
    return -dy / length, dx / length
