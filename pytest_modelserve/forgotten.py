"""Names the requirement that a model forgot, from the module that could not be imported for it."""

from __future__ import annotations

import importlib.metadata
import importlib.util
import re
import sys
from collections.abc import Mapping
from typing import Final

_MISSING: Final = re.compile(r"ModuleNotFoundError: No module named '([^']+)'")
_NO_PANDAS: Final = re.compile(r"ModuleNotFoundError: .*: its environment has no (\w+)$", re.MULTILINE)
_TRACEBACK: Final = "Traceback (most recent call last):"
_CHAINED: Final = (  # what Python writes between an exception and the one that came of it
    "The above exception was the direct cause of the following exception:",
    "During handling of the above exception, another exception occurred:",
)
# The project on PyPI of each module whose name is another; a longer name is looked for first.
PROJECTS: Final[Mapping[str, str]] = {
    "Crypto": "pycryptodome",
    "IPython": "ipython",
    "Levenshtein": "python-Levenshtein",
    "MySQLdb": "mysqlclient",
    "OpenSSL": "pyOpenSSL",
    "PIL": "pillow",
    "attr": "attrs",
    "bs4": "beautifulsoup4",
    "category_encoders": "category-encoders",
    "cv2": "opencv-python-headless",
    "dateutil": "python-dateutil",
    "distutils": "setuptools",
    "docx": "python-docx",
    "dotenv": "python-dotenv",
    "faiss": "faiss-cpu",
    "fitz": "PyMuPDF",
    "flask_cors": "Flask-Cors",
    "github": "PyGithub",
    "google.cloud.aiplatform": "google-cloud-aiplatform",
    "google.cloud.bigquery": "google-cloud-bigquery",
    "google.cloud.storage": "google-cloud-storage",
    "google.protobuf": "protobuf",
    "grpc": "grpcio",
    "imblearn": "imbalanced-learn",
    "jose": "python-jose",
    "jwt": "PyJWT",
    "kafka": "kafka-python",
    "langchain_core": "langchain-core",
    "langchain_openai": "langchain-openai",
    "ldap": "python-ldap",
    "lightning_fabric": "lightning",
    "magic": "python-magic",
    "mpl_toolkits": "matplotlib",
    "nacl": "PyNaCl",
    "osgeo": "GDAL",
    "pkg_resources": "setuptools<81",
    "psycopg2": "psycopg2-binary",
    "pylab": "matplotlib",
    "pythoncom": "pywin32",
    "pytorch_lightning": "pytorch-lightning",
    "pywt": "PyWavelets",
    "rest_framework": "djangorestframework",
    "ruamel": "ruamel.yaml",
    "sentence_transformers": "sentence-transformers",
    "serial": "pyserial",
    "skimage": "scikit-image",
    "sklearn": "scikit-learn",
    "sksurv": "scikit-survival",
    "slugify": "python-slugify",
    "snappy": "python-snappy",
    "snowflake": "snowflake-connector-python",
    "socks": "PySocks",
    "telegram": "python-telegram-bot",
    "tf_keras": "tf-keras",
    "umap": "umap-learn",
    "usb": "pyusb",
    "websocket": "websocket-client",
    "wx": "wxPython",
    "yaml": "PyYAML",
    "zmq": "pyzmq",
}
# First names that many projects share, each with parts of its own: none of them can be told from the name.
SHARED: Final = frozenset(
    {
        *(
            "azure",
            "azureml",
            "backports",
            "databricks",
            "google",
            "google.ai",
            "google.cloud",
            "haystack_integrations",
        ),
        *("jaraco", "llama_index", "nvidia", "opentelemetry", "ruamel", "snowflake", "sphinxcontrib", "zope"),
    }
)
# What Python had once, of 3.8 and later; on an index anybody may own these names. `distutils` came back as a package.
REMOVED: Final = frozenset(
    {
        *("_bootlocale", "aifc", "asynchat", "asyncore", "audioop", "binhex", "cgi", "cgitb", "chunk", "crypt"),
        *("dummy_threading", "formatter", "imghdr", "imp", "lib2to3", "macpath", "mailcap", "msilib", "nis", "nntplib"),
        *("ossaudiodev", "parser", "pipes", "smtpd", "sndhdr", "spwd", "sunau", "symbol", "telnetlib", "uu", "xdrlib"),
    }
)
_ELSEWHERE: Final = "and log it again, or try --model-env-manager=local."


def missing_module(text: str) -> str:
    """Return the module whose absence a traceback, or its last line, ends with or was caused by; empty for none.

    Args:
        text: A traceback with its causes as Python prints it, or an exception's line alone.
    """
    if found := _missing_in(text):
        return found
    before, is_there, _ = text.rpartition(_TRACEBACK)
    while is_there:
        cause, chain, _ = before.rstrip().rpartition("\n")
        if chain == "" or not before.rstrip().endswith(_CHAINED):
            return ""
        if found := _missing_in(cause):
            return found
        before, is_there, _ = cause.rpartition(_TRACEBACK)
    return ""


def _missing_in(text: str) -> str:
    last = text.rstrip().rpartition("\n")[2]
    found = _MISSING.search(last) or _NO_PANDAS.search(last)
    return found[1] if found else ""


def project_of(module: str) -> str:
    """Return the requirement that brings a module: a project's name, with a range where only some versions have it.

    Where the table does not know it, what the running interpreter has it from; else the module's own name.
    """
    parts = module.split(".")
    known = (PROJECTS.get(".".join(parts[:n])) for n in range(len(parts), 0, -1))
    if found := next(filter(None, known), None):
        return found
    return next(iter(importlib.metadata.packages_distributions().get(parts[0], ())), parts[0])


def how_to_mend(module: str) -> str:
    """Return what to do about a module that could not be imported, as the last line of an error says it.

    Args:
        module: Its dotted name, as the exception has it.
    """
    top, _, below = module.partition(".")
    if shared := _shared_by_many(module):
        return (
            f"Add the package that brings `{module}` to the model's requirements (several packages share `{shared}`) "
            f"{_ELSEWHERE}"
        )
    project = project_of(module)
    if below and module not in PROJECTS:  # Python names the first part that it did not find
        return (
            f"`{top}` is there and has no `{module}`: pin the version of `{project}` that the model was trained with, "
            "and log it again."
        )
    own_file = "" if top in sys.stdlib_module_names else _own_file(top)
    if module not in PROJECTS and (top in sys.stdlib_module_names or (top in REMOVED and not own_file)):
        return f"`{top}` was a part of Python: log the model with a Python that has it, or without the import."
    if own_file:
        return f"`{top}` is code of your own ({own_file}): log the model again with it in code_paths=."
    if top.startswith("_") and project == top:  # a class that was pickled by a name that only another version has
        return (
            f"`{top}` is a private module, and another version of the package that brings it was recorded: pin the "
            "one that the model was trained with, and log it again."
        )
    told = [f"it brings `{module}`"] if project != module else []
    if version := _version(project):
        told.append(f"the tests run with `{project}=={version}`")
    aside = f" ({'; '.join(told)})" if told else ""
    return f"Add `{project}` to the model's requirements{aside} {_ELSEWHERE}"


def _shared_by_many(module: str) -> str:
    """Return the name that a module shares with those of other projects, if nothing below it tells them apart."""
    if module in PROJECTS:
        return ""
    parts = module.split(".")
    for n in range(len(parts), 0, -1):
        above = ".".join(parts[:n])
        if above in SHARED:
            return above
        if above in PROJECTS:
            return ""
    return ""


def _version(project: str) -> str:
    """Return the version that the running interpreter has; empty where it has none, or a range says more."""
    try:
        return importlib.metadata.version(project)
    except (importlib.metadata.PackageNotFoundError, ValueError):
        return ""


def _own_file(top: str) -> str:
    """Return where the running interpreter would import a module from that no package brought; empty for nowhere."""
    try:
        spec = importlib.util.find_spec(top)
    except (ImportError, ValueError):  # a module that was made by hand
        return ""
    if spec is None or not spec.origin or "site-packages" in spec.origin or "dist-packages" in spec.origin:
        return ""
    return "" if top in sys.builtin_module_names or top in importlib.metadata.packages_distributions() else spec.origin
