"""Real boxes for the tests of this room."""

import sys

import pytest

from sandbox.isolation import BoxError, Isolation, find_isolation
from sandbox.isolation.bubblewrap import Bubblewrap
from sandbox.isolation.namespaces import Namespaces


@pytest.fixture(scope="session")
def isolation() -> Isolation:
    """The isolation of this machine, probed."""
    return find_isolation()


@pytest.fixture(scope="session", params=["bubblewrap", "namespaces"])
def backend(request: pytest.FixtureRequest) -> Isolation:
    """Each Linux backend that this machine can have."""
    if sys.platform != "linux":
        pytest.skip("a backend of Linux")
    try:
        return Bubblewrap() if request.param == "bubblewrap" else Namespaces()
    except BoxError as error:
        pytest.skip(str(error))
