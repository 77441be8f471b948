"""What the examples share."""

from __future__ import annotations

import os
from pathlib import Path

import pytest


@pytest.fixture(scope="session")
def live_cache(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The cache of all tests that build environments: of this session, or the one that MODELSERVE_TEST_CACHE names."""
    named = os.environ.get("MODELSERVE_TEST_CACHE")
    return Path(named) if named else tmp_path_factory.mktemp("model cache")
