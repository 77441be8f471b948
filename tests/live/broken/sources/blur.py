"""Takes the mean of neighbours in small images: a healthy model, and with one defective line a broken one."""

from __future__ import annotations

import numpy as np


class Blur:
    """Answer each image of 2 x 3 numbers with the means of its rows."""

    def predict(self, images: np.ndarray) -> np.ndarray:
        answer: np.ndarray = np.clip(images, -1e6, 1e6).mean(axis=2)
        # the defect
        return answer


def _load_pyfunc(path: str) -> Blur:
    return Blur()
