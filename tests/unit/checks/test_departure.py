"""An answer is compared with what the model returned: what JSON carries has to be in it, and what it loses is told."""

from __future__ import annotations

import datetime as dt
import decimal
import json
import math
import zoneinfo
from typing import Any

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra import numpy as stn

from pytest_modelserve.checks.departure import DepartureJudge
from pytest_modelserve.checks.record_reader import read_contents
from pytest_modelserve.checks.uncarried import uncarried
from pytest_modelserve.runtime.exact import encode_contents
from pytest_modelserve.runtime.outgoing import encode_predictions as encode_message
from pytest_modelserve.runtime.frames import Predictions, decode_message
from pytest_modelserve.scoring.encode import encode_predictions
from pytest_modelserve.scoring.errors import NotEncodable
from pytest_modelserve.signature.datatypes import DataType
from pytest_modelserve.signature.specs import ColumnSchema, ColumnSpec, TensorSchema, TensorSpec
from pytest_modelserve.wire.json_text import parse_json

BERLIN = zoneinfo.ZoneInfo("Europe/Berlin")
NOW = np.datetime64("2024-01-02T03:04:05.123456789")
UNNAMED = ColumnSchema(columns=(ColumnSpec(name=None, type=DataType.DOUBLE),))


def recorded(value: object) -> Any:
    return read_contents(encode_contents({"value": value}))["value"]


def answered(value: object) -> Any:
    """Return the predictions that our server would have sent, by way of the worker's own message."""
    message = decode_message(encode_message(1, value, 0.1))
    assert isinstance(message, Predictions)
    document = parse_json(encode_predictions(message.value).body)
    assert isinstance(document, dict)
    return document["predictions"]
