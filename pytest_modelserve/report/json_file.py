"""Writes the report as one JSON file, for gates and dashboards."""

from __future__ import annotations

import json
import os
from pathlib import Path
from typing import Final

from ..results import ContractReport, as_document

SCHEMA: Final = "modelserve-report/1"


def write_json(report: ContractReport, path: Path) -> None:
    """Write a report; the file is replaced as a whole or not at all.

    Raises:
        OSError: The file cannot be written.
    """
    body = as_document(report)
    document = {"schema": SCHEMA, **(body if isinstance(body, dict) else {})}
    path.parent.mkdir(parents=True, exist_ok=True)
    draft = path.with_name(f".{path.name}.{os.getpid()}")
    try:
        draft.write_text(json.dumps(document, indent=2, ensure_ascii=False) + "\n", encoding="utf-8")
        draft.replace(path)
    finally:
        draft.unlink(missing_ok=True)
