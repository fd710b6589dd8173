"""The site as it is configured: `/v1/cameras`, `lines`, `zones`."""

from __future__ import annotations

from typing import Any

from fastapi import APIRouter

from aforo.camera_state import LiveCamera, in_parts
from aforo.local_time import local_time
from aforo.site import Site
from api.context import ContextDep
from api.rest.schemas import CameraAnswer, CamerasAnswer, LineAnswer, LinesAnswer, ZoneAnswer, ZonesAnswer
from api.schemas import REFUSALS

router = APIRouter(prefix="/v1", tags=["counts"], responses=REFUSALS)


@router.get("/cameras", summary="Cameras and how they are doing")
def cameras(context: ContextDep) -> CamerasAnswer:
    """Every camera of the configuration, with its state: as this process runs it, or as its worker was seen lately."""
    site = context.site
    return CamerasAnswer(
        site=site.id,
        name=site.name,
        timezone=site.timezone.key,
        cameras=[
            CameraAnswer(
                id=camera.id,
                name=camera.name,
                source=camera.shown_source,
                lines=[line.id for line in camera.lines],
                zones=[zone.id for zone in camera.zones],
                known_cars=live.known_cars,
                **_condition(site, live),
            )
            for camera, live in zip(site.cameras, context.live.cameras(), strict=True)
        ],
    )


def _condition(site: Site, live: LiveCamera) -> dict[str, Any]:
    """State, problem and figures of a camera; the figures are null where another process runs it."""
    state = {"state": live.state, **in_parts(live.problem)}
    status = live.status
    if status is None:
        return state | dict.fromkeys(("width_px", "height_px", "fps", "dropped", "last_frame"))
    last_us = status.last_frame_us
    return state | {
        "width_px": status.width_px or None,
        "height_px": status.height_px or None,
        "fps": round(status.fps, 2),
        "dropped": status.dropped,
        "last_frame": None if last_us is None else local_time(last_us, site.timezone),
    }


@router.get("/lines", summary="Counting lines")
def lines(context: ContextDep) -> LinesAnswer:
    """Every counting line, with its geometry and the names of its directions."""
    return LinesAnswer(
        lines=[
            LineAnswer(
                id=line.id,
                name=line.name,
                camera=camera.id,
                points=list(line.points),
                directions=line.direction_names,
                anchor=line.anchor,
                version=line.version,
            )
            for camera in context.site.cameras
            for line in camera.lines
        ]
    )


@router.get("/zones", summary="Zones")
def zones(context: ContextDep) -> ZonesAnswer:
    """Every zone, with its geometry."""
    return ZonesAnswer(
        zones=[
            ZoneAnswer(
                id=zone.id,
                name=zone.name,
                camera=camera.id,
                polygon=list(zone.polygon),
                anchor=zone.anchor,
                version=zone.version,
            )
            for camera in context.site.cameras
            for zone in camera.zones
        ]
    )
