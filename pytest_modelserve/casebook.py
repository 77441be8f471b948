"""What `modelserve replay` and `modelserve keep` do: send a stored case again, make it a regression case."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import Final

from .checks.replays import Replay, replay
from .checks.table import run_titled
from .environment.progress import Progress
from .errors import ModelServeError
from .pipeline import serve
from .search.stored import CaseStore, StoredCase
from .settings import Settings

CASES_DIR: Final = Path(".modelserve", "cases")
KEPT_DIR: Final = Path("modelserve_cases")


def stores(cases_dir: Path | None, kept_dir: Path | None) -> tuple[CaseStore, CaseStore]:
    """Return the stored and the kept cases, from the usual folders where none is named."""
    return CaseStore(cases_dir or CASES_DIR), CaseStore(kept_dir or KEPT_DIR, is_scratch=False)


def find(case_id: str, cases: CaseStore, kept: CaseStore) -> StoredCase:
    """Return the stored or kept case of an id, or of the first characters of one.

    Raises:
        ModelServeError: There is none, or it is broken.
    """
    try:
        return cases.read(case_id)
    except ModelServeError:
        if kept.holds(case_id):
            return kept.read(case_id)
        raise


def replayed(stored: StoredCase, settings: Settings, *, uri: str = "", progress: Progress) -> Replay:
    """Serve the model of a case and send it again, as its check does.

    Args:
        stored: The case.
        settings: How the model is served.
        uri: Of another version of the model, such as one that is said to be mended.
        progress: Of the restore of its environment.

    Raises:
        ModelServeError: The model cannot be read, restored or served.
    """
    with serve(uri or stored.uri, settings, progress=progress) as served:
        return replay(replace(served.context(), seed=stored.seed), stored, run_titled)


def as_text(result: Replay) -> str:
    """Return what became of a replayed case, for reading."""
    stored, check = result.stored, result.result
    if result.is_mended:
        return f"{stored.id} is mended: {stored.title}\n"
    if check.failure is None:
        return f"{stored.id} cannot be told: {check.name}: {check.outcome.value}: {check.reason}\n"
    return f"{stored.id} is still broken\n\n{check.failure.text}\n"


def keep(case_id: str, cases: CaseStore, kept: CaseStore) -> Path:
    """Copy a stored case among the kept ones, which every run replays and none removes; return its file.

    Raises:
        ModelServeError: There is none of this id, it is broken, or it cannot be written.
    """
    stored = cases.read(case_id)
    try:
        return kept.write(stored).with_suffix(".json")
    except OSError as error:
        facts = {"folder": kept.folder}
        raise ModelServeError(f"the case {stored.id} cannot be kept: {error.strerror}", facts=facts) from error
