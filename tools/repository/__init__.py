"""The commit as everyone reads it: files, search, history and definitions, never the working tree."""

from tools.repository.history import Change
from tools.repository.repository import Repository
from tools.repository.search import Match, Matches, SearchError
from tools.repository.tree import Entry, FileMissing, NotAFile, RepositoryError, UnknownCommit

__all__ = [
    "Change",
    "Entry",
    "FileMissing",
    "Match",
    "Matches",
    "NotAFile",
    "Repository",
    "RepositoryError",
    "SearchError",
    "UnknownCommit",
]
