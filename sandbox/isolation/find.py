"""Choose the isolation of this machine."""

from __future__ import annotations

from sandbox.isolation.box import BoxError, Isolation, SandboxUnavailable
from sandbox.isolation.bubblewrap import Bubblewrap


def find_isolation(*, allow_seatbelt: bool = False) -> Isolation:
    """The first backend whose probes all pass.

    Raises:
        SandboxUnavailable: there is none; it says why, and how to get one.
    """
    try:
        return Bubblewrap()
    except BoxError as error:
        raise SandboxUnavailable({"bubblewrap": str(error)}, "Install bubblewrap.") from error
