"""The command `simulate`: synthetic traffic with a known answer, published to Kafka."""

from __future__ import annotations

from contextlib import ExitStack, closing
from pathlib import Path
from typing import Annotated

import typer
import yaml

from aforo.clock import SystemClock
from aforo.config.reading import load_site
from aforo.plain_files import read_text
from aforo.yaml_text import MOST_BYTES, parse_yaml
from app.cli.console import err, write_json
from app.cli.kafka_process import join
from app.cli.options import ConfigArgument, ForceOption, finite, refuse_typed
from app.cli.outputs import output_files
from app.file_kinds import JSON, SIMULATED_HEADING, SIMULATED_SITE
from app.output_file import OutputFile
from app.validation.synthetic_traffic import camera_section, paced, traffic


def simulate(
    context: typer.Context,
    config: ConfigArgument,
    cameras: Annotated[int, typer.Option("--cameras", min=1, max=10_000, help="How many cameras.")] = 10,
    fps: Annotated[
        float, typer.Option("--fps", min=0.1, max=100, callback=finite, help="Frames per second of each.")
    ] = 5.0,
    road_users: Annotated[
        int, typer.Option("--road-users", min=0, max=1000, help="Road users in each picture at a time.")
    ] = 8,
    seconds: Annotated[
        float, typer.Option("--seconds", min=0, callback=finite, help="Length of the traffic, in event time.")
    ] = 60.0,
    seed: Annotated[int, typer.Option("--seed", min=0, help="Another seed is another traffic.")] = 1,
    pace: Annotated[bool, typer.Option("--pace/--fast", help="As cameras would, or as fast as Kafka takes it.")] = True,
    expect: Annotated[
        Path | None, typer.Option("--expect", metavar="FILE", help="Write what must be counted, as JSON.")
    ] = None,
    write_config: Annotated[
        Path | None,
        typer.Option("--write-config", metavar="FILE", help="Write the configuration with those cameras, and leave."),
    ] = None,
    force: ForceOption = False,
) -> None:
    """Publish synthetic traffic with a known answer: load and fault tests without cameras or a GPU.

    First write a configuration that has the simulated cameras, with --write-config; run aggregators on it; then
    simulate with the same configuration.
    """
    if write_config is not None:
        traffic_options = ("fps", "road_users", "seconds", "seed", "pace", "expect")
        refuse_typed(context, "has no effect with --write-config, which publishes nothing", *traffic_options)
    answer_file, site_file = output_files(
        ("--expect", expect, JSON),
        ("--write-config", write_config, SIMULATED_SITE),
        site=load_site(config),
        inputs=(config,),
        force=force,
    )
    if site_file is not None:
        _write_config(config, cameras, site_file)
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
        if answer_file is not None:
            write_json(answer.document(), answer_file)


def _write_config(config: Path, cameras: int, file: OutputFile) -> None:
    """Write the configuration again with so many simulated cameras in the place of its own."""
    document = parse_yaml(read_text(config, MOST_BYTES)).value
    sections = (camera_section(number) for number in range(cameras))
    document["cameras"] = [
        section.model_dump(mode="json", by_alias=True, exclude_defaults=True) | {"source": "simulated"}
        for section in sections
    ]
    file.write((SIMULATED_HEADING + yaml.safe_dump(document, sort_keys=False, allow_unicode=True)).encode())
