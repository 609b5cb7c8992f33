"""The command line: one module a command, imported only when it is called."""

from agent.cli.main import main

__all__ = ["main"]
