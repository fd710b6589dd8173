from __future__ import annotations

import hashlib
from pathlib import Path

import pytest

from aforo.errors import AssetError
from app.assets import manifest
from app.assets.mirrors import DebMirror, UrlMirror, WheelMirror

CONTENT = b"weights"
Known = dict[str, manifest.Asset]


@pytest.fixture
def small_manifest() -> Known:
    """A manifest of one asset of a few bytes that no mirror has."""
    asset = manifest.Asset(
        "tiny", "model", "A few bytes", "tiny.pt", len(CONTENT), hashlib.sha256(CONTENT).hexdigest(), "none", ()
    )
    return {"tiny": asset}


def test_the_manifest_names_the_default_model_and_every_sample() -> None:
    known = manifest.manifest()
    assert known[manifest.DEFAULT_MODEL].kind == "model"
    assert {asset.name for asset in known.values() if asset.kind == "sample"} == set(manifest.SAMPLES)


@pytest.mark.parametrize("asset", manifest.manifest().values(), ids=manifest.manifest())
def test_every_entry_is_complete(asset: manifest.Asset) -> None:
    assert len(bytes.fromhex(asset.sha256)) == 32
    assert asset.size > 0
    assert asset.title
    assert asset.licence
    assert Path(asset.file).name == asset.file
    assert asset.mirrors
    for mirror in asset.mirrors:
        match mirror:
            case UrlMirror(url):
                assert url.startswith("https://")
            case WheelMirror(requirement, member):
                assert "==" in requirement
                assert member.endswith(asset.file)
            case DebMirror(_, member):
                assert member.endswith(asset.file)


def test_the_published_truth_of_vtest() -> None:
    truth = manifest.manifest()["vtest"].truth
    assert truth is not None
    assert truth.line_px == ((340, 120), (340, 576))
    assert truth.counts == {"right": 14, "left": 18}


def test_the_cache_is_where_the_environment_says(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setenv("AFORO_CACHE", str(tmp_path))
    assert manifest.cache_directory() == tmp_path
    monkeypatch.delenv("AFORO_CACHE")
    monkeypatch.setenv("XDG_CACHE_HOME", "/somewhere")
    assert manifest.cache_directory() == Path("/somewhere/aforo")
    monkeypatch.setenv("XDG_CACHE_HOME", "not/absolute")  # to be ignored, says the XDG specification
    monkeypatch.setenv("HOME", "/home/someone")
    assert manifest.cache_directory() == Path("/home/someone/.cache/aforo")


def test_a_missing_a_damaged_and_an_intact_file_are_told_apart(small_manifest: Known, tmp_path: Path) -> None:
    with pytest.raises(AssetError, match=r"tiny\.pt is not in .*; fetch it with `aforo models fetch tiny`"):
        manifest.verify("tiny", cache=tmp_path, known=small_manifest)
    assert manifest.locate("tiny", cache=tmp_path, known=small_manifest) is None

    (tmp_path / "tiny.pt").write_bytes(CONTENT + b"!")
    with pytest.raises(AssetError, match="is damaged: it has 8 bytes instead of 7"):
        manifest.verify("tiny", cache=tmp_path, known=small_manifest)
    (tmp_path / "tiny.pt").write_bytes(CONTENT.upper())
    with pytest.raises(AssetError, match=r"is damaged: its SHA-256 is [0-9a-f]{64} instead of [0-9a-f]{64}"):
        manifest.verify("tiny", cache=tmp_path, known=small_manifest)
    assert manifest.locate("tiny", cache=tmp_path, known=small_manifest) is None

    (tmp_path / "tiny.pt").write_bytes(CONTENT)
    assert (
        manifest.verify("tiny", cache=tmp_path, known=small_manifest)
        == manifest.locate("tiny", cache=tmp_path, known=small_manifest)
        == tmp_path / "tiny.pt"
    )


@pytest.mark.parametrize("name", ["tiny", "tiny.pt"])
def test_a_known_model_is_taken_from_the_cache(small_manifest: Known, tmp_path: Path, name: str) -> None:
    (tmp_path / "tiny.pt").write_bytes(CONTENT)
    assert manifest.resolve_model(name, cache=tmp_path, known=small_manifest) == tmp_path / "tiny.pt"


def test_a_path_stays_a_path(tmp_path: Path) -> None:
    model = tmp_path / "own.onnx"
    model.touch()
    assert manifest.resolve_model(str(model)) == model
    assert manifest.resolve_model(str(tmp_path)) == tmp_path  # a directory: an OpenVINO model


@pytest.mark.parametrize("wrong", ["models/own.pt", "own.onnx", "own.xml", "https://example.org/a.pt", "-x", ""])
def test_a_model_that_is_no_file_and_no_name_is_refused(
    wrong: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    with pytest.raises(AssetError) as caught:
        manifest.resolve_model(wrong, cache=tmp_path)
    assert str(caught.value) == (f"there is no model file {wrong}; give an existing path or a known name (yolov8n)")


def test_an_unknown_asset_is_named_together_with_the_known_ones() -> None:
    with pytest.raises(AssetError, match="there is no asset 'vtset'; known are: yolov8n, vtest, bikes"):
        manifest.locate("vtset")
