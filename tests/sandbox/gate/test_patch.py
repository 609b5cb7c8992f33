"""Patches as values: what they say of themselves, their parts, and the words of a refused edit."""

from __future__ import annotations

from pathlib import Path

import pytest

from sandbox import parts
from sandbox.git import git
from sandbox.hunks import hunks
from sandbox.parts import contents, rebase
from sandbox.patch import Edit, from_edits
from sandbox.review import Text, review
from sandbox.scope import Refused
from sandbox.worktree import PrivateRepository

WORK = "services/a/intel/work.py"


def edit(path: str, search: str, replace: str) -> dict[str, object]:
    return {"path": path, "search": search, "replace": replace}


# --- what a patch says of itself


def test_what_a_patch_says(gate, base: str) -> None:
    patch = gate.edits(
        edit(WORK, "up / down", "up / (down or 1)\n    # so"),
        {"path": "services/a/new.py", "replace": "a = 1\nb = 2\n"},
        {"path": "services/a/main.py", "delete": True},
    )
    assert (patch.service, patch.base) == ("a", base)
    assert [(file.path, file.kind, file.added, file.removed) for file in patch.files] == [
        (WORK, "modified", 2, 1),
        ("services/a/main.py", "deleted", 0, 3),
        ("services/a/new.py", "added", 2, 0),
    ]
    assert patch.diff.startswith(f"diff --git a/{WORK} b/{WORK}\nindex ")
    assert "+    return up / (down or 1)\n+    # so\n" in patch.diff


QUIET = b"exports.quietly = (run) => {\n  try { return run(); } catch (error) { }\n  return null;\n};\n"
QUIET_PYTHON = (
    b"def quietly(run):\n    try:\n        return run()\n    except Exception:\n        return None\n"
)


@pytest.mark.parametrize(
    ("path", "flagged"),
    [
        ("src/quiet.spec.js", True),
        ("src/quiet.test.js", True),
        ("src/quiet_test.py", True),
        ("tests/quiet_test.py", False),
        ("test/quiet.test.js", False),
    ],
)
def test_code_that_is_called_like_a_test_has_its_flags(path: str, flagged: bool) -> None:
    source = QUIET_PYTHON if path.endswith(".py") else QUIET
    flags = review([Text(f"services/sse/{path}", None, source)], None)
    assert ("swallows-error" in flags) == flagged


def test_the_same_edits_make_the_same_patch(gate, target, tmp_path: Path) -> None:
    made = gate.edits(edit(WORK, "up / down", "up"))
    elsewhere = from_edits(
        PrivateRepository(target.path, tmp_path / "other"), "HEAD", "a",
        [Edit(path=WORK, search="up / down", replace="up")],
    )  # fmt: skip
    assert elsewhere == made


def test_attributes_of_the_target_do_not_hide_a_change(gate) -> None:
    """The base says `-diff` of text files, which would show as binary."""
    patch = gate.edits(edit("services/a/Data/names.txt", "anna", "berta"))
    assert "-anna\n+berta\n" in patch.diff


def test_lines_that_look_like_a_header_are_counted_as_lines(gate) -> None:
    patch = gate.edits(
        {"path": "services/a/q.sql", "replace": "-- a\n++ b\n@@ -1 +1 @@\ndiff --git a/x b/x\n"}
    )
    assert [(file.added, file.removed) for file in patch.files] == [(4, 0)]
    assert len(hunks(gate.repo, patch)) == 1


# --- its parts


def test_the_patch_without_each_hunk(gate, repo, base: str) -> None:
    patch = gate.edits(
        edit(WORK, "values[0]", "values[10]"),
        edit(WORK, "values[-1]\n", "values[-10]\nEND = 1"),
        {"path": "services/a/new.py", "replace": "a = 1\n"},
        {"path": "services/a/run.sh", "delete": True},
        {"path": "services/a/tests/test_new.py", "replace": "def test_new(): pass\n"},
    )
    full = contents(repo, patch)
    variants = hunks(repo, patch)
    assert len(variants) == 4
    first, last, without_deletion, without_new = (
        next(variant for variant in variants if matches(variant)) for matches in (
            lambda v: b"values[0]" in contents(repo, v).get(WORK, b""),
            lambda v: contents(repo, v).get(WORK, b"").endswith(b"values[-1]\n"),
            lambda v: "services/a/run.sh" not in {file.path for file in v.files},
            lambda v: "services/a/new.py" not in {file.path for file in v.files},
        )
    )  # fmt: skip
    assert contents(repo, first)[WORK] == full[WORK].replace(b"values[10]", b"values[0]")
    assert contents(repo, last)[WORK] == full[WORK].replace(b"values[-10]\nEND = 1", b"values[-1]\n")
    assert contents(repo, without_deletion) == full
    assert contents(repo, without_new) == {
        path: text for path, text in full.items() if path != "services/a/new.py"
    }
    assert all("services/a/tests/test_new.py" in {file.path for file in v.files} for v in variants)


def test_without_its_only_hunk_a_patch_is_its_base(gate, repo, base: str) -> None:
    (variant,) = hunks(repo, gate.edits(edit(WORK, "up / down", "up")))
    assert variant.files == ()
    assert variant.diff == ""
    assert variant.tree == git(repo.git_dir, "rev-parse", f"{base}^{{tree}}").decode().strip()


def test_comments_between_changes_do_not_hold_them_together(gate, repo) -> None:
    path = "services/a/intel/twice.py"
    patch = gate.edits(
        edit(path, "x = 1\ny = 2\nx = 1\n", "x = 10\n# as before\ny = 2\n# as before\nx = 11\n")
    )
    variants = [contents(repo, variant)[path] for variant in hunks(repo, patch)]
    commented = b"# as before\ny = 2\n# as before\n"
    assert variants == [b"x = 1\ny = 2\n# as before\nx = 11\n", b"x = 10\n" + commented[:-12] + b"x = 1\n"]


@pytest.mark.parametrize(
    "form",
    [
        pytest.param("y = 2 \n", id="a blank at its end"),
        pytest.param("y = (2)\n", id="brackets"),
        pytest.param("y = 0x2  # two\n", id="another way to write it"),
        pytest.param("y = \\\n    2\n", id="over two lines"),
    ],
)
def test_the_form_of_lines_between_changes_does_not_hold_them_together(gate, repo, form: str) -> None:
    path = "services/a/intel/twice.py"
    patch = gate.edits(edit(path, "x = 1\ny = 2\nx = 1\n", f"x = 10\n{form}x = 11\n"))
    variants = [contents(repo, variant)[path].decode() for variant in hunks(repo, patch)]
    assert f"x = 1\n{form}x = 11\n" in variants
    assert f"x = 10\n{form}x = 1\n" in variants


def test_a_rename_without_one_half(gate, repo) -> None:
    patch = gate.edits(
        {"path": "services/a/Data/names.txt", "delete": True},
        {"path": "services/a/data/names.txt", "replace": "x\n"},
    )
    (without_new,) = hunks(repo, patch)
    assert [file.kind for file in without_new.files] == ["deleted"], "both names at once are refused"


def test_the_base_with_the_new_tests_alone(gate, repo) -> None:
    tests = "services/a/tests/test_new.py"
    patch = gate.edits(
        edit(WORK, "up / down", "up"), {"path": tests, "replace": "def test_new(): pass\n"},
        edit("services/a/tests/test_work.py", "assert first([1, 2]) == 1", "assert True"),
    )  # fmt: skip
    alone = parts.tests_only(repo, patch)
    assert alone is not None
    assert contents(repo, alone) == {tests: b"def test_new(): pass\n"}
    assert parts.tests_only(repo, gate.edits(edit(WORK, "up / down", "up"))) is None


def test_a_base_that_moved(gate, make_target, tmp_path: Path) -> None:
    target = make_target()
    base = target.commit(
        "one", {"services/a/main.py": "one\n", "services/a/b.py": "b\n", "shared/x.py": "x\n"}
    )
    repo = PrivateRepository(target.path, tmp_path / "state")
    edits = [
        Edit(path="services/a/main.py", search="one", replace="two"),
        Edit(path="services/a/c.py", replace="c\n"),
    ]
    patch = from_edits(repo, base, "a", edits)
    aside = target.commit("aside", {"services/a/b.py": "bb\n", "shared/x.py": "xx\n"})
    moved = rebase(repo, patch, aside)
    assert moved.base == aside
    assert moved.files == patch.files
    assert git(repo.git_dir, "show", f"{moved.tree}:services/a/b.py") == b"bb\n"
    assert rebase(repo, moved, base).tree == patch.tree
    inside = target.commit("inside", {"services/a/main.py": "three\n"})
    with pytest.raises(Refused) as caught:
        rebase(repo, patch, inside)
    assert caught.value.rule == "base-moved"
    taken = target.commit("taken", {"services/a/main.py": "one\n", "services/a/C.py": "c\n"})
    with pytest.raises(Refused) as caught:
        rebase(repo, patch, taken)
    assert caught.value.rule == "path-collision"


# --- flags for the reviewer


@pytest.mark.parametrize(
    ("edits", "flags"),
    [
        ([edit(WORK, "up / down", "down / up")], ()),
        ([{"path": "services/a/requirements.txt", "delete": True}], ()),
        ([edit("services/a/requirements.txt", "redis", "redis\nevil")], ("adds-dependency",)),
        ([edit("services/a/requirements.txt", "redis\n", "redis\n# why\n")], ()),
        ([edit("services/a/package.json", '"4"', '"4", "left-pad": "1"')], ("adds-dependency",)),
        ([{"path": "services/a/pyproject.toml", "replace": "[project]\n"}], ("adds-dependency", "changes-test-configuration")),
        ([{"path": "services/a/tests/conftest.py", "replace": "x = 1\n"}], ("changes-test-configuration",)),
        ([{"path": "services/a/tests/pytest.toml", "replace": "x = 1\n"}], ("changes-test-configuration",)),
        ([{"path": "services/a/tests/.pytest.toml", "replace": "x = 1\n"}], ("changes-test-configuration",)),
        ([{"path": "services/a/tests/test_work.py", "delete": True}], ("changes-test", "deletes-test", "weakens-assertion")),
        ([edit("services/a/tests/test_work.py", "def test_first", "def check_first")], ("changes-test", "deletes-test", "weakens-assertion")),
        ([edit("services/a/tests/test_work.py", "first([1, 2]) == 1", "first([1, 2])")], ("changes-test", "weakens-assertion")),
        ([edit("services/a/tests/test_work.py", "pytest.raises(IndexError)", "pytest.raises(Exception)")], ("changes-test", "weakens-assertion")),
        ([edit("services/a/tests/test_work.py", "class TestLast", "def test_first():\n    pass\n\n\nclass TestLast")], ("changes-test", "weakens-assertion")),
        ([edit("services/a/tests/test_work.py", "def test_first():\n", "def test_first():\n    return\n")], ("changes-test", "weakens-assertion")),
        ([edit("services/a/tests/test_work.py", "    assert first([1, 2]) == 1\n", "    if False:\n        assert first([1, 2]) == 1\n")], ("changes-test", "weakens-assertion")),
        ([edit("services/a/tests/test_work.py", "        with pytest.raises(IndexError):\n            last([])", "        with pytest.raises(IndexError):\n            last([])\n        assert True")], ("changes-test",)),
        ([edit("services/a/tests/test_work.py", "def test_first", "@pytest.mark.skip\ndef test_first")], ("adds-skip", "changes-test")),
        ([edit("services/a/tests/test_work.py", "\n\ndef test_first", "\npytestmark = pytest.mark.xfail\n\ndef test_first")], ("adds-skip", "changes-test")),
        ([edit("services/a/tests/test_work.py", "    def test_last(self):\n", "    def test_last(self):\n        self.skipTest('')\n")], ("adds-skip", "changes-test")),
        ([edit("services/a/tests/test_work.py", "import pytest\n", "import pytest as p\n\np.importorskip('x')\n")], ("adds-skip", "changes-test")),
        ([edit("services/a/src/index.test.js", "test('starts'", "test.skip('starts'")], ("adds-skip", "changes-test")),
        ([edit("services/a/src/index.test.js", "assert.equal(start(), 1);", "")], ("changes-test", "weakens-assertion")),
        ([edit("services/a/src/index.test.js", "'starts'", "'begins'")], ("changes-test", "deletes-test", "weakens-assertion")),
        ([edit(WORK, "    return up / down", "    try:\n        return up / down\n    except Exception:\n        return 0")], ("broad-except", "swallows-error")),
        ([edit(WORK, "    return up / down", "    try:\n        return up / down\n    except ZeroDivisionError:\n        raise ValueError from None")], ()),
        ([edit(WORK, "    return up / down", "    try:\n        return up / down\n    except:\n        raise")], ("broad-except",)),
        ([edit(WORK, "    return up / down", "    from contextlib import suppress\n    with suppress(ValueError):\n        return up")], ("swallows-error",)),
        ([edit(WORK, "up / down", "up.exception()")], ("swallows-error",)),
        ([edit(WORK, "up / down", "gather(up, down, return_exceptions=True)")], ("swallows-error",)),
        ([edit(WORK, "    return up / down", "    import sys\n    sys.stderr = down\n    return up")], ("swallows-error",)),
        ([edit(WORK, "    return up / down", "    import logging\n    logging.getLogger('asyncio').setLevel(100)\n    return up")], ("swallows-error",)),
        ([edit(WORK, "    return up / down", "    up.get_running_loop().set_exception_handler(down)\n    return up")], ("swallows-error",)),
        ([edit(WORK, "up / down", "up.get('x', 0)")], ("adds-default",)),
        ([edit(WORK, "up / down", "up or 0")], ("adds-default",)),
        ([edit(WORK, "up / down", "up.get('x') or down()")], ("adds-default",)),
        ([edit(WORK, "up / down", "up if down else 0")], ("adds-default",)),
        ([edit(WORK, "up / down", "up if down else None")], ()),
        ([edit(WORK, "up / down", "exit()")], ("exits-process",)),
        ([edit(WORK, "up / down", "__import__('os')._exit(0)")], ("dynamic-code",)),
        ([{"path": "services/a/n.py", "replace": "import os as o\no._exit(0)\n"}], ("exits-process",)),
        ([{"path": "services/a/n.py", "replace": "from subprocess import run as r\nr(['x'])\n"}], ("starts-process",)),
        ([{"path": "services/a/n.py", "replace": "import sys\nsys.path.insert(0, 'x')\n"}], ("changes-import-path",)),
        ([{"path": "services/a/n.py", "replace": "import sys\nsys.modules['x'] = 1\n"}], ("changes-import-path",)),
        ([{"path": "services/a/n.py", "replace": "def broken(:\n"}], ("does-not-parse",)),
        ([{"path": "services/a/n.py", "replace": "x = 'a\u200bb'\n"}], ("invisible-characters",)),
        ([{"path": "services/a/node_modules/x/y.js", "replace": "x\n"}], ("changes-vendored-code",)),
        ([edit("services/a/src/index.js", "return x;", "try { return x; } catch (e) {}")], ("swallows-error",)),
        ([edit("services/a/src/index.js", "return x;", "return x ?? 0;")], ("adds-default",)),
        ([edit("services/a/src/index.js", "return x;", "process.exit(0);")], ("exits-process",)),
    ],
)  # fmt: skip
def test_flags(gate, edits: list[dict[str, object]], flags: tuple[str, ...]) -> None:
    assert gate.edits(*edits).flags == flags


def test_what_was_there_before_is_not_flagged(gate, make_target, tmp_path: Path) -> None:
    target = make_target()
    swallows = "import os\ntry:\n    x = os.environ.get('A', '')\nexcept Exception:\n    pass\nSIZE = 1\n"
    first = target.commit("one", {"services/a/main.py": swallows})
    base = target.commit("two", {"services/a/main.py": "x = 1\n"})
    repo = PrivateRepository(target.path, tmp_path / "state")
    made = type(gate)(repo, first).edits(edit("services/a/main.py", "SIZE = 1", "SIZE = 2"))
    assert made.flags == ()
    restored = type(gate)(repo, base).edits({"path": "services/a/main.py", "restore": first})
    assert restored.flags == ()
    mended = type(gate)(repo, base).edits(
        {"path": "services/a/main.py", "restore": first},
        edit("services/a/main.py", "SIZE = 1", "exec('SIZE = 2')"),
    )
    assert mended.flags == ("dynamic-code",)


@pytest.mark.parametrize(
    "text",
    ["(" * 300, "-" * 9_000 + "1", "a" + ".b" * 4_500, "x = " + "[" * 150, "\0", "é" * 99, "lambda: " * 900 + "1",
     "# coding: nonsense\n", "x = '''", "\ufeffx = 1", "if x:\n" * 200, "class A:\n" + " " * 9_000 + "x"],
    ids=range(12),
)  # fmt: skip
def test_source_that_would_break_a_parser(gate, text: str) -> None:
    try:
        gate.edits({"path": "services/a/n.py", "replace": text})
    except Refused as refusal:
        assert refusal.rule == "binary"
    gate.edits({"path": "services/a/n.js", "replace": text.replace("\0", "")})


# --- the words of a refused edit


def test_a_search_with_the_wrong_indentation(gate) -> None:
    refusal = gate.refused(gate.edits, edit(WORK, "def ratio(up, down):\n  return up / down", "x"))
    assert refusal.rule == "search-not-found"
    assert "     9 | def ratio(up, down):" in refusal.message
    assert "    11 |     return up / down" in refusal.message
    refusal = gate.refused(gate.edits, edit(WORK, "      return up / down\n\n\ndef last(values):", "x"))
    assert "blanks only" in refusal.message
    refusal = gate.refused(
        gate.edits, edit("services/a/intel/tabs.py", "    if True:\n        return 1", "x")
    )
    assert "The file has tabs there" in refusal.message


def test_a_search_that_is_nearly_right(gate) -> None:
    refusal = gate.refused(gate.edits, edit(WORK, "    return up / dwon", "x"))
    assert "    11 |     return up / down" in refusal.message
    refusal = gate.refused(gate.edits, edit(WORK, "def latest(vlaues):", "x"))
    assert "last(values):" in refusal.message
    refusal = gate.refused(gate.edits, edit(WORK, "completely different §§§", "x"))
    assert "Nothing in it is alike. It begins:" in refusal.message
    refusal = gate.refused(gate.edits, edit("services/a/intel/__init__.py", "x", "y"))
    assert "The file is empty." in refusal.message


def test_a_search_that_is_there_twice(gate) -> None:
    refusal = gate.refused(gate.edits, edit("services/a/intel/twice.py", "x = 1", "x = 3"))
    assert refusal.rule == "search-ambiguous"
    assert "at lines 1, 3." in refusal.message
    refusal = gate.refused(gate.edits, edit("services/a/big.py", "VALUE", "x"))
    assert "at lines 1, 2, 3, 4, 5, 6, ..." in refusal.message
    overlapping = {"path": "services/a/n.py", "replace": "aXaXa\n"}
    assert gate.rule(overlapping, edit("services/a/n.py", "aXa", "b")) == "search-ambiguous"


def test_of_several_edits_the_wrong_one_is_named(gate) -> None:
    refusal = gate.refused(gate.edits, edit(WORK, "up / down", "up"), edit(WORK, "up / down", "down"))
    assert refusal.message.startswith("Edit 2 of 2: The search text is not in")


def test_words_stay_few_for_a_large_file(gate) -> None:
    for search in ("VALUE_2000 = 2001", "y" * 50_000, "\n".join(f"VALUE_{n} = {n}" for n in range(3_000))):
        refusal = gate.refused(gate.edits, edit("services/a/big.py", search, "x"))
        assert len(refusal.message) < 6_000
    assert (
        "VALUE_2000" in gate.refused(gate.edits, edit("services/a/big.py", "VALUE_2000 = 2001", "x")).message
    )
