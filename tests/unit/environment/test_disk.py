"""What a folder takes of the disk, and what the disk's refusals mean."""

from __future__ import annotations

import errno
import os
from pathlib import Path

import pytest

from pytest_modelserve.environment.disk import as_error, disk_bytes


@pytest.mark.parametrize(
    ("number", "happened", "fix"),
    [
        (errno.ENOSPC, "the environment could not be made: the disk is full", "modelserve envs prune"),
        (errno.EDQUOT, "the environment could not be made: the disk is full", "modelserve envs prune"),
        *(
            (number, "the environment is not in the cache yet, and the cache cannot be written", "may write")
            for number in (errno.EROFS, errno.EACCES, errno.EPERM)
        ),
        (errno.EIO, "the environment could not be made: [Errno 5] broken", "a disk that works"),
    ],
)
def test_every_refusal_names_the_option(number: int, happened: str, fix: str) -> None:
    error = as_error(OSError(number, "broken"), Path("/cache"))
    assert error.happened == happened
    assert error.facts["cache"] == Path("/cache")
    assert fix in error.fix
    assert "--model-cache-dir (PYTEST_MODEL_CACHE_DIR, or model_cache_dir in the ini file)" in error.fix


def test_a_file_that_others_link_to_counts_in_part(tmp_path: Path) -> None:
    (tmp_path / "a" / "b").mkdir(parents=True)
    file = tmp_path / "a" / "b" / "data"
    file.write_bytes(os.urandom(100_000))
    alone = disk_bytes(tmp_path / "a")
    assert 100_000 <= alone < 200_000
    os.link(file, tmp_path / "elsewhere")
    assert disk_bytes(tmp_path / "a") == alone // 2


def test_a_link_counts_as_itself(tmp_path: Path) -> None:
    (tmp_path / "data").write_bytes(os.urandom(100_000))
    (tmp_path / "a").mkdir()
    (tmp_path / "a" / "link").symlink_to(tmp_path / "data")
    assert disk_bytes(tmp_path / "a") < 10_000
