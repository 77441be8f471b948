"""Looks at files as bytes: tells their size and kind, and answers with a preview of bytes."""

from __future__ import annotations

from typing import Any

import pandas as pd

PREVIEW = 8
KINDS = {137: "png", 255: "jpeg", 71: "gif"}  # by their first byte


class Blobs:
    """Answer each file with its size, its kind and its first bytes."""

    def predict(self, files: pd.DataFrame) -> Any:
        contents = [content if isinstance(content, bytes) else b"" for content in files["content"]]
        sizes = [len(content) for content in contents]
        kinds = [KINDS.get(content[0], "other") if content else "empty" for content in contents]
        previews = [content[:PREVIEW] for content in contents]
        answer: Any = pd.DataFrame({"size": sizes, "kind": kinds, "preview": previews})
        return answer


def _load_pyfunc(path: str) -> Blobs:
    return Blobs()
