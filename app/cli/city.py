"""Commands of the processes that share a city's work over Kafka: aggregator, simulate; what they and workers share."""

from __future__ import annotations

import gc
import logging
import signal
from collections.abc import Callable
from contextlib import ExitStack, closing
from pathlib import Path
from typing import Annotated, Any

import typer
import yaml
from prometheus_client import start_http_server

from aforo.bus.kafka_bus import KafkaBus
from aforo.bus.kafka_consumer import Figures
from aforo.clock import SystemClock
from aforo.config.reading import load_site
from aforo.config.site import SiteConfiguration
from aforo.errors import ConfigurationError
from app import assemble
from app.cli.console import err, json_document
from app.cli.options import ConfigArgument
from app.validation.synthetic_traffic import camera_section, paced, traffic


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
            stack.callback(_serve(process.figures, site.api.host, metrics_port))
        gc.freeze()  # what has been loaded stays
        process.run()


def _serve(figures: Figures, host: str, port: int) -> Callable[[], None]:

    try:
        server, thread = start_http_server(port, addr=host, registry=figures.registry)
    except OSError as error:
        raise ConfigurationError(f"cannot listen on {host} port {port}: {error.strerror}; give another port") from error

    def end() -> None:
        server.shutdown()
        server.server_close()
        thread.join()

    return end


def simulate(
    config: ConfigArgument,
    cameras: Annotated[int, typer.Option("--cameras", min=1, max=100_000, help="How many cameras.")] = 10,
    fps: Annotated[float, typer.Option("--fps", min=0.1, max=100, help="Frames per second of each.")] = 5.0,
    road_users: Annotated[
        int, typer.Option("--road-users", min=0, max=1000, help="Road users in each picture at a time.")
    ] = 8,
    seconds: Annotated[float, typer.Option("--seconds", min=0, help="Length of the traffic, in event time.")] = 60.0,
    seed: Annotated[int, typer.Option("--seed", help="Another seed is another traffic.")] = 1,
    pace: Annotated[bool, typer.Option("--pace/--fast", help="As cameras would, or as fast as Kafka takes it.")] = True,
    expect: Annotated[
        Path | None, typer.Option("--expect", metavar="FILE", help="Write what must be counted, as JSON.")
    ] = None,
    write_config: Annotated[
        Path | None,
        typer.Option("--write-config", metavar="FILE", help="Write the configuration with those cameras, and leave."),
    ] = None,
) -> None:
    """Publish synthetic traffic with a known answer: load and fault tests without cameras or a GPU.

    First write a configuration that has the simulated cameras, with --write-config; run aggregators on it; then
    simulate with the same configuration.
    """
    if write_config is not None:
        _write_config(config, cameras, write_config)
        err.print(f"Configuration with {cameras} simulated cameras written to {write_config}", highlight=False)
        return

    clock = SystemClock()
    with ExitStack() as stack:
        _, bus, stopping = join(config, stack)
        publisher = stack.enter_context(closing(bus.open_publisher(clock)))
        messages, answer = traffic(range(cameras), fps=fps, road_users=road_users, seconds=seconds, seed=seed)
        stop: list[bool] = []
        stopping.append(lambda: stop.append(True))
        began_s = clock.monotonic_s()
        count = 0
        for count, message in enumerate(paced(messages, clock) if pace else messages, 1):  # noqa: B007 -- the total
            publisher.publish(message)
            if stop:
                raise typer.Exit(130)
        while publisher.flush(1.0) and not stop:
            pass
        took_s = clock.monotonic_s() - began_s
        rate = count / took_s if took_s else 0.0
        err.print(f"{count} messages of {cameras} cameras in {took_s:.1f} s ({rate:.0f} per second)", highlight=False)
        if expect is not None:
            json_document(answer.document(), str(expect))


def _write_config(config: Path, cameras: int, out: Path) -> None:

    load_site(config)
    document = yaml.safe_load(config.read_text(encoding="utf-8"))
    sections = (camera_section(number) for number in range(cameras))
    document["cameras"] = [
        section.model_dump(mode="json", by_alias=True, exclude_defaults=True) | {"source": "simulated"}
        for section in sections
    ]
    try:
        out.write_text(yaml.safe_dump(document, sort_keys=False, allow_unicode=True), encoding="utf-8")
    except OSError as error:
        raise ConfigurationError(f"cannot write {out}: {error.strerror}") from error


def join(config: Path, stack: ExitStack) -> tuple[SiteConfiguration, KafkaBus, list[Callable[[], None]]]:
    """The site, Kafka with its topics made, and a list of what to call when the process is to end.

    Waits for Kafka for as long as it takes: in a city everything starts at once.
    """
    site = load_site(config)
    bus = assemble.kafka_bus(site)  # these processes have nothing else in common
    if not logging.getLogger().isEnabledFor(logging.DEBUG):
        logging.getLogger("kafka").setLevel(logging.CRITICAL)  # it tells every attempt; we tell once
    stopping: list[Callable[[], None]] = []
    asked: list[int] = []

    def end(number: int, _: Any) -> None:
        asked.append(number)
        for stop in stopping:
            stop()

    for number in (signal.SIGTERM, signal.SIGINT):
        stack.callback(signal.signal, number, signal.signal(number, end))
    if not bus.prepare(len(site.cameras), lambda: bool(asked)):
        raise typer.Exit(0)
    return site, bus, stopping
