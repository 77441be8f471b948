"""Settings and the texts that they are read from."""

from __future__ import annotations

import pytest

from pytest_modelserve.errors import SettingError
from pytest_modelserve.settings import NAMES, Settings


def test_a_stronger_layer_stands_over_a_weaker_one() -> None:
    weaker = Settings().with_({"seed": 1, "examples": 5}, origin="ini")
    stronger = weaker.with_({"seed": 2}, origin="marker")
    assert (stronger.seed, stronger.examples, weaker.seed) == (2, 5, 1)


def test_a_name_that_is_none_is_told_with_its_origin_and_the_nearest() -> None:
    with pytest.raises(SettingError) as caught:
        Settings().with_({"sede": 2}, origin="the marker")
    assert caught.value.facts == {"given in": "the marker"}
    assert caught.value.fix == "Did you mean 'seed'?"


def test_every_setting_has_a_name() -> None:
    assert set(NAMES) == set(Settings.__dataclass_fields__)
