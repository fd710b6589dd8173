"""The shapes of questions and answers, as OpenAPI describes them."""

from __future__ import annotations

from datetime import datetime
from typing import Annotated, Literal

from pydantic import Field

from api.schemas import Answer, RangeQuestion

Interval = Literal["1m", "5m", "15m", "1h", "1d"]


class IntervalQuestion(RangeQuestion):
    """A range of time in buckets."""

    interval: Annotated[
        Interval,
        Field(
            description="Length of a bucket. Hours and days are local to the site. The buckets that overlap the range "
            "are answered whole; `from` and `to` of the answer say which range that is."
        ),
    ] = "1h"


class VolumesQuestion(IntervalQuestion):
    """Query parameters of `volumes`."""

    line: list[str] = Field([], description="Id of a counting line; may be repeated. None, and no zone: all of both.")
    zone: list[str] = Field([], description="Id of a zone; may be repeated. Its volume is the entries into it.")
    by: Annotated[
        str | None,
        Field(
            description="Split the counts: `class`, `direction`, or both with a comma between them.",
            examples=["class", "class,direction"],
        ),
    ] = None
    format: Annotated[Literal["json", "csv"], Field(description="Shape of the answer.")] = "json"


class MovementsQuestion(IntervalQuestion):
    """Query parameters of `movements`."""

    movement: list[str] = Field([], description="Id of a turning movement; may be repeated. None: all.")
    by: Annotated[Literal["class"] | None, Field(description="Split the counts by class.")] = None


class CoverageQuestion(IntervalQuestion):
    """Query parameters of `coverage`."""

    camera: list[str] = Field([], description="Id of a camera; may be repeated. None: all.")


class CrossingsQuestion(RangeQuestion):
    """Query parameters of `crossings`."""

    line: list[str] = Field([], description="Id of a counting line; may be repeated. None: all.")
    limit: Annotated[int, Field(ge=1, le=10_000, description="The newest so many.")] = 100


class CameraAnswer(Answer):
    """A camera and how it is doing."""

    id: str
    name: str
    state: str = Field(
        description="connecting, live, frozen (connected, no new picture), offline, ended (recording over). Where this "
        "process runs no cameras: live when its worker was seen lately, else unknown."
    )
    reason: str = Field(description="Why it is not well, or has no live picture; empty while all is well.")
    reason_code: str | None = Field(description="Which sentence it is, for those who say it in another language.")
    reason_values: list[str] = Field(description="What was filled into that sentence, in order.")
    source: str = Field(description="Where its pictures come from, without credentials.")
    width_px: int | None = Field(description="Of the newest frame; null before the first.")
    height_px: int | None
    fps: float | None = Field(description="Frames analysed per second over the last seconds.")
    dropped: int | None = Field(description="Frames thrown away unseen since the start.")
    last_frame: datetime | None = Field(description="When the newest frame was taken.")
    lines: list[str] = Field(description="Ids of its counting lines.")
    zones: list[str] = Field(description="Ids of its zones.")
    known_cars: int | None = Field(
        description="Cars whose sizes by place in the picture are kept, 80 at most: from three of a place on they tell "
        "vans from lorries there. Null for recordings, and where this process does not run the camera."
    )


class CamerasAnswer(Answer):
    """All cameras of the site."""

    site: str
    name: str
    timezone: str
    cameras: list[CameraAnswer]


class LineAnswer(Answer):
    """A counting line."""

    id: str
    name: str
    camera: str
    points: list[tuple[float, float]] = Field(description="In order, fractions of the frame's width and height.")
    directions: tuple[str, str] = Field(
        description="First: from the left to the right of a person who walks along the line; second: the other way."
    )
    anchor: str = Field(description="The point of a road user's box that has to cross.")
    version: str = Field(description="Changes with the geometry; each crossing names the one it was counted with.")


class LinesAnswer(Answer):
    """All counting lines of the site."""

    lines: list[LineAnswer]


class ZoneAnswer(Answer):
    """A zone."""

    id: str
    name: str
    camera: str
    polygon: list[tuple[float, float]] = Field(description="Corners in order, fractions of the frame.")
    anchor: str
    version: str


class ZonesAnswer(Answer):
    """All zones of the site."""

    zones: list[ZoneAnswer]


class BucketAnswer(Answer):
    """A count in one bucket."""

    start: datetime = Field(examples=["2025-05-06T07:00:00-05:00"])
    end: datetime = Field(examples=["2025-05-06T08:00:00-05:00"])
    camera: str = Field(examples=["north"])
    line: str | None = Field(None, description="Of a line only.", examples=["stop-line"])
    zone: str | None = Field(None, description="Of a zone only.", examples=[None])
    movement: str | None = Field(None, description="Of a movement only.", examples=[None])
    direction: str | None = Field(None, description="Only with by=direction.", examples=["entering"])
    road_user: str | None = Field(
        None,
        description="Only with by=class. The classes are those counted at this place within the range; where there "
        "are none, one row has null.",
        examples=["cyclist"],
    )
    count: int | None = Field(description="null: nothing was observed, which is not zero.", examples=[41])
    provisional: int = Field(description="Road users of `count` whose tracks are still open.", examples=[0])
    coverage: float = Field(ge=0, le=1, description="Observed share of the bucket.", examples=[0.998])
    complete: bool = Field(description="Whether at least 0.99 of it was observed.", examples=[True])


class CountsAnswer(Answer):
    """Counts of places over a range."""

    site: str = Field(examples=["cll26"])
    timezone: str = Field(examples=["America/Bogota"])
    interval: Interval
    start: datetime = Field(serialization_alias="from", examples=["2025-05-06T07:00:00-05:00"])
    end: datetime = Field(serialization_alias="to", examples=["2025-05-06T08:00:00-05:00"])
    rows: list[BucketAnswer]


class CoverageRow(Answer):
    """What one camera observed of one bucket."""

    start: datetime
    end: datetime
    camera: str
    observed_s: float = Field(description="Observed time.")
    coverage: float = Field(ge=0, le=1, description="Observed share of the bucket.")
    complete: bool
    frames: int = Field(description="Frames analysed.")
    dropped: int = Field(description="Frames thrown away unseen.")


class CoverageAnswer(Answer):
    """What cameras observed over a range."""

    site: str
    timezone: str
    interval: Interval
    start: datetime = Field(serialization_alias="from")
    end: datetime = Field(serialization_alias="to")
    rows: list[CoverageRow]


class CrossingAnswer(Answer):
    """One road user passing one line once."""

    at: datetime
    camera: str
    line: str
    direction: str
    road_user: str
    final: bool = Field(description="false while the track is open: the class may still change.")
    session: str
    track: int
    geometry: str = Field(description="Version of the line.")
    class_confidence: float | None = Field(
        description="The probability that the class of a final row is right, 0 to 1; null where it is not known."
    )


class CrossingsAnswer(Answer):
    """Single crossings, newest first."""

    rows: list[CrossingAnswer]
