"""What holds for every test."""

from __future__ import annotations

import os

# pytester removes what a run inside this process imported first. httpx keeps the exception classes of httpcore for
# good, so both must be there before: else a later httpcore raises classes that httpx does not know.
import httpcore  # noqa: F401
import httpx  # noqa: F401
from hypothesis import HealthCheck, settings

# A gate must not flip: CI draws the same examples each time, everybody else draws new ones.
# a busy machine draws slowly, which says nothing of the tests
settings.register_profile("fixed", derandomize=True, suppress_health_check=[HealthCheck.too_slow])
if profile := os.environ.get("MODELSERVE_TEST_PROFILE"):
    settings.load_profile(profile)
