"""Reports made by the command line, without a server."""

from __future__ import annotations

from aforo.clock import SystemClock
from aforo.config.site import SiteConfiguration
from aforo.errors import ConfigurationError
from aforo.local_time import local_time
from aforo.model import PlaceKind
from api.csv_text import SEPARATORS
from api.place_series import find_place
from api.reports.files import FORMATS, file_content
from api.reports.hourly import hourly_report
from api.time_ranges import parse_days
from app import assemble


def report_file(
    site: SiteConfiguration,
    *,
    line: str | None,
    zone: str | None,
    first: str | None,
    last: str | None,
    file_format: str,
    lang: str,
    separator: str | None,
) -> tuple[str, bytes]:
    """The hourly volume report of a line or zone as a file.

    Args:
        site: the configuration, which names the store.
        line: id of the counting line; either this or `zone`.
        zone: id of the zone.
        first: first local day, ISO 8601; None for today.
        last: last local day, included; None for the first.
        file_format: csv, xlsx or pdf.
        lang: en or es.
        separator: of a CSV, comma or semicolon; None for comma.

    Returns:
        A name made of site, place and days, and the content.

    Raises:
        ConfigurationError: an option is wrong.
        QueryError: there is no such line or zone, or the days are wrong.
        StoreError: the store cannot be read.
    """
    if file_format not in FORMATS:
        raise ConfigurationError(f"--format: expected {' or '.join(FORMATS)}, got {file_format!r}")
    chosen = next((known for known in SEPARATORS if known == separator), None)
    if separator is not None and chosen is None:
        raise ConfigurationError(f"--separator: expected {' or '.join(SEPARATORS)}, got {separator!r}")
    if (line is None) == (zone is None):
        raise ConfigurationError("a report needs either --line ID or --zone ID")
    kind, place_id = (PlaceKind.LINE, line) if line is not None else (PlaceKind.ZONE, str(zone))
    place = find_place(site.domain(), kind, place_id)
    now_us = SystemClock().now_us()
    today = local_time(now_us, site.timezone).date().isoformat()
    start_us, end_us = parse_days(first or today, last, site.timezone, now_us)
    reader = assemble.open_reader(site)
    try:
        report = hourly_report(site.domain(), reader, place, start_us, end_us, lang)
    finally:
        reader.close()
    return f"{report.file_name}.{file_format}", file_content(report, file_format, chosen)
