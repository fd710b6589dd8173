"""How writing goes, for Prometheus."""

from __future__ import annotations

from collections.abc import Callable

from prometheus_client.core import CounterMetricFamily, GaugeMetricFamily, Metric
from prometheus_client.registry import Collector

from aforo.write_health import WriteState


class WriteMetrics(Collector):
    """The metrics of one place that writes, named after what it writes to: `aforo_store_…` or `aforo_bus_…`.

    >>> [metric.name for metric in WriteMetrics(WriteState).collect()][:2]
    ['aforo_store_write_failure', 'aforo_camera_unwritten_seconds']

    Args:
        state: how writing goes, asked anew for each scrape.
    """

    def __init__(self, state: Callable[[], WriteState]) -> None:
        self._state = state

    def collect(self) -> list[Metric]:
        """The metrics now; the age of the last write is absent before the first."""
        state = self._state()
        name = f"aforo_{state.target}"
        reason = GaugeMetricFamily(
            f"{name}_write_failure", "1 while nothing can be written, and why.", labels=["reason"]
        )
        reason.add_metric([state.failure], float(bool(state.failure)))
        dropped = CounterMetricFamily(
            "aforo_camera_unwritten_seconds",
            f"Seconds of frames thrown away because the {state.target} took no more.",
            labels=["camera"],
        )
        for camera, seconds in state.dropped_s.items():
            dropped.add_metric([camera], seconds)
        gauges = [
            (
                f"{name}_write_failing_seconds",
                "For how long nothing could be written, 0 while it can.",
                state.failing_s,
            ),
            (f"{name}_last_write_age_seconds", "Age of the last write that succeeded.", state.written_age_s),
            (f"{name}_waiting_frames", "Analysed frames that wait to be written.", state.frames_waiting),
            (f"{name}_waiting_frames_limit", "Frames that may wait before cameras have to.", state.frames_capacity),
            (f"{name}_waiting_rows", "Counted rows that wait to be written.", state.rows_waiting),
        ]
        return [
            reason,
            dropped,
            *(GaugeMetricFamily(*gauge[:2], value=gauge[2]) for gauge in gauges if gauge[2] is not None),
        ]
