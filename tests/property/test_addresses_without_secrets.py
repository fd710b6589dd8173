"""No secret, anywhere: of an address, nothing but scheme and hosts comes out, whatever its secrets look like."""

from __future__ import annotations

import logging
import tempfile
from dataclasses import dataclass
from pathlib import Path
from urllib.parse import quote

from hypothesis import given, settings
from hypothesis import strategies as st

from aforo.address import Address, conceal
from aforo.config.reading import parse_site
from aforo.config.site import SiteConfiguration
from aforo.errors import ConfigurationError
from aforo.logs import OneLineFormatter, redact
from aggregate.store.postgres.backend import PostgresBackend
from aggregate.store.postgres.settings import TimescaleSettings
from aggregate.store.sqlite.writer import SqliteStore
from ingest.capture import check_reachable

PIECE = 4
LETTERS = "QXZJVK"  # so that no ordinary text has a piece of a secret by chance
ODD = "@:/?#[]%&=+;,!$'()*~ \\\"<>|^`{}_-.\t\n\x00ñ漢＠"
SECRETS = st.text(st.sampled_from(LETTERS * 3 + ODD), min_size=6, max_size=14)
CAMERAS = (
    "rtsp://{0}:{1}@{host}/stream2",
    "rtsp://{0}@{host}/",
    "rtsp://{host}/user={0}_password={1}_channel=1_stream=0.sdp?real_stream",
    "http://{host}/cgi-bin/video.cgi?loginuse={0}&loginpas={1}",
    "https://{host}/live.m3u8?access_token={0}&{1}",
    "https://{host}/{0}/{1}/live.mjpg",
)
STORES = (
    "postgresql://{0}:{1}@{host}/aforo",
    "postgresql://{host}/{0}?password={1}&sslmode=disable&connect_timeout=2",
)
FORMS = CAMERAS + STORES
HOST = "127.0.0.1:1"  # nobody answers there, and at once


@dataclass
class Written:
    """An address, what in it is secret, and whether that was percent-encoded."""

    text: str
    secrets: tuple[str, ...]
    encoded: bool

    def in_it(self, output: str) -> list[str]:
        """The pieces of a secret, as it is or encoded, that are in an output."""
        spelt = [form for secret in self.secrets for form in (secret, quote(secret, safe=""))]
        pieces = {form[k : k + PIECE] for form in spelt for k in range(len(form) - PIECE + 1)}
        return [piece for piece in pieces if sum(char in LETTERS for char in piece) > 1 and piece in output]


@st.composite
def written(draw: st.DrawFn, forms: tuple[str, ...] = FORMS) -> Written:
    secrets = draw(SECRETS), draw(SECRETS)
    encoded = draw(st.booleans()) and not any("\x00" in secret for secret in secrets)
    given = [quote(secret, safe="") if encoded else secret for secret in secrets]
    form = draw(st.sampled_from(forms))
    return Written(form.format(*given, host=HOST), secrets[: form.count("{") - 1], encoded)


@given(written())
def test_an_address_is_refused_without_echo_or_shows_its_host_alone(case: Written) -> None:
    try:
        address = Address(case.text)
    except ValueError as error:
        assert not case.encoded
        assert not case.in_it(f"{error!r} {error.__cause__!r} {error.__context__!r}")
        return
    assert address.hosts == (("127.0.0.1", 1),)
    assert str(address) == f"{address.scheme}://{HOST}"
    assert not case.in_it(f"{address} {address!r} {[address]}")


def site_of(case: Written) -> SiteConfiguration | None:
    """The site that has the address as camera or store, None where it is refused: then without echo."""
    postgres = case.text.startswith("postgresql")
    raw = {"store": case.text} if postgres else {"cameras": [{"id": "north", "source": case.text}]}
    site = None
    try:
        site = SiteConfiguration.model_validate(raw)
    except ValueError as error:
        assert not case.in_it(f"{error} {error!r}")
    return site


@given(written())
def test_a_site_file_is_refused_without_echo_or_tells_nothing(case: Written) -> None:
    site = site_of(case)
    quoted = case.text.replace("'", "''")
    key = "store: " if case.text.startswith("postgresql") else "cameras:\n  - id: north\n    source: "
    for text in (f"{key}'{quoted}'\n", f"{key}{case.text}\n", f"kafka: {{{case.text}}}\n", f"{key}[{case.text}]\n"):
        try:
            parsed = parse_site(text, "site.yaml")
        except ConfigurationError as error:
            assert not case.in_it(str(error)), text
        else:
            assert not case.in_it(f"{parsed} {parsed!r}")
    if site is not None:
        assert not case.in_it(f"{site} {site!r} {site.model_dump()} {site.model_dump_json()} {site.domain()!r}")


@settings(max_examples=40)
@given(written(CAMERAS))
def test_the_database_and_a_camera_that_fails_tell_nothing(case: Written) -> None:
    site = site_of(case)
    if site is None:
        return
    with tempfile.TemporaryDirectory() as folder:
        with SqliteStore(Path(folder) / "counts.db") as store:
            store.register(site.domain())
            held = b"".join(file.read_bytes() for file in Path(folder).iterdir())
        held += b"".join(file.read_bytes() for file in Path(folder).iterdir())
    assert HOST.encode() in held
    assert not case.in_it(held.decode("utf-8", "replace"))
    assert not case.in_it(str(check_reachable(site.cameras[0].sources[0], 2.0)))


@settings(max_examples=15)
@given(written(STORES))
def test_a_database_that_does_not_answer_is_told_without_its_secrets(case: Written) -> None:
    site = site_of(case)
    if site is None:
        return
    (found,) = PostgresBackend(site.store, TimescaleSettings()).check()
    assert found.ok is False
    assert not case.in_it(found.detail + found.hint)


@given(written(), st.sampled_from(["aforo.bus", "psycopg.pool"]))
def test_what_libraries_quote_is_concealed_in_logs_and_errors(case: Written, logger: str) -> None:
    try:
        address = Address(case.text)
    except ValueError:
        return
    assert not case.in_it(conceal(f"cannot open {address.reveal()}"))
    assert not case.in_it(conceal(f"cannot open {address.reveal()}", own=True))
    if case.encoded and "_password=" not in case.text:  # what is a secret in such a path, nobody can know
        for secret in case.secrets:
            assert not case.in_it(conceal(f"{secret} and {secret!r}: {quote(secret)}: {quote(secret, safe='')}"))
    record = logging.LogRecord(logger, logging.ERROR, "", 0, "%s failed", (address.reveal(),), None)
    try:
        raise ConnectionError(f"{address.reveal()} refused")
    except ConnectionError as error:
        record.exc_info = (type(error), error, error.__traceback__)
    redact(record)
    assert not case.in_it(OneLineFormatter().format(record))
