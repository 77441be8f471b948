"""A scoring server on plain sockets that behaves as its first argument, a JSON object, tells.

It starts in a few hundredths of a second, so that a test may start many.
"""

import json
import os
import signal
import socket
import subprocess
import sys
import time
from pathlib import Path

STARTED = time.monotonic()
PINGS: list[str] = []  # all that came
PREDICTIONS: list[str] = []


def main() -> None:
    told = json.loads(sys.argv[1])
    if told.get("ignores_sigterm"):
        signal.signal(signal.SIGTERM, signal.SIG_IGN)
    if "children" in told:
        children = [subprocess.Popen(["sleep", "60"]) for _ in range(told["children"])]
        with Path("children.json").open("w") as file:
            json.dump([child.pid for child in children], file)
    for kind in ("stubborn_child", "detached_child"):
        if told.get(kind):
            ignore = "import signal; signal.signal(signal.SIGTERM, signal.SIG_IGN); "
            code = f"import time; {ignore if kind == 'stubborn_child' else ''}print(flush=True); time.sleep(600)"
            child = subprocess.Popen(
                [sys.executable, "-I", "-S", "-c", code],
                stdout=subprocess.PIPE,
                start_new_session=kind == "detached_child",
            )
            child.stdout.readline()  # type: ignore[union-attr]
    sys.stderr.buffer.write(told.get("says", "").encode("latin-1"))
    sys.stderr.flush()
    if "dies" in told:
        os._exit(told["dies"])
    if "dies_by" in told:
        os.kill(os.getpid(), told["dies_by"])
    if told.get("silent"):
        time.sleep(60)
    serve(listener(sys.argv[2]), told)


def listener(where: str) -> socket.socket:
    kind, _, number = where.partition(":")
    if kind == "fd":
        return socket.socket(fileno=int(number))
    return socket.create_server(("127.0.0.1", int(number)))


def serve(listening: socket.socket, told: dict) -> None:  # type: ignore[type-arg]
    while True:
        connection, _ = listening.accept()
        with connection:
            request = received(connection)
            if request is None:
                continue
            method, path, body, identity = request
            if path == "/invocations" and told.get("drops"):
                continue
            status, answer = answered(method, path, body, told)
            if path == "/invocations" and told.get("records"):
                record(identity, told["records"])
            text = json.dumps(answer).encode()
            connection.sendall(b"HTTP/1.1 %d -\r\nContent-Length: %d\r\n\r\n%s" % (status, len(text), text))
        if "gives_up" in told and status == 503:
            os._exit(told["gives_up"])


def received(connection: socket.socket) -> "tuple | None":  # type: ignore[type-arg]
    """Return what was asked; None of somebody who only looked whether the port is held."""
    with connection.makefile("rb") as stream:
        line = stream.readline()
        if not line:
            return None
        method, path, _ = line.decode().split(" ")
        length, identity = 0, None
        while line := stream.readline().strip():
            name, _, value = line.decode().partition(":")
            if name.lower() == "content-length":
                length = int(value)
            if name.lower() == "x-modelserve-request-id":
                identity = value.strip()
        return method, path, stream.read(length), identity


def record(identity: "str | None", how: str) -> None:
    """Write down a call as a spy does, or as one whose record is broken, or that is another server's."""
    known = {"id": identity if how != "others" else "of another"}
    line = {**known, "received": {"offset": 0, "length": 1} if how != "broken" else None}
    with Path("calls.jsonl").open("a") as file:
        file.write(json.dumps(line) + "\n")


def is_loading(told: dict) -> bool:  # type: ignore[type-arg]
    is_early: bool = len(PINGS) <= told.get("loading_pings", -1)
    return is_early or time.monotonic() - STARTED < float(told.get("loading_s", 0))


def answered(method: str, path: str, body: bytes, told: dict) -> tuple:  # type: ignore[type-arg]
    if path == "/ping":
        PINGS.append(path)
        return (503 if is_loading(told) else 200), {}
    if path == "/invocations" and is_loading(told):
        return told.get("early", 503), {}
    if path.startswith("/die/"):
        sys.stderr.write("told to die\n")
        sys.stderr.flush()
        os._exit(int(path.rpartition("/")[2]))
    if path == "/environ":
        return 200, {"environ": dict(os.environ), "cwd": str(Path.cwd()), "argv": sys.argv}
    if path == "/invocations":
        if told.get("hangs"):
            time.sleep(60)
        if "dies_on_prediction" in told:
            os._exit(told["dies_on_prediction"])
        PREDICTIONS.append(path)
        number = f" {len(PREDICTIONS)}" if told.get("counts") else ""
        status = told.get("predicts", 200) if len(PREDICTIONS) == 1 else told.get("then", told.get("predicts", 200))
        return status, {"predictions": body.decode() + number}
    return 404, {"method": method}


if __name__ == "__main__":
    main()
