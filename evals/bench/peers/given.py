"""What every peer is given: the task on standard input, and the one tool."""

import json
import sys

task = json.load(sys.stdin)


def read_file(path: str, start: int, end: int) -> str:
    """Read lines of a file.

    Args:
        path: The file.
        start: The first line.
        end: The last line.
    """
    return f"{path}:{start}-{end}\n{task['result']}"
