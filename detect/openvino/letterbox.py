"""Letterboxing: a picture scaled and padded into a network's input.

The arithmetic is Ultralytics' `LetterBox` with `auto=True`: scale the longer side to the wanted size, then pad each
side equally up to a multiple of the network's stride, so that no more than a stride is wasted.
"""

from __future__ import annotations

from dataclasses import dataclass

import cv2
import numpy as np

from aforo.model import Image
from detect.openvino.boxes import Placement

PAD_VALUE = 114
"""The grey that YOLO models were trained with."""


@dataclass(frozen=True, slots=True)
class Letterbox:
    """How pictures of one size are scaled and padded.

    Attributes:
        source_wh, input_wh: width and height in pixels of the picture and of the network's input.
        scale: network pixels per picture pixel.
        left, top: padding before the picture, network pixels.
        scaled_wh: width and height of the scaled picture, network pixels.
    """

    source_wh: tuple[int, int]
    input_wh: tuple[int, int]
    scale: float
    left: int
    top: int
    scaled_wh: tuple[int, int]

    @staticmethod
    def fit(width: int, height: int, image_size: int, stride: int = 32) -> Letterbox:
        """The letterbox for a picture size, with the smallest input that holds it.

        Args:
            width: of the picture, pixels.
            height: of the picture, pixels.
            image_size: longer side of the network's input, a multiple of the stride.
            stride: of the network.
        """
        scale = image_size / max(width, height)
        across, down = (-(-max(1, round(side * scale)) // stride) * stride for side in (width, height))
        return Letterbox._padded(width, height, scale, across, down)

    @staticmethod
    def into(width: int, height: int, input_width: int, input_height: int) -> Letterbox:
        """The letterbox for a picture size into a network of fixed input size; all in pixels."""
        return Letterbox._padded(
            width, height, min(input_width / width, input_height / height), input_width, input_height
        )

    @staticmethod
    def _padded(width: int, height: int, scale: float, input_width: int, input_height: int) -> Letterbox:
        scaled = max(1, round(width * scale)), max(1, round(height * scale))
        left, top = round((input_width - scaled[0]) / 2 - 0.1), round((input_height - scaled[1]) / 2 - 0.1)
        return Letterbox((width, height), (input_width, input_height), scale, left, top, scaled)

    def apply(self, image: Image) -> Image:
        """The network's input (input height, input width, 3) for a picture of `source_wh`, in new memory."""
        made = np.full((self.input_wh[1], self.input_wh[0], 3), PAD_VALUE, np.uint8)
        self.write(image, made)
        return made

    def write(self, image: Image, into: Image) -> None:
        """The same into given memory, whose padding must hold `PAD_VALUE` already."""
        inside = into[self.top : self.top + self.scaled_wh[1], self.left : self.left + self.scaled_wh[0]]
        if self.scaled_wh == self.source_wh:
            inside[:] = image
        else:
            cv2.resize(image, self.scaled_wh, inside, interpolation=cv2.INTER_LINEAR)

    @property
    def placement(self) -> Placement:
        """Where the picture lies in the input, to map boxes back into it."""
        return Placement(self.scale, float(self.left), float(self.top), *map(float, self.source_wh))
