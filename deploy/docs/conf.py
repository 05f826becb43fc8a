"""Configuration of Sphinx: `make docs` builds these pages and the API, without the network."""

import importlib
import pkgutil
import re
from collections.abc import Iterator
from typing import Any

from sphinx.ext.napoleon import Config, NumpyDocstring

from foa import __version__
from foa.pipeline import job_services

project = "LST-1 Fast Offline Analysis"
author = "the LST-1 Fast Offline Analysis developers"
copyright = f"2026, {author}"
release = version = __version__

extensions = ["myst_parser", "sphinx.ext.autodoc"]
exclude_patterns = ["pictures"]
default_role = "code"
html_theme = "furo"
html_title = f"{project} {release}"

myst_heading_anchors = 3

autodoc_default_options = {
    "members": True,
    "undoc-members": True,
    "exclude-members": "model_config",
    "show-inheritance": True,
    "ignore-module-all": True,  # a name is described where it is defined, not where it is exported
}
autodoc_member_order = "bysource"
autodoc_typehints = "signature"
autodoc_preserve_defaults = True
autodoc_mock_imports = [
    *("astropy", "baccmod", "ctapipe", "gammapy", "h5py", "lstchain", "matplotlib", "numba"),
    *("numpy", "pandas", "pyirf", "regions", "scipy", "sklearn", "tables"),
]

API_PAGES = {"api/foa_stage": "foa_stage", "api/foa": "foa", "api/services": ""}
"""Package of each API page; that of the services has the modules of `service_modules`."""
ROOT_LINK = re.compile(r"\[([^\]]+)\]\((?:\.\./)+(README|CONTRIBUTING|CHANGELOG)\.md\)")
"""A link to a document in the root of the repository."""


def modules_below(package: str) -> Iterator[str]:
    """Yield a package and all modules in it that can be imported without running something."""
    yield package
    path = importlib.import_module(package).__path__
    for module in pkgutil.walk_packages(path, f"{package}."):
        if not module.name.endswith("__main__"):
            yield module.name


def service_modules() -> Iterator[str]:
    """Yield the plan and the declaration of every installed service."""
    for service in job_services():
        yield f"{service.package}.plan"
        yield f"{service.package}.service"


def add_api(app: Any, name: str, source: list[str]) -> None:
    """Append the API of every module to the page that is about them."""
    if name in API_PAGES:
        package = API_PAGES[name]
        for module in modules_below(package) if package else service_modules():
            source[0] += f"\n## {module}\n\n```{{eval-rst}}\n.. automodule:: {module}\n```\n"


def redirect_links(app: Any, name: str, source: list[str]) -> None:
    """Let links to documents in the root lead to their pages here; the README has none."""

    def redirect(link: re.Match[str]) -> str:
        text, document = link.groups()
        return text if document == "README" else f"[{text}](/{document.lower()}.md)"

    source[0] = ROOT_LINK.sub(redirect, source[0])


def read_sections(
    app: Any, what: str, name: str, subject: Any, options: Any, lines: list[str]
) -> None:
    """Read the numpydoc sections of a docstring; those of attributes have none, only colons."""
    if what not in ("attribute", "data", "property"):
        lines[:] = NumpyDocstring(lines, Config(), app, what, name, subject, options).lines()


def shorten_signature(
    app: Any, what: str, name: str, subject: Any, options: Any, signature: str, returned: str
) -> tuple[str, str] | None:
    """Leave out the signature of a model: its fields are listed below it."""
    return ("", "") if what == "class" and hasattr(subject, "model_fields") else None


def setup(app: Any) -> None:
    """Connect to Sphinx."""
    app.connect("autodoc-process-signature", shorten_signature)
    app.connect("autodoc-process-docstring", read_sections)
    app.connect("source-read", add_api)
    app.connect("source-read", redirect_links)
