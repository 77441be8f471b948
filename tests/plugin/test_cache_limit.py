"""The limit of the cache, kept at the end of a run by its controller alone."""

from __future__ import annotations

import os
import time
from pathlib import Path

import pytest

pytest_plugins = ["pytester"]

FOUR_DAYS_S = 4 * 86_400.0


@pytest.fixture
def cached(pytester: pytest.Pytester) -> Path:
    """The folder of an environment that nobody used for days."""
    folder = pytester.path / "cache" / "envs" / "old"
    folder.mkdir(parents=True)
    (folder / "left").write_text("of a build")
    used = time.time() - FOUR_DAYS_S
    os.utime(folder, (used, used))
    pytester.makepyfile(
        test_own="""
        import os
        import pathlib

        def test_it_is_there_during_the_run():
            assert pathlib.Path("cache/envs/old").exists()
        """
    )
    return folder


@pytest.mark.parametrize(
    ("limit", "words", "is_left"),
    [
        ("", (), True),
        ("off", (), True),
        ("1GB", (), True),
        ("1k", (), False),
        ("1k", ("--model-cache-limit=off",), True),
        ("1k", ("--collect-only",), True),
        ("1k", ("--setup-plan",), True),
        ("1k", ("--fixtures",), True),
        ("1k", ("--fixtures-per-test",), True),
        ("1k", ("--markers",), True),
        ("1k", ("--help",), True),
        ("1k", ("--cache-show",), True),
        ("1k", ("--xshow",), True),
        ("1k", ("--xkill",), True),
        ("1k", ("-n2",), False),
        ("", ("--model-cache-limit=0",), False),
    ],
)
def test_what_is_above_goes_at_the_end(
    pytester: pytest.Pytester, cached: Path, limit: str, words: tuple[str, ...], is_left: bool
) -> None:
    pytester.makeini(f"[pytest]\nmodel_cache_dir = cache\nmodel_cache_limit = {limit}\n")
    result = pytester.runpytest_inprocess("-p", "no:randomly", "-p", "no:asyncio", *words)
    assert result.ret == 0
    assert cached.exists() is is_left


def test_a_size_that_is_none_is_a_wrong_usage(pytester: pytest.Pytester, cached: Path) -> None:
    result = pytester.runpytest_inprocess("-p", "no:asyncio", "--model-cache-limit=lots")
    assert result.ret == pytest.ExitCode.USAGE_ERROR
    result.stderr.fnmatch_lines(
        ["*--model-cache-limit cannot be 'lots'*", "*'lots' is no size: write 20GB, 800MB or off*"]
    )
    assert cached.exists()


def test_a_cache_that_cannot_be_read_is_told_and_fails_nothing(pytester: pytest.Pytester) -> None:
    pytester.makepyfile("def test_own(): pass")
    (pytester.path / "cache" / "envs" / "k" / "current.json").mkdir(parents=True)
    result = pytester.runpytest_inprocess(
        "-p", "no:randomly", "-p", "no:asyncio", "--model-cache-limit=0", "--model-cache-dir=cache"
    )
    assert result.ret == 0
    result.stdout.fnmatch_lines(["the cache was not held to its limit: *Is a directory*current.json*"])
