from __future__ import annotations

import numpy as np
import pytest

from pytest_modelserve.signature import DataType
from pytest_modelserve.signature.datatypes import FLOAT32_LIMIT


@pytest.mark.parametrize("kind", DataType)
def test_every_type_names_its_numpy_dtype(kind: DataType) -> None:
    assert np.dtype(kind.numpy_name).name == kind.numpy_name


@pytest.mark.parametrize("kind", [DataType.INTEGER, DataType.LONG])
def test_integer_bounds_are_those_of_the_dtype(kind: DataType) -> None:
    bounds = np.iinfo(kind.numpy_name)
    assert kind.integer_bounds == (bounds.min, bounds.max)
    assert kind.is_integer


@pytest.mark.parametrize("kind", [kind for kind in DataType if not kind.is_integer])
def test_other_types_have_no_integer_bounds(kind: DataType) -> None:
    with pytest.raises(ValueError, match=kind.value):
        _ = kind.integer_bounds


def test_families_of_types() -> None:
    assert {kind for kind in DataType if kind.is_integer} == {DataType.INTEGER, DataType.LONG}
    assert {kind for kind in DataType if kind.is_floating} == {DataType.FLOAT, DataType.DOUBLE}
    assert {kind for kind in DataType if not kind.holds_null} == {DataType.INTEGER, DataType.LONG, DataType.BOOLEAN}


def test_float32_ends_where_numpy_rounds_to_infinity() -> None:
    below = np.nextafter(FLOAT32_LIMIT, 0)
    assert np.isfinite(np.float32(below))
    with np.errstate(over="ignore"):
        assert np.isinf(np.float32(FLOAT32_LIMIT))
