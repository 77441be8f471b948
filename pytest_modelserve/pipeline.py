"""The whole flow in one place: model URI, model, environment, server, client. Only this module knows the order.

The stages, each given the value before it:
    subject = read_subject(uri, settings)              MLmodel file, input example, domain
    environment = restore_environment(subject, …)      the model's own interpreter and packages
    served = ServedModel(subject, environment, pool)   a server and a client of it
    context = served.context()                         what the checks work with
    report = verify(uri, settings)                     all of it, and what the checks came to
"""

from __future__ import annotations

import os
from collections.abc import Iterator
from contextlib import ExitStack, closing, contextmanager
from dataclasses import replace
from functools import partial
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Final

from .checks.budget import needed_later
from .checks.check import Check
from .checks.choice import chosen
from .checks.context import CheckContext
from .checks.data_rows import read_rows
from .checks.table import applying, run_check
from .discovered import discover, is_discovered
from .domain import Domain, Origin, bound, from_metadata, from_rows, from_table, merged, read_file
from .environment.additions import Additions
from .environment.conda_channels import CondaSettings
from .environment.conda_file import CondaSpec, read_recorded
from .environment.ownership import believed_folder
from .environment.progress import SILENCE, Progress
from .environment.restoration import Environment, RestoreRequest, cache_root
from .environment.restore import restore
from .errors import ModelServeError
from .model.example import read_example
from .model.mlmodel import Model, read_model
from .report.collect import Collected
from .results import CheckResult, ModelReport, Outcome
from .search.stored import CaseStore
from .served import ServedModel, as_running, facts_of
from .server.backends import load_backend, needs_of
from .server.backends.environ import build_worker_env
from .server.sharing import ServerPool
from .settings import Settings
from .subject import Subject

WORKER: Final = Path(__file__).parent / "runtime" / "__main__.py"


def read_subject(uri: str, settings: Settings, *, ini_domain: Domain | None = None) -> Subject:
    """Read a model and all that is known of it; nothing is built or started.

    The URI may be the address of the server at `settings.url`, which is then asked what its model takes.

    Raises:
        ServerError: That server does not answer, or not as one that is ready.
        DecodeError: It tells a signature that is none.
        ModelError: There is no model, or it is broken.
        DomainError: A declared domain, or a file of data, is contradictory, unreadable, or not this model's.
        EncodeError: The data cannot be read as rows.
    """
    model, settings = discover(settings) if is_discovered(uri, settings) else (read_model(uri), settings)
    data = read_rows(settings.data_file, model.signature) if settings.data_file else None
    declared = merged(
        from_table(settings.domain, origin=Origin.MARKER, place="the marker served_model"),
        ini_domain or Domain(),
        read_file(settings.domain_file) if settings.domain_file else Domain(),
        from_metadata(model.metadata),
        Domain() if data is None else from_rows(data.columns, data.rows, place=str(settings.data_file)),
    )
    domain = bound(declared, model.signature) if model.signature else declared
    return Subject(
        model=model,
        example=read_example(model),
        domain=domain,
        settings=settings,
        data=data,
        stored=CaseStore(settings.cases_dir).ids() if settings.cases_dir else frozenset(),
    )


def requires(subject: Subject, package: str) -> bool:
    """Tell whether a model's requirements name a package; nothing is built.

    Raises:
        RequirementsError: They cannot be read.
    """
    spec = read_recorded(subject.settings.env_manager, subject.model.path, subject.model.pyfunc.env)
    by_conda = isinstance(spec, CondaSpec) and any(one.name == package for one in spec.packages)
    return by_conda or any(one.name == package and not one.is_constraint for one in spec.requirements)


def restore_environment(subject: Subject, *, progress: Progress = SILENCE, run_id: str = "") -> Environment:
    """Restore the model's own environment, from the cache where it was built before; the caller closes it.

    It is another one, with the model's requirements and more, where the server that is asked for needs more.

    Raises:
        EnvironmentBroken: It could not be restored.
        ServerError: There is no server of the name that the settings ask for.
    """
    return restore(environment_request(subject.model, subject.settings, progress=progress, run_id=run_id))


def environment_request(
    model: Model, settings: Settings, *, progress: Progress = SILENCE, run_id: str = ""
) -> RestoreRequest:
    """Return what is to be restored for a model; with the silent progress it can be sent to another process.

    Raises:
        EnvironmentBroken: The environment files cannot be read.
        ServerError: There is no server of the name that the settings ask for.
    """
    root = cache_root(settings.cache_dir)
    spec = read_recorded(settings.env_manager, model.path, model.pyfunc.env)
    backend = load_backend(settings.server)
    needs = needs_of(backend)
    return RestoreRequest(
        spec=spec,
        manager=settings.env_manager,
        root=root,
        python=settings.python,
        reuses_mlflow=settings.reuse_mlflow_envs,
        progress=progress,
        model_uri=model.uri,
        smoke=(str(WORKER), "load"),
        smoke_config={"model_dir": str(model.path), "loader": dict(model.pyfunc.fields)},
        smoke_env=partial(build_worker_env, dict(os.environ), names=model.env_vars, patterns=settings.pass_env),
        run_id=run_id,
        conda=CondaSettings(executable=settings.conda_exe, places=dict(settings.conda_channels)),
        additions=Additions(wanted_by=backend.name, requirements=needs.requirements, python=needs.python),
    )


@contextmanager
def server_pool(settings: Settings) -> Iterator[ServerPool]:
    """Give servers for as long as the block lasts, shared by all on one cache; one that is read-only shares none.

    Raises:
        EnvironmentBroken: Somebody else may have put servers there.
    """
    root = cache_root(settings.cache_dir)
    there = next(each for each in (root, *root.parents) if each.exists())
    with ExitStack() as stack:
        if os.access(there, os.W_OK):
            home = believed_folder(root, "servers")
        else:
            home = Path(stack.enter_context(TemporaryDirectory(prefix="modelserve-", ignore_cleanup_errors=True)))
        yield stack.enter_context(ServerPool(home))


@contextmanager
def serve(uri: str, settings: Settings | None = None, *, progress: Progress = SILENCE) -> Iterator[ServedModel]:
    """Serve a model for as long as the block lasts, without pytest.

    Raises:
        ModelServeError: The model cannot be read, its environment not restored, or its server not started.
    """
    subject = read_subject(uri, settings or Settings())
    if subject.settings.url:
        with closing(as_running(subject)) as running:
            yield running
        return
    with server_pool(subject.settings) as servers, ExitStack() as stack:
        environment = stack.enter_context(restore_environment(subject, progress=progress))
        served = ServedModel(subject, environment, servers)
        stack.callback(served.close)
        yield served


def verify(uri: str, settings: Settings | None = None, *, progress: Progress = SILENCE) -> ModelReport:
    """Serve a model, run the checks that the settings choose, and return what they came to, without pytest.

    A check whose server breaks for reasons outside the model is an error of its own in the report.

    Raises:
        ModelServeError: The model cannot be read, its environment not restored, or its server not started.
    """
    with serve(uri, settings, progress=progress) as served:
        model, collected, backend = served.model, Collected(), served.subject.settings.server
        collected.expect(uri, backend, (check.title(variant) for check, variant in applying(model)))
        asked = tuple(chosen(model, served.subject.settings.checks))
        for at, (check, variant) in enumerate(asked, 1):
            served.revive()
            context = served.context()
            context = replace(context, n_later=needed_later(context, asked[at:]))
            collected.add(uri, backend, _result_of(context, check, variant))
        collected.describe(facts_of(served.subject, served, uri=uri))
    (report,) = collected.report().models
    return report


def _result_of(context: CheckContext, check: Check, variant: str) -> CheckResult:
    try:
        return run_check(context, check, variant)
    except ModelServeError as error:
        return CheckResult(name=check.title(variant), judges=check.judges, outcome=Outcome.ERROR, reason=error.happened)
