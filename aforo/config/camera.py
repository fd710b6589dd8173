"""The configuration of one camera: its source, and what is counted in its picture."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Annotated, Literal

from pydantic import BeforeValidator, Field, field_validator, model_validator

from aforo.address import Address
from aforo.config.base import Identifier, Name, Section, SourcesField
from aforo.config.geometry import LineSection, MovementSection, PointPair, ZoneSection, fractions_only
from aforo.local_time import parse_moment
from aforo.site import Camera

LEAST_REGION = 0.05
"""A region is at least so wide and high, as a share of the picture."""


ROOM_AROUND_LINES = 0.2
"""How far a region goes beyond its lines and zones, as a share of the picture: road users are to be seen whole, and
long enough to be believed, before they come to a line."""


class CameraSection(Section):
    """One camera and what is counted in its picture.

    >>> camera = CameraSection(id="north", source="rtsp://user:pass@10.0.0.5/1", analyse_fps=5)
    >>> camera.shown_source, camera.analyse_fps
    ('rtsp://10.0.0.5', 5.0)
    """

    id: Identifier = Field(description="Unique within the site.")
    name: Name = Field(default="", description="Name for people.")
    sources: SourcesField = Field(
        alias="source",
        description="A file, rtsp://, http(s):// (MJPEG or HLS), or the number of a USB camera. May carry credentials, "
        "in which @ is written %40, / %2F, # %23, [ %5B, % %25; only scheme and host are ever shown. A list names the "
        "files of one recording: in any order where each tells by its name or container when it begins, else in the "
        "order of the recording.",
    )
    analyse_fps: float = Field(default=10.0, gt=0, le=120, description="Frames analysed per second.")
    starts_at: str | None = Field(
        default=None,
        description="For a recording: when it starts, ISO 8601; local to the site when without offset. "
        "Default: from the file name or its metadata, else the file's time. Of several files it is the start of the "
        "first, and each other one starts where the one before it ends, whatever their names say.",
    )
    recorded_fps: float | None = Field(
        default=None,
        ge=0.01,
        le=1000,
        description="For a recording: frames per second at which it was made. Default: what the file tells. Raw "
        "streams (.h264, .hevc, .mjpeg) tell nothing and are taken as 25, with a warning.",
    )
    repeat: bool = Field(
        default=False, description="For a recording: start again at its end, as a live camera would go on."
    )
    drop_late: bool = Field(
        default=False,
        description="For a recording: drop frames that the machine is too late for, as a live camera would. Default: "
        "every frame is analysed, however long that takes, so that each reading counts the same.",
    )
    region: Annotated[tuple[PointPair, PointPair] | Literal["lines"] | None, BeforeValidator(fractions_only)] = Field(
        default=None,
        description="The part of the picture that is analysed: its upper left and lower right corner; or `lines`, what "
        "lines and zones need, with room around them. It fills the network's input, so that what is far away is seen "
        "larger, at the same cost. Default: the whole picture.",
    )
    lines: list[LineSection] = Field(default_factory=list, description="Counting lines.")
    zones: list[ZoneSection] = Field(default_factory=list, description="Zones.")
    movements: list[MovementSection] = Field(
        default_factory=list, description="Turning movements between lines and zones."
    )

    @field_validator("starts_at")
    @classmethod
    def _is_time(cls, text: str | None) -> str | None:
        if text is not None:
            parse_moment(text)
        return text

    @model_validator(mode="after")
    def _fits_its_source(self) -> CameraSection:
        if not self.is_recording:
            for key in ("starts_at", "recorded_fps", "repeat", "drop_late"):
                if getattr(self, key):
                    raise ValueError(f"{key} is for a recording, and the source is a camera; leave it out")
        return self

    @model_validator(mode="after")
    def _gates_exist(self) -> CameraSection:
        self.domain()
        return self

    @model_validator(mode="after")
    def _region_holds_all(self) -> CameraSection:
        if self.region is None:
            return self
        if self.region == "lines" and not (self.lines or self.zones):
            raise ValueError("region: lines needs a line or a zone; give some, or the region's two corners")
        left, top, right, bottom = self.analysed
        if right - left < LEAST_REGION or bottom - top < LEAST_REGION:
            raise ValueError(
                f"region: expected its upper left and then its lower right corner, at least {LEAST_REGION:g} of the "
                f"picture apart in each direction, got {[list(corner) for corner in self.region]}"
            )
        places = [("line", line.id, line.points) for line in self.lines]
        places += [("zone", zone.id, zone.polygon) for zone in self.zones]
        for what, name, corners in places:
            if not all(left <= x <= right and top <= y <= bottom for x, y in corners):
                raise ValueError(f"the {what} {name!r} leaves the camera's region, where nobody would be seen")
        return self

    def domain(self) -> Camera:
        """The camera and what is counted in its picture.

        Raises:
            ValueError: a movement names a line, direction or zone that it does not have.
        """
        return Camera(
            self.id,
            lines=tuple(line.domain() for line in self.lines),
            zones=tuple(zone.domain() for zone in self.zones),
            movements=tuple(movement.domain() for movement in self.movements),
            name=self.name,
            shown_source=self.shown_source,
            analyse_fps=self.analyse_fps,
            is_recording=self.is_recording,
        )

    @property
    def analysed(self) -> tuple[float, float, float, float]:
        """Left, top, right and bottom of the part that is analysed, fractions of the picture."""
        if self.region is None:
            return 0.0, 0.0, 1.0, 1.0
        if self.region != "lines":
            return *self.region[0], *self.region[1]
        corners = [corner for line in self.lines for corner in line.points]
        corners += [corner for zone in self.zones for corner in zone.polygon]
        (left, right), (top, bottom) = ((min(side), max(side)) for side in zip(*corners, strict=True))
        margin = ROOM_AROUND_LINES
        return max(0.0, left - margin), max(0.0, top - margin), min(1.0, right + margin), min(1.0, bottom + margin)

    @classmethod
    def of_recording(cls, path: Path, lines: Sequence[LineSection] = ()) -> CameraSection:
        """A camera for a video file that is in no configuration."""
        return cls(id="video", source=(Address.of_file(path),), lines=list(lines))

    @property
    def is_recording(self) -> bool:
        """Whether the source is a file, or several: no address, and no number of a USB camera."""
        return self.sources[0].is_file

    @property
    def shown_source(self) -> str:
        """The source as scheme and host, or the files, for people."""
        return ", ".join(map(str, self.sources))
