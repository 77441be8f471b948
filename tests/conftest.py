"""What holds for every test."""

from __future__ import annotations

import os
from pathlib import Path

# pytester removes what a run inside this process imported first. httpx keeps the exception classes of httpcore for
# good, so both must be there before: else a later httpcore raises classes that httpx does not know.
import httpcore  # noqa: F401
import httpx  # noqa: F401
import pytest
from hypothesis import HealthCheck, settings

# A gate must not flip: CI draws the same examples each time, everybody else draws new ones.
# a busy machine draws slowly, which says nothing of the tests
settings.register_profile("fixed", derandomize=True, suppress_health_check=[HealthCheck.too_slow])
if profile := os.environ.get("MODELSERVE_TEST_PROFILE"):
    settings.load_profile(profile)


@pytest.fixture(scope="session")
def cache_dir(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The cache of all tests that build environments: of this run, or the one that MODELSERVE_TEST_CACHE names."""
    if named := os.environ.get("MODELSERVE_TEST_CACHE"):
        return Path(named)
    is_one_of_many = "PYTEST_XDIST_WORKER" in os.environ  # whose folders lie in one of the whole run
    home = tmp_path_factory.getbasetemp().parent if is_one_of_many else tmp_path_factory.getbasetemp()
    return home / "model cache"
