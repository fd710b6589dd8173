"""The configuration of the web server."""

from __future__ import annotations

from pydantic import Field

from aforo.config.base import Section


class ApiSection(Section):
    """The web server.

    >>> ApiSection(port=8080).host
    '127.0.0.1'
    """

    host: str = Field(default="127.0.0.1", description="Address to listen on; loopback unless you know better.")
    port: int = Field(default=8000, ge=0, le=65535, description="Port to listen on; 0 takes a free one.")
    announce: str | None = Field(
        default=None,
        pattern=r"^(auto|http://[A-Za-z0-9.\[\]:-]+)$",
        description="Address at which `aforo serve` reaches the live pictures of a worker, such as "
        "http://10.0.0.7:8000, registered in the store; auto: host name and port as the worker has them. It has to "
        "be of a private network. Default: workers show no live pictures.",
    )
