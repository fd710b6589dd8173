"""Where the server listens and how it is reached: loopback unless asked, TLS, and proxies that are believed."""

from __future__ import annotations

import ssl
import subprocess
import threading
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path

import httpx
import pytest
import yaml
from command_line import aforo
from requirements import program
from starlette.requests import Request
from starlette.responses import JSONResponse
from starlette.types import Receive, Scope, Send

from aforo.config.site import SiteConfiguration
from aforo.errors import ConfigurationError
from api.serving.server import Server, base_url, listen, tls_context


class NoCameras:
    """A live view of nothing."""

    def close(self) -> None:
        """Nothing ends."""


async def tell(scope: Scope, receive: Receive, send: Send) -> None:
    """What the server believes of a request."""
    request = Request(scope)
    assert request.client is not None
    answer = JSONResponse({"scheme": request.url.scheme, "client": request.client.host})
    await answer(scope, receive, send)


@contextmanager
def serving(*, tls: ssl.SSLContext | None = None, trusted_proxies: Sequence[str] = ()) -> Iterator[str]:
    with listen("127.0.0.1", 0) as listener:
        server = Server(tell, NoCameras(), tls=tls, trusted_proxies=trusted_proxies)  # type: ignore[arg-type]
        thread = threading.Thread(target=server.run, args=([listener],))
        thread.start()
        yield base_url(listener, tls=tls is not None)
        server.should_exit = True
        thread.join()


@pytest.mark.parametrize("host", ["0.0.0.0", "::", "", "192.0.2.1", "counts.example.org", "127.0.0.1.example.org"])
def test_other_machines_are_let_in_only_where_that_is_asked_for(host: str) -> None:
    with pytest.raises(ConfigurationError, match=r"no accounts yet.*api\.insecure") as refused:
        listen(host, 0)
    assert str(refused.value).startswith(f"api.host: expected an address of loopback such as 127.0.0.1, got {host!r}")


@pytest.mark.parametrize("host", ["127.0.0.1", "localhost", "127.0.0.2"])
def test_loopback_needs_no_permission(host: str) -> None:
    listen(host, 0).close()


def test_the_command_refuses_to_start_beyond_loopback(tmp_path: Path) -> None:
    site = tmp_path / "site.yaml"
    site.write_text(yaml.safe_dump({"store": f"sqlite:///{tmp_path}/counts.db", "api": {"host": "0.0.0.0", "port": 0}}))
    said = aforo("serve", "-c", site)
    assert (said.code, said.complaint.count("api.insecure")) == (2, 1)


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Certificate and key of this machine, those of another, a key with a password, and files that are neither."""
    program("openssl", "certificates are made with it")
    made = tmp_path_factory.mktemp("tls")
    curve = ["-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:prime256v1"]
    for name, lock in (("own", ["-nodes"]), ("other", ["-nodes"]), ("locked", ["-passout", "pass:secret"])):
        files = ["-keyout", f"{name}.key", "-out", f"{name}.pem"]
        subject = ["-subj", "/CN=localhost", "-addext", "subjectAltName=DNS:localhost,IP:127.0.0.1", "-days", "2"]
        command = ["openssl", "req", "-x509", *curve, *lock, *files, *subject]
        subprocess.run(command, cwd=made, check=True, capture_output=True)
    (made / "both.pem").write_text((made / "own.pem").read_text() + (made / "own.key").read_text())
    (made / "empty.pem").touch()
    (made / "text.pem").write_text("no certificate\n")
    (made / "folder.pem").mkdir()
    return made


@pytest.mark.parametrize(("certificate", "key"), [("own.pem", "own.key"), ("both.pem", None)])
def test_https_with_the_files_of_the_configuration(folder: Path, certificate: str, key: str | None) -> None:
    tls = tls_context(str(folder / certificate), key and str(folder / key))
    trusted = ssl.create_default_context(cafile=str(folder / "own.pem"))
    with serving(tls=tls) as url:
        assert url.startswith("https://127.0.0.1:")
        assert httpx.get(url, verify=trusted).json() == {"scheme": "https", "client": "127.0.0.1"}
        with pytest.raises(httpx.RemoteProtocolError):
            httpx.get(url.replace("https", "http"))


@pytest.mark.parametrize(
    ("certificate", "key", "words"),
    [
        ("none.pem", "own.key", "api.tls_certificate: cannot read"),
        ("own.pem", "none.key", "api.tls_key: cannot read"),
        ("folder.pem", "own.key", "api.tls_certificate: cannot read"),
        ("own.pem", "other.key", "KEY_VALUES_MISMATCH"),
        ("own.pem", None, "the same file"),
        ("own.key", "own.pem", "PEM form"),
        ("empty.pem", "own.key", "PEM form"),
        ("text.pem", "text.pem", "PEM form"),
        ("locked.pem", "locked.key", "without a password"),
    ],
)
def test_files_that_are_no_certificate_and_its_key_are_refused_in_one_sentence(
    folder: Path, certificate: str, key: str | None, words: str
) -> None:
    with pytest.raises(ConfigurationError) as refused:
        tls_context(str(folder / certificate), key and str(folder / key))
    assert words in str(refused.value)
    assert certificate in str(refused.value) or str(key) in str(refused.value)
    assert "\n" not in str(refused.value)


FORWARDED = {"x-forwarded-for": "198.51.100.9", "x-forwarded-proto": "https", "x-forwarded-host": "evil.example"}


def test_forwarded_headers_are_believed_of_named_proxies_only(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("FORWARDED_ALLOW_IPS", "*")  # which uvicorn would read
    for proxies in ((), ("10.0.0.2/32",), ("192.0.2.0/24", "::1/128")):
        with serving(trusted_proxies=proxies) as url:
            assert httpx.get(url, headers=FORWARDED).json() == {"scheme": "http", "client": "127.0.0.1"}
    for proxies in (("127.0.0.1/32",), ("127.0.0.0/8",)):
        with serving(trusted_proxies=proxies) as url:
            assert httpx.get(url, headers=FORWARDED).json() == {"scheme": "https", "client": "198.51.100.9"}


@pytest.mark.parametrize(
    ("api", "words"),
    [
        ({"allowed_hosts": ["http://counts.example.org"]}, "without scheme and port"),
        ({"allowed_hosts": ["counts.example.org:8000"]}, "without scheme and port"),
        ({"allowed_hosts": ["*"]}, "without scheme and port"),
        ({"allowed_hosts": [""]}, "without scheme and port"),
        ({"allowed_hosts": "counts.example.org"}, "list"),
        ({"trusted_proxies": ["*"]}, "address of a proxy"),
        ({"trusted_proxies": ["proxy.example.org"]}, "address of a proxy"),
        ({"trusted_proxies": ["10.0.0.1/8"]}, "has host bits set"),
        ({"tls_key": "own.key"}, "expected tls_certificate beside it"),
        ({"tls_certificate": ""}, "at least 1 character"),
        ({"insecure": "maybe"}, "valid boolean"),
    ],
)
def test_what_cannot_be_meant_is_refused_in_the_site_file(api: dict[str, object], words: str) -> None:
    with pytest.raises(ValueError, match=words):
        SiteConfiguration.model_validate({"api": api})
