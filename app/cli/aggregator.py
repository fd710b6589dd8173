"""The command `aggregator`: counts what the workers of a city publish to Kafka."""

from __future__ import annotations

import gc
from collections.abc import Callable
from contextlib import ExitStack
from typing import Annotated

import typer
from prometheus_client import start_http_server

from aforo.bus.kafka_consumer import Metrics
from aforo.clock import SystemClock
from aforo.errors import ConfigurationError
from api.server import check_reach
from app import assemble
from app.cli.kafka_process import join
from app.cli.options import ConfigArgument


def aggregator(
    config: ConfigArgument,
    metrics_port: Annotated[
        int | None,
        typer.Option("--metrics-port", min=1, max=65535, help="Serve figures for Prometheus there, lag included."),
    ] = None,
) -> None:
    """Count what the workers publish to Kafka, into the store; any number of aggregators share the cameras."""
    clock = SystemClock()
    with ExitStack() as stack:
        site, bus, stopping = join(config, stack)
        store = stack.enter_context(assemble.open_store(site))
        process = bus.open_counting(lambda: assemble.counting_stage(site.cameras), store, clock)
        stopping.append(process.stop)
        if metrics_port is not None:
            check_reach(site.api.host, insecure=site.api.insecure)
            stack.callback(_serve(process.metrics, site.api.host, metrics_port))
        gc.freeze()  # what has been loaded stays
        process.run()


def _serve(metrics: Metrics, host: str, port: int) -> Callable[[], None]:
    """Serve figures for Prometheus; returns what ends that."""
    try:
        server, thread = start_http_server(port, addr=host, registry=metrics.registry)
    except OSError as error:
        raise ConfigurationError(f"cannot listen on {host} port {port}: {error.strerror}; give another port") from error

    def end() -> None:
        server.shutdown()
        server.server_close()
        thread.join()

    return end
