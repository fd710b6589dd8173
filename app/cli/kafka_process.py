"""How each process of a city begins and is asked to end: worker, aggregator and simulate, which meet in Kafka."""

from __future__ import annotations

import logging
import signal
from collections.abc import Callable
from contextlib import ExitStack
from pathlib import Path
from typing import Any

import typer

from aforo.bus.kafka_bus import KafkaBus
from aforo.config.reading import load_site
from aforo.config.site import SiteConfiguration
from app import assemble


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
