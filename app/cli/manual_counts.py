"""The command `validate`: a manual count beside what the store has."""

from __future__ import annotations

from dataclasses import asdict
from pathlib import Path
from typing import Annotated, Any

import typer

from aforo.config.reading import load_site
from aforo.words.catalogue import Words, words_of
from app import assemble
from app.cli.console import err, out, table, write_json
from app.cli.options import ConfigArgument, ForceOption, JsonOption
from app.cli.outputs import output_files
from app.file_kinds import JSON
from app.validation.count_agreement import worst
from app.validation.manual_count import ALL, load_manual_count
from app.validation.place_validation import OBSERVERS_AGREE, PlaceValidation, compare_with_store


def validate(
    manual: Annotated[Path, typer.Argument(metavar="COUNT.csv", help="A manual count of places of the site.")],
    config: ConfigArgument,
    json: JsonOption = None,
    lang: Annotated[str, typer.Option("--lang", help="en or es.")] = "en",
    force: ForceOption = False,
) -> None:
    """Compare a manual count with what the store has, and say what follows from it.

    COUNT.csv has the columns count_id, place, direction, road_user, interval_start, interval_end, count, observer,
    source and note; docs/validation.md explains them and each figure. Only intervals that were observed whole are
    compared; how many are left out is said.
    """
    site = load_site(config)
    words = words_of(lang)
    (file,) = output_files(("--json", json, JSON), site=site, inputs=(config, manual), force=force)
    rows = load_manual_count(manual, site.domain())
    reader = assemble.open_reader(site)
    try:
        found = compare_with_store(reader, rows)
    finally:
        reader.close()
    if file is not None:
        write_json(_document(found), file)
    if file is None or not file.is_stdout:
        _print(found, words)


def _print(found: list[PlaceValidation], words: Words) -> None:
    said = words.validation
    table(
        "",
        (
            said.place,
            said.direction,
            said.road_user,
            said.intervals,
            said.left_out,
            said.manual,
            said.counted,
            "WAPE",
            said.bias,
            said.ratio,
            said.state,
        ),
        ([*_names(each, words), *_figures(each, words), said.states[each.state]] for each in found),
        numeric=range(3, 10),
    )
    for each in found:
        for note in _notes(each, words):
            err.print(f"{' '.join(filter(None, _names(each, words)))}: {note}", highlight=False)
    out.print(f"{said.together}: {said.states[worst([each.state for each in found])]}", highlight=False)


def _names(each: PlaceValidation, words: Words) -> list[str]:
    road_user = words.validation.all if each.road_user == ALL else words.road_user(each.road_user).heading
    return [each.place.id, words.direction(each.direction).label, road_user]


def _figures(each: PlaceValidation, words: Words) -> list[str]:
    agreed = each.agreement
    if agreed is None:
        return ["0", words.number(each.left_out), *["–"] * 5]
    ratio = "–" if agreed.ratio is None else words.decimal(agreed.ratio, 3)
    if agreed.ratio_low is not None and agreed.ratio_high is not None:
        ratio += f" [{words.decimal(agreed.ratio_low, 3)}; {words.decimal(agreed.ratio_high, 3)}]"
    shares = ("–" if share is None else f"{words.decimal(100 * share, 2)} %" for share in (agreed.wape, agreed.bias))
    counts = (agreed.intervals, each.left_out, agreed.manual, agreed.counted)
    return [*map(words.number, counts), *shares, ratio]


def _notes(each: PlaceValidation, words: Words) -> list[str]:
    said = words.validation
    notes = []
    if each.agreement is None or not each.agreement.enough:
        notes.append(said.insufficient)
    if each.observers_wape is not None and each.observers_wape > OBSERVERS_AGREE:
        notes.append(said.observers_differ.format(words.percent(each.observers_wape)))
    if each.shift:
        notes.append(said.clock_later if each.shift > 0 else said.clock_earlier)
    if each.provisional:
        notes.append(said.provisional.format(words.number(each.provisional)))
    if each.offered_factor is not None:
        notes.append(said.factor_offered.format(words.decimal(each.offered_factor, 4)))
    return notes


def _document(found: list[PlaceValidation]) -> dict[str, Any]:
    return {
        "state": worst([each.state for each in found]),
        "results": [
            {
                "place": each.place.id,
                "kind": each.place.kind,
                "camera": each.place.camera,
                "geometry_version": each.place.geometry.version,
                "direction": each.direction or None,
                "road_user": each.road_user,
                "state": each.state,
                "left_out": each.left_out,
                "provisional": each.provisional,
                "observers_wape": each.observers_wape,
                "shift": each.shift,
                "factor_offered": each.offered_factor,
                "agreement": None if each.agreement is None else asdict(each.agreement),
            }
            for each in found
        ],
    }
