"""Fitting a picture into a network's input, and boxes back out of it.

The arithmetic is Ultralytics' `LetterBox` with `auto=True`: scale the longer side to the wanted size, then pad each
side equally up to a multiple of the network's stride, so that no more than a stride is wasted.
"""

from __future__ import annotations

from dataclasses import dataclass

import cv2
import numpy as np
import numpy.typing as npt

from aforo.model import Image

PAD_VALUE = 114
"""The grey that YOLO models were trained with."""


@dataclass(frozen=True, slots=True)
class Letterbox:
    """How pictures of one size go into the network.

    Attributes:
        source_wh, input_wh: width and height in pixels of the picture and of the network's input.
        scale: network pixels per picture pixel.
        left, top: padding before the picture, network pixels.
        scaled_wh: of the picture inside the padding.
    """

    source_wh: tuple[int, int]
    input_wh: tuple[int, int]
    scale: float
    left: int
    top: int
    scaled_wh: tuple[int, int]

    @staticmethod
    def fit(width: int, height: int, image_size: int, stride: int = 32, *, square: bool = False) -> Letterbox:
        """The letterbox for a picture of that size.

        Args:
            width: of the picture, pixels.
            height: of the picture, pixels.
            image_size: longer side of the network's input, a multiple of the stride.
            stride: of the network.
            square: pad to image_size × image_size, for models of fixed input.
        """
        scale = image_size / max(width, height)
        scaled = max(1, round(width * scale)), max(1, round(height * scale))
        if square:
            target = image_size, image_size
        else:
            target = -(-scaled[0] // stride) * stride, -(-scaled[1] // stride) * stride
        left, top = round((target[0] - scaled[0]) / 2 - 0.1), round((target[1] - scaled[1]) / 2 - 0.1)
        return Letterbox((width, height), target, scale, left, top, scaled)

    def apply(self, image: Image) -> Image:
        """The network's input, shape (input height, input width, 3), of a picture of `source_wh`."""
        resized = image
        if self.scaled_wh != self.source_wh:
            resized = cv2.resize(image, self.scaled_wh, interpolation=cv2.INTER_LINEAR)
        if self.scaled_wh == self.input_wh:
            return np.ascontiguousarray(resized)
        padded = np.full((self.input_wh[1], self.input_wh[0], 3), PAD_VALUE, dtype=np.uint8)
        padded[self.top : self.top + self.scaled_wh[1], self.left : self.left + self.scaled_wh[0]] = resized
        return padded

    def restore(self, boxes: npt.NDArray[np.float32]) -> npt.NDArray[np.float32]:
        """Boxes in network pixels, (N, 4) xyxy, as boxes in picture pixels, clipped to the picture."""
        restored = (boxes - np.array([self.left, self.top, self.left, self.top], dtype=np.float32)) / self.scale
        width, height = self.source_wh
        np.clip(restored[:, 0::2], 0, width, out=restored[:, 0::2])
        np.clip(restored[:, 1::2], 0, height, out=restored[:, 1::2])
        return restored.astype(np.float32)
