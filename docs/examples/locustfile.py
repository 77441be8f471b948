"""Load a served model with one request over and over: the body is what the input example of the model says.

MODEL_REQUEST=models/churn/serving_input_example.json locust -f locustfile.py --headless --host http://127.0.0.1:5001
"""

from __future__ import annotations

import os
from argparse import ArgumentParser
from pathlib import Path
from typing import Final

import gevent
from locust import HttpUser, constant, events, task

BODY: Final = Path(os.environ["MODEL_REQUEST"]).read_bytes()
HEADERS: Final = {"Content-Type": "application/json"}


@events.init_command_line_parser.add_listener
def add_options(parser: ArgumentParser) -> None:
    """Let a load end after so many requests, where none is fixed by `--run-time`."""
    parser.add_argument("--requests", type=int, default=0, help="End after so many requests; 0 is no limit.")


class Caller(HttpUser):
    """Asks again as soon as it has its answer, as a batch job would."""

    wait_time = constant(0)

    @task
    def predict(self) -> None:
        """Count an answer without predictions as a failure, whatever its status."""
        with self.client.post("/invocations", data=BODY, headers=HEADERS, catch_response=True) as answer:
            if answer.status_code == 200 and "predictions" not in answer.json():
                answer.failure("there are no predictions in the answer")
        if self.environment.stats.total.num_requests == self.environment.parsed_options.requests:
            gevent.spawn(self.environment.runner.quit)  # not here: it waits for this user, too
