"""A diff in two columns."""

from __future__ import annotations

from agent.report.diff import MOST_LINES, side_by_side

DIFF = """diff --git a/a.py b/a.py
--- a/a.py
+++ b/a.py
@@ -1,5 +1,6 @@ def f():
 one
-two = 2
-gone
+two = 3
 three
+new
+-- odd
 four
"""


def test_lines_stand_beside_their_counterpart():
    (file,) = side_by_side(DIFF) or ()
    (section,) = file.sections
    assert section.place == "line 1, in def f()"
    rows = [(r.left and r.left.number, r.right and r.right.number, r.same) for r in section.rows]
    assert rows == [
        (1, 1, True),
        (2, 2, False),
        (3, None, False),
        (4, 3, True),
        (None, 4, False),
        (None, 5, False),
        (5, 6, True),
    ]


def test_what_changed_within_a_line_is_cut_out():
    (file,) = side_by_side(DIFF) or ()
    changed = file.sections[0].rows[1]
    assert changed.left is not None
    assert changed.right is not None
    assert (changed.left.before, changed.left.changed, changed.left.after) == ("two = ", "2", "")
    assert (changed.right.before, changed.right.changed, changed.right.after) == ("two = ", "3", "")


def test_added_and_deleted_files_have_one_side():
    added = "diff --git a/n b/n\nnew file mode 100644\n--- /dev/null\n+++ b/n\n@@ -0,0 +1 @@\n+x\n"
    deleted = "diff --git a/n b/n\ndeleted file mode 100644\n--- a/n\n+++ /dev/null\n@@ -1 +0,0 @@\n-x\n"
    files = [*(side_by_side(added) or ()), *(side_by_side(deleted) or ())]
    assert [(file.kind, file.added, file.removed) for file in files] == [("added", 1, 0), ("deleted", 0, 1)]


def test_what_cannot_be_laid_out_is_left_to_be_shown_as_it_is():
    assert side_by_side("--- a/x\n+++ b/x\n@@ -1,9 +1 @@\n-x\n") is None
    assert side_by_side("+x\n" * (MOST_LINES + 1)) is None
    assert side_by_side("") == ()
