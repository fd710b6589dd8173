"""The command `aggregator`: counts what the workers of a city publish to Kafka."""

from __future__ import annotations

import gc
from contextlib import ExitStack
from typing import Annotated

import typer

from aforo.clock import SystemClock
from aforo.write_metrics import WriteMetrics
from api.serving.server import check_reach
from app import assemble
from app.cli.kafka_process import join
from app.cli.options import ConfigArgument
from app.figures_server import FiguresServer
from app.watch import Watch, WriteLog


def aggregator(
    config: ConfigArgument,
    metrics_port: Annotated[
        int | None,
        typer.Option("--metrics-port", min=1, max=65535, help="Serve figures for Prometheus there, and /readyz."),
    ] = None,
) -> None:
    """Count what the workers publish to Kafka, into the store; any number of aggregators share the cameras."""
    clock = SystemClock()
    with ExitStack() as stack:
        site, bus, stopping = join(config, stack)
        store = stack.enter_context(assemble.open_store(site))
        process = bus.open_counting(lambda: assemble.counting_stage(site.cameras), store, clock)
        stopping.append(process.stop)
        process.metrics.registry.register(WriteMetrics(process.state))
        if metrics_port is not None:
            check_reach(site.api.host, insecure=site.api.insecure)
            server = FiguresServer(site.api.host, metrics_port, process.metrics.registry, process.state)
            stack.callback(server.close)
        log = WriteLog("the store", "nothing more is read from Kafka until then, which keeps what comes")
        watch = Watch(lambda: log.look(process.state()))
        stack.callback(watch.stop)
        watch.start()
        gc.freeze()  # what has been loaded stays
        process.run()
