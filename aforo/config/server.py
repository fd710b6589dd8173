"""The configuration of the web server."""

from __future__ import annotations

import ipaddress
import re
from typing import Annotated

from pydantic import AfterValidator, Field, model_validator

from aforo.config.base import Section

_HOST_NAME = re.compile(r"(?=.{1,253}$)([a-z0-9_]([a-z0-9_-]{0,61}[a-z0-9_])?\.)*[a-z0-9_]([a-z0-9_-]{0,61}[a-z0-9_])?")


def _host_name(text: str) -> str:
    name = text.lower().removesuffix(".")
    try:
        return str(ipaddress.ip_address(name.removeprefix("[").removesuffix("]")))
    except ValueError:
        if _HOST_NAME.fullmatch(name):
            return name
    raise ValueError(
        f"expected a host name or address alone, such as counts.example.org, without scheme and port, got {text[:80]!r}"
    )


def _network(text: str) -> str:
    try:
        return str(ipaddress.ip_network(text))
    except ValueError as error:
        raise ValueError(
            f"expected the address of a proxy such as 10.0.0.2, or a network such as 10.0.0.0/24, got {text[:80]!r}"
            f" ({error})"
        ) from None


class ApiSection(Section):
    """The web server.

    >>> ApiSection(port=8080).host
    '127.0.0.1'
    """

    host: str = Field(
        default="127.0.0.1",
        description="Address to listen on. Any other than one of loopback needs `insecure: true`, and names in "
        "`allowed_hosts`.",
    )
    port: int = Field(default=8000, ge=0, le=65535, description="Port to listen on; 0 takes a free one.")
    insecure: bool = Field(
        default=False,
        description="Listen beyond this machine although there are no accounts yet: whoever reaches the port sees "
        "live pictures and counts. docs/operation.md says what to put in front instead.",
    )
    allowed_hosts: list[Annotated[str, AfterValidator(_host_name)]] = Field(
        default=[],
        max_length=100,
        description="Host names and addresses under which browsers open the page, such as counts.example.org, without "
        "port. Those of loopback, and the address that a request came in by, are always answered; any other name is "
        "refused, as it may be that of somebody else's site (DNS rebinding).",
    )
    tls_certificate: str | None = Field(
        default=None,
        min_length=1,
        description="File with the certificate chain in PEM form: `aforo run` and `aforo serve` then speak HTTPS. "
        "Workers show their pictures to `aforo serve` without it.",
    )
    tls_key: str | None = Field(
        default=None,
        min_length=1,
        description="File with the certificate's private key in PEM form, without a password. Default: in the file of "
        "the certificate.",
    )
    trusted_proxies: list[Annotated[str, AfterValidator(_network)]] = Field(
        default=[],
        max_length=100,
        description="Addresses or networks of proxies whose `X-Forwarded-For` and `X-Forwarded-Proto` are believed. "
        "Default: nobody's are.",
    )
    announce: str | None = Field(
        default=None,
        pattern=r"^(auto|http://[A-Za-z0-9.\[\]:-]+)$",
        description="Address at which `aforo serve` reaches the live pictures of a worker, such as "
        "http://10.0.0.7:8000, registered in the store; auto: host name and port as the worker has them. It has to "
        "be of a private network. Default: workers show no live pictures.",
    )

    @model_validator(mode="after")
    def _key_of_a_certificate(self) -> ApiSection:
        if self.tls_key is not None and self.tls_certificate is None:
            raise ValueError("tls_key: expected tls_certificate beside it, got none")
        return self
