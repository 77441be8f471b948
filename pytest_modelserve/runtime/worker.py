"""Serves one model over a socket: loads it once, predicts in threads, answers, and ends with the socket."""

from __future__ import annotations

import os
import platform
import queue
import signal
import socket
import sys
import threading
import time
from typing import Any, BinaryIO, Dict, Iterator, NoReturn, Optional

from .bytecode import write_none_below
from .calls import CallLog
from .config import read_config
from .frames import FrameError, LibraryMissing, LoadFailed, PredictRequest, Raised, Ready, encode_message, read_message
from .intake import as_model_input
from .loading import LoadedModel, load_model, missing_module
from .loads import LoadLog
from .outgoing import encode_predictions
from .raised import describe_exception
from .spy import Spy, WatchedCall
from .store import print_error

EXIT_BROKEN = 1
EXIT_LOAD_FAILED = 3
_EXIT_INTERRUPTED = 130  # as a shell reports Ctrl-C
_VERSIONED = ("numpy", "pandas", "mlflow")
_SWITCH_S = 0.0005  # a tenth of Python's own, at which most models would be done before another thread has its turn


def serve(config_file: str, fd: int) -> NoReturn:
    """Serve the model over the socket `fd` until it closes; the process ends here."""
    config = read_config(config_file)
    signal.signal(signal.SIGINT, _ignore)  # Ctrl-C reaches the whole terminal; the front ends us when it is done
    spy = Spy(CallLog(config.calls_file), config.calls_file, model_dir=config.model_dir)
    loads = LoadLog(config.loads_file, config.model_dir)
    write_none_below(config.model_dir)
    channel = _Channel(fd)
    loads.watch()
    started = time.perf_counter()
    try:
        model = load_model(config)
    except BaseException as error:  # SystemExit too: whatever ends the loading is reported
        channel.send(encode_message(LoadFailed(describe_exception(error), missing_module(error))))
        _print_exception(error)
        end_process(EXIT_LOAD_FAILED)
    elapsed_s = time.perf_counter() - started
    spy.note_loaded(model)
    loads.loaded(elapsed_s)
    channel.send(encode_message(Ready(platform.python_version(), _versions(), elapsed_s)))
    desk = _Desk(channel, model, spy, loads)
    sys.setswitchinterval(_SWITCH_S)  # state that two requests share shows where their threads take turns
    for _ in range(config.predict_threads):
        threading.Thread(target=desk.work, name="modelserve-predict", daemon=True).start()
    threading.Event().wait()
    raise AssertionError("the event that nobody sets was set")


def end_process(code: int) -> NoReturn:
    """End the process now: threads that hang in the model's code are not waited for, output is not lost."""
    try:
        for stream in (sys.stdout, sys.stderr):
            if stream is not None:
                stream.flush()
    finally:  # the model may have closed or replaced them
        os._exit(code)


class _Channel:
    """The worker's end of the socket: a thread reads requests into a queue, any thread sends.

    The process ends when the other end closes, whatever it is doing: during loading and in the middle of a prediction.
    """

    def __init__(self, fd: int) -> None:
        self.requests: "queue.SimpleQueue[PredictRequest]" = queue.SimpleQueue()
        self._socket = socket.socket(fileno=fd)
        self._socket.set_inheritable(False)
        self._sending = threading.Lock()
        os.register_at_fork(after_in_child=self._forget)  # or a forked child would keep the connection open
        threading.Thread(target=self._read, name="modelserve-read", daemon=True).start()

    def send(self, message: bytes) -> None:
        try:
            with self._sending:
                self._socket.sendall(message)
        except OSError:  # the front is gone, and with it whoever would read the answer
            end_process(0)

    def _forget(self) -> None:
        os.close(self._socket.detach())

    def _read(self) -> None:
        try:
            with self._socket.makefile("rb") as stream:
                for request in _requests_of(stream):
                    self.requests.put(request)
            end_process(0)
        except OSError:
            end_process(0)
        except BaseException as error:  # a thread that ends in silence would leave a worker that hears nothing
            _print_exception(error)
            end_process(EXIT_BROKEN)


def _requests_of(stream: BinaryIO) -> Iterator[PredictRequest]:
    while True:
        try:
            message = read_message(stream)
        except LibraryMissing as error:  # answered like what a model raises: other requests may need no arrays
            message = PredictRequest(error.seq, error.id, error)
        if message is None:
            return
        if not isinstance(message, PredictRequest):
            raise FrameError("expected a request, got {}".format(type(message).__name__))
        yield message


class _Desk:
    """Answers requests, in as many threads as run `work`."""

    def __init__(self, channel: _Channel, model: LoadedModel, spy: Spy, loads: LoadLog) -> None:
        self._channel = channel
        self._model = model
        self._spy = spy
        self._loads = loads

    def work(self) -> NoReturn:
        """Answer requests one after the other, for ever."""
        try:
            while True:
                self._answer(self._channel.requests.get())
        except BaseException as error:  # not the model's: a thread that ends in silence would leave a request waiting
            _print_exception(error)
            end_process(EXIT_BROKEN)

    def _answer(self, request: PredictRequest) -> None:
        watched = self._spy.watch(request.id, is_kept=bool(request.id))
        self._loads.began(watched.number)
        try:
            data = self._model.convert(as_model_input(request.data))
            watched.note_received(data, request.params, has_params=self._model.takes_params)
            value = self._model.predict(data, request.params)
        except BaseException as error:  # whatever a model raises is an answer
            self._answer_raised(request, watched, error)
            return
        elapsed_s = watched.note_returned(value)
        answer = encode_predictions(request.seq, value, elapsed_s)
        self._channel.send(answer)

    def _answer_raised(self, request: PredictRequest, watched: WatchedCall, error: BaseException) -> None:
        record, elapsed_s = watched.note_raised(error)
        self._channel.send(encode_message(Raised(request.seq, record, elapsed_s)))
        if isinstance(error, (SystemExit, KeyboardInterrupt)):
            end_process(_exit_code(error))  # as MLflow's server, which does not survive them


def _exit_code(error: BaseException) -> int:
    if isinstance(error, KeyboardInterrupt):
        return _EXIT_INTERRUPTED
    code: Any = getattr(error, "code", None)
    return (code if isinstance(code, int) else 1) & 0xFF if code is not None else 0


def _versions() -> Dict[str, str]:
    """Return the versions of the libraries that decide what the model receives, of those that it loaded."""
    modules = {name: sys.modules.get(name) for name in _VERSIONED}
    return {name: str(getattr(module, "__version__", "")) for name, module in modules.items() if module is not None}


def _print_exception(error: BaseException) -> None:
    print_error(describe_exception(error).traceback)


def _ignore(_signal: int, _frame: Optional[Any]) -> None:
    return
