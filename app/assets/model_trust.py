"""Which model files may be loaded: weights in PyTorch's format are programs, and run when they are read.

A `.pt` is a pickle: whoever made it can have it do anything at all. So is every format that a back-end of Ultralytics
compiles or evaluates. Only numbers, and so free for everybody, are ONNX, OpenVINO's form and safetensors.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Collection
from functools import cache
from importlib import resources
from pathlib import Path

from aforo.errors import ModelError
from aforo.plain_files import check_plain
from app.assets import manifest

_NUMBERS_ONLY = {".onnx", ".xml", ".safetensors"}
_MARKS_OF_PROGRAMS = (".pt", ".torchscript", ".engine", ".pb", ".mlpackage", ".mlmodel", "_saved_model")
"""Ultralytics looks for these anywhere in a name, so that `a.torchscript.onnx` would be loaded as a program."""


@cache
def published_weights() -> dict[str, str]:
    """SHA-256 by name of weights that Ultralytics publishes, as others quote them.

    They are unverified: nobody has yet compared them with the files themselves. A file that has such a hash is the
    file that those others have.
    """
    text = resources.files("app.assets").joinpath("published_weights.json").read_text(encoding="utf-8")
    return dict(json.loads(text))


def fingerprint(model: Path) -> str:
    """The SHA-256 of a file, hexadecimal; of a folder that of its files' names and contents, in order of names.

    Raises:
        ModelError: it cannot be read.
    """
    try:
        if not model.is_dir():
            check_plain(model)
            with model.open("rb") as file:
                return hashlib.file_digest(file, "sha256").hexdigest()
        whole = hashlib.sha256()
        for path in sorted(path for path in model.rglob("*") if path.is_file()):
            whole.update(f"{path.relative_to(model).as_posix()}\0{fingerprint(path)}\n".encode())
        return whole.hexdigest()
    except OSError as error:
        raise ModelError(f"cannot read the model {model}: {error.strerror}") from error


def reason_for_trust(model: Path, trusted: Collection[str]) -> str | None:
    """Why a model may be loaded, for people; None when it may not.

    Args:
        model: an existing file or folder.
        trusted: SHA-256 of models that the configuration or the command line vouches for, hexadecimal.

    Raises:
        ModelError: it cannot be read.
    """
    if _holds_numbers_only(model):
        return "models of its format hold numbers, no program"
    found = fingerprint(model)
    for asset in manifest.manifest().values():
        if asset.sha256 == found:
            return f"its SHA-256 is that of {asset.name} in the manifest"
    for name, sha256 in published_weights().items():
        if sha256 == found:
            return f"its SHA-256 is the one published for {name} (as others quote it; unverified)"
    if found in {text.lower() for text in trusted}:
        return "its SHA-256 is under detector.trusted_sha256"
    return None


def check_trusted(model: Path, trusted: Collection[str]) -> None:
    """Refuse a model that could run a program of unknown origin; arguments as for `reason_for_trust`.

    Raises:
        ModelError: it is not trusted, or cannot be read.
    """
    if reason_for_trust(model, trusted) is None:
        raise ModelError(
            f"{model} is not a model that Aforo knows, and loading such a file runs whatever program its maker put "
            f"into it; if you trust its maker, give --trust-model or add its SHA-256 {fingerprint(model)} to "
            "detector.trusted_sha256, or use an ONNX or OpenVINO model, which cannot run programs"
        )


def _holds_numbers_only(model: Path) -> bool:
    name = model.name.lower()
    if any(mark in name for mark in _MARKS_OF_PROGRAMS):
        return False
    if not model.is_dir():
        return model.suffix.lower() in _NUMBERS_ONLY
    return {path.suffix for path in model.iterdir()} <= {".xml", ".bin", ".yaml"}
