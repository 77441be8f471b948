"""The fixtures: what each gives, without a model, with several, and across the death of a server."""

from __future__ import annotations

from typing import Any

import pytest

pytest_plugins = ["pytester"]


@pytest.fixture(autouse=True)
def _model(model: Any) -> None:
    """Have a healthy model in the folder `model`."""


def test_each_fixture_gives_what_it_says(run: Any, pytester: pytest.Pytester) -> None:
    pytester.makepyfile(
        test_own="""
        import asyncio
        import sys
        from pytest_modelserve import AsyncModelClient, Environment, Latency, ModelClient, ServedModel, Signature

        ROW = {"n": [3], "x": [0.5], "word": ["a"]}

        def test_served_model(served_model, model_client):
            assert isinstance(served_model, ServedModel)
            assert served_model.client is model_client

        def test_model_client(model_client):
            assert isinstance(model_client, ModelClient)
            assert model_client.predict(ROW).to_list() == [{"y": 3.0}]

        def test_async_model_client(async_model_client):
            async def predict():
                return (await async_model_client.predict(ROW)).to_list()

            assert isinstance(async_model_client, AsyncModelClient)
            for _ in range(2):  # a loop each
                assert asyncio.run(predict()) == [{"y": 3.0}]

        def test_latency(latency):
            found = latency(ROW, rate=100, duration_s=0.2)
            assert isinstance(found, Latency)
            assert (found.n, found.n_failed) == (20, 0)
            assert 0 < found.p50_s <= found.p99_s
            assert latency(rate=100, duration_s=0.2).n_failed == 0  # of the input example

        def test_model_signature(model_signature):
            assert isinstance(model_signature, Signature)
            assert model_signature.inputs.names == ("n", "x", "word", "flag")

        def test_model_environment(model_environment):
            assert isinstance(model_environment, Environment)
            assert (model_environment.manager, str(model_environment.python)) == ("local", sys.executable)

        def test_model_uri(model_uri):
            assert model_uri == "model"
        """
    )
    run("--model-uri=model", "test_own.py").assert_outcomes(passed=7)


def test_a_test_runs_once_for_each_model_of_the_command_line(
    run: Any, pytester: pytest.Pytester, make_model: Any
) -> None:
    make_model("unsigned", inputs=())
    pytester.makepyfile(
        test_own="""
        def test_own(model_uri, model_signature):
            assert (model_signature is None) == (model_uri == "unsigned")
        """
    )
    models = ("--model-uri=model", "--model-uri=unsigned")
    assert run.collected(*models, "test_own.py") == ["test_own.py::test_own[model]", "test_own.py::test_own[unsigned]"]
    run(*models, "test_own.py").assert_outcomes(passed=2)


@pytest.mark.parametrize("origin", ["environment", "ini"])
def test_models_of_the_environment_and_the_ini_file_feed_fixtures_but_add_no_contract(
    run: Any, pytester: pytest.Pytester, monkeypatch: pytest.MonkeyPatch, origin: str
) -> None:
    pytester.makepyfile(test_own="def test_own(model_uri): pass")
    if origin == "ini":
        pytester.makeini("[pytest]\nmodel_uri =\n    model\n    other")
    else:
        monkeypatch.setenv("PYTEST_MODEL_URI", "model,other")
    assert run.collected() == ["test_own.py::test_own[model]", "test_own.py::test_own[other]"]


def test_a_path_in_the_ini_file_begins_beside_it(
    run: Any, pytester: pytest.Pytester, monkeypatch: pytest.MonkeyPatch
) -> None:
    pytester.makeini("[pytest]\nmodel_uri = model")
    folder = pytester.mkdir("sub")
    folder.joinpath("test_own.py").write_text("def test_own(model_client):\n    assert model_client.ping()")
    monkeypatch.chdir(folder)
    run().assert_outcomes(passed=1)


def test_without_a_model_a_test_ends_in_one_clear_error(run: Any, pytester: pytest.Pytester) -> None:
    pytester.makepyfile(test_own="def test_own(model_client): pass\ndef test_other(): pass")
    result = run()
    result.assert_outcomes(errors=1, passed=1)
    assert "@pytest.mark.served_model(URI), or run pytest --model-uri URI" in result.stdout.str()
    assert "Traceback" not in result.stdout.str()
    assert "fixtures.py" not in result.stdout.str()


def test_a_model_that_cannot_be_served_ends_each_test_in_its_message_alone(run: Any, pytester: pytest.Pytester) -> None:
    (pytester.path / "model" / "code" / "tiny_loader.py").write_text("raise KeyError('no weights')")
    pytester.makepyfile(test_own="def test_one(model_client): pass\ndef test_two(model_environment): pass")
    result = run("--model-uri=model", "test_own.py")
    result.assert_outcomes(errors=2)
    output = result.stdout.str()
    assert "no weights" in output
    assert "fixtures.py" not in output
    assert "During handling" not in output
    assert [line for line in result.outlines if line.startswith("ERROR test_own.py::test_one") and "Error: " in line]


def test_after_the_death_of_a_server_the_same_clients_reach_the_next(run: Any, pytester: pytest.Pytester) -> None:
    pytester.makepyfile(
        test_own="""
        import asyncio
        import pytest

        ROW = {"n": [3], "x": [0.5], "word": ["a"]}
        seen = []

        @pytest.fixture(scope="module")
        def kept(served_model, model_client, async_model_client):
            seen.append(served_model.server.pid)
            return served_model, model_client, async_model_client

        @pytest.mark.parametrize("turn", [1, 2])
        def test_dies(kept, turn):
            served, client, asynchronous = kept
            assert served.client is client
            assert client.predict(ROW).to_list() == [{"y": 3.0}]
            assert asyncio.run(asynchronous.ping())
            server = served.server
            server.stop()
            assert not server.is_alive()

        def test_lives(kept):
            served, client, asynchronous = kept
            assert client.ping()
            assert asyncio.run(asynchronous.ping())
            assert seen != [served.server.pid]
            assert len(seen) == 1  # the fixture was not made anew
        """
    )
    run("--model-uri=model", "test_own.py").assert_outcomes(passed=3)


def test_a_model_that_kills_its_server_costs_the_other_tests_nothing(run: Any, pytester: pytest.Pytester) -> None:
    pytester.makepyfile(
        test_own="""
        import pytest
        from pytest_modelserve import ClientError

        def test_dies(model_client):
            with pytest.raises(ClientError):
                model_client.predict({"n": [3], "x": [0.5], "word": ["die"]})

        def test_lives(model_client):
            assert model_client.predict({"n": [3], "x": [0.5], "word": ["a"]}).to_list() == [{"y": 3.0}]
        """
    )
    run("--model-uri=model", "test_own.py").assert_outcomes(passed=2)


def test_the_report_of_a_failed_test_shows_what_its_server_logged(run: Any, pytester: pytest.Pytester) -> None:
    (pytester.path / "model" / "code" / "tiny_loader.py").write_text(
        "class Loud:\n    def predict(self, data):\n"
        "        print('logged by the model', flush=True)\n        return data\n\n"
        "def _load_pyfunc(path):\n    return Loud()\n"
    )
    pytester.makepyfile(
        test_own="def test_own(model_client):\n"
        "    model_client.predict({'n': [3], 'x': [0.5], 'word': ['a']})\n    assert 0"
    )
    result = run("--model-uri=model", "test_own.py")
    result.assert_outcomes(failed=1)
    assert "logged by the model" in result.stdout.str()
