"""The words that the server gives to its page."""

from __future__ import annotations

from collections.abc import Iterator

import httpx
import orjson
import pytest
from api_server import sample_server

from aforo.words.catalogue import LANGUAGES, words_of


@pytest.fixture(scope="module")
def client(tmp_path_factory: pytest.TempPathFactory) -> Iterator[httpx.Client]:
    with sample_server(tmp_path_factory.mktemp("api")) as client:
        yield client


def test_the_page_gets_its_part_of_the_catalogue_in_both_languages_as_a_script(client: httpx.Client) -> None:
    answer = client.get("/static/words.js")
    assert answer.headers["content-type"] == "text/javascript; charset=utf-8"
    assert "default-src 'self'" in answer.headers["content-security-policy"]
    start = answer.text.index("{")
    words = orjson.loads(answer.text[start : answer.text.rindex("}") + 1])
    assert words == {language: words_of(language).page for language in LANGUAGES}


def test_words_that_a_browser_has_are_not_sent_again(client: httpx.Client) -> None:
    first = client.get("/static/words.js")
    assert first.headers["cache-control"] == "no-cache"
    again = client.get("/static/words.js", headers={"if-none-match": first.headers["etag"]})
    assert (again.status_code, again.content, again.headers["etag"]) == (304, b"", first.headers["etag"])
    assert client.get("/static/words.js", headers={"if-none-match": '"other"'}).status_code == 200


def test_the_catalogue_hides_none_of_the_other_files_of_the_page(client: httpx.Client) -> None:
    assert "export" in client.get("/static/texts.js").text
    assert client.get("/static/words.css").status_code == 404
