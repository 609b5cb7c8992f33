"""The command line: one module a command, imported only when it is called."""

from agent.exit import Exit

try:
    from agent.cli.main import main
except KeyboardInterrupt:
    # Ctrl-C while this is read: the reader of a command is no reader of its stack.
    raise SystemExit(int(Exit.INTERRUPTED)) from None

__all__ = ["main"]
