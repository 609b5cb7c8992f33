"""What a reviewer must be told about a patch, in two words each, read from its syntax and not from words.

told        the labels of a patch, put together
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
scripts     the first two for Node, by text: there is no parser here
"""

from agent.proof.labels.told import Label, labels_for, labels_of, only_tests_import

__all__ = ["Label", "labels_for", "labels_of", "only_tests_import"]
