"""Loads a model once and tells how that went: the last step of building an environment, which also leaves bytecode."""

from __future__ import annotations

import json
import os
import sys
import time
from typing import Any, Dict, NoReturn

from .calls import as_document
from .config import read_config
from .loading import load_model, missing_module
from .raised import describe_exception
from .worker import EXIT_LOAD_FAILED, end_process


def load(config_file: str) -> NoReturn:
    """Load the model and end the process: 0 where that worked, 3 where it raised.

    Standard output carries one line, a JSON object: `loaded`, `elapsed_s`, `missing_module` (a name or null) and
    `exception` (as in a call record, or null). What the model prints goes to standard error, and so does a traceback.
    """
    config = read_config(config_file)
    report = os.fdopen(os.dup(1), "w", encoding="ascii")
    os.dup2(2, 1)
    started = time.perf_counter()
    outcome: Dict[str, Any] = {"loaded": True, "missing_module": None, "exception": None}
    try:
        load_model(config)
    except BaseException as error:  # SystemExit too: whatever ends the loading is reported
        record = describe_exception(error)
        outcome = {"loaded": False, "missing_module": missing_module(error), "exception": as_document(record)}
        print(record.traceback, file=sys.stderr, end="")
    with report:
        print(json.dumps({**outcome, "elapsed_s": time.perf_counter() - started}), file=report)
    end_process(0 if outcome["loaded"] else EXIT_LOAD_FAILED)
