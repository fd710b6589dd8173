"""For machines that watch: liveness, readiness, Prometheus metrics."""

from __future__ import annotations

import asyncio

from fastapi import APIRouter
from fastapi.responses import JSONResponse, Response
from prometheus_client import CONTENT_TYPE_LATEST, CollectorRegistry, generate_latest
from prometheus_client.core import CounterMetricFamily, GaugeMetricFamily, Metric
from prometheus_client.registry import Collector

from aforo.camera_state import CameraState
from aforo.model import MICROSECONDS
from aforo.write_metrics import WriteMetrics
from api.context import Context, ContextDep

router = APIRouter(tags=["health"])

STATES = [state for state in CameraState if state is not CameraState.UNKNOWN]


@router.get("/healthz", summary="Is the process alive")
def healthz() -> dict[str, str]:
    """Answers as long as the web server does."""
    return {"status": "ok"}


@router.get(
    "/readyz",
    summary="Does it count, write and answer",
    responses={503: {"description": "Not ready: `reasons` says why."}},
)
async def readyz(context: ContextDep) -> JSONResponse:
    """Ready when the store answers and, where cameras run in this process, one of them is live and rows are written.

    `writing`, where this process writes: why nothing can be written ("" while it can) and for how long, the age of the
    last write, what waits for it and of how many, and the seconds of frames dropped because of it per camera.
    """
    return await asyncio.to_thread(_readiness, context)  # not one of the threads in which questions may be stuck


def _readiness(context: Context) -> JSONResponse:
    state = None if context.writing is None else context.writing()
    reasons = [state.failure] if state is not None and state.failure else []
    reasons += [failure] if (failure := context.store.failure()) else []
    reasons += context.live.faults()
    body: dict[str, object] = {"status": "not ready" if reasons else "ready", "reasons": reasons}
    if state is not None:
        body["writing"] = state.in_parts()
    return JSONResponse(body, status_code=503 if reasons else 200)


@router.get("/metrics", summary="Prometheus metrics", response_class=Response)
async def metrics(context: ContextDep) -> Response:
    """Camera states, rates and drops, whether the store answers, and how writing goes, in Prometheus' text format."""
    return await asyncio.to_thread(_metrics, context)


def _metrics(context: Context) -> Response:
    registry = CollectorRegistry()
    registry.register(_Snapshot(context))
    if context.writing is not None:
        registry.register(WriteMetrics(context.writing))
    return Response(generate_latest(registry), media_type=CONTENT_TYPE_LATEST)


class _Snapshot(Collector):
    """One reading of everything that is measured; made anew for each scrape."""

    def __init__(self, context: Context) -> None:
        self._context = context

    def collect(self) -> list[Metric]:
        context = self._context
        up = not context.store.failure()
        # Where no cameras run, the store is asked for theirs; it has no figures of them.
        cameras = self._cameras() if up or context.writing is not None else []
        if context.writing is not None and (state := context.writing()).target == "store":
            up = up and not state.failure
        told = "1 while the store answers and, where this process writes to it, takes what is counted."
        return [GaugeMetricFamily("aforo_store_up", told, value=float(up)), *cameras]

    def _cameras(self) -> list[Metric]:
        state = GaugeMetricFamily("aforo_camera_state", "1 for the state a camera is in.", labels=["camera", "state"])
        fps = GaugeMetricFamily("aforo_camera_fps", "Frames analysed per second.", labels=["camera"])
        dropped = CounterMetricFamily(
            "aforo_camera_dropped_frames", "Frames thrown away unseen since the start.", labels=["camera"]
        )
        age = GaugeMetricFamily("aforo_camera_last_frame_age_seconds", "Age of the newest frame.", labels=["camera"])
        now_us = self._context.clock.now_us()
        for status in (camera.status for camera in self._context.live.cameras()):
            if status is None:
                continue  # measured by the process that runs it
            for name in STATES:
                state.add_metric([status.camera, name], float(status.state is name))
            fps.add_metric([status.camera], status.fps)
            dropped.add_metric([status.camera], status.dropped)
            if status.last_frame_us is not None:
                age.add_metric([status.camera], (now_us - status.last_frame_us) / MICROSECONDS)
        return [state, fps, dropped, age]
