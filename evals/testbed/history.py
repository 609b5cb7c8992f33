"""The testbed's past, as data: who brought which file when, and what some files said before."""

from __future__ import annotations

from dataclasses import dataclass

AUTHORS = {
    "ernie": "Ernie Varitimos <ernie@marketswarm.invalid>",
    "dana": "Dana Okafor <dana@marketswarm.invalid>",
    "li": "Li Wen <li@marketswarm.invalid>",
}


@dataclass(frozen=True, slots=True)
class Change:
    """One commit. `paths` are glob patterns over the tree: the files that arrive with it."""

    id: str
    date: str
    author: str
    message: str
    paths: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Earlier:
    """Until the change `until`, `path` said `earlier` where it says `current` today."""

    path: str
    current: str
    earlier: str
    until: str


CHANGES = (
    Change(
        "foundation",
        "2026-01-12T09:14:00-05:00",
        "ernie",
        "shared modules, Truth, start-up scripts",
        (
            "README.md",
            "requirements.txt",
            ".gitignore",
            "shared/*",
            "truth/mm_node.json",
            "scripts/build_truth.py",
            "scripts/ms-lib.sh",
            "scripts/ms-build-truth.sh",
        ),
    ),
    Change(
        "massive",
        "2026-01-14T16:40:00-05:00",
        "ernie",
        "massive: spot, chains, GEX and heatmaps from the provider feed",
        ("services/massive/**", "scripts/ms-massive.sh", "truth/components/massive.json"),
    ),
    Change(
        "node-env",
        "2026-01-15T08:02:00-05:00",
        "ernie",
        "deploy: node defaults",
        (".env", ".pids/*"),
    ),
    Change(
        "mesh",
        "2026-01-19T11:25:00-05:00",
        "li",
        "mesh: roster of the services on a node",
        ("services/mesh/**", "scripts/ms-mesh.sh", "truth/components/mesh.json"),
    ),
    Change(
        "vigil",
        "2026-01-27T15:51:00-05:00",
        "dana",
        "vigil: price moves and VIX spikes as events",
        ("services/vigil/**", "scripts/ms-vigil.sh", "truth/components/vigil.json"),
    ),
    Change(
        "copilot",
        "2026-02-03T10:07:00-05:00",
        "dana",
        "copilot: MEL, ADI, commentary, alerts",
        ("services/copilot/**", "scripts/ms-copilot.sh", "truth/components/copilot.json"),
    ),
    Change(
        "docs",
        "2026-02-20T09:30:00-05:00",
        "ernie",
        "docs: system context for whoever is on call",
        ("docs/**",),
    ),
    Change(
        "rest",
        "2026-02-24T18:12:00-05:00",
        "ernie",
        "the other services of the node",
        ("**",),
    ),
)

EARLIER: tuple[Earlier, ...] = ()
