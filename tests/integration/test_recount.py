"""A line or zone drawn after it happened is counted from the stored trajectories, as it would have been live."""

from __future__ import annotations

import random
import threading
from collections import Counter
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from functools import partial
from pathlib import Path
from zoneinfo import ZoneInfo

import pytest
from integration.api_server import serving
from postgresql_server import new_database

from aforo.clock import ManualClock
from aforo.config.camera import CameraSection
from aforo.config.detector import DetectorSection
from aforo.config.geometry import LineSection
from aforo.config.site import SiteConfiguration
from aforo.errors import NotFoundError
from aforo.model import MICROSECONDS, Box, Recount, Rows, TrackedFrame, TrackedObject, TrackEnd
from aforo.tracked_batch import TrackedBatch
from api.app import create_app
from api.live.remote_cameras import RemoteLiveView
from app import assemble
from app.history_recount import recount_place
from app.recording import Recording

NOON_US = 1_746_532_800 * MICROSECONDS
WHOLE = (0, 4 * NOON_US)


@pytest.fixture(params=["sqlite", "postgresql", "timescale"])
def store_url(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[str]:
    if request.param == "sqlite":
        yield f"sqlite:///{tmp_path}/counts.db"
        return
    with new_database(request.getfixturevalue(request.param)) as url:
        yield url


def site(store: str, *lines: tuple[str, float], zone: bool = False) -> SiteConfiguration:
    """A site with upright lines at these shares of the width."""
    camera = {
        "id": "north",
        "source": "north.mp4",
        "lines": [{"id": name, "points": [[x, 0.0], [x, 1.0]]} for name, x in lines],
        "zones": [{"id": "middle", "polygon": [[0.4, 0.0], [0.6, 0.0], [0.6, 1.0], [0.4, 1.0]]}] if zone else [],
    }
    return SiteConfiguration.model_validate(
        {"site": {"timezone": "America/Bogota"}, "cameras": [camera], "store": store}
    )


def passing(track_id: int, start_us: int, road_user: str = "car") -> list[TrackedFrame]:
    """Somebody who goes from the left border to the right one in ten seconds."""
    frames = []
    for step in range(101):
        x = 0.05 + 0.009 * step
        seen = TrackedObject(track_id, Box(x - 0.04, 0.4, x + 0.04, 0.6), road_user, 0.9, first=step == 0)
        frames.append(TrackedFrame("north", "s", step, start_us + step * 100_000, 100_000, 1000, 1000, (seen,)))
    end = TrackedFrame("north", "s", 101, start_us + 10_100_000, 0, 1000, 1000, (), (TrackEnd(track_id, road_user),))
    return [*frames, end]


def count_live(here: SiteConfiguration, *tracks: list[TrackedFrame]) -> None:
    counter, rows = assemble.counting_stage(here.cameras), Rows()
    for frames in tracks:
        for frame in frames:
            rows.extend(counter.add(TrackedBatch.of([frame])))
    with assemble.open_store(here) as store:
        store.write(rows)


def lines_of(here: SiteConfiguration, line: str) -> Counter[tuple[str, str, str]]:
    reader = assemble.open_reader(here)
    try:
        rows = reader.crossings([line], *WHOLE, 100_000)
        volumes = reader.volumes("line", [line], *WHOLE, "1h")
    finally:
        reader.close()
    assert all(row.final for row in rows)
    assert sum(volume.count for volume in volumes) == len(rows)
    return Counter((row.direction, row.road_user, row.geometry) for row in rows)


def test_a_line_drawn_today_gets_the_counts_of_yesterday(store_url: str) -> None:
    count_live(site(store_url, ("old", 0.3)), passing(1, NOON_US), passing(2, NOON_US + 3_600_000_000, "bus"))
    today = site(store_url, ("old", 0.3), ("new", 0.7))
    done = recount_place(today, "line", "new", None, None)
    version = today.domain().cameras[0].lines[1].version
    assert (done.tracks, done.count, done.geometry) == (2, 2, version)
    assert lines_of(today, "new") == {("right", "car", version): 1, ("right", "bus", version): 1}
    assert lines_of(today, "old").total() == 2


def test_counting_again_changes_nothing(store_url: str) -> None:
    here = site(store_url, ("old", 0.3))
    count_live(here, passing(1, NOON_US))
    before = lines_of(here, "old")
    for _ in range(2):
        assert recount_place(here, "line", "old", None, None).count == 1
        assert lines_of(here, "old") == before


def test_a_line_that_was_moved_loses_what_no_longer_crosses_it(store_url: str) -> None:
    count_live(site(store_url, ("old", 0.3)), passing(1, NOON_US), passing(2, NOON_US + 20_000_000))
    moved = site(store_url, ("old", 0.99))
    assert recount_place(moved, "line", "old", None, None).count == 0
    assert lines_of(moved, "old") == {}


def test_only_tracks_of_the_range_are_counted_again(store_url: str) -> None:
    count_live(site(store_url, ("old", 0.3)), passing(1, NOON_US), passing(2, NOON_US + 7_200_000_000))
    today = site(store_url, ("old", 0.3), ("new", 0.7))
    assert recount_place(today, "line", "new", NOON_US + 3_600_000_000, None).tracks == 1
    assert lines_of(today, "new").total() == 1


def test_a_zone_drawn_today_gets_its_visits(store_url: str) -> None:
    count_live(site(store_url, ("old", 0.3)), passing(1, NOON_US))
    today = site(store_url, ("old", 0.3), zone=True)
    assert recount_place(today, "zone", "middle", None, None).count == 1
    reader = assemble.open_reader(today)
    (visit,) = reader.visits(["middle"], *WHOLE)
    reader.close()
    assert visit.final
    assert visit.left_at_us is not None
    assert visit.entered_at_us - NOON_US == pytest.approx(3.89 * MICROSECONDS, abs=0.1 * MICROSECONDS)
    assert visit.left_at_us - NOON_US == pytest.approx(6.11 * MICROSECONDS, abs=0.1 * MICROSECONDS)


def test_a_place_that_is_not_in_the_configuration_is_told(store_url: str) -> None:
    with pytest.raises(NotFoundError, match="no line 'none'"):
        recount_place(site(store_url, ("old", 0.3)), "line", "none", None, None)


def test_the_api_recounts(tmp_path: Path) -> None:
    url = f"sqlite:///{tmp_path}/counts.db"
    count_live(site(url, ("old", 0.3)), passing(1, NOON_US))
    today = site(url, ("new", 0.7), zone=True)
    assemble.open_store(today).close()
    reader = assemble.open_reader(today)
    clock = ManualClock(NOON_US)
    live = RemoteLiveView(today.domain(), reader, clock)
    app = create_app(site=today.domain(), reader=reader, live=live, clock=clock, recount=partial(recount_place, today))
    with serving(app) as client:
        done = client.post("/v1/lines/new/recount")
        assert done.status_code == 200
        assert done.json() == {
            "kind": "line",
            "place": "new",
            "geometry": today.domain().cameras[0].lines[0].version,
            "tracks": 1,
            "count": 1,
        }
        assert client.post("/v1/zones/middle/recount", params={"from": "2030-01-01"}).json()["tracks"] == 0
        assert client.post("/v1/lines/none/recount").status_code == 404
        assert client.post("/v1/lines/new/recount", params={"from": "yesterday"}).status_code == 400
        for end in ("2030-01-01", "2029-12-31"):
            refused = client.post("/v1/lines/new/recount", params={"from": "2030-01-01", "to": end})
            assert refused.status_code == 400
            assert refused.json()["error"].startswith("from: expected a time before `to`")
        assert client.get("/v1/lines/new/recount").status_code == 405
    reader.close()


def test_other_questions_are_answered_while_history_is_recounted(tmp_path: Path) -> None:
    url = f"sqlite:///{tmp_path}/counts.db"
    count_live(site(url, ("old", 0.3)), passing(1, NOON_US))
    today = site(url, ("new", 0.7))
    assemble.open_store(today).close()
    reader = assemble.open_reader(today)
    begun, asked = threading.Event(), threading.Event()

    def recount(kind: str, place: str, start_us: int | None, end_us: int | None) -> Recount:
        begun.set()
        assert asked.wait(60)
        return recount_place(today, kind, place, start_us, end_us)

    clock = ManualClock(NOON_US)
    live = RemoteLiveView(today.domain(), reader, clock)
    app = create_app(site=today.domain(), reader=reader, live=live, clock=clock, recount=recount)
    with serving(app) as client, ThreadPoolExecutor() as threads:
        answer = threads.submit(client.post, "/v1/lines/new/recount")
        assert begun.wait(60)
        for address in ("/healthz", "/v1/volumes?line=new", "/v1/lines"):
            assert client.get(address).status_code == 200
        assert "another recount is running" in client.post("/v1/lines/new/recount").json()["error"]
        assert not answer.done()
        asked.set()
        assert answer.result().json()["count"] == 1
    reader.close()


@pytest.mark.model
@pytest.mark.timeout(300)
def test_recounts_of_the_sample_equal_its_live_counts(
    sample_video: Path, default_model_path: Path, tmp_path: Path
) -> None:
    generator = random.Random(26)  # any lines will do, the same each time

    def anywhere() -> tuple[float, float]:
        return generator.random(), generator.random()

    published = LineSection(id="published", points=[(340 / 768, 120 / 576), (340 / 768, 1.0)])
    lines = [published, *(LineSection(id=f"line-{k}", points=[anywhere(), anywhere()]) for k in range(20))]
    camera = CameraSection.of_recording(sample_video, lines)
    section = DetectorSection(model=str(default_model_path))
    live_site = SiteConfiguration(cameras=[camera], store=f"sqlite:///{tmp_path}/live.db")  # type: ignore[arg-type]
    bare_site = SiteConfiguration(
        cameras=[CameraSection.of_recording(sample_video)],
        store=f"sqlite:///{tmp_path}/recount.db",  # type: ignore[arg-type]
    )
    detector = assemble.open_detector(section)
    try:
        counters = [assemble.counting_stage(each.cameras) for each in (live_site, bare_site)]
        batches = [Rows(), Rows()]
        for _, message in Recording(sample_video, camera, timezone=ZoneInfo("UTC")).analyse(detector, section):
            for counter, batch in zip(counters, batches, strict=True):
                batch.extend(counter.add(TrackedBatch.of([message])))
    finally:
        detector.close()
    for each, batch in zip((live_site, bare_site), batches, strict=True):
        with assemble.open_store(each) as store:
            store.write(batch)
    drawn = bare_site.model_copy(update={"cameras": [camera]})
    for line in lines:
        recount_place(drawn, "line", line.id, None, None)
        assert lines_of(drawn, line.id) == lines_of(live_site, line.id), line
    assert lines_of(live_site, "published").total() > 0
