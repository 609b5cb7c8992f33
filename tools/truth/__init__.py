"""Truth, MarketSwarm's configuration: components, buses, rhythms, dependencies and secrets."""

from tools.truth.component import Component, HttpUpstream
from tools.truth.document import (
    COMPONENTS,
    NO_TRUTH,
    ROOT_FILE,
    Truth,
    TruthError,
    from_document,
    from_files,
    from_folder,
    name_pattern,
    overlaps,
)
from tools.truth.reference import MYSQL_ADDRESS, SERVICES, TRUTH_KEY, ServiceFacts, Use
from tools.truth.secrets import is_secret_name, secrets_in

__all__ = [
    "COMPONENTS",
    "MYSQL_ADDRESS",
    "NO_TRUTH",
    "ROOT_FILE",
    "SERVICES",
    "TRUTH_KEY",
    "Component",
    "HttpUpstream",
    "ServiceFacts",
    "Truth",
    "TruthError",
    "Use",
    "from_document",
    "from_files",
    "from_folder",
    "is_secret_name",
    "name_pattern",
    "overlaps",
    "secrets_in",
]
