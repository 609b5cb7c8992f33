"""Choose the isolation of this machine: what passes its probes, or none."""

from __future__ import annotations

import platform
from collections.abc import Callable

from sandbox.isolation import probes
from sandbox.isolation.box import BoxError, Isolation, SandboxUnavailable
from sandbox.isolation.bubblewrap import Bubblewrap
from sandbox.isolation.namespaces import Namespaces
from sandbox.isolation.seatbelt import Seatbelt

_LINUX_ADVICE = (
    "Install bubblewrap (apt install bubblewrap, dnf install bubblewrap) and allow unprivileged user "
    "namespaces: sysctl kernel.unprivileged_userns_clone=1, on Ubuntu also "
    "kernel.apparmor_restrict_unprivileged_userns=0; in a container they need its consent, too."
)
_MACOS_ADVICE = (
    "The macOS sandbox has not been tried by its makers yet: run the probes on this machine, and allow it "
    "in the settings if they pass."
)


def find_isolation(*, allow_seatbelt: bool = False) -> Isolation:
    """The first backend whose probes all pass: bubblewrap, then bare namespaces; on macOS seatbelt.

    Raises:
        SandboxUnavailable: there is none. It says why for each backend, and how to get one.
    """
    reports: dict[str, str] = {}
    for name, make in _backends(allow_seatbelt=allow_seatbelt).items():
        try:
            isolation = make()
            found = probes.leaks(isolation)
        except BoxError as error:
            reports[name] = str(error)
            continue
        if not found:
            return isolation
        reports[name] = "code in the box " + "; ".join(found)
    raise SandboxUnavailable(reports, _MACOS_ADVICE if platform.system() == "Darwin" else _LINUX_ADVICE)


def _backends(*, allow_seatbelt: bool) -> dict[str, Callable[[], Isolation]]:
    if platform.system() == "Linux":
        return {Bubblewrap.name: Bubblewrap, Namespaces.name: Namespaces}
    if platform.system() == "Darwin" and allow_seatbelt:
        return {Seatbelt.name: Seatbelt}
    return {}
