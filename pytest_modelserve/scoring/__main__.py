"""`python -m pytest_modelserve.scoring serve.json --fd N`: serves one model on an inherited listening socket.

Ends with exit code 3 when the model cannot be loaded, the worker's traceback in the log on standard error.
"""

from __future__ import annotations

import argparse
import asyncio
import logging
import socket
import sys
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Final

import uvicorn

from ..runtime.frames import FrameError
from .app import create_app
from .prediction import ModelSlot
from .settings import ServeSettings, read_settings
from .worker_link import WorkerError, WorkerLink, WorkerLoadFailed, WorkerSpec

LOAD_FAILED_EXIT: Final = 3
_KEEP_ALIVE_S: Final = 75  # longer than clients keep idle connections, so that no request meets a closing one
_SHUTDOWN_S: Final = 5  # what a request in flight gets on SIGTERM, half of what the server itself is given
_logger = logging.getLogger(__name__)


def main(arguments: Sequence[str] | None = None) -> int:
    """Serve until a signal ends it; return the exit code.

    Raises:
        SettingsError: The file cannot be used.
        SignatureError: The signature in it is broken.
        OSError: The file cannot be read, or the descriptor is no socket.
    """
    parser = argparse.ArgumentParser(prog="python -m pytest_modelserve.scoring", description=__doc__)
    parser.add_argument("settings", type=Path, metavar="serve.json")
    parser.add_argument("--fd", type=int, required=True, help="the descriptor of a listening socket")
    options = parser.parse_args(arguments)
    logging.basicConfig(stream=sys.stderr, level=logging.INFO, format="%(asctime)s %(levelname)s %(name)s: %(message)s")
    settings = read_settings(options.settings)
    return asyncio.run(_ServeRun(settings).serve(socket.socket(fileno=options.fd)))


class _ServeRun:
    """One server's life: it answers from the first moment, the worker loads meanwhile, its failure ends both."""

    def __init__(self, settings: ServeSettings) -> None:
        self._settings = settings
        self._slot = ModelSlot()
        self._exit_code = 0
        app = create_app(settings, self._slot, self._run_worker)
        self._server = uvicorn.Server(
            uvicorn.Config(
                app,
                log_config=None,
                access_log=False,
                lifespan="on",
                server_header=False,
                proxy_headers=False,  # nobody stands between, and reading them costs each request
                timeout_keep_alive=_KEEP_ALIVE_S,
                timeout_graceful_shutdown=_SHUTDOWN_S,
            )
        )

    async def serve(self, listening: socket.socket) -> int:
        await self._server.serve(sockets=[listening])
        return self._exit_code

    @asynccontextmanager
    async def _run_worker(self) -> AsyncIterator[None]:
        loading = asyncio.create_task(self._load())
        try:
            yield
        finally:
            loading.cancel()
            link = (await asyncio.gather(loading, return_exceptions=True))[0]
            if isinstance(link, WorkerLink):
                await link.close()

    async def _load(self) -> WorkerLink | None:
        try:
            link = await WorkerLink.start(_worker_spec(self._settings))
        except WorkerLoadFailed as failed:
            _logger.error("%s\n%s", failed, failed.exception.traceback)  # noqa: TRY400 - the worker's traceback counts
        except (WorkerError, FrameError, OSError) as failed:
            _logger.error("the model's process did not start: %s", failed)  # noqa: TRY400 - nothing of ours failed
        else:
            self._slot.worker = link
            _logger.info("the model is loaded (%.1f s, Python %s)", link.ready.elapsed_s, link.ready.python_version)
            return link
        self._exit_code = LOAD_FAILED_EXIT
        self._server.should_exit = True
        return None


def _worker_spec(settings: ServeSettings) -> WorkerSpec:
    return WorkerSpec(
        python=settings.worker_python,
        model_dir=settings.model_dir,
        loader=settings.loader,
        env=settings.worker_env,
        calls_file=settings.calls_file,
        hands_tables=settings.hands_tables,
        isolated=settings.isolated,
        predict_threads=settings.predict_threads,
        load_timeout_s=settings.load_timeout_s,
        predict_timeout_s=settings.predict_timeout_s,
    )


if __name__ == "__main__":
    sys.exit(main())
