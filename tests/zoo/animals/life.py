"""Models that are not what they should be as processes: how they load, grow, stall and end."""

from __future__ import annotations

from typing import Final

from ..animal import CONTRACT, Animal
from ..species import NETWORK

LOADED: Final = "self._weights = read_weights()"
CALLED: Final = 'answer: Any = pd.DataFrame({"score": score})'
QUICK: Final = {"max_p99_s": 0.1}  # a limit for latency is the user's: without one nothing is too slow

LIFE: Final = (
    Animal(
        name="loads_on_the_first_request",
        species=NETWORK,
        source="https://github.com/awslabs/multi-model-server/issues/1027",
        check="starts_and_stops",
        healthy="""
        for layer in self._weights[:-1]:
        """,
        broken="""
        if not self._kept:
            time.sleep(1.5)
            self._kept.append(read_weights())
        for layer in self._weights[:-1]:
        """,
    ),
    Animal(
        name="loads_twice",
        species=NETWORK,
        source="https://github.com/SeldonIO/MLServer/issues/8025",
        check="starts_and_stops",
        healthy="""
        return Network()
        """,
        broken="""
        if os.fork() == 0:
            read_weights()
            time.sleep(600.0)
        return Network()
        """,
    ),
    Animal(
        name="leaves_a_child_process",
        species=NETWORK,
        source="https://github.com/mlflow/mlflow/issues/3812",
        check="starts_and_stops",
        healthy=LOADED,
        broken="""
        self._weights = read_weights()
        subprocess.Popen(["sleep", "300"], start_new_session=True)
        """,
    ),
    Animal(
        name="leaves_a_file_for_each_start",
        species=NETWORK,
        source=CONTRACT,
        check="starts_and_stops",
        healthy=LOADED,
        broken="""
        self._weights = read_weights()
        with open(tempfile.mkstemp(prefix="weights")[1], "wb") as file:
            file.write(self._weights[0].tobytes())
        """,
    ),
    Animal(
        name="keeps_100_kb_a_request",
        species=NETWORK,
        source="https://github.com/bentoml/BentoML/issues/4760",
        check="bounded",
        healthy=CALLED,
        broken="""
        self._kept.append(os.urandom(100_000))
        answer: Any = pd.DataFrame({"score": score})
        """,
    ),
    Animal(
        name="keeps_a_file_open_a_request",
        species=NETWORK,
        source="https://github.com/bentoml/BentoML/issues/4760",
        check="bounded",
        healthy=CALLED,
        broken="""
        self._kept.append(open(os.devnull))
        answer: Any = pd.DataFrame({"score": score})
        """,
    ),
    Animal(
        name="keeps_a_thread_a_request",
        species=NETWORK,
        source=CONTRACT,
        check="bounded",
        healthy=CALLED,
        broken="""
        threading.Thread(target=threading.Event().wait, daemon=True).start()
        answer: Any = pd.DataFrame({"score": score})
        """,
    ),
    Animal(
        name="stalls_one_request_in_a_hundred",
        species=NETWORK,
        source="https://github.com/mlflow/mlflow/issues/7948",
        check="latency",
        settings=QUICK,
        healthy=CALLED,
        broken="""
        self._n_calls += 1
        if self._n_calls % 100 == 0:
            time.sleep(0.2)
        answer: Any = pd.DataFrame({"score": score})
        """,
    ),
    Animal(
        name="reads_its_weights_anew_every_hundred_requests",
        species=NETWORK,
        source=CONTRACT,
        check="latency",
        settings=QUICK,
        healthy=CALLED,
        broken="""
        self._n_calls += 1
        if self._n_calls % 100 == 0:
            until = time.monotonic() + 0.2
            while time.monotonic() < until:
                self._weights = read_weights()
        answer: Any = pd.DataFrame({"score": score})
        """,
    ),
)
