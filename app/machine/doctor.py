"""`aforo doctor`: what works on this machine, and what to do about the rest. Finds out by trying, and never raises."""

from __future__ import annotations

import base64
import os
import platform
import re
import shutil
import sys
import tempfile
import zoneinfo
from collections.abc import Callable, Iterator
from contextlib import suppress
from datetime import UTC, datetime, timedelta
from functools import partial
from pathlib import Path

from aforo.address import conceal
from aforo.config.site import SiteConfiguration
from aforo.doctor_finding import Finding
from aforo.errors import AssetError, ConfigurationError, SourceError
from aforo.local_time import local_time
from app import assemble
from app.assets import manifest, model_trust
from track.kept_scale import known_scale

_GIB = 1 << 30
_WANTED_FREE_BYTES = 2 * _GIB
_WANTED_MEMORY_BYTES = 2 * _GIB
_TIMEOUT_S = 3

_CPU_FEATURES = {
    "AVX2": "avx2",
    "AVX-512": "avx512f",
    "AVX-512 VNNI": "avx512_vnni",
    "AVX VNNI": "avx_vnni",
    "AVX-512 BF16": "avx512_bf16",
    "AMX INT8": "amx_int8",
    "AMX BF16": "amx_bf16",
    "Neon": "asimd",
    "Neon dot product": "asimddp",
    "Neon BF16": "bf16",
    "I8MM": "i8mm",
}
"""Features that decide how fast a network runs, and their names in /proc/cpuinfo."""

_PROBES = {
    "h264": "AAAAAWdkEAqsuITQgAAAAwCAAAAKAgAAAAFo7gOSyLAAAAFliIQEv/47s8CmDdQVKy0ao/xoumGAOKEXcmFga6oPeOD1wQAAAAFn"
    "ZBAKrLiE0IAAAAMAgAAACgIAAAABaO4DksiwAAABZYiCAZ/+x2/mWUv66+eSXEfyljgUIxdrxmzqVaAGp3Xm9IaCA+4AAAABZ2QQ"
    "Cqy4hNCAAAADAIAAAAoCAAAAAWjuA5LIsAAAAWWIhAZ//sdv5llL+uvnklxH8pY4FCMXa8Zs6lWgBqd15vSGggPv",
    "hevc": "AAAAAUABDAH//wQIAAADAJ+oAAADAAAeugJAAAAAAUIBAQQIAAADAJ+oAAADAAAeoCCBBZbqSTK5oCAAAAMAIAAAAwFBAAAAAUQB"
    "wXKwIkAAAAEoAa8LYPsIlG8byakl/+oHEXF4AAAAAUABDAH//wQIAAADAJ+oAAADAAAeugJAAAAAAUIBAQQIAAADAJ+oAAADAAAe"
    "oCCBBZbqSTK5oCAAAAMAIAAAAwFBAAAAAUQBwXKwIkAAAAEoAa/g+RgDsPpH4TJz//uczlLX14AAAAABQAEMAf//BAgAAAMAn6gA"
    "AAMAAB66AkAAAAABQgEBBAgAAAMAn6gAAAMAAB6gIIEFlupJMrmgIAAAAwAgAAADAUEAAAABRAHBcrAiQAAAASgBr6D5GAOw+kfh"
    "MnP/+5zOUtfXgA==",
}
"""Streams of three frames, 64×64, left half white: small enough to be kept here, real enough to decode."""
_PROBE_FRAMES = 3


def examine(site: SiteConfiguration | None = None) -> list[Finding]:
    """Look at this machine and, where a site is given, at what it needs. Takes a few seconds.

    Args:
        site: whose model, store, bus and time zone are looked at; without one, the defaults.
    """
    site = site or SiteConfiguration()
    checks: tuple[tuple[str, Callable[[SiteConfiguration], Iterator[Finding]]], ...] = (
        ("python", _python),
        ("processor", _processor),
        ("memory", _memory),
        ("opencv", _opencv),
        ("decoders", _decoders),
        *((name, partial(_engine, name)) for name in assemble.DETECTORS),
        ("assets", _assets),
        ("model trust", _model_trust),
        ("recordings", _recordings),
        ("store", examine_store),
        ("bus", _bus),
        ("scales", _scales),
        ("disk", _disk),
        ("time zone", _timezone),
        ("clock", _clock),
    )
    findings: list[Finding] = []
    for name, check in checks:
        try:
            findings += check(site)
        except Exception as error:  # whatever is broken here is what the doctor is for
            findings.append(Finding(name, False, f"{type(error).__name__}: {conceal(str(error))}"))
    return findings


def _python(_: SiteConfiguration) -> Iterator[Finding]:
    supported = sys.version_info >= (3, 11)
    yield Finding(
        "python",
        supported,
        f"{platform.python_version()} on {platform.system()} {platform.machine()}",
        "" if supported else "install Python 3.11 or later",
    )


def _processor(_: SiteConfiguration) -> Iterator[Finding]:
    cores = len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count()
    try:
        text = Path("/proc/cpuinfo").read_text(encoding="utf-8", errors="replace")
    except OSError:
        yield Finding("processor", True, f"{cores} cores; features unknown")
        return
    found = re.search(r"^(?:flags|Features)\s*:(.*)$", text, re.MULTILINE)
    flags = set(found[1].split()) if found else set()
    named = [name for name, flag in _CPU_FEATURES.items() if flag in flags]
    yield Finding("processor", True, f"{cores} cores; {', '.join(named) or 'no vector features known here'}")


def _memory(_: SiteConfiguration) -> Iterator[Finding]:
    total = os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES")
    enough = total >= _WANTED_MEMORY_BYTES
    yield Finding("memory", enough, f"{total / _GIB:.1f} GiB", "" if enough else "2 GiB or more are wanted")


def _opencv(_: SiteConfiguration) -> Iterator[Finding]:
    import cv2

    backends = [cv2.videoio_registry.getBackendName(backend) for backend in cv2.videoio_registry.getStreamBackends()]
    has_ffmpeg = "FFMPEG" in backends
    yield Finding(
        "opencv",
        has_ffmpeg,
        f"{cv2.__version__}; video through {', '.join(backends) or 'nothing'}",
        "" if has_ffmpeg else "install the opencv-python wheel, which brings FFmpeg: RTSP and most files need it",
    )


def _decoders(_: SiteConfiguration) -> Iterator[Finding]:
    import cv2

    for codec, probe in _PROBES.items():
        with tempfile.TemporaryDirectory() as folder:
            path = Path(folder) / f"probe.{codec}"
            path.write_bytes(base64.b64decode(probe))
            capture = cv2.VideoCapture(str(path))
            frames = 0
            while capture.read()[0]:
                frames += 1
            capture.release()
        works = frames == _PROBE_FRAMES
        yield Finding(
            f"decoder {codec}",
            works,
            f"{frames} of {_PROBE_FRAMES} test frames decoded",
            "" if works else f"set the camera to another codec than {codec}, or install another OpenCV build",
        )


def _engine(name: str, site: SiteConfiguration) -> Iterator[Finding]:
    backend = assemble.DETECTORS[name](site.detector)
    yield from backend.check(needed=site.detector.engine == name)


def _assets(site: SiteConfiguration) -> Iterator[Finding]:
    model = site.detector.model
    if model in manifest.manifest():
        yield _asset(model)
    else:
        there = os.path.exists(model) or (manifest.cache_directory() / f"{model.removesuffix('.pt')}.pt").exists()
        hint = "" if there else "give an existing path; the name of an Ultralytics model is fetched on first use"
        yield Finding("model", True if there else None, f"{model}{'' if there else ' is not here yet'}", hint)
    for sample in manifest.SAMPLES:
        yield _asset(sample)


def _model_trust(site: SiteConfiguration) -> Iterator[Finding]:
    """Whether the configured model may be loaded, and why."""
    name = site.detector.model
    known = manifest.manifest().get(name.removesuffix(".pt"))
    in_cache = manifest.cache_directory() / (known.file if known else f"{name.removesuffix('.pt')}.pt")
    path = next((path for path in (Path(os.path.expanduser(name)), in_cache) if os.path.exists(path)), None)
    if path is None:
        yield Finding("model trust", None, f"{name} is not here yet; it is looked at before it is loaded")
        return
    reason = model_trust.reason_for_trust(path, site.detector.trusted_sha256)
    if reason is not None:
        yield Finding("model trust", True, f"{path} may be loaded: {reason}")
        return
    yield Finding(
        "model trust",
        False,
        f"{path} is not loaded: it may hold a program, and its SHA-256 {model_trust.fingerprint(path)} is unknown",
        "if you trust its maker, add that SHA-256 to detector.trusted_sha256; or use an ONNX or OpenVINO model",
    )


def _asset(name: str) -> Finding:
    asset = manifest.manifest()[name]
    try:
        path = manifest.verify(name)
    except AssetError as error:
        damaged = (manifest.cache_directory() / asset.file).exists()
        return Finding(
            f"{asset.kind} {name}", False if damaged else None, str(error), "it is fetched when it is needed"
        )
    return Finding(f"{asset.kind} {name}", True, f"{path}, SHA-256 as in the manifest")


def _recordings(site: SiteConfiguration) -> Iterator[Finding]:
    """Whether the files that cameras are read from can be read, and those of one camera are one recording."""
    from ingest.capture import probe
    from ingest.recording_files import in_time_order

    for camera in site.cameras:
        if not camera.is_recording:
            continue
        name = f"recording {camera.id}"
        starts_us = [] if camera.starts_at is None else [0]
        try:
            files = [probe(Path(each.reveal()), camera.recorded_fps) for each in camera.sources]
            parts = in_time_order(files, starts_us, site.timezone)
        except SourceError as error:
            yield Finding(name, False, str(error), "correct the camera's source")
            continue
        seconds = sum((facts.frames or 0) / facts.fps for facts in files)
        what = f"{len(files)} files, {parts[0].path.name} first" if len(files) > 1 else str(files[0].path)
        size = f"{files[0].width_px}×{files[0].height_px} pixels"
        assumed = any(facts.fps_source == "assumed" for facts in files)
        told = "; nobody tells its frames per second" if assumed else ""
        yield Finding(
            name, not assumed, f"{what}, {size}, {seconds:,.0f} s{told}", "give recorded_fps" if assumed else ""
        )


def examine_store(site: SiteConfiguration) -> Iterator[Finding]:
    """Whether the configured store can be opened, without changing anything."""
    try:
        backend = assemble.store_backend(site)
    except ConfigurationError as error:
        yield Finding("store", False, str(error), "correct the key store")
    else:
        yield from backend.check()


def _bus(site: SiteConfiguration) -> Iterator[Finding]:
    try:
        bus = assemble.open_bus(site)
    except ConfigurationError as error:
        yield Finding("bus", False, str(error), "correct the key bus")
    else:
        yield from bus.check()


def _scales(site: SiteConfiguration) -> Iterator[Finding]:
    """What is known of each camera's scene: sizes of cars, which tell vans from lorries."""
    for camera in site.cameras:
        path = assemble.scale_file(site, camera)
        if path is None:
            continue
        known = known_scale(path)
        if known is not None:
            newest = local_time(known.newest_us, site.timezone).isoformat(sep=" ", timespec="minutes")
            yield Finding(f"scale of {camera.id}", True, f"sizes of {known.cars} cars by place, the newest {newest}")
        else:
            told = "no sizes of cars yet: vans and lorries go by the network's names"
            yield Finding(f"scale of {camera.id}", None, told, "it learns by itself while the camera is counted")


def _disk(site: SiteConfiguration) -> Iterator[Finding]:
    places = {"disk (cache)": manifest.cache_directory()}
    with suppress(ConfigurationError):  # told with the store
        place = assemble.store_backend(site).place()
        if place is not None:
            places["disk (store)"] = place
        else:
            told = "the database's server is another machine, or does not tell where it keeps its data"
            yield Finding("disk (store)", None, told, "see that there is room on its disk")
    for name, path in places.items():
        there = next(folder for folder in (path, *path.parents) if os.path.exists(folder))
        free = shutil.disk_usage(there).free
        enough = free >= _WANTED_FREE_BYTES
        hint = "" if enough else f"free some space: {_WANTED_FREE_BYTES / _GIB:.0f} GiB or more are wanted"
        yield Finding(name, enough, f"{free / _GIB:.1f} GiB free at {there}", hint)


def _timezone(site: SiteConfiguration) -> Iterator[Finding]:
    known = len(zoneinfo.available_timezones())
    now = datetime.now(site.timezone)
    yield Finding("time zone", True, f"{site.site.timezone}, now {now:%Y-%m-%d %H:%M} ({known} zones known)")


def _clock(_: SiteConfiguration) -> Iterator[Finding]:
    now = datetime.now(UTC)
    installed = datetime.fromtimestamp(Path(__file__).stat().st_mtime, UTC)
    sane = now > installed - timedelta(days=1)
    detail = f"{now.isoformat(timespec='seconds')}{'' if sane else ': earlier than the installation of Aforo'}"
    yield Finding("clock", sane, detail, "" if sane else "set the clock, best by NTP: counts carry its time")
