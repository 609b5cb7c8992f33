"""Generated edits, paths and diffs: whatever is accepted stays in the service, and nothing crashes the gate.

What differs between the trees is read here with plain git and judged by a few lines of this file, so
that a fault of the gate's own reading cannot hide itself.
"""

from __future__ import annotations

import subprocess
import unicodedata
from collections import Counter
from collections.abc import Callable

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from sandbox.patch import Edit, Patch, from_diff, from_edits
from sandbox.scope import Refused, check_readable, check_writable

REAL = {
    "root.py": "ROOT = 1\n",
    "shared/heartbeat.py": "def beat():\n    return 1\n",
    "services/ab/main.py": "AB = 1\n",
    "services/a/main.py": "from intel.work import ratio\n\nprint(ratio(1, 0))\n",
    "services/a/intel/twice.py": "x = 1\ny = 2\nx = 1\n",
    "services/a/Data/names.txt": "anna\n",
    "services/a/run.sh": "#!/bin/sh\nexec python main.py\n",
    "services/a/pointer.py": "../../shared/heartbeat.py",
    "services/a/intel/open_end.py": "first = 1\nlast = 2",
    "services/a/intel/crlf.py": "",
    "services/a/.env": "PASSWORD=hunter2\n",
}
WORDS = """services a ab b A shared truth intel out module main.py Main.py new.py json.py conftest.py tests
.. . .git .GIT git~1 .git. .gitattributes .gitmodules .env x.pem HEAD %2e%2e back\\slash C: -rf :(glob)* * ~
é.py "quoted" test_x.py"""
ODD = [
    "",
    " ",
    "a b",
    "new\nline",
    "tab\t",
    "nul\0",
    "\ud800",
    "\u202ex",
    "e\u0301.py",
    ".g\u200cit",
    "n" * 300,
]
PARTS = st.sampled_from([*WORDS.split(), *ODD])
PATHS = st.one_of(
    st.sampled_from(sorted(REAL)),
    st.lists(PARTS, max_size=6).map("/".join),
    st.lists(PARTS, min_size=1, max_size=4).map(lambda parts: "services/a/" + "/".join(parts)),
    st.builds("services/a/{}.py".format, st.text(max_size=12)),
    st.text(max_size=30),
)
TEXTS = st.one_of(
    st.text(max_size=60),
    st.sampled_from(
        [*REAL.values(), "x = 1", "x", "\n", "\r\n", "a\0b", "\ud800", "x\n" * 500, "class A: pass\n"]
    ),
    st.lists(st.sampled_from(["x = 1", "y = 2", "", "def f():", "    pass", "\t", "é"]), max_size=9).map(
        "\n".join
    ),
)
EDITS = st.builds(
    Edit,
    path=PATHS,
    search=st.one_of(st.just(""), TEXTS),
    replace=TEXTS,
    restore=st.one_of(st.none(), st.none(), st.none(), st.sampled_from(["HEAD", "0" * 40, "--help", ""])),
    delete=st.sampled_from([False, False, False, True]),
)
# Edits that are well-formed more often than not, so that combinations get through to the tree.
SOUND_EDITS = st.one_of(
    st.builds(lambda path, text: Edit(path=path, replace=text), PATHS, TEXTS),
    st.sampled_from(sorted(REAL)).map(lambda path: Edit(path=path, delete=True)),
    st.builds(
        lambda path, text: Edit(path=path, search=REAL[path].split("\n")[0], replace=text),
        st.sampled_from(sorted(REAL)),
        TEXTS,
    ),
)


def quoted(path: str) -> str:
    return '"' + "".join(f"\\{byte:03o}" for byte in path.encode("utf-8", "replace")) + '"'


def change(path: str, old: str | None, new: str | None, mode: str = "100644", git_header: bool = True) -> str:
    """A well-formed diff of one file."""
    lines = [f"diff --git a/{path} b/{path}"] if git_header else []
    if old is None and git_header:
        lines.append(f"new file mode {mode}")
    if new is None and git_header:
        lines.append("deleted file mode 100644")
    lines += [
        f"--- {'/dev/null' if old is None else f'a/{path}'}",
        f"+++ {'/dev/null' if new is None else f'b/{path}'}",
    ]
    before, after = (old or "").splitlines(), (new or "").splitlines()
    lines.append(f"@@ -{min(1, len(before))},{len(before)} +{min(1, len(after))},{len(after)} @@")
    lines += [f"-{line}" for line in before]
    if old and not old.endswith("\n"):
        lines.append("\\ No newline at end of file")
    lines += [f"+{line}" for line in after]
    return "\n".join([*lines, ""])


NAMES = st.one_of(PATHS, PATHS.map(quoted), PATHS.map("a/{}".format), PATHS.map("b/{}".format))
MODES = st.sampled_from(
    ["100644", "100644", "100644", "100755", "120000", "160000", "040000", "644", "777777"]
)
LINES = st.one_of(
    st.builds("diff --git a/{} b/{}".format, PATHS, PATHS),
    st.builds("{} {}".format, st.sampled_from(["---", "+++", "***", "Index:", "diff --git"]), NAMES),
    st.builds("{} {} {}".format, st.sampled_from(["rename", "copy"]), st.sampled_from(["from", "to", "old"]), NAMES),
    st.builds("{} mode {}".format, st.sampled_from(["new file", "deleted file", "old", "new"]), MODES),
    st.sampled_from(["@@ -1 +1 @@", "@@ -0,0 +1 @@", "@@ -1,99 +1,0 @@", "-ROOT = 1", "+ROOT = 2", " x = 1", "similarity index 100%"]),
    st.sampled_from(["GIT binary patch", "literal 3", "\\ No newline at end of file", "", "index 0..1 120000", "-- ", "\ud800"]),
    st.text(max_size=20),
)  # fmt: skip
SOUND_DIFFS = st.one_of(
    st.builds(lambda path, text, mode: change(path, None, text or "x", mode), PATHS, TEXTS, MODES),
    st.builds(lambda path, git_header: change(path, REAL[path], None, git_header=git_header), st.sampled_from(sorted(REAL)), st.booleans()),
    st.builds(lambda path, text, git_header: change(path, REAL[path], text or "x", git_header=git_header), st.sampled_from(sorted(REAL)), TEXTS, st.booleans()),
)  # fmt: skip


@st.composite
def diffs(draw: st.DrawFn) -> str:
    """Well-formed diffs, stray lines among them, and single lines of them replaced."""
    pieces = draw(
        st.lists(st.one_of(SOUND_DIFFS, SOUND_DIFFS, LINES.map("{}\n".format)), min_size=1, max_size=4)
    )
    lines = "".join(pieces).split("\n")
    for _ in range(draw(st.sampled_from([0, 0, 0, 1, 2]))):
        at = draw(st.integers(0, len(lines) - 1))
        lines[at] = draw(LINES)
    return "\n".join(lines)


def judged_here(repository: str, base: str, tree: str) -> None:
    """Fail if a tree differs from the base in anything that a patch may not do."""
    raw = subprocess.run(
        ["git", f"--git-dir={repository}", "diff-tree", "-r", "-z", "--no-renames", base, tree],
        capture_output=True,
        check=True,
    ).stdout.split(b"\0")[:-1]
    assert raw, "an empty patch was accepted"
    for head, name in zip(raw[::2], raw[1::2], strict=True):
        path = name.decode("utf-8")
        old, new = head[1:].split()[:2]
        assert path.startswith("services/a/"), path
        assert new in {b"000000", b"100644", old}, (head, path)
        assert old not in {b"120000", b"160000"}, (head, path)
        parts = path.split("/")
        assert not {"", ".", "..", ".env", ".gitattributes", ".gitmodules"} & set(parts), path
        plain = [
            "".join(c for c in part if unicodedata.category(c) != "Cf").lower().rstrip(". ") for part in parts
        ]
        assert not {".git", "git~1"} & set(plain), path
        assert not path.startswith(("services/a/out/", "services/a/module/")), path


class Tally:
    """How often each outcome came; a fuzz that only ever sees one proves little."""

    def __init__(self, gate) -> None:
        self.gate = gate
        self.outcomes: Counter[str] = Counter()

    def try_(self, make: Callable[..., Patch], given: object) -> None:
        try:
            patch = make(self.gate.repo, self.gate.base, "a", given)
        except Refused as refusal:
            self.outcomes[refusal.rule] += 1
            return
        self.outcomes["accepted"] += 1
        judged_here(str(self.gate.repo.git_dir), self.gate.base, patch.tree)

    def check(self) -> None:
        total = self.outcomes.total()
        assert self.outcomes["accepted"] > total // 50, self.outcomes
        assert self.outcomes["outside-service"] > total // 50, self.outcomes
        assert len(self.outcomes) >= 8, self.outcomes


def fuzz(
    gate, strategy: st.SearchStrategy[object], make: Callable[..., Patch], examples: int, fixed: bool
) -> Tally:
    tally = Tally(gate)

    @settings(
        max_examples=examples,
        deadline=None,
        database=None,
        derandomize=fixed,
        suppress_health_check=list(HealthCheck),
    )
    @given(strategy)
    def run(given: object) -> None:
        tally.try_(make, given)

    run()
    tally.check()
    return tally


ANY_EDITS = st.one_of(
    st.lists(SOUND_EDITS, min_size=1, max_size=3),
    st.lists(st.one_of(EDITS, SOUND_EDITS), max_size=5),
)


def test_generated_edits(gate) -> None:
    fuzz(gate, ANY_EDITS, from_edits, 150, True)


def test_generated_diffs(gate) -> None:
    fuzz(gate, diffs(), from_diff, 200, True)


@pytest.mark.slow
@pytest.mark.parametrize("part", range(4))
def test_ten_thousand_generated_patches(gate, part: int) -> None:
    fuzz(gate, ANY_EDITS, from_edits, 1_200, False)
    fuzz(gate, diffs(), from_diff, 1_300, False)


@settings(max_examples=300, deadline=None, database=None, derandomize=True)
@given(PATHS, st.sampled_from(["a", "ab", "..", "", "a/b", "A"]))
def test_generated_paths(path: str, service: str) -> None:
    """An accepted path is a plain one below the service's folder, whatever was written."""
    for check in (check_readable, lambda given: check_writable(given, service)):
        try:
            accepted = check(path)
        except Refused:
            continue
        parts = accepted.split("/")
        assert not {"", ".", "..", ".git"} & set(parts)
        assert accepted == path.removeprefix("./").rstrip("/")
    try:
        accepted = check_writable(path, service)
    except Refused:
        return
    assert accepted.split("/")[:2] == ["services", service]
