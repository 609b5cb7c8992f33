"""Each defence of the gate, switched off on a copy: the tests that name it must fail.

A test that passes with and without the rule it is about says nothing.
"""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

import sandbox

pytestmark = pytest.mark.slow

SOURCE = Path(sandbox.__file__).parent
TESTS = Path(__file__).parent

# What is switched off: (file, text, what stands there instead), and the test that must notice.
OFF: dict[str, tuple[list[tuple[str, str, str]], str]] = {
    "whole components are compared": (
        [("scope.py", 'components[:2] != ("services", service)', 'not path.startswith(f"services/{service}")')],
        "test_scope.py::test_a_path_that_no_patch_may_write",
    ),
    "git's folder in any spelling": (
        [("scope.py", "if any(_GIT_FOLDER.fullmatch(_plain(part))", 'if any(part == ".git"')],
        "test_scope.py::test_a_path_that_no_patch_may_write",
    ),
    "absolute paths": (
        [("scope.py", 'if path.startswith(("/", "\\\\", "~"))', "if False")],
        "test_scope.py::test_a_path_that_no_patch_may_write",
    ),
    "dots in paths": (
        [("scope.py", 'if any(part in ("", ".", "..") for part in components):', "if False:")],
        "test_scope.py::test_a_path_that_no_patch_may_write",
    ),
    "odd characters in paths": (
        [("scope.py", "if any(c in _FORBIDDEN_CHARACTERS", "if False and any(c in _FORBIDDEN_CHARACTERS")],
        "test_gate_attacks.py::test_a_name_is_judged_in_the_tree_that_a_diff_makes",
    ),
    "files that steer git": (
        [("scope.py", "if _GIT_CONTROL.fullmatch(plain):", "if False:")],
        "test_gate_attacks.py::test_a_name_is_judged_in_the_tree_that_a_diff_makes",
    ),
    "start-up hooks": (
        [("scope.py", "if _STARTUP_HOOK.fullmatch(plain):", "if False:")],
        "test_gate_attacks.py::test_a_name_is_judged_in_the_tree_that_a_diff_makes",
    ),
    "files for secrets": (
        [("scope.py", 'if is_secret("/".join(components)):', "if False:")],
        "test_gate_attacks.py::test_a_name_is_judged_in_the_tree_that_a_diff_makes",
    ),
    "the service's name": (
        [("scope.py", "if not SERVICE_NAME.fullmatch(service):", "if False:")],
        "test_scope.py::test_what_is_no_service_name",
    ),
    "the tree is judged, not the text": (
        [("tree_rules.py", "if check_writable(change.path, service) != change.path:", "if False:")],
        "test_gate_attacks.py::test_a_header_inside_over_file_names_outside",
    ),
    "links above a path": (
        [("tree_rules.py", "if entry.mode in _SPECIAL:", "if False:")],
        "test_gate_attacks.py::test_through_a_tracked_link_to_a_folder",
    ),
    "a service's folder that is a link": (
        [("tree_rules.py", '    _refuse_links_above(f"services/{service}/", listing)\n', "")],
        "test_gate_attacks.py::test_a_service_folder_that_is_itself_a_link",
    ),
    "links and submodules as entries": (
        [("tree_rules.py", "if entry is not None and entry.mode in _SPECIAL:", "if False:")],
        "test_gate_attacks.py::test_a_new_entry_that_is_no_plain_file",
    ),
    "new executables": (
        [("tree_rules.py", "if change.added and mode == EXECUTABLE:", "if False:")],
        "test_gate_attacks.py::test_a_new_entry_that_is_no_plain_file",
    ),
    "changed modes": (
        [("tree_rules.py", "(not change.added and mode != change.old.mode)", "False")],
        "test_gate_attacks.py::test_a_mode_that_changes",
    ),
    "names that collide": (
        [("tree_rules.py", "if other != part and part not in present:", "if False:")],
        "test_gate_attacks.py::test_a_name_that_collides_or_hides_another",
    ),
    "modules that hide others": (
        [("tree_rules.py", "if module not in _IMPORTED_FIRST or", "if True or")],
        "test_gate_attacks.py::test_a_name_that_collides_or_hides_another",
    ),
    "where a copy comes from": (
        [("patch.py", "for match in _MOVE_LINE.finditer(diff):", "for match in ():")],
        "test_gate_attacks.py::test_a_copy_of_a_file_outside_the_service",
    ),
    "binary patches before they are unpacked": (
        [("patch.py", "if _BINARY_LINE.search(diff):", "if False:")],
        "test_gate_attacks.py::test_a_binary_patch",
    ),
    "binary content": (
        [("review.py", 'if text.new is not None and b"\\0" in text.new:', "if False:")],
        "test_gate_attacks.py::test_a_binary_patch",
    ),
    "the cap on files": (
        [("caps.py", "if len(paths) > MOST_FILES or", "if"), ("caps.py", "    if files > MOST_FILES:\n", "    if False:\n"),
         ("caps.py", "    if files > MOST_FILES:\n", "    if False:\n")],
        "test_gate_attacks.py::test_too_many_files",
    ),
    "the cap on lines": (
        [("caps.py", "    if lines > MOST_LINES:", "    if False:")],
        "test_gate_attacks.py::test_too_many_lines",
    ),
    "the cap on lines before a diff is read": (
        [("caps.py", "    if written > MOST_LINES:", "    if False:"), ("caps.py", "    if lines > MOST_LINES:", "    if False:")],
        "test_gate_attacks.py::test_too_many_lines",
    ),
    "the cap on bytes": (
        [("caps.py", "    if size > MOST_BYTES:", "    if False:")],
        "test_gate_attacks.py::test_too_large",
    ),
    "long lines": (
        [("review.py", "if any(len(line) > _LONGEST_LINE for line in lines):", "if False:")],
        "test_gate_attacks.py::test_a_line_that_nobody_can_review",
    ),
    "endless imports": (
        [("review.py", 'if text.path.endswith(".py") and _has_endless_import(text.new or b""):', "if False:")],
        "test_gate_attacks.py::test_a_name_that_python_takes_a_minute_to_read",
    ),
    "text in another order": (
        [("review.py", "if _BIDI.search(added):", "if False:")],
        "test_gate_attacks.py::test_text_that_shows_in_another_order",
    ),
    "control characters": (
        [("review.py", "if _CONTROL.search(added) or _lone_crs(text.new) > _lone_crs(text.old):", "if False:")],
        "test_gate_attacks.py::test_text_that_a_terminal_would_obey",
    ),
    "secrets": (
        [("review.py", "    if rules:", "    if False:")],
        "test_gate_attacks.py::test_a_secret_among_the_added_lines",
    ),
    "code that looks for tests": (
        [("review.py", 'if "detects-tests" in gained:', "if False:")],
        "test_gate_attacks.py::test_code_that_looks_whether_it_is_tested",
    ),
    "restores by id only": (
        [("history.py", "if not _COMMIT.fullmatch(commit):", "if False:")],
        "test_gate_attacks.py::test_a_restore_from_what_is_no_commit_of_the_history",
    ),
    "restores from the history only": (
        [("history.py", '"--is-ancestor", found, start.base', '"--is-ancestor", found, found')],
        "test_gate_attacks.py::test_a_restore_from_a_commit_that_is_not_in_the_history",
    ),
    "one match only": (
        [("edits.py", "if plain.find(search, start + 1) >= 0:", "if False:")],
        "test_patch.py::test_a_search_that_is_there_twice",
    ),
    "the branch is judged again": (
        [("branch.py", "    recheck(repo, patch)\n", "")],
        "test_branch.py::test_a_patch_that_nobody_judged",
    ),
    "the branch by compare-and-swap": (
        [("branch.py", ', commit, "0" * len(commit)', ", commit"), ("branch.py", "    _refuse_taken(repo, ref)\n    commit", "    commit")],
        "test_branch.py::test_a_taken_name_is_never_moved",
    ),
    "the branch's name": (
        [("branch.py", "if match is None or", "if match is not None and")],
        "test_branch.py::test_a_name_that_no_branch_of_ours_has",
    ),
    "objects belong to the target's owner": (
        [("branch.py", "        _hand_over(repo.located, new, ref)\n", "        pass\n")],
        "test_branch.py::test_what_root_writes_belongs_to_the_targets_owner",
    ),
    "no hooks": (
        [("git.py", '    "core.hooksPath=/dev/null",\n', "")],
        "test_gate_targets.py::test_a_target_is_left_as_it_was_but_for_one_branch[booby_trapped]",
    ),
    "no reflog": (
        [("git.py", '    "core.logAllRefUpdates=false",\n', "")],
        "test_branch.py::test_no_reflog_and_nothing_but_objects_and_the_ref",
    ),
    "its own environment": (
        [("git.py", "env={**_environment(), **(env or {})},", "env={**os.environ, **_environment(), **(env or {})},")],
        "test_git.py::test_the_callers_environment_does_not_reach_it",
    ),
    "no fetching": (
        [("git.py", '        "GIT_ALLOW_PROTOCOL": "",\n', ""), ("git.py", '    "protocol.allow=never",\n', "")],
        "test_git.py::test_nothing_is_fetched",
    ),
    "links that lead out": (
        [("tree.py", "if mode == SYMLINK and _stays_inside(path, content):", "if mode == SYMLINK:")],
        "test_worktree.py::test_a_link_that_could_lead_out_becomes_a_file",
    ),
    "trees that lead out": (
        [("tree.py", 'if any(part in ("", ".", "..") or part.lower() == ".git" for part in parts):', "if False:")],
        "test_worktree.py::test_a_tree_that_no_git_would_make",
    ),
    "trees with a link and a folder of one name": (
        [("tree.py", "if any(parent in listing for parent in parents):", "if False:")],
        "test_worktree.py::test_a_tree_with_a_link_and_a_folder_of_one_name",
    ),
    "what a folder holds is looked at": (
        [("slot.py", "if row[2:] == found[path]", "if True"), ("slot.py", "found.keys() == recorded.keys()", "True")],
        "test_worktree.py::test_what_somebody_did_to_a_folder_is_undone",
    ),
    "a slot is locked": (
        [("pool.py", "        fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)\n    except", "        pass\n    except")],
        "test_worktree.py::test_a_folder_is_for_one_user_at_a_time_and_the_pool_is_bounded",
    ),
    "the pool is ours alone": (
        [("pool.py", "    if not _is_ours(root):", "    if False:")],
        "test_worktree.py::test_a_pool_that_others_may_enter_is_not_used",
    ),
}  # fmt: skip


@pytest.fixture(scope="module")
def copy(new_copy: Callable[..., Any]) -> Any:
    """The source of this room and these tests, as they are: there the tests pass."""
    copy = new_copy(TESTS, SOURCE)
    done = copy.run("", "-m", "not slow")
    assert done.returncode == 0, done.stdout
    return copy


@pytest.mark.parametrize("defence", OFF)
def test_a_defence_that_is_off_is_noticed(copy: Any, defence: str) -> None:
    changes, test = OFF[defence]
    copy.is_needed([(f"sandbox/{name}", text, instead) for name, text, instead in changes], test)
