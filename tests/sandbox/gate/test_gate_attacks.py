"""What a hostile patch tries: each is refused, and by the rule that is meant to."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest

from sandbox.caps import MOST_BYTES, MOST_FILES, MOST_LINES
from sandbox.patch import from_diff
from sandbox.scope import Refused
from sandbox.worktree import PrivateRepository

ONE = "@@ -1 +1 @@\n-ROOT = 1\n+ROOT = 2\n"


def new_file(path: str, mode: str = "100644", text: str = "x = 1") -> str:
    return f"diff --git a/{path} b/{path}\nnew file mode {mode}\n--- /dev/null\n+++ b/{path}\n@@ -0,0 +1 @@\n+{text}\n"


# --- diffs: what the text says and what git makes of it are two things


def test_a_copy_of_a_file_outside_the_service(gate) -> None:
    diff = (
        "diff --git a/services/a/main.py b/services/a/leak.py\nsimilarity index 100%\n"
        "copy from truth/components/a.json\ncopy to services/a/leak.py\n"
    )
    assert gate.diff_rule(diff) == "outside-service"
    honest_header = diff.replace("services/a/main.py", "truth/components/a.json")
    assert gate.diff_rule(honest_header) == "outside-service"


def test_a_rename_out_of_the_service_under_a_header_inside(gate) -> None:
    diff = (
        "diff --git a/services/a/main.py b/services/a/main.py\nsimilarity index 100%\n"
        "rename from services/a/main.py\nrename to shared/main.py\n"
    )
    assert gate.diff_rule(diff) == "outside-service"


def test_a_rename_of_a_foreign_file_into_the_service(gate) -> None:
    diff = (
        "diff --git a/shared/heartbeat.py b/services/a/heartbeat.py\nsimilarity index 100%\n"
        "rename from shared/heartbeat.py\nrename to services/a/heartbeat.py\n"
    )
    assert gate.diff_rule(diff) == "outside-service"


def test_a_move_that_no_line_names_is_seen_in_the_tree(gate) -> None:
    gone = (
        "diff --git a/root.py b/root.py\ndeleted file mode 100644\n"
        "--- a/root.py\n+++ /dev/null\n@@ -1 +0,0 @@\n-ROOT = 1\n"
    )
    assert gate.diff_rule(new_file("services/a/root.py", text="ROOT = 1") + gone) == "outside-service"


def test_a_header_inside_over_file_names_outside(gate) -> None:
    diff = f"diff --git a/services/a/main.py b/services/a/main.py\n--- a/root.py\n+++ b/root.py\n{ONE}"
    assert gate.diff_rule(diff) in {"diff-not-applicable", "outside-service"}
    assert gate.diff_rule(f"--- a/root.py\n+++ b/root.py\n{ONE}") == "outside-service"


def test_names_without_a_and_b_lose_their_first_folder(gate) -> None:
    diff = "--- services/root.py\n+++ services/root.py\n" + ONE
    assert gate.diff_rule(diff) == "outside-service"


def test_a_quoted_name_that_decodes_to_another(gate) -> None:
    octal = '"a/services/a/../../root.py"'
    dots = '"a/services/a/\\056\\056/\\056\\056/root.py"'
    for name in (octal, dots):
        diff = f"diff --git {name} {name}\n--- {name}\n+++ {name}\n{ONE}"
        assert gate.diff_rule(diff) == "diff-not-applicable"
    elsewhere = '"a/\\162oot.py"'
    diff = f"--- {elsewhere}\n+++ {elsewhere}\n{ONE}"
    assert gate.diff_rule(diff) == "outside-service"


def test_a_second_patch_that_hides_behind_the_first(gate) -> None:
    honest = new_file("services/a/new.py")
    hidden = f"diff --git a/root.py b/root.py\n--- a/root.py\n+++ b/root.py\n{ONE}"
    indented = "".join(f"  {line}\n" for line in hidden.splitlines())
    patch = gate.diff(honest + indented)
    assert [file.path for file in patch.files] == ["services/a/new.py"]
    context = "*** root.py\n--- root.py\n***************\n*** 1 ****\n! ROOT = 1\n--- 1 ----\n! ROOT = 2\n"
    assert [file.path for file in gate.diff(context + honest).files] == ["services/a/new.py"]
    assert gate.diff_rule(honest + hidden) == "outside-service"
    mail = f"From 0 Mon Sep 17 00:00:00 2001\nSubject: x\n---\n{hidden}-- \n2.39\n"
    assert gate.diff_rule(mail + honest) == "outside-service"


def test_a_hunk_that_counts_wrong_to_hide_the_next_header(gate) -> None:
    header = "diff --git a/root.py b/root.py"
    diff = f"--- /dev/null\n+++ b/services/a/n.py\n@@ -0,0 +1,2 @@\n+x\n{header}\n--- a/root.py\n+++ b/root.py\n{ONE}"
    assert gate.diff_rule(diff) == "diff-not-applicable"


def test_a_removed_comment_line_is_no_file_name(gate, repo, base) -> None:
    """`--- a/...` inside a hunk is a removed line that begins with `-- `."""
    sql = gate.edits({"path": "services/a/q.sql", "replace": "-- a/root.py\nselect 1;\n"})
    assert sql.files[0].added == 2
    backwards = "--- a/services/a/q.sql\n+++ b/services/a/q.sql\n@@ -1,2 +1 @@\n--- a/root.py\n select 1;\n"
    assert gate.diff_rule(backwards) == "diff-not-applicable"


@pytest.mark.parametrize("text", ["", "\n", "hello\n", "*** begin patch\n", "diff --git a/x b/x\n"])
def test_a_text_without_a_patch(gate, text: str) -> None:
    assert gate.diff_rule(text) in {"empty-patch", "diff-not-applicable"}


def test_a_diff_that_does_not_fit_is_told_what_is_there(gate) -> None:
    diff = "--- a/services/a/intel/work.py\n+++ b/services/a/intel/work.py\n@@ -4,2 +4,2 @@\n-def frist():\n+def x():\n pass\n"
    refusal = gate.refused(gate.diff, diff)
    assert refusal.rule == "diff-not-applicable"
    assert "     4 | def first(values):" in refusal.message


# --- links, modes, submodules, binary files


def test_through_a_tracked_link_to_a_folder(gate) -> None:
    assert gate.rule({"path": "services/a/out/heartbeat.py", "replace": "x"}) == "symlink-in-path"
    assert gate.diff_rule(new_file("services/a/out/x.py")) in {"symlink-in-path", "diff-not-applicable"}


def test_through_a_submodule(gate) -> None:
    assert gate.rule({"path": "services/a/module/x.py", "replace": "x"}) == "symlink-in-path"


def test_a_tracked_link_is_neither_changed_nor_deleted(gate) -> None:
    link = "services/a/pointer.py"
    assert gate.rule({"path": link, "search": "shared", "replace": "x"}) == "mode-symlink"
    assert gate.rule({"path": link, "delete": True}) == "mode-symlink"
    diff = (
        f"diff --git a/{link} b/{link}\nindex 1..2 120000\n--- a/{link}\n+++ b/{link}\n@@ -1 +1 @@\n"
        "-../../shared/heartbeat.py\n\\ No newline at end of file\n"
        "+../../truth/x\n\\ No newline at end of file\n"
    )
    assert gate.diff_rule(diff) == "mode-symlink"


def test_a_service_folder_that_is_itself_a_link(make_target, tmp_path: Path) -> None:
    target = make_target()
    target.write({"shared/main.py": "x\n", "services/keep": ""})
    (target.path / "services/a").symlink_to("../shared")
    base = target.commit("link")
    with pytest.raises(Refused) as caught:
        from_diff(PrivateRepository(target.path, tmp_path / "state"), base, "a", new_file("services/a/x.py"))
    assert caught.value.rule == "symlink-in-path"


def test_services_that_is_a_link(make_target, tmp_path: Path) -> None:
    target = make_target()
    target.write({"real/a/main.py": "x\n"})
    (target.path / "services").symlink_to("real")
    base = target.commit("link")
    with pytest.raises(Refused) as caught:
        from_diff(PrivateRepository(target.path, tmp_path / "state"), base, "a", new_file("services/a/x.py"))
    assert caught.value.rule == "symlink-in-path"


@pytest.mark.parametrize(
    ("mode", "rule"),
    [("120000", "mode-symlink"), ("100755", "mode-executable"), ("160000", "mode-submodule")],
)
def test_a_new_entry_that_is_no_plain_file(gate, mode: str, rule: str) -> None:
    text = f"Subproject commit {'1' * 40}" if mode == "160000" else "../../shared"
    assert gate.diff_rule(new_file("services/a/new", mode, text)) == rule


def test_a_mode_that_changes(gate) -> None:
    up = "diff --git a/services/a/main.py b/services/a/main.py\nold mode 100644\nnew mode 100755\n"
    down = "diff --git a/services/a/run.sh b/services/a/run.sh\nold mode 100755\nnew mode 100644\n"
    assert gate.diff_rule(up) == "mode-change"
    assert gate.diff_rule(down) == "mode-change"


def test_a_file_that_becomes_a_link(gate) -> None:
    diff = (
        "diff --git a/services/a/main.py b/services/a/main.py\ndeleted file mode 100644\n"
        "--- a/services/a/main.py\n+++ /dev/null\n@@ -1,3 +0,0 @@\n"
        "-from intel.work import ratio\n-\n-print(ratio(1, 0))\n"
        + new_file("services/a/main.py", "120000", "../../shared/heartbeat.py")
    )
    assert gate.diff_rule(diff) == "mode-symlink"


def test_a_binary_patch(gate) -> None:
    bomb = "GIT binary patch\nliteral 1073741824\nzcmZQz\n\n"
    header = "diff --git a/services/a/x.bin b/services/a/x.bin\nnew file mode 100644\n"
    assert gate.diff_rule(header + bomb) == "binary"
    assert gate.diff_rule(new_file("services/a/x.bin", text="a\0b")) == "binary"
    assert gate.rule({"path": "services/a/x.bin", "replace": "a\0b"}) == "binary"
    assert gate.rule({"path": "services/a/logo.png", "search": "IHDR", "replace": "IDAT"}) == "binary"


# --- names


@pytest.mark.parametrize(
    "path",
    [
        "services/a/../../root.py",
        "/etc/cron.d/x",
        "../x.py",
        "services/a/.git/hooks/pre-commit",
        "services/a/x/.GIT/y",
    ],
)
def test_a_diff_with_a_hostile_name(gate, path: str) -> None:
    """Git refuses these by itself; were it not so, the tree would be judged."""
    assert gate.diff_rule(new_file(path)) in {"diff-not-applicable", "path-git", "outside-service"}


@pytest.mark.parametrize(
    ("path", "rule"),
    [
        ("services/a/git~1/config", "path-git"),
        ("services/a/.gitattributes", "git-control-file"),
        ("services/a/.gitmodules", "git-control-file"),
        ("services/a/.env.local", "secret-file"),
        ("services/a/tls.pem", "secret-file"),
        ("services/a/sitecustomize.py", "startup-hook"),
        ("services/a/te\\nst.py", "path-characters"),
        ("services/ab/main2.py", "outside-service"),
        ("services/a.py", "outside-service"),
        ("shared/new.py", "outside-service"),
        ("truth/components/b.json", "outside-service"),
        ("scripts/x.sh", "outside-service"),
        ("autohealer.toml", "outside-service"),
    ],
)
def test_a_name_is_judged_in_the_tree_that_a_diff_makes(gate, path: str, rule: str) -> None:
    quoted = f'"a/{path}"' if "\\" in path else f"a/{path}"
    diff = new_file(path).replace(f"a/{path}", quoted).replace(f"b/{path}", quoted.replace("a/", "b/", 1))
    assert gate.diff_rule(diff) in {rule, "diff-not-applicable" if path.endswith("config") else rule}
    assert gate.rule({"path": path.replace("\\n", "\n"), "replace": "x = 1\n"}) == rule


def test_a_name_that_is_no_text_is_seen_in_the_tree(gate) -> None:
    diff = new_file("services/a/NAME").replace("a/services/a/NAME", '"a/services/a/\\377"')
    diff = diff.replace("b/services/a/NAME", '"b/services/a/\\377"')
    assert gate.diff_rule(diff) == "path-encoding"


@pytest.mark.parametrize(
    ("path", "rule"),
    [
        ("services/a/Main.py", "path-collision"),
        ("services/a/INTEL/new.py", "path-collision"),
        ("services/a/data/new.txt", "path-collision"),
        ("services/a/intel/Gro\u0308ße.py", "path-collision"),
        ("services/a/intel/GRÖSSE.py", "path-collision"),
        ("services/a/intel", "path-is-folder"),
        ("services/a/main.py/x.py", "path-under-file"),
        ("services/a/json.py", "shadows-module"),
        ("services/a/pytest/__init__.py", "shadows-module"),
        ("services/a/shared/heartbeat.py", "shadows-module"),
    ],
)
def test_a_name_that_collides_or_hides_another(gate, path: str, rule: str) -> None:
    assert gate.rule({"path": path, "replace": "x = 1\n"}) == rule


def test_two_new_names_that_collide(gate) -> None:
    both = [{"path": f"services/a/{name}.py", "replace": "x\n"} for name in ("new", "NEW")]
    assert gate.rule(*both) == "path-collision"


def test_a_collision_is_looked_for_beyond_the_service(make_target, tmp_path: Path, gate) -> None:
    target = make_target()
    base = target.commit("x", {"services/A/main.py": "x\n", "services/a/other.py": "x\n"})
    lone = type(gate)(PrivateRepository(target.path, tmp_path / "state"), base)
    assert lone.rule({"path": "services/a/main.py", "replace": "y\n"}) == "path-collision"
    assert lone.edits({"path": "services/a/own.py", "replace": "y\n"}).files[0].kind == "added"


# --- caps, before anything is read


def test_too_many_files(gate) -> None:
    edits = [{"path": f"services/a/n{n}.py", "replace": "x\n"} for n in range(MOST_FILES + 1)]
    assert gate.rule(*edits) == "too-many-files"
    assert len(gate.edits(*edits[:-1]).files) == MOST_FILES
    assert gate.diff_rule("".join(new_file(str(edit["path"])) for edit in edits)) == "too-many-files"


def test_deletions_count_as_files(gate) -> None:
    diff = "".join(
        f"diff --git a/services/a/n{n} b/services/a/n{n}\ndeleted file mode 100644\nindex 1..0\n"
        for n in range(MOST_FILES + 1)
    )
    assert gate.diff_rule(diff) == "too-many-files"


def test_too_many_lines(gate) -> None:
    text = "".join(f"x = {n}\n" for n in range(MOST_LINES + 1))
    assert gate.rule({"path": "services/a/n.py", "replace": text}) == "too-many-lines"
    assert gate.edits({"path": "services/a/n.py", "replace": text[6:]}).files[0].added == MOST_LINES
    added = "".join(f"+{line}\n" for line in text.splitlines())
    diff = f"--- /dev/null\n+++ b/services/a/n.py\n@@ -0,0 +1,{MOST_LINES + 1} @@\n{added}"
    assert gate.diff_rule(diff) == "too-many-lines"


def test_one_line_that_is_repeated_is_written_each_time(gate) -> None:
    assert gate.rule({"path": "services/a/n.py", "replace": "x\n" * (MOST_LINES + 1)}) == "too-many-lines"


def test_lines_that_are_split_by_other_marks_count_too(gate) -> None:
    assert gate.rule({"path": "services/a/n.py", "replace": "x = 1\r" * (MOST_LINES + 1)}) == "too-many-lines"


def test_too_large(gate) -> None:
    assert gate.rule({"path": "services/a/n.py", "replace": "x" * (MOST_BYTES + 1)}) == "too-large"
    assert gate.rule({"path": "services/a/n.py", "replace": "ü" * (MOST_BYTES // 2 + 1)}) == "too-large"
    assert gate.diff_rule("x" * (MOST_BYTES + 1)) == "too-large"


def test_a_line_that_nobody_can_review(gate) -> None:
    assert (
        gate.rule({"path": "services/a/n.py", "replace": "x = '" + "y" * 10_001 + "'\n"}) == "line-too-long"
    )


def test_a_name_that_python_takes_a_minute_to_read(gate) -> None:
    for text in ("import " + "a." * 4_000 + "a\n", "import a\\\n" + ".a.a.a.a\\\n" * 300 + ".a\n"):
        assert gate.rule({"path": "services/a/n.py", "replace": text}) == "line-too-long"
    assert gate.edits(
        {"path": "services/a/n.py", "replace": "import a.b\nX = [" + "1.5, " * 1_500 + "]\n"}
    ).files


# --- what the text holds


def test_text_that_shows_in_another_order(gate) -> None:
    text = "if access != 'user\u202e\u2066# admin\u2069\u2066':\n    pass\n"
    assert gate.rule({"path": "services/a/n.py", "replace": text}) == "bidi-control"


@pytest.mark.parametrize("mark", ["\x1b[2J", "\x07", "\x7f", "\x9b1m", "\x08", "\r", "\u2028"])
def test_text_that_a_terminal_would_obey(gate, mark: str) -> None:
    assert gate.rule({"path": "services/a/n.py", "replace": f"x = '{mark}'\n"}) == "control-character"
    assert gate.diff_rule(new_file("services/a/n.py", text=f"x = '{mark}'")) == "control-character"


def test_a_secret_among_the_added_lines(gate) -> None:
    def find(text: str) -> list[str]:
        return ["api_key"] if "sk-live" in text else []

    new = {"path": "services/a/n.py", "replace": "KEY = 'sk-live-2'\n"}
    refusal = gate.refused(gate.edits, new, find_secrets=find)
    assert refusal.rule == "secret"
    assert "api_key" in refusal.message
    assert "sk-live" not in refusal.message
    assert gate.rule({"path": "services/a/sk-live-2.py", "replace": ""}, find_secrets=find) == "secret"


def test_a_secret_that_was_there_before_is_not_the_patchs(gate) -> None:
    found = []
    gate.edits(
        {"path": "services/a/main.py", "search": "1, 0", "replace": "1, 1"},
        find_secrets=lambda text: found.append(text) or [],
    )
    assert found == ["services/a/main.py\nprint(ratio(1, 1))"]


@pytest.mark.parametrize(
    "text",
    [
        "import os\nif 'PYTEST_CURRENT_TEST' in os.environ:\n    raise SystemExit\n",
        "import sys\nTESTED = 'pytest' in sys.modules\n",
        "import sys as s\nCALLER = s._getframe(1)\n",
        "from inspect import stack as look\nCALLER = look()\n",
        "try:\n    import _pytest\nexcept ImportError:\n    _pytest = None\n",
        "from tests.helper import value\n",
        "import os\nBOX = os.environ.get('AUTOHEALER_RESULT_FD')\n",
    ],
)
def test_code_that_looks_whether_it_is_tested(gate, text: str) -> None:
    assert gate.rule({"path": "services/a/n.py", "replace": text}) == "detects-tests"
    assert gate.edits({"path": "services/a/tests/test_n.py", "replace": text}).files


# --- edits


@pytest.mark.parametrize(
    ("edit", "rule", "told"),
    [
        ({"path": "services/a/intel/work.py"}, "file-exists", "needs a search text"),
        ({"path": "services/a/intel/wrok.py", "search": "x"}, "file-missing", "services/a/intel/work.py"),
        ({"path": "services/a/nope.py", "delete": True}, "file-missing", ""),
        ({"path": "services/a/main.py", "delete": True, "replace": "x"}, "edit-mixed", ""),
        ({"path": "services/a/main.py", "restore": "1234567", "search": "x"}, "edit-mixed", ""),
        ({"path": "services/a/main.py", "search": "ratio", "replace": "\ud800"}, "text-encoding", ""),
        ({"path": "services/a/intel/latin.py", "search": "SIZE", "replace": "ü"}, "text-encoding", "ASCII"),
        ({"path": "services/a/main.py", "search": "1, 0", "replace": "1, 0"}, "empty-patch", ""),
    ],
)
def test_an_edit_that_cannot_be_meant(gate, edit: dict[str, object], rule: str, told: str) -> None:
    refusal = gate.refused(gate.edits, edit)
    assert refusal.rule == rule
    assert told in refusal.message


def test_no_edits(gate) -> None:
    assert gate.rule() == "empty-patch"


def test_edits_that_undo_each_other(gate) -> None:
    there = {"path": "services/a/main.py", "search": "1, 0", "replace": "1, 1"}
    back = {"path": "services/a/main.py", "search": "1, 1", "replace": "1, 0"}
    assert gate.rule(there, back) == "empty-patch"
    new = {"path": "services/a/new.py", "replace": "x\n"}
    assert gate.rule(new, {"path": "services/a/new.py", "delete": True}) == "empty-patch"


@pytest.mark.parametrize(
    "commit", ["HEAD", "main", "--all", "1234567", "zzzzzzz", "", "HEAD:services/a/main.py", "a" * 40]
)
def test_a_restore_from_what_is_no_commit_of_the_history(gate, commit: str) -> None:
    edit = {"path": "services/a/intel/lost.py", "restore": commit}
    assert gate.rule(edit) == "restore-commit"


def test_a_restore_of_what_was_never_there_or_is_not_the_services(gate, target) -> None:
    first = target.git("rev-list", "--max-parents=0", "HEAD")
    assert gate.rule({"path": "services/a/never.py", "restore": first}) == "restore-missing"
    assert gate.rule({"path": "shared/heartbeat.py", "restore": first}) == "outside-service"
    assert gate.rule({"path": "services/a/.env", "restore": first}) == "secret-file"
    assert gate.rule({"path": "services/a/intel", "restore": first}) == "path-is-folder"


def test_a_restore_from_a_commit_that_is_not_in_the_history(make_target, tmp_path: Path, gate) -> None:
    target = make_target()
    target.commit("one", {"services/a/main.py": "one\n"})
    target.git("checkout", "-q", "-b", "other")
    aside = target.commit("evil", {"services/a/evil.py": "evil\n"})
    target.git("checkout", "-q", "main")
    base = target.commit("two", {"services/a/main.py": "two\n"})
    lone = type(gate)(PrivateRepository(target.path, tmp_path / "state"), base)
    assert lone.rule({"path": "services/a/evil.py", "restore": aside}) == "restore-commit"


def test_a_service_that_the_commit_does_not_have(gate) -> None:
    assert type(gate)(gate.repo, gate.base, "nope").rule({"path": "x"}) == "service-missing"
    assert type(gate)(gate.repo, gate.base, "../a").rule({"path": "x"}) == "service-name"
    assert type(gate)(gate.repo, gate.base, "A").rule({"path": "services/A/x"}) == "service-missing"


def test_many_refusals_leave_nothing_in_the_pool(gate, repo: PrivateRepository) -> None:
    make: Callable[..., str] = gate.rule
    for _ in range(3):
        make({"path": "services/a/main.py", "search": "no", "replace": ""})
    assert not list(repo.pool.root.glob("scratch-*"))
