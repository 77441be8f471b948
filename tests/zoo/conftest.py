"""What the zoo shares: its cache of one environment, the backends of its servers, and the table at the end of a run."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from zoo.servers.backend import add_backends
from zoo.table import Row, as_lines

from pytest_modelserve.settings import Settings

ROW = "zoo"  # the property of a report that holds a row of the table


@pytest.fixture(scope="session")
def settings(cache_dir: Path) -> Settings:
    """The defaults, with the cache of all tests."""
    return Settings(cache_dir=cache_dir)


@pytest.fixture(scope="session")
def backends(tmp_path_factory: pytest.TempPathFactory) -> None:
    """Make every faulty server known by its name."""
    add_backends(tmp_path_factory.mktemp("backends") / "site")


@pytest.fixture
def tell(record_property: Callable[[str, object], None]) -> Callable[[Row], None]:
    """Put a row into the table."""
    return lambda row: record_property(ROW, row.as_document())


def pytest_terminal_summary(terminalreporter: Any) -> None:
    """Print the table."""
    rows = list(_rows(terminalreporter))
    if rows:
        terminalreporter.write_sep("=", "the zoo")
        for line in as_lines(rows):
            terminalreporter.write_line(line)


def _rows(terminalreporter: Any) -> Iterator[Row]:
    reports = [report for found in terminalreporter.stats.values() for report in found]
    for report in reports:
        if getattr(report, "when", "") == "call":
            yield from (Row.of(value) for name, value in report.user_properties if name == ROW)
