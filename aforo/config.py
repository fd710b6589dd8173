"""The site file: one YAML document, every key described, unknown keys refused, errors with key and line.

Read with `load_site`; stages never see it: `aforo.assemble` turns it into plain arguments.
"""

from __future__ import annotations

import hashlib
import json
import re
from collections import Counter
from collections.abc import Sequence
from datetime import date
from pathlib import Path
from typing import Annotated, Any, Literal
from zoneinfo import ZoneInfo

import yaml
from pydantic import AfterValidator, BaseModel, ConfigDict, Field, SecretStr, ValidationError, model_validator

from aforo.errors import ConfigurationError
from aforo.geometry import check_line, check_polygon, image_directions
from aforo.model import Point, without_credentials


def _known_timezone(name: str) -> str:
    try:
        ZoneInfo(name)
    except (KeyError, ValueError, OSError):
        raise ValueError(f"expected an IANA time zone such as America/Bogota, got {name!r}") from None
    return name


Identifier = Annotated[
    str,
    Field(
        pattern=r"^[A-Za-z0-9][A-Za-z0-9._-]{0,63}$", description="Letters, digits, dot, dash, underscore; at most 64."
    ),
]
Fraction = Annotated[float, Field(ge=0.0, le=1.0, description="A fraction of the frame's width or height.")]
PointPair = tuple[Fraction, Fraction]


class Section(BaseModel):
    """A part of the configuration: immutable, no unknown keys."""

    model_config = ConfigDict(extra="forbid", frozen=True, str_strip_whitespace=True, hide_input_in_errors=True)


class SiteIdentity(Section):
    """Where the cameras stand."""

    id: Identifier = Field(default="site", description="Short name, used in reports and file names.")
    name: str = Field(default="", max_length=200, description="Name for people.")
    timezone: Annotated[str, AfterValidator(_known_timezone)] = Field(
        default="UTC", description="IANA time zone; hours and days of every report are local to it."
    )


def _version(**parts: Any) -> str:
    return hashlib.sha256(json.dumps(parts, sort_keys=True).encode()).hexdigest()[:12]


class LineSection(Section):
    """A counting line: an open polyline of two or more points, with a name for each direction."""

    id: Identifier = Field(description="Unique within the site.")
    name: str = Field(default="", max_length=200, description="Name for people.")
    points: list[PointPair] = Field(min_length=2, max_length=16, description="Fractions of the frame, in order.")
    directions: tuple[str, str] | None = Field(
        default=None,
        description="Names of the two directions: first, from the left to the right of a person who walks along the "
        "line from its first to its last point as seen in the image; second, the other way. "
        "Default: right/left when the line is nearer to vertical, else down/up, in the image's sense.",
    )
    anchor: Literal["bottom_centre", "centre"] = Field(
        default="bottom_centre", description="The point of the box that has to cross."
    )

    @model_validator(mode="after")
    def _checked(self) -> LineSection:
        check_line(self.points)
        if self.directions is not None and (
            self.directions[0] == self.directions[1]
            or not all(re.match(r"^[\w .+-]{1,40}$", d) for d in self.directions)
        ):
            raise ValueError("directions must be two different short names")
        return self

    @property
    def direction_names(self) -> tuple[str, str]:
        """The names of both directions, the defaults filled in: first towards the walker's right, then the left."""
        return self.directions or image_directions(self.points)

    @property
    def version(self) -> str:
        """Changes whenever the geometry or the meaning of a direction does."""
        return _version(points=self.points, directions=self.directions, anchor=self.anchor)


class ZoneSection(Section):
    """A zone: a simple polygon in which road users are present."""

    id: Identifier = Field(description="Unique within the site.")
    name: str = Field(default="", max_length=200, description="Name for people.")
    polygon: list[PointPair] = Field(
        min_length=3, max_length=64, description="Corners in order, fractions of the frame."
    )
    anchor: Literal["bottom_centre", "centre"] = Field(
        default="bottom_centre", description="The point of the box that has to be inside."
    )

    @model_validator(mode="after")
    def _checked(self) -> ZoneSection:
        check_polygon(self.polygon)
        return self

    @property
    def version(self) -> str:
        """Changes whenever the geometry does."""
        return _version(polygon=self.polygon, anchor=self.anchor)


class GateSection(Section):
    """One end of a turning movement: a line (perhaps in one direction only) or a zone of the same camera."""

    line: Identifier | None = Field(default=None, description="Id of a counting line.")
    direction: str | None = Field(default=None, description="Only this direction of the line.")
    zone: Identifier | None = Field(default=None, description="Id of a zone; passed on entry.")

    @model_validator(mode="after")
    def _one(self) -> GateSection:
        if (self.line is None) == (self.zone is None):
            raise ValueError("a gate is either a line or a zone")
        if self.zone is not None and self.direction is not None:
            raise ValueError("a zone has no direction")
        return self


class MovementSection(Section):
    """A turning movement: from one gate to another by the same road user."""

    model_config = ConfigDict(extra="forbid", frozen=True, populate_by_name=True, hide_input_in_errors=True)

    id: Identifier = Field(description="Unique within the site.")
    name: str = Field(default="", max_length=200, description="Name for people, such as 'north to east'.")
    origin: GateSection = Field(alias="from", description="Entry gate.")
    destination: GateSection = Field(alias="to", description="Exit gate.")

    @property
    def version(self) -> str:
        """Changes whenever the gates do."""
        return _version(origin=self.origin.model_dump(), destination=self.destination.model_dump())


LEAST_REGION = 0.05
"""A region is at least so wide and high, as a share of the picture."""

ROOM_AROUND_LINES = 0.2
"""How far a region goes beyond its lines and zones, as a share of the picture: road users are to be seen whole, and
long enough to be believed, before they come to a line."""


class CameraSection(Section):
    """One camera and what is counted in its picture."""

    id: Identifier = Field(description="Unique within the site.")
    name: str = Field(default="", max_length=200, description="Name for people.")
    source: SecretStr = Field(
        description="A file, rtsp://, http(s):// (MJPEG or HLS), or the number of a USB camera. May carry credentials; "
        "they are never shown."
    )
    analyse_fps: float = Field(default=10.0, gt=0, le=120, description="Frames analysed per second.")
    starts_at: str | None = Field(
        default=None,
        description="For a recording: when it starts, ISO 8601; local to the site when without offset. "
        "Default: from the file name or its metadata, else the file's time.",
    )
    repeat: bool = Field(
        default=False, description="For a recording: start again at its end, as a live camera would go on."
    )
    region: tuple[PointPair, PointPair] | Literal["lines"] | None = Field(
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

    @model_validator(mode="before")
    @classmethod
    def _plain_text(cls, raw: Any) -> Any:
        if not isinstance(raw, dict):
            return raw
        raw = dict(raw)
        if isinstance(raw.get("source"), int) and not isinstance(raw["source"], bool):
            raw["source"] = str(raw["source"])
        if isinstance(raw.get("starts_at"), date):  # YAML makes times of their own kind of unquoted ones
            raw["starts_at"] = raw["starts_at"].isoformat()
        return raw

    @model_validator(mode="after")
    def _gates_exist(self) -> CameraSection:
        lines, zones = {line.id: line for line in self.lines}, {zone.id for zone in self.zones}
        for movement in self.movements:
            for gate in (movement.origin, movement.destination):
                if gate.line is not None and gate.line not in lines:
                    raise ValueError(
                        f"movement {movement.id!r} names the line {gate.line!r}, which this camera does not have"
                    )
                if gate.direction is not None and gate.line is not None:
                    names = lines[gate.line].direction_names
                    if gate.direction not in names:
                        raise ValueError(
                            f"movement {movement.id!r} names the direction {gate.direction!r}; the line "
                            f"{gate.line!r} has {names[0]!r} and {names[1]!r}"
                        )
                if gate.zone is not None and gate.zone not in zones:
                    raise ValueError(
                        f"movement {movement.id!r} names the zone {gate.zone!r}, which this camera does not have"
                    )
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
        return cls(id="video", source=SecretStr(str(path)), lines=list(lines))

    @property
    def shown_source(self) -> str:
        """The source without credentials, for people."""
        return without_credentials(self.source.get_secret_value())


DEFAULT_ROAD_USERS = {
    "person": "pedestrian",
    "bicycle": "cyclist",
    "motorcycle": "motorcyclist",
    "car": "car",
    "bus": "bus",
    "truck": "truck",
}
"""The labels of models trained on COCO. What a bicycle alone counts as is decided in `track.riders`."""


class DetectorSection(Section):
    """The model and the engine that runs it."""

    model: str = Field(
        default="yolov8n", description="A known model's name, or the path of a .pt, .onnx or OpenVINO model."
    )
    image_size: int = Field(
        default=640, ge=64, le=4096, multiple_of=32, description="Longer side of the network's input, pixels."
    )
    engine: Literal["auto", "openvino", "ultralytics"] = Field(
        default="auto", description="auto: OpenVINO on a CPU, Ultralytics where it finds a GPU."
    )
    device: str = Field(default="auto", description="auto, cpu, cuda:0 (Ultralytics), GPU or NPU (OpenVINO).")
    precision: Literal["auto", "f32", "bf16", "int8"] = Field(
        default="auto",
        description="Arithmetic of OpenVINO. auto: the fastest on this machine whose counts were found to agree with "
        "f32, looked for on the sample videos at the first use of a known model (about a minute), and on your own "
        "cameras by `aforo models quantise`; f32 while that is not known.",
    )
    motion_gate: bool = Field(
        default=False,
        description="Where a picture shows nothing new, take the network's last answer again instead of asking it: "
        "for streets that are empty for long. Such time counts as observed.",
    )
    road_users: dict[str, str] = Field(
        default_factory=lambda: dict(DEFAULT_ROAD_USERS),
        min_length=1,
        description="Which road user each label of the model is. Labels not named here are ignored.",
    )


class ApiSection(Section):
    """The web server."""

    host: str = Field(default="127.0.0.1", description="Address to listen on; loopback unless you know better.")
    port: int = Field(default=8000, ge=0, le=65535, description="Port to listen on; 0 takes a free one.")
    announce: str | None = Field(
        default=None,
        pattern=r"^(auto|http://[A-Za-z0-9.\[\]:-]+)$",
        description="Address at which `aforo serve` reaches the live pictures of a worker, such as "
        "http://10.0.0.7:8000, registered in the store; auto: host name and port as the worker has them. It has to "
        "be of a private network. Default: workers show no live pictures.",
    )


class KafkaSection(Section):
    """Kafka, where `bus` names it: security, and how its topics are made."""

    security: Literal["PLAINTEXT", "SSL", "SASL_PLAINTEXT", "SASL_SSL"] = Field(
        default="PLAINTEXT", description="Encryption (SSL) and login (SASL) of the connection."
    )
    ca_file: str | None = Field(default=None, description="PEM file of the authorities that signed the broker's key.")
    certificate_file: str | None = Field(default=None, description="PEM file of the client's certificate.")
    key_file: str | None = Field(default=None, description="PEM file of the client's private key.")
    sasl_mechanism: Literal["PLAIN", "SCRAM-SHA-256", "SCRAM-SHA-512"] = Field(
        default="SCRAM-SHA-512", description="How user and password are proved."
    )
    username: str | None = Field(default=None, description="User, for SASL.")
    password: SecretStr | None = Field(default=None, description="Password, for SASL.")
    partitions: int = Field(
        default=32, ge=1, le=10_000, description="Partitions of the topic of frames; the most aggregators at work."
    )
    replication: int = Field(
        default=-1, ge=-1, le=9, description="Copies of each topic; -1 leaves it to the broker (3 is usual)."
    )
    retention_hours: int = Field(
        default=168, ge=1, le=87_600, description="How long messages are kept; the longest outage that loses nothing."
    )
    session_seconds: int = Field(
        default=10,
        ge=2,
        le=300,
        description="A worker or aggregator not heard of for so long is dead: others take over. "
        "Kafka takes none below 6, unless told otherwise.",
    )
    compression: Literal["lz4", "gzip", "none"] = Field(default="lz4", description="Of the batches on the wire.")

    @model_validator(mode="after")
    def _login(self) -> KafkaSection:
        if self.security.startswith("SASL") and (self.username is None or self.password is None):
            raise ValueError(f"security {self.security} needs username and password")
        return self


_ROLL_UP_DAYS = 7
"""Days of rows from which days are still added up."""


class TimescaleSection(Section):
    """Life of the rows in TimescaleDB. In a PostgreSQL without it, and in SQLite, everything is kept."""

    chunk_days: int = Field(default=7, ge=1, le=365, description="Days of rows in one chunk.")
    compress_after_days: int = Field(
        default=14, ge=1, le=36_500, description="Age at which chunks are compressed; later corrections cost more."
    )
    keep_rows_days: int | None = Field(
        default=None,
        ge=8,
        le=36_500,
        description="Age at which single crossings, visits and movements, coverage and "
        "minutes are dropped; hours and days stay. Default: never.",
    )
    keep_trajectories_days: int | None = Field(
        default=90, ge=1, le=36_500, description="Age at which trajectories are dropped, and no recount is possible."
    )
    refresh_seconds: int = Field(
        default=60, ge=1, le=86_400, description="How often roll-ups take in what came late. New rows show at once."
    )

    @model_validator(mode="after")
    def _in_order(self) -> TimescaleSection:
        least = max(self.compress_after_days, _ROLL_UP_DAYS) + self.chunk_days
        if self.keep_rows_days is not None and self.keep_rows_days < least:
            raise ValueError(
                f"keep_rows_days must be at least chunk_days more than compress_after_days and {_ROLL_UP_DAYS}, "
                f"so {least}, got {self.keep_rows_days}"
            )
        return self


class Site(Section):
    """A whole site file."""

    site: SiteIdentity = Field(default_factory=SiteIdentity, description="Where the cameras stand.")
    cameras: list[CameraSection] = Field(default_factory=list, description="The cameras.")
    detector: DetectorSection = Field(default_factory=DetectorSection, description="Model and engine.")
    bus: str = Field(default="memory", pattern=r"^(memory|kafka://.+)$", description="memory, or kafka://host:port.")
    kafka: KafkaSection = Field(default_factory=KafkaSection, description="Security and topics of Kafka.")
    store: SecretStr = Field(
        default=SecretStr("sqlite:///aforo.db"),
        description="sqlite:///FILE, or postgresql://user:password@host/database.",
    )
    timescale: TimescaleSection = Field(
        default_factory=TimescaleSection, description="Life of the rows where the store has TimescaleDB."
    )
    api: ApiSection = Field(default_factory=ApiSection, description="The web server.")

    @model_validator(mode="after")
    def _unique(self) -> Site:
        for what, ids in (
            ("camera", [camera.id for camera in self.cameras]),
            ("line", [line.id for camera in self.cameras for line in camera.lines]),
            ("zone", [zone.id for camera in self.cameras for zone in camera.zones]),
            ("movement", [movement.id for camera in self.cameras for movement in camera.movements]),
        ):
            twice = [name for name, times in Counter(ids).items() if times > 1]
            if twice:
                raise ValueError(f"the {what} id {twice[0]!r} is used twice; ids are unique within the site")
        if not re.match(r"^(sqlite|postgresql|postgres)://", self.store.get_secret_value()):
            raise ValueError("store must start with sqlite:/// or postgresql://")
        return self

    @property
    def timezone(self) -> ZoneInfo:
        """The site's time zone."""
        return ZoneInfo(self.site.timezone)

    def camera(self, camera_id: str) -> CameraSection:
        """The camera of that id.

        Raises:
            ConfigurationError: there is none.
        """
        for camera in self.cameras:
            if camera.id == camera_id:
                return camera
        known = ", ".join(camera.id for camera in self.cameras) or "none"
        raise ConfigurationError(f"no camera {camera_id!r} in the configuration; it has: {known}")


def points(pairs: list[PointPair]) -> tuple[Point, ...]:
    """Configured pairs as points."""
    return tuple(Point(x, y) for x, y in pairs)


def load_site(path: Path) -> Site:
    """Read and check a site file.

    Relative paths in `source` and `store` are taken as they are, from the working directory.

    Raises:
        ConfigurationError: the file cannot be read, is not YAML, or is not a valid site; the message names the
            file, the line, the key and what was expected.
    """
    try:
        text = path.read_text(encoding="utf-8")
    except (OSError, UnicodeDecodeError) as error:
        raise ConfigurationError(f"cannot read the configuration {path}: {_reason(error)}") from error
    return parse_site(text, str(path))


def parse_site(text: str, name: str) -> Site:
    """Check the text of a site file; `name` stands for it in errors.

    Raises:
        ConfigurationError: as `load_site`.
    """
    try:
        tree = yaml.compose(text, Loader=yaml.SafeLoader)
        raw = yaml.safe_load(text)
    except yaml.MarkedYAMLError as error:
        line = error.problem_mark.line + 1 if error.problem_mark else 0
        raise ConfigurationError(f"{name}, line {line}: not valid YAML: {error.problem}") from error
    except yaml.YAMLError as error:
        raise ConfigurationError(f"{name}: not valid YAML: {' '.join(str(error).split())}") from error
    _refuse_repeated_keys(tree, name)
    if not isinstance(raw, dict):
        raise ConfigurationError(f"{name}: expected keys such as site, cameras and store, got {type(raw).__name__}")
    try:
        return Site.model_validate(raw)
    except ValidationError as error:
        problems = [_problem(tree, problem["loc"], problem["type"], problem["msg"]) for problem in error.errors()]
        raise ConfigurationError(f"{name}, " + "; ".join(problems)) from None


def _refuse_repeated_keys(node: yaml.Node | None, name: str) -> None:
    """YAML itself would silently take the last of two keys of the same name."""
    if isinstance(node, yaml.MappingNode):
        seen: dict[str, int] = {}
        for key, value in node.value:
            line = key.start_mark.line + 1
            if first := seen.get(str(key.value)):
                raise ConfigurationError(
                    f"{name}, line {line}: {key.value}: already given in line {first}; join the two"
                )
            seen[str(key.value)] = line
            _refuse_repeated_keys(value, name)
    elif isinstance(node, yaml.SequenceNode):
        for value in node.value:
            _refuse_repeated_keys(value, name)


def _problem(tree: yaml.Node | None, loc: tuple[int | str, ...], kind: str, message: str) -> str:
    key = ".".join(str(part) for part in loc) or "the document"
    line = _line_of(tree, loc)
    if kind == "extra_forbidden":
        message = "unknown key"
    return f"line {line}: {key}: {message.removeprefix('Value error, ')}"


def _line_of(node: yaml.Node | None, loc: tuple[int | str, ...]) -> int:
    """The 1-based line of the deepest node that the path reaches."""
    line = node.start_mark.line + 1 if node is not None else 1
    for part in loc:
        if isinstance(node, yaml.MappingNode):
            found = [(key, value) for key, value in node.value if key.value == str(part)]
            if not found:
                return line
            line, node = found[0][0].start_mark.line + 1, found[0][1]
        elif isinstance(node, yaml.SequenceNode) and isinstance(part, int) and part < len(node.value):
            node = node.value[part]
            line = node.start_mark.line + 1
        else:
            return line
    return line


def _reason(error: OSError | UnicodeDecodeError) -> str:
    return error.strerror or str(error) if isinstance(error, OSError) else "it is not UTF-8 text"
