"""The site file: one YAML document, every key described, unknown keys refused, errors with key and line.

Read with `load_site`; stages never see it: `app.assemble` turns it into plain arguments.
"""

from __future__ import annotations

from typing import Annotated
from zoneinfo import ZoneInfo

from pydantic import AfterValidator, Field, model_validator

import aforo.site
from aforo.address import Address
from aforo.config.base import AddressField, Identifier, Name, Section
from aforo.config.camera import CameraSection
from aforo.config.detector import DetectorSection
from aforo.config.server import ApiSection
from aforo.config.stores import KafkaSection, TimescaleSection
from aforo.errors import ConfigurationError


def _known_timezone(name: str) -> str:
    try:
        ZoneInfo(name)
    except (KeyError, ValueError, OSError):
        raise ValueError(f"expected an IANA time zone such as America/Bogota, got {name!r}") from None
    return name


def _known_store(address: Address) -> Address:
    if address.scheme not in ("sqlite", "postgresql", "postgres"):
        raise ValueError("store must start with sqlite:/// or postgresql://")
    return address


def _known_bus(address: Address) -> Address:
    if address.scheme != "kafka" and str(address) != "memory":
        raise ValueError("expected memory, or kafka://host:port")
    return address


class SiteIdentity(Section):
    """Where the cameras stand.

    >>> SiteIdentity(id="calle-26", timezone="America/Bogota").timezone
    'America/Bogota'
    """

    id: Identifier = Field(default="site", description="Short name, used in reports and file names.")
    name: Name = Field(default="", description="Name for people.")
    timezone: Annotated[str, AfterValidator(_known_timezone)] = Field(
        default="UTC", description="IANA time zone; hours and days of every report are local to it."
    )


class SiteConfiguration(Section):
    """A whole site file.

    >>> site = SiteConfiguration(store="postgresql://user:pass@db/aforo", cameras=[{"id": "north", "source": "0"}])
    >>> site.store, site.camera("north").analyse_fps
    (Address('postgresql://db'), 10.0)
    """

    site: SiteIdentity = Field(default_factory=SiteIdentity, description="Where the cameras stand.")
    cameras: list[CameraSection] = Field(default_factory=list, description="The cameras.")
    detector: DetectorSection = Field(default_factory=DetectorSection, description="Model and engine.")
    bus: Annotated[AddressField, AfterValidator(_known_bus)] = Field(
        default_factory=lambda: Address("memory"), description="memory, or kafka://host:port."
    )
    kafka: KafkaSection = Field(default_factory=KafkaSection, description="Security and topics of Kafka.")
    store: Annotated[AddressField, AfterValidator(_known_store)] = Field(
        default_factory=lambda: Address("sqlite:///aforo.db"),
        description="sqlite:///FILE, or postgresql://user:password@host/database.",
    )
    timescale: TimescaleSection = Field(
        default_factory=TimescaleSection, description="Life of the rows where the store has TimescaleDB."
    )
    api: ApiSection = Field(default_factory=ApiSection, description="The web server.")

    @model_validator(mode="after")
    def _unique(self) -> SiteConfiguration:
        self.domain()
        return self

    @model_validator(mode="after")
    def _all_used(self) -> SiteConfiguration:
        if str(self.bus) == "memory" and self.kafka != KafkaSection():
            raise ValueError("kafka has no effect with bus: memory; leave it out, or give bus: kafka://host:port")
        if self.store.scheme == "sqlite" and self.timescale != TimescaleSection():
            raise ValueError(
                "timescale has no effect on a store in SQLite, which keeps everything; leave it out, or give "
                "store: postgresql://…"
            )
        return self

    def domain(self) -> aforo.site.Site:
        """What is counted, and where.

        Raises:
            ValueError: two cameras, lines, zones or movements have the same id.
        """
        cameras = tuple(camera.domain() for camera in self.cameras)
        return aforo.site.Site(self.site.id, self.timezone, cameras, self.site.name)

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
