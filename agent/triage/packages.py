"""Packages by the names that code imports them under."""

from __future__ import annotations

import re

from tools.repository import Repository
from tools.repository.tree import RepositoryError

_DISTRIBUTIONS = {
    "bs4": "beautifulsoup4",
    "cv2": "opencv-python",
    "dateutil": "python-dateutil",
    "dotenv": "python-dotenv",
    "jwt": "PyJWT",
    "mysql": "mysql-connector-python",
    "OpenSSL": "pyOpenSSL",
    "PIL": "Pillow",
    "polygon": "polygon-api-client",
    "pkg_resources": "setuptools",
    "sklearn": "scikit-learn",
    "yaml": "PyYAML",
    "zmq": "pyzmq",
}


def distribution_of(module: str) -> str:
    """The package that installs a module."""
    return _DISTRIBUTIONS.get(module, module)


def is_required(repository: Repository, module: str) -> bool:
    """Whether a requirements file or pyproject.toml of the commit names the package of a module."""
    wanted = {_normal(module), _normal(distribution_of(module))}
    for path in repository.files():
        if not re.search(r"(?:^|/)(?:requirements[^/]*\.txt|pyproject\.toml)$", path):
            continue
        try:
            text = repository.read(path).decode("utf-8", "replace")
        except RepositoryError:
            continue
        if any(
            _normal(name) in wanted
            for name in re.findall(r"^[ \t\"']{0,8}([A-Za-z0-9._-]{1,80})", text, re.M)
        ):
            return True
    return False


def _normal(name: str) -> str:
    return re.sub(r"[-_.]+", "-", name).lower()
