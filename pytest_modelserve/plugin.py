"""The pytest entry point: hooks only, thin; what they need is imported when it is needed."""

from __future__ import annotations

import functools
import os
import time
from collections.abc import Generator
from typing import Final

import pytest

from . import fixtures, options, precedence
from .errors import SettingError
from .fixtures import (
    async_model_client,
    latency,
    model_client,
    model_environment,
    model_signature,
    model_uri,
    served_model,
)
from .settings import Settings

__all__ = [
    "async_model_client",
    "latency",
    "model_client",
    "model_environment",
    "model_signature",
    "model_uri",
    "served_model",
]

MARKERS: Final = (
    "served_model(uri, *, server=..., ...): serve this model, relative to rootdir; keywords as the options.",
    "model_contract: an item of the built-in contract, added by --model-uri.",
)


def pytest_addoption(parser: pytest.Parser) -> None:
    """Register the options."""
    options.add_to(parser)


def pytest_configure(config: pytest.Config) -> None:
    """Register the markers, read the settings, and register the built-in contract where it is asked for.

    Raises:
        pytest.UsageError: A setting cannot be read, or a report is asked for of a contract that does not run.
    """
    for marker in MARKERS:
        config.addinivalue_line("markers", marker)
    try:
        settings = precedence.settings_from(config, os.environ)  # now; where they are used, they are read again
    except SettingError as error:
        raise pytest.UsageError(str(error)) from error
    if not config.option.collectonly:
        _prepare_end(config, settings)
    named = config.getoption("model_uri", None) or config.getoption("model_url", None)
    may_run = named or any("::" in argument for argument in config.args)
    if not (may_run and _add_contract(config)) and config.getoption("model_report", None):
        # or a gate would read the report of an earlier run
        raise pytest.UsageError(
            "--model-report tells of the contract, which runs by --model-uri where no test file is named: leave out "
            "the files, or the report"
        )


def _prepare_end(config: pytest.Config, settings: Settings) -> None:
    """See to what is left at the end of a run: servers that are kept, and a cache that may only hold so much."""
    if settings.keep_server:
        from .managed import tell_of_kept

        tell_of_kept(config, settings.cache_dir)
    if settings.cache_limit is not None and not hasattr(config, "workerinput"):
        config.pluginmanager.register(_CacheLimit(settings), "modelserve-cache-limit")


class _CacheLimit:
    """A plugin that holds the cache to its limit once tests were run, and not where pytest only shows something.

    Args:
        settings: Of the run.
    """

    def __init__(self, settings: Settings) -> None:
        self._settings = settings
        self._started = time.time()

    @pytest.hookimpl(tryfirst=True)
    def pytest_runtestloop(self, session: pytest.Session) -> None:
        """Have it done at the very end, when fixtures, and other processes of this run, use nothing any more."""
        if not session.config.option.setupplan:
            session.config.add_cleanup(functools.partial(self._hold, session.config))

    def _hold(self, config: pytest.Config) -> None:
        """Remove what is above the limit; that it cannot be had is no failure of a test, and is said."""
        from .envs import limit_cache
        from .progress import tell

        try:
            limit_cache(self._settings, self._started)
        except OSError as error:
            tell(config, f"the cache was not held to its limit: {error}")


def _add_contract(config: pytest.Config) -> bool:
    from .suite.selection import select

    selection = select(config)
    if selection:
        from .suite.hooks import register

        register(config, selection)
    return selection is not None


def pytest_generate_tests(metafunc: pytest.Metafunc) -> None:
    """Feed the fixtures of a test with the models that it is marked with."""
    fixtures.parametrize(metafunc)


def pytest_collection_finish(session: pytest.Session) -> None:
    """Let environments be restored ahead, once it is known which tests are run."""
    fixtures.foresee(session)


def pytest_runtest_setup(item: pytest.Item) -> None:
    """Make sure that the model of a test is there, before its fixtures are."""
    fixtures.prepare(item)


@pytest.hookimpl(wrapper=True)
def pytest_runtest_call(item: pytest.Item) -> Generator[None, object, object]:
    """Let `given_input` know which test draws, and nothing be built beside a test that takes times."""
    token = fixtures.CURRENT_ITEM.set(item)
    try:
        with fixtures.undisturbed(item):
            return (yield)
    finally:
        fixtures.CURRENT_ITEM.reset(token)


@pytest.hookimpl(tryfirst=True)
def pytest_cmdline_main(config: pytest.Config) -> None:
    """Keep `--xkill` from hitting whatever process has the PID of a server that is gone."""
    if config.getoption("xkill", default=False) or config.getoption("xshow", default=False):
        from .managed import drop_stale_pids

        drop_stale_pids(config)
