"""Brightens small images: one tensor of 32 bit floats in, one out."""

from __future__ import annotations

from typing import Any

import numpy as np

BRIGHTEST = np.float32(255.0)


class Tiles:
    """Answer each image of 4 x 3 numbers with the means of its columns."""

    def predict(self, images: np.ndarray) -> Any:
        pixels = np.clip(np.nan_to_num(images), 0.0, BRIGHTEST).astype("float32")
        shades = pixels / BRIGHTEST
        answer: np.ndarray = shades.mean(axis=1)
        return answer


def _load_pyfunc(path: str) -> Tiles:
    return Tiles()
