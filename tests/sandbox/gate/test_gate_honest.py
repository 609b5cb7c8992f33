"""Honest patches, as edits and as a person's diff: none is refused, and each does what it says."""

from __future__ import annotations

from collections.abc import Mapping

import pytest

from sandbox.git import git
from sandbox.parts import contents
from sandbox.patch import Patch

WORK = "services/a/intel/work.py"
CRLF = "services/a/intel/crlf.py"
Edits = list[dict[str, object]]
Result = Mapping[str, bytes | None]


def edit(path: str, search: str = "", replace: str = "", **more: object) -> dict[str, object]:
    return {"path": path, "search": search, "replace": replace, **more}


def new(path: str, text: str) -> dict[str, object]:
    return edit(path, "", text)


def gone(path: str) -> dict[str, object]:
    return {"path": path, "delete": True}


# Each: the edits, and pieces that the changed files must hold afterwards (None: the file is gone).
HONEST: dict[str, tuple[Edits, Result]] = {
    "one line": ([edit(WORK, "return up / down", "return up / down if down else 0.0")], {WORK: b"else 0.0\n"}),
    "lines added at the end": (
        [edit(WORK, "    return values[-1]\n", "    return values[-1]\n\n\nLAST = last\n")],
        {WORK: b"[-1]\n\n\nLAST = last\n"},
    ),
    "lines added at the top": ([edit(WORK, '"""The work of', 'import math\n"""The work of')], {WORK: b"import math\n"}),
    "lines removed": ([edit(WORK, '    """The last value."""\n', "")], {WORK: b"def last(values):\n    return"}),
    "three edits of one file": (
        [
            edit(WORK, "values[0]", "values[1]"),
            edit(WORK, "values[1]", "values[2]"),
            edit(WORK, "up / down", "up // down"),
        ],
        {WORK: b"values[2]"},
    ),
    "an edit that a later edit builds on": (
        [new("services/a/new.py", "a = 1\n"), edit("services/a/new.py", "a = 1", "a = 2")],
        {"services/a/new.py": b"a = 2\n"},
    ),
    "a new file": ([new("services/a/new.py", "a = 1\n")], {"services/a/new.py": b"a = 1\n"}),
    "a new file in new folders": ([new("services/a/x/y/z.py", "a = 1\n")], {"services/a/x/y/z.py": b"a = 1\n"}),
    "a new empty file": ([new("services/a/x/__init__.py", "")], {"services/a/x/__init__.py": b""}),
    "an empty file gets content": (
        [edit("services/a/intel/__init__.py", "", "NAME = 'a'\n")],
        {"services/a/intel/__init__.py": b"NAME = 'a'\n"},
    ),
    "a new file without a final newline": ([new("services/a/n.py", "a = 1")], {"services/a/n.py": b"a = 1"}),
    "a new file with CRLF": ([new("services/a/n.bat", "a\r\nb\r\n")], {"services/a/n.bat": b"a\r\nb\r\n"}),
    "a deleted file": ([gone("services/a/main.py")], {"services/a/main.py": None}),
    "a deleted binary file": ([gone("services/a/logo.png")], {"services/a/logo.png": None}),
    "a deleted script": ([gone("services/a/run.sh")], {"services/a/run.sh": None}),
    "a folder that goes with its only file": ([gone("services/a/Data/names.txt")], {"services/a/Data/names.txt": None}),
    "a rename": (
        [gone("services/a/intel/tabs.py"), new("services/a/intel/spaces.py", "def f():\n\tif True:\n\t\treturn 1\n")],
        {"services/a/intel/tabs.py": None, "services/a/intel/spaces.py": b"def f():\n\tif True:"},
    ),
    "a rename in letter case only": (
        [gone("services/a/Data/names.txt"), new("services/a/data/names.txt", "anna\n")],
        {"services/a/Data/names.txt": None, "services/a/data/names.txt": b"anna\n"},
    ),
    "a file written anew": (
        [gone("services/a/main.py"), new("services/a/main.py", "print(1)\n")],
        {"services/a/main.py": b"print(1)\n"},
    ),
    "a module becomes a package": (
        [gone("services/a/intel/tabs.py"), new("services/a/intel/tabs/__init__.py", "def f(): ...\n")],
        {"services/a/intel/tabs.py": None, "services/a/intel/tabs/__init__.py": b"def f()"},
    ),
    "a file takes the name of a folder": (
        [gone("services/a/Data/names.txt"), new("services/a/Data", "anna\n")],
        {"services/a/Data/names.txt": None, "services/a/Data": b"anna\n"},
    ),
    "CRLF, searched with LF": (
        [edit(CRLF, 'def last(values):\n    """The last value."""\n', 'def last(values):\n    """It."""\n    # so\n')],
        {CRLF: b'def last(values):\r\n    """It."""\r\n    # so\r\n    return'},
    ),
    "CRLF, searched with CRLF": ([edit(CRLF, "up / down\r\n", "up\r\n")], {CRLF: b"    return up\r\n"}),
    "CRLF, within one line": ([edit(CRLF, "up / down", "(\n        up\n    )")], {CRLF: b"(\r\n        up\r\n    )\r\n"}),
    "mixed line ends keep theirs": (
        [edit("services/a/intel/mixed.py", "two = 2\n", "two = 22\n"), edit("services/a/intel/mixed.py", "one = 1\n", "one = 11\n")],
        {"services/a/intel/mixed.py": b"one = 11\r\ntwo = 22\nthree = 3\r\n"},
    ),
    "LF, searched with CRLF": ([edit(WORK, "up / down\r\n", "up\r\n")], {WORK: b"    return up\n"}),
    "the open end of a file": (
        [edit("services/a/intel/open_end.py", "last = 2", "last = 3")],
        {"services/a/intel/open_end.py": b"first = 1\nlast = 3"},
    ),
    "the open end of a file, searched as a line": (
        [edit("services/a/intel/open_end.py", "first = 1\nlast = 2\n", "first = 1\nlast = 4\n")],
        {"services/a/intel/open_end.py": b"first = 1\nlast = 4"},
    ),
    "a line after an open end": (
        [edit("services/a/intel/open_end.py", "last = 2", "last = 2\nmore = 3\n")],
        {"services/a/intel/open_end.py": b"first = 1\nlast = 2\nmore = 3\n"},
    ),
    "one of two equal lines, by its neighbour": (
        [edit("services/a/intel/twice.py", "y = 2\nx = 1", "y = 2\nx = 3")],
        {"services/a/intel/twice.py": b"x = 1\ny = 2\nx = 3\n"},
    ),
    "tabs": ([edit("services/a/intel/tabs.py", "\t\treturn 1", "\t\treturn 2")], {"services/a/intel/tabs.py": b"\t\treturn 2\n"}),
    "Unicode in the text": (
        [edit("services/a/intel/Größe.py", "№ 1", "№ 2 – 漢字 🎉")],
        {"services/a/intel/Größe.py": "№ 2 – 漢字 🎉".encode()},
    ),
    "Unicode in a new name": ([new("services/a/intel/日本 語.py", "a = 1\n")], {"services/a/intel/日本 語.py": b"a = 1\n"}),
    "a space in the name": (
        [edit("services/a/intel/with space.py", "1", "2")],
        {"services/a/intel/with space.py": b"SPACE = 2\n"},
    ),
    "a file in Latin-1": (
        [edit("services/a/intel/latin.py", "SIZE = 1", "SIZE = 2")],
        {"services/a/intel/latin.py": b"NAME = '\xe9t\xe9'\nSIZE = 2\n"},
    ),
    "a line of a big file": (
        [edit("services/a/big.py", "VALUE_2000 = 2000", "VALUE_2000 = -1")],
        {"services/a/big.py": b"VALUE_2000 = -1"},
    ),
    "a big file deleted": ([gone("services/a/big.py")], {"services/a/big.py": None}),
    "an executable script stays one": (
        [edit("services/a/run.sh", "exec python", "exec python3")],
        {"services/a/run.sh": b"exec python3"},
    ),
    "a new test": (
        [new("services/a/tests/test_ratio.py", "def test_ratio():\n    assert True\n")],
        {"services/a/tests/test_ratio.py": b"def test_ratio"},
    ),
    "a file of Node": (
        [edit("services/a/src/index.js", "const x = 1;", "const x = 2;")],
        {"services/a/src/index.js": b"const x = 2;\n"},
    ),
    "a path with ./ in front": ([new("./services/a/n.py", "a = 1\n")], {"services/a/n.py": b"a = 1\n"}),
    "a file that git would ignore": ([new("services/a/x.pyc", "text\n")], {"services/a/x.pyc": b"text\n"}),
    "a form feed": ([new("services/a/n.py", "a = 1\n\x0c\nb = 2\n")], {"services/a/n.py": b"a = 1\n\x0c\nb = 2\n"}),
    "a file whose name is an option": ([new("services/a/-rf", "a\n")], {"services/a/-rf": b"a\n"}),
    "a file whose name is a pattern of git": ([new("services/a/[x]!.py", "a\n")], {"services/a/[x]!.py": b"a\n"}),
}  # fmt: skip


def holds(patch: Patch, repo, wanted: Result) -> None:
    assert {file.path for file in patch.files} == set(wanted)
    found = contents(repo, patch)
    for path, piece in wanted.items():
        if piece is None:
            assert path not in found
        else:
            assert piece in found[path]


@pytest.mark.parametrize("name", HONEST)
def test_honest_edits(gate, repo, name: str) -> None:
    edits, wanted = HONEST[name]
    holds(gate.edits(*edits), repo, wanted)


@pytest.mark.parametrize("name", HONEST)
def test_the_canonical_diff_makes_the_same_tree(gate, name: str) -> None:
    """What is shown to people is what was judged. Bytes that are no UTF-8 cannot be shown."""
    patch = gate.edits(*HONEST[name][0])
    if "GIT binary patch" in patch.diff:
        assert gate.diff_rule(patch.diff) == "binary"
    elif len(patch.diff.encode()) > 256 << 10:
        assert gate.diff_rule(patch.diff) == "too-large"
    elif "\ufffd" in patch.diff:
        assert gate.diff_rule(patch.diff) == "diff-not-applicable"
    else:
        again = gate.diff(patch.diff)
        assert (again.tree, again.files, again.diff) == (patch.tree, patch.files, patch.diff)


def test_a_persons_diff_with_renames(gate, repo, target, base: str, tmp_path) -> None:
    work = tmp_path / "work"
    target.git("worktree", "add", "-q", "--detach", str(work), base)
    try:
        run = type(target)(work).git
        run("mv", "services/a/intel/work.py", "services/a/intel/job.py")
        run("mv", "services/a/intel/Größe.py", "services/a/intel/Maß.py")
        renamed = work / "services/a/intel/job.py"
        renamed.write_bytes(renamed.read_bytes().replace(b"values[0]", b"values[1]"))
        run("add", "services/a/intel/job.py")
        diff = run("diff", "--cached", "-M")

    finally:
        target.git("worktree", "remove", "--force", str(work))
    assert "rename from" in diff
    holds(
        gate.diff(diff),
        repo,
        {
            "services/a/intel/work.py": None,
            "services/a/intel/job.py": b"values[1]",
            "services/a/intel/Größe.py": None,
            "services/a/intel/Maß.py": "№ 1".encode(),
        },
    )


def test_a_diff_without_its_last_newline_and_with_a_letter_around_it(gate) -> None:
    diff = "Hello,\n\nthis mends it:\n\n--- a/services/a/main.py\n+++ b/services/a/main.py\n@@ -1,3 +1,3 @@\n from intel.work import ratio\n \n-print(ratio(1, 0))\n+print(ratio(1, 1))"
    assert gate.diff(diff).files[0].added == 1


def test_restored_files_come_back_as_they_were(gate, repo, target) -> None:
    first = target.git("rev-list", "--max-parents=0", "HEAD")
    lost = [
        "services/a/intel/lost.py",
        "services/a/lost.sh",
        "services/a/lost.bin",
        "services/a/tests/test_lost.py",
    ]
    patch = gate.edits(*({"path": path, "restore": first[:10]} for path in lost))
    for path in lost:
        was = git(repo.git_dir, "ls-tree", first, "--", path)
        assert git(repo.git_dir, "ls-tree", patch.tree, "--", path) == was
    assert sum(file.added for file in patch.files) > 1_000


def test_a_restored_file_may_be_mended_in_the_same_patch(gate, repo, target) -> None:
    first = target.git("rev-list", "--max-parents=0", "HEAD")
    path = "services/a/intel/lost.py"
    patch = gate.edits({"path": path, "restore": first}, edit(path, "LOST_7 = 7\n", "LOST_7 = 8\n"))
    assert b"LOST_6 = 6\nLOST_7 = 8\nLOST_8 = 8\n" in contents(repo, patch)[path]
    too_much = "".join(f"MORE_{n} = {n}\n" for n in range(401))
    assert (
        gate.rule({"path": path, "restore": first}, edit(path, "LOST_7 = 7\n", too_much)) == "too-many-lines"
    )


def test_a_restored_script_stays_one_when_it_is_mended(gate, repo, target) -> None:
    first = target.git("rev-list", "--max-parents=0", "HEAD")
    path = "services/a/lost.sh"
    patch = gate.edits({"path": path, "restore": first}, edit(path, "echo lost", "echo found"))
    assert git(repo.git_dir, "ls-tree", patch.tree, "--", path).startswith(b"100755 ")


def test_a_file_put_back_to_an_older_version(gate, make_target, tmp_path) -> None:
    from sandbox.worktree import PrivateRepository

    target = make_target()
    old = target.commit("one", {"services/a/main.py": "one\n" * 900})
    base = target.commit("two", {"services/a/main.py": "two\n"})
    lone = type(gate)(PrivateRepository(target.path, tmp_path / "state"), base)
    patch = lone.edits({"path": "services/a/main.py", "restore": old})
    assert (patch.files[0].kind, patch.files[0].added) == ("modified", 900)


def test_a_long_file_that_moves_is_not_written(gate, repo, base: str) -> None:
    source = (
        git(repo.git_dir, "cat-file", "blob", f"{base}:services/a/big.py").decode().splitlines(True)[:1_500]
    )
    moved = gate.edits(gone("services/a/big.py"), new("services/a/large.py", "".join(source)))
    assert {file.path: file.added for file in moved.files} == {
        "services/a/big.py": 0,
        "services/a/large.py": 1_500,
    }
