"""The API alone: it needs the store, and for live pictures the workers' addresses that are registered there."""

from __future__ import annotations

import logging
from collections.abc import Callable
from functools import partial

from aforo.clock import SystemClock
from aforo.config.site import SiteConfiguration
from aforo.errors import StoreError
from aforo.ports import CountReader
from api.answers import Answers
from api.app import create_app
from api.live.remote_cameras import RemoteLiveView
from api.serving.server import Server, base_url, listen
from app import assemble
from app.history_recount import recount_place

LOG = logging.getLogger(__name__)


def serve(site: SiteConfiguration, on_ready: Callable[[str], None]) -> None:
    """Answer questions until the process is asked to end (SIGINT, SIGTERM).

    Args:
        site: the configuration.
        on_ready: told the address when it answers.

    Raises:
        StoreError: the store cannot be opened.
        ConfigurationError: the address cannot be listened on or may not be, or the certificate is none.
    """
    clock = SystemClock()
    tls = assemble.open_tls(site)
    with listen(site.api.host, site.api.port, insecure=site.api.insecure) as listener:
        reader = open_reader(site)
        answers = Answers(reader, assemble.store_backend(site).open_reader)
        try:
            live = RemoteLiveView(site.domain(), reader, clock)
            app = create_app(
                site=site.domain(),
                reader=reader,
                live=live,
                clock=clock,
                recount=partial(recount_place, site),
                answers=answers,
                allowed_hosts=site.api.allowed_hosts,
            )
            on_ready(base_url(listener, tls=tls is not None))
            Server(app, live, tls=tls, trusted_proxies=site.api.trusted_proxies).run([listener])
        finally:
            answers.close()
            reader.close()


def open_reader(site: SiteConfiguration) -> CountReader:
    """Questions to the store, whose tables are made if this process is the first.

    A database that this process may only read, or a replica, will do when another process has made the tables.

    Raises:
        StoreError: the store cannot be read, or its tables are missing or of another time zone, and cannot be changed.
    """
    try:
        assemble.open_store(site).close()
    except StoreError as refused:
        try:
            reader = assemble.open_reader(site)
        except StoreError:
            raise refused from None
        if (stored := reader.timezone()) != site.timezone.key:
            reader.close()
            raise StoreError(
                f"{refused}; and its hours are those of {stored or 'no site'}, not of {site.timezone.key}: start "
                "`aforo run` or `aforo aggregator` once, as a user who may write"
            ) from None
        LOG.warning("only reading: %s", refused)
        return reader
    return assemble.open_reader(site)
