"""What a reviewer must be told about a patch, in two words each, read from its syntax and not from words.

of_patch    the labels of a patch: changed files, commit and history
told        the labels of changed files, put together
sources     the changed files as trees, without what is never run
constants   what is the same whatever comes in
matched     what the base had already, though at another place or in another form
swallowed   what takes an error and does not raise it again
stand_ins   made-up values in the place of data
drops       what was served, called or imported and is no more
served      what one call or decorator serves
conditions  what is served under more conditions
takers      managers, decorators and hooks that take errors
data        entries of JSON, TOML and YAML
plain       what goes beyond a plain repair
scripts     swallowed and constants for Node, by text: there is no parser here
"""

from agent.proof.labels.crashed import Crashed
from agent.proof.labels.of_patch import ODD_TEST, labels_for, only_tests_import
from agent.proof.labels.told import Label, labels_of

__all__ = ["ODD_TEST", "Crashed", "Label", "labels_for", "labels_of", "only_tests_import"]
