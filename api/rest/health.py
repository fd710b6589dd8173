"""For machines that watch: liveness, readiness, Prometheus metrics."""

from __future__ import annotations

from fastapi import APIRouter
from fastapi.responses import JSONResponse, Response
from prometheus_client import CONTENT_TYPE_LATEST, CollectorRegistry, generate_latest
from prometheus_client.core import CounterMetricFamily, GaugeMetricFamily, Metric

from aforo.camera_state import CameraState
from aforo.errors import StoreError
from aforo.model import MICROSECONDS
from api.context import Context, ContextDep

router = APIRouter(tags=["health"])

STATES = [state for state in CameraState if state is not CameraState.UNKNOWN]


@router.get("/healthz", summary="Is the process alive")
def healthz() -> dict[str, str]:
    """Answers as long as the web server does."""
    return {"status": "ok"}


@router.get(
    "/readyz",
    summary="Does it count and answer",
    responses={503: {"description": "Not ready: `reasons` says why."}},
)
def readyz(context: ContextDep) -> JSONResponse:
    """Ready when the store answers and, where cameras run in this process, at least one of them is live."""
    reasons = []
    try:
        context.reader.span_us()
    except StoreError as error:
        reasons.append(str(error))
    reasons += context.live.faults()
    body = {"status": "not ready" if reasons else "ready", "reasons": reasons}
    return JSONResponse(body, status_code=503 if reasons else 200)


@router.get("/metrics", summary="Prometheus metrics", response_class=Response)
def metrics(context: ContextDep) -> Response:
    """Camera states, rates and drops, and whether the store answers, in Prometheus' text format."""
    registry = CollectorRegistry()
    registry.register(_Snapshot(context))
    return Response(generate_latest(registry), media_type=CONTENT_TYPE_LATEST)


class _Snapshot:
    """One reading of everything that is measured; made anew for each scrape."""

    def __init__(self, context: Context) -> None:
        self._context = context

    def collect(self) -> list[Metric]:
        return [self._store(), *self._cameras()]

    def _store(self) -> Metric:
        try:
            self._context.reader.span_us()
        except StoreError:
            up = 0
        else:
            up = 1
        return GaugeMetricFamily("aforo_store_up", "1 while the store answers.", value=up)

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
