"""Models that are not what they should be as processes: how they load, grow, stall and end."""

from __future__ import annotations

from typing import Final

from ..animal import CONTRACT, Animal
from ..species import NETWORK

LOADED: Final = "self._weights = read_weights(folder)"
CALLED: Final = 'answer: Any = pd.DataFrame({"score": score})'
QUICK: Final = {"max_p99_s": 0.15}  # a limit for latency is the user's: without one nothing is too slow

LIFE: Final = (
    Animal(
        name="loads_on_the_first_request",
        species=NETWORK,
        source="https://github.com/awslabs/multi-model-server/issues/1027",
        check="starts_and_stops",
        healthy="return Network(Path(path))",
        broken="""
        class Late(Network):
            def __init__(self, folder: Path) -> None:
                self._late = folder

            def predict(self, points: pd.DataFrame) -> Any:
                if not hasattr(self, "_weights"):
                    super().__init__(self._late)
                return super().predict(points)

        return Late(Path(path))
        """,
    ),
    Animal(
        name="loads_twice",
        species=NETWORK,
        source="https://github.com/SeldonIO/MLServer/issues/8025",
        check="starts_and_stops",
        healthy="return Network(Path(path))",
        broken="return Network(Path(path)) and Network(Path(path))",
    ),
    Animal(
        name="leaves_a_child_process",
        species=NETWORK,
        source="https://github.com/mlflow/mlflow/issues/3812",
        check="starts_and_stops",
        healthy=LOADED,
        broken="""
        self._weights = read_weights(folder)
        subprocess.Popen(["sleep", "300"], start_new_session=True)
        """,
    ),
    Animal(
        name="keeps_a_temporary_file_a_request",
        species=NETWORK,
        source=CONTRACT,
        check="bounded",
        healthy=CALLED,
        broken="""
        with tempfile.NamedTemporaryFile(delete=False) as file:
            file.write(values.tobytes())
        answer: Any = pd.DataFrame({"score": score})
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
                self._weights = read_weights(self._folder)
        answer: Any = pd.DataFrame({"score": score})
        """,
    ),
)
