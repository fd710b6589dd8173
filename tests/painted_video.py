"""Small videos painted on the spot."""

from __future__ import annotations

from pathlib import Path

import cv2
import numpy as np


def write_video(path: Path, frames: int = 20, width: int = 160, height: int = 120, fps: float = 10.0) -> Path:
    """A grey box that wanders over a textured ground; nobody in it."""
    codec = cv2.VideoWriter.fourcc(*("MJPG" if path.suffix == ".avi" else "mp4v"))
    writer = cv2.VideoWriter(str(path), codec, fps, (width, height))
    assert writer.isOpened()
    ground = np.random.default_rng(1).integers(90, 120, (height, width, 3)).astype(np.uint8)
    for i in range(frames):
        image = ground.copy()
        x = round(i * width / frames)
        image[height // 2 : height // 2 + 20, x : x + 20] = 180
        writer.write(image)
    writer.release()
    return path
