"""What holds for every test."""

from __future__ import annotations

# pytester removes what a run inside this process imported first. httpx keeps the exception classes of httpcore for
# good, so both must be there before: else a later httpcore raises classes that httpx does not know.
import httpcore  # noqa: F401
import httpx  # noqa: F401
