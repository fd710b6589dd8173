"""The operators' page in a real browser, on a real server with a real store."""

from __future__ import annotations

import itertools
import os
import re
import shutil
import signal
import socket
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

import httpx
import pytest
import yaml
from live_world import LINE, ZONE, Town, street, town
from playwright.sync_api import Browser, Page, expect, sync_playwright
from requirements import absent

from aforo.camera_state import Problem
from aforo.clock import SystemClock
from aforo.config.reading import load_site
from aforo.config.site import SiteConfiguration
from aforo.model import MINUTE_US, ROAD_USERS, Coverage, Crossing, Frame, Rows, TrackedFrame
from aforo.ports import CountStore
from aforo.words.catalogue import words_of
from aforo.write_health import WriteState
from api.drawing import COLOURS
from app import assemble
from app.worker_live_server import WorkerLiveServer

pytestmark = pytest.mark.browser

QUIET = [
    "--no-sandbox",
    "--disable-gpu",
    "--disable-quic",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
    "--disable-dev-shm-usage",
]
SECONDS = 1000  # Playwright counts in milliseconds
SOON = 20 * SECONDS

expect.set_options(timeout=SOON)


@pytest.fixture(scope="module")
def browser() -> Iterator[Browser]:
    program = os.environ.get("CHROMIUM") or shutil.which("chromium") or shutil.which("chromium-browser")
    if program is None:
        absent("Chromium is not installed; install it, or name it in CHROMIUM")
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=program, args=QUIET)
        yield browser
        browser.close()


@pytest.fixture
def open_page(browser: Browser) -> Iterator[Callable[..., Page]]:
    """Opens pages; afterwards none of them may have complained."""
    complaints: list[str] = []
    contexts = []

    def open_one(address: str, *, clock: bool = False, **options: Any) -> Page:
        context = browser.new_context(**{"viewport": {"width": 1440, "height": 1000}, "locale": "en", **options})
        contexts.append(context)
        page = context.new_page()
        page.on("console", lambda message: complaints.append(message.text) if message.type == "error" else None)
        page.on("pageerror", lambda error: complaints.append(str(error)))
        if clock:
            page.clock.install()
        page.goto(address)
        return page

    yield open_one
    for context in contexts:
        context.close()
    assert complaints == []


def at_noon(site: SiteConfiguration) -> datetime:
    """Yesterday at noon at the site: a whole morning of the past, whenever the test runs."""
    return datetime.now(site.timezone).replace(hour=12, minute=0, second=0, microsecond=0) - timedelta(days=1)


@pytest.fixture
def running(tmp_path: Path) -> Iterator[Town]:
    """A town whose clock of events stands at noon of yesterday."""
    site = town(2)
    noon = at_noon(site)
    ago_us = round((datetime.now(site.timezone) - noon).total_seconds() * 1e6)
    world = Town(tmp_path, site, ago_us=ago_us)
    world.remember_day(noon)
    with world.running() as running:
        deadline = time.monotonic() + 30
        while running.hub.newest("camera-1") is None:
            assert time.monotonic() < deadline
            time.sleep(0.02)
        yield running


def card(page: Page, camera: str) -> Any:
    return page.locator(f'.card[data-camera="{camera}"]')


def natural_width(page: Page, camera: str) -> int:
    width: int = card(page, camera).locator("img.live").evaluate("image => image.naturalWidth")
    return width


def until(page: Page, condition: Callable[[], bool]) -> None:
    """Wait for something that must come about."""
    for _ in range(200):
        if condition():
            return
        page.wait_for_timeout(100)
    pytest.fail("it did not come about")


@pytest.mark.parametrize(
    ("name", "width", "scheme"), [("desktop", 1440, "light"), ("desktop-dark", 1440, "dark"), ("phone", 390, "light")]
)
def test_the_page_shows_pictures_counts_and_volumes(
    running: Town, open_page: Callable[..., Page], tmp_path: Path, name: str, width: int, scheme: str
) -> None:
    page = open_page(running.url, viewport={"width": width, "height": 900}, color_scheme=scheme)
    expect(page).to_have_title("Calle 26 × Carrera 50 · Aforo")
    expect(card(page, "camera-0").locator(".badge")).to_have_text("live")
    until(page, lambda: natural_width(page, "camera-0") > 0)
    expect(card(page, "camera-0").locator(".piece").first).to_be_attached()
    assert card(page, "camera-0").locator(".piece").count() > 10
    page.screenshot(path=tmp_path / f"{name}.png", full_page=True)
    assert page.evaluate("document.documentElement.scrollWidth") == width, "nothing sticks out sideways"


def test_an_interval_that_nobody_observed_is_hatched_and_has_no_number(
    running: Town, open_page: Callable[..., Page]
) -> None:
    page = open_page(running.url)
    of_camera = card(page, "camera-0")
    expect(of_camera.locator(".unobserved").first).to_be_attached()
    hours = httpx.get(
        f"{running.url}/v1/volumes?line=stop-line&interval=1h"
        f"&from={at_noon(running.site):%Y-%m-%d}&to={at_noon(running.site) + timedelta(days=1):%Y-%m-%d}"
    ).json()["rows"]
    unknown = [row for row in hours if row["count"] is None]
    past = [row for row in unknown if datetime.fromisoformat(row["start"]) <= datetime.now(running.site.timezone)]
    assert of_camera.locator(".unobserved").count() == len(past)
    of_camera.get_by_text("As a table").click()
    row = of_camera.locator(".as-table tr", has_text="08:00–09:00")
    expect(row.locator("td").last).to_have_text("not observed")
    expect(row.locator("td").first).to_have_text("–")


def test_page_and_program_agree_on_road_users_their_colours_and_the_choices_of_the_chart(
    running: Town, open_page: Callable[..., Page]
) -> None:
    page = open_page(running.url)
    assert page.evaluate("import('/static/dom.js').then((dom) => dom.CLASSES)") == list(ROAD_USERS)
    style = "(name) => getComputedStyle(document.documentElement).getPropertyValue(`--${name}`).trim()"
    assert {name: page.evaluate(style, name) for name in COLOURS} == COLOURS
    choices = card(page, "camera-0").locator(".views button")
    expect(choices).to_have_text(list(words_of("en").page["intervals"].values()))


def test_the_numbers_are_those_of_the_database(running: Town, open_page: Callable[..., Page]) -> None:
    page = open_page(running.url)
    day = at_noon(running.site)
    whole_day = f"from={day:%Y-%m-%d}&to={day + timedelta(days=1):%Y-%m-%d}&interval=1d"
    ask = f"{running.url}/v1/volumes?line=stop-line&by=direction&{whole_day}"
    running.set_state("camera-0", "ended")  # so that both are read at leisure

    def agree() -> bool:
        counted = {row["direction"]: row["count"] for row in httpx.get(ask).json()["rows"]}
        shown = {
            direction: int(
                card(page, "camera-0").locator(f'tr[data-direction="{direction}"] .total').inner_text().replace(",", "")
            )
            for direction in ("entering", "leaving")
        }
        return counted == shown and sum(shown.values()) > 100

    expect(card(page, "camera-0").locator("tr[data-direction=entering] .total")).to_be_visible()
    until(page, agree)


def test_counts_rise_as_road_users_cross(running: Town, open_page: Callable[..., Page]) -> None:
    page = open_page(running.url)
    total = card(page, "camera-0").locator("tr[data-direction=leaving] .total")
    expect(total).to_have_text(re.compile(r"\d{2,}"))
    before = total.inner_text()
    expect(total).not_to_have_text(before)


def test_everything_speaks_spanish(running: Town, open_page: Callable[..., Page], tmp_path: Path) -> None:
    page = open_page(running.url)
    of_camera = card(page, "camera-0")
    expect(of_camera.locator("caption")).to_contain_text("Crossings")
    page.get_by_role("button", name="Español").click()
    expect(page.locator("html")).to_have_attribute("lang", "es")
    expect(of_camera.locator("caption")).to_contain_text("Cruces")
    expect(of_camera.locator(".badge")).to_have_text("en vivo")
    expect(of_camera.locator(".legend")).to_contain_text("peatón")
    expect(of_camera.locator(".legend")).to_contain_text("auto")
    page.screenshot(path=tmp_path / "spanish.png", full_page=True)
    expect(of_camera.locator("img.live")).to_have_attribute("src", re.compile("lang=es"))
    expect(of_camera.locator(".reports a").first).to_have_attribute("href", re.compile("lang=es"))
    page.reload()
    expect(of_camera.locator("caption")).to_contain_text("Cruces")


def test_a_server_that_runs_no_cameras_shows_the_counts_of_the_newest_day(
    tmp_path: Path, open_page: Callable[..., Page]
) -> None:
    site = town(2)
    world = Town(tmp_path, site)
    world.remember_day(at_noon(site))
    for camera in world.states:
        world.set_state(camera, "connecting")
    with world.running(counts_only=True):
        page = open_page(world.url)
        of_camera = card(page, "camera-0")
        expect(of_camera.locator(".badge")).to_have_text("unknown")
        expect(of_camera.locator(".blank")).to_contain_text("counts only")
        expect(of_camera.locator("tr[data-direction=entering] .total")).to_have_text(re.compile(r"^\d{3}"))
        expect(of_camera.locator(".piece").first).to_be_attached()


def test_a_browser_in_spanish_starts_in_spanish(running: Town, open_page: Callable[..., Page]) -> None:
    page = open_page(running.url, locale="es-CO")
    expect(card(page, "camera-0").locator("caption")).to_contain_text("Cruces")


def test_a_camera_that_goes_offline_is_seen_at_once_with_its_reason(
    running: Town, open_page: Callable[..., Page], tmp_path: Path
) -> None:
    page = open_page(running.url)
    of_camera = card(page, "camera-1")
    expect(of_camera.locator(".badge")).to_have_text("live")
    running.set_state("camera-1", "offline", Problem.of("silent", "rtsp://10.0.0.5/<b>1</b>", 10))
    expect(of_camera.locator(".badge")).to_have_text("offline", timeout=5 * SECONDS)
    expect(of_camera.locator(".detail")).to_contain_text("rtsp://10.0.0.5/<b>1</b> does not answer within 10 s")
    expect(page.locator("#summary")).to_have_text(re.compile("1 live.*1 offline"))
    expect(card(page, "camera-0").locator(".badge")).to_have_text("live")
    page.screenshot(path=tmp_path / "offline.png")
    running.set_state("camera-1", "live")
    expect(of_camera.locator(".badge")).to_have_text("live")


def test_the_reason_is_said_in_the_language_of_the_page(running: Town, open_page: Callable[..., Page]) -> None:
    page = open_page(running.url, locale="es-CO")
    detail = card(page, "camera-1").locator(".detail")
    expect(card(page, "camera-1").locator(".badge")).to_have_text("en vivo")
    running.set_state(
        "camera-1", "offline", Problem.of("unreachable", "rtsp://10.0.0.5/<b>1</b>", "Connection refused")
    )
    expect(detail).to_contain_text("no se puede alcanzar rtsp://10.0.0.5/<b>1</b>: conexión rechazada")
    page.get_by_role("button", name="English").click()
    expect(detail).to_contain_text("rtsp://10.0.0.5/<b>1</b> cannot be reached: Connection refused")
    page.get_by_role("button", name="Español").click()
    page.reload()
    expect(detail).to_contain_text("no se puede alcanzar rtsp://10.0.0.5")


@pytest.mark.parametrize(
    ("locale", "unobserved", "partly", "unknown"),
    [
        ("en", "not observed", "partly observed (", "not known"),
        ("es-CO", "sin observación", "observado en parte (", "se"),
    ],
)
def test_a_dead_camera_has_no_zero_anywhere_in_either_language(
    tmp_path: Path, open_page: Callable[..., Page], locale: str, unobserved: str, partly: str, unknown: str
) -> None:
    world = Town(tmp_path, town(2))
    world.set_state("camera-0", "offline", Problem.of("unreachable", "rtsp://10.0.0.5", "Connection refused"))
    with world.running():
        page = open_page(world.url, locale=locale)
        dead, live = card(page, "camera-0"), card(page, "camera-1")
        expect(dead.locator("caption em")).to_have_text(unobserved)
        totals = dead.locator("td.total")
        assert totals.all_inner_texts() == ["–"] * totals.count() != []
        expect(dead.locator(".zones")).to_contain_text(unknown)
        expect(dead.locator(".readout")).to_contain_text(unobserved)
        expect(dead.locator(".unobserved").first).to_be_attached()
        expect(dead.locator("svg.bars")).to_have_attribute("aria-label", re.compile(unobserved))
        assert not re.search(r"(?<![\d.:–])0(?![\d.:%])", dead.locator(".figures").inner_text())
        # The other has been watched for some seconds of the day: its figures are numbers, and told to be of a part.
        expect(live.locator("td.total").first).to_have_text(re.compile(r"^\d+$"))
        expect(live.locator("caption em")).to_contain_text(partly)
        page.screenshot(path=tmp_path / f"dead-{locale}.png", full_page=True)


def test_a_day_with_gaps_is_told_to_be_partly_observed(running: Town, open_page: Callable[..., Page]) -> None:
    page = open_page(running.url)
    expect(card(page, "camera-0").locator("caption em")).to_have_text(re.compile(r"^partly observed \(\d+(\.\d)? %\)$"))
    expect(card(page, "camera-0").locator(".readout")).to_contain_text("partly observed (")


def test_what_cannot_be_written_is_said_on_the_page(running: Town, open_page: Callable[..., Page]) -> None:
    state = WriteState(written_age_s=1.2, frames_waiting=3, frames_capacity=256, dropped_s={"camera-0": 0.0})
    running.hub.set_writing_source(lambda: state)
    page = open_page(running.url)
    expect(page.locator("#writing")).to_have_text(re.compile(r"^Written \d+ s ago · 3 of 256 frames wait$"))
    expect(page.locator("#notice")).to_be_hidden()
    full = "cannot write the database counts.db: the disk is full; make room and try again"
    problem = Problem.of("write-refused", "counts.db", "the disk is full; make room and try again")
    state = WriteState(problem, 40.0, 41.2, 256, 256, 90, {"camera-0": 15.6, "camera-1": 0.0})
    notice = page.locator("#notice")
    expect(notice).to_contain_text(f"what is counted cannot be written: {full}.")
    expect(notice).to_contain_text("256 of 256 frames wait. Dropped, and not observed: 15.6 s of Calle 26 norte.")
    page.get_by_role("button", name="Español").click()
    expect(notice).to_contain_text(
        "no se puede guardar lo contado: no se puede escribir en la base de datos counts.db: el disco está lleno; "
        "libere espacio y reintente."
    )
    expect(notice).to_contain_text("Imágenes perdidas, sin observación: 15,6 s de Calle 26 norte.")
    state = WriteState(written_age_s=0.2, frames_capacity=256, dropped_s={"camera-0": 15.6})
    expect(notice).to_be_hidden()


@dataclass
class Served:
    """`aforo serve`, and a worker that shows the first of two cameras; the other has no worker."""

    url: str
    store: CountStore
    at_us: int

    def count(self, direction: str, number: int, first: int = 0) -> None:
        """So many cars cross the first camera's line."""
        tracks = range(first, first + number)
        self.store.write(
            Rows(
                [
                    Crossing("camera-0", direction, n, "stop-line", 0, self.at_us, direction, "car", True, "v")
                    for n in tracks
                ]
            )
        )


@pytest.fixture
def served(tmp_path: Path) -> Iterator[Served]:
    with socket.create_server(("127.0.0.1", 0)) as probe:
        port = probe.getsockname()[1]
    document = {
        "site": {"id": "cll26", "name": "Calle 26", "timezone": "America/Bogota"},
        "cameras": [
            {"id": "camera-0", "name": "Norte", "source": "0", "lines": [LINE], "zones": [ZONE]},
            {"id": "camera-1", "name": "Sur", "source": "1", "lines": [{**LINE, "id": "line-1"}]},
        ],
        "store": f"sqlite:///{tmp_path}/counts.db",
        "api": {"port": port, "announce": f"http://127.0.0.1:{port}"},
    }
    config = tmp_path / "site.yaml"
    config.write_text(yaml.safe_dump(document))
    site, clock, ended = load_site(config), SystemClock(), threading.Event()
    live_server = WorkerLiveServer(site, clock)

    def work() -> None:
        for index in itertools.count():
            now_us = clock.now_us()
            frame = Frame("camera-0", "s", index, now_us, street())
            live_server.publish(frame, TrackedFrame("camera-0", "s", index, now_us, 100_000, 640, 360))
            if ended.wait(0.1):
                return

    worker = threading.Thread(target=work)
    command = [sys.executable, "-m", "app.cli.main", "serve", "-c", str(config), "--port", "0"]
    with assemble.open_store(site) as store:
        live_server.start()
        worker.start()
        with subprocess.Popen(
            command, stderr=subprocess.PIPE, text=True, env={**os.environ, "COLUMNS": "200"}
        ) as process:
            assert process.stderr is not None
            url = process.stderr.readline().split("page: ")[1].split(";")[0].strip()
            try:
                while not store_knows_a_worker(url):
                    time.sleep(0.1)
                yield Served(url, store, clock.now_us())
            finally:
                process.send_signal(signal.SIGTERM)
                process.stderr.read()
                ended.set()
                worker.join()
                live_server.stop()


def store_knows_a_worker(url: str) -> bool:
    try:
        return any(camera["state"] == "live" for camera in httpx.get(f"{url}/v1/cameras").json()["cameras"])
    except httpx.TransportError:
        return False


def test_a_server_of_the_store_shows_what_workers_show_and_says_which_camera_has_none(
    served: Served, open_page: Callable[..., Page], tmp_path: Path
) -> None:
    served.count("entering", 7)
    served.count("leaving", 3)
    page = open_page(served.url)
    worked, idle = card(page, "camera-0"), card(page, "camera-1")
    expect(worked.locator(".badge")).to_have_text("live")
    until(page, lambda: natural_width(page, "camera-0") == 640)
    expect(worked.locator("tr[data-direction=entering] .total")).to_have_text("7")
    expect(worked.locator("tr[data-direction=leaving] .total")).to_have_text("3")
    expect(idle.locator(".badge")).to_have_text("unknown")
    expect(idle.locator(".detail")).to_have_text("no worker shows it, and nothing of it was counted lately")
    expect(idle.locator(".blank")).to_contain_text("counts only")
    expect(idle.locator("tr[data-direction=entering] .total")).to_have_text("–")
    expect(page.locator("#summary")).to_have_text(re.compile("1 live.*1 unknown"))
    page.screenshot(path=tmp_path / "served.png", full_page=True)
    page.get_by_role("button", name="Español").click()
    expect(worked.locator(".badge")).to_have_text("en vivo")
    expect(worked.locator("caption")).to_contain_text("Cruces")
    expect(worked.locator("tr[data-direction=entering] .total")).to_have_text("7")
    expect(idle.locator(".badge")).to_have_text("desconocido")
    expect(idle.locator(".detail")).to_contain_text("ningún proceso worker la muestra")
    expect(idle.locator(".blank")).to_contain_text("solo aforos")
    page.screenshot(path=tmp_path / "served-es.png", full_page=True)


def test_a_server_of_the_store_is_asked_again_every_minute(served: Served, open_page: Callable[..., Page]) -> None:
    served.count("entering", 7)
    page = open_page(served.url, clock=True)
    idle = card(page, "camera-1")
    total = card(page, "camera-0").locator("tr[data-direction=entering] .total")
    expect(total).to_have_text("7")
    expect(idle.locator(".badge")).to_have_text("unknown")
    served.count("entering", 5, first=7)
    minute_us = served.at_us // MINUTE_US * MINUTE_US
    served.store.write(Rows(coverage=[Coverage("camera-1", "s", minute_us, MINUTE_US, 600, 0)]))
    page.clock.fast_forward(61 * SECONDS)
    expect(total).to_have_text("12")
    expect(idle.locator(".badge")).to_have_text("live")
    expect(idle.locator(".detail")).to_contain_text("it is counted, but no worker shows its pictures")


def test_a_recording_of_the_past_shows_its_own_day(running: Town, open_page: Callable[..., Page]) -> None:
    page = open_page(running.url)
    day = at_noon(running.site)
    expect(card(page, "camera-0").locator("caption")).to_contain_text(f"{day:%b} {day.day}, {day.year}")
    expect(card(page, "camera-0").locator(".reports a").first).to_have_attribute("href", re.compile(f"{day:%Y-%m-%d}"))


def test_the_chart_is_read_with_the_keyboard(running: Town, open_page: Callable[..., Page]) -> None:
    page = open_page(running.url)
    of_camera = card(page, "camera-0")
    of_camera.get_by_role("button", name="15 min").focus()
    page.keyboard.press("Enter")
    expect(of_camera.get_by_role("button", name="15 min")).to_have_attribute("aria-pressed", "true")
    chart = of_camera.get_by_role("img", name=re.compile("^Volumes of Acceso norte"))
    expect(chart.locator("text").nth(3)).to_have_text("00:00")
    until(page, lambda: of_camera.locator(".as-table tbody tr").count() > 12 * 4)
    chart.focus()
    for _ in range(4 * 9 + 1):
        page.keyboard.press("ArrowRight")
    expect(of_camera.locator(".readout .when")).to_have_text("09:00–09:15")
    expect(of_camera.locator(".readout strong")).to_have_text(re.compile(r"^\d+$"))


def test_a_zone_is_charted_too(running: Town, open_page: Callable[..., Page]) -> None:
    page = open_page(running.url)
    of_camera = card(page, "camera-0")
    with page.expect_response(re.compile("volumes.*zone=crossing")) as answer:
        of_camera.get_by_role("combobox", name="Line or zone").select_option("Paso peatonal")
    assert answer.value.status == 200
    expect(of_camera.get_by_role("img", name=re.compile("^Volumes of Paso peatonal"))).to_be_visible()


def test_only_cameras_in_view_are_drawn_and_none_when_the_page_is_left(
    tmp_path: Path, open_page: Callable[..., Page]
) -> None:
    world = Town(tmp_path, town(8))
    with world.running():
        page = open_page(world.url, viewport={"width": 1500, "height": 900})
        until(page, lambda: natural_width(page, "camera-0") > 0)
        until(page, lambda: 1 <= world.hub.viewers <= 3)
        assert natural_width(page, "camera-7") == 0
        card(page, "camera-7").scroll_into_view_if_needed()
        until(page, lambda: natural_width(page, "camera-7") > 0)
        assert world.hub.viewers <= 4, "three streams at most, and a single picture under way"
        page.goto("about:blank")
        until(page, lambda: world.hub.viewers == 0)
