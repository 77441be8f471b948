"""Tells how many bytes photos have, and their seals: columns of bytes, one of which may be missing."""

from __future__ import annotations

import numpy as np
import pandas as pd


class PhotoSizes:
    """Counts bytes; a photo that is no bytes is refused, as a decoder of images would."""

    def predict(self, frame: pd.DataFrame) -> np.ndarray:
        """Return the bytes of each photo with its seal."""
        seals = frame["seal"] if "seal" in frame else [None] * len(frame)
        sizes = [self._size(photo, seal) for photo, seal in zip(frame["photo"], seals, strict=True)]
        return np.array(sizes, dtype="int64")

    @staticmethod
    def _size(photo: object, seal: object) -> int:
        if not isinstance(photo, bytes):
            raise TypeError(f"a photo is bytes, not {type(photo).__name__}")
        return len(photo) + (len(seal) if isinstance(seal, bytes) else 0)


def _load_pyfunc(_path: str) -> PhotoSizes:
    return PhotoSizes()
