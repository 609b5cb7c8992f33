"""Each defence of the trusted test run, switched off on a copy: the test that is about it must fail."""

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
OFF: dict[str, tuple[tuple[str, str, str], str]] = {
    "tests are the base's": (
        ("testing/trees.py", "left_out = self.material | self.helpers", "left_out = self.helpers"),
        "test_cheats.py::test_tests_and_settings_are_the_base_s[weakens the assertion]",
    ),
    "settings are the base's": (
        ("testing/material.py", "    return name in _SETTINGS or", "    return False and"),
        "test_cheats.py::test_tests_and_settings_are_the_base_s[adds a conftest.py that patches]",
    ),
    "settings of the tree are not read": (
        ("inside/testrun/worker.py", '*("-c", os.devnull, "-q"', '*("-q", "-q"'),
        "test_settings.py::test_settings_that_could_hide_tests_are_not_kept",
    ),
    "the static look": (
        ("inside/testrun/suspects.py", "*(each for each in found if", "*(each for each in () if"),
        "test_cheats.py::test_what_no_service_needs_is_tampering[walks the heap]",
    ),
    "the static look at hooks": (
        ("inside/testrun/suspects.py", "list(hooks(ast.parse(after))) if test else []", "list(hooks(ast.Module([], [])))"),
        "test_cheats_of_own_tests.py::test_own_tests_that_steer_pytest_are_refused[pytest.Item]",
    ),
    "a run tells of its own files": (
        ("testing/box.py", "    if not others:\n", "    if True:\n"),
        "test_cheats_of_own_tests.py::test_own_tests_that_report_under_another_s_name[1]",
    ),
    "own tests run plainly apart": (
        ("inside/testrun/pytest_plain.py", "for path in plan[\"apart\"]", "for path in ()"),
        "test_cheats_of_own_tests.py::test_own_tests_do_not_run_beside_the_base_s_where_pytest_is_plain",
    ),
    "events that nobody rewrites": (
        ("inside/testrun/worker.py", "encode(event).encode()", "__import__('json').dumps(event).encode()"),
        "test_cheats_of_own_tests.py::test_what_is_told_of_a_test_is_not_rewritten_on_its_way[1]",
    ),
    "Node's tests run plainly": (
        ("inside/testrun/plain.py", 'for path in plan["node_files"]:', "for path in ():"),
        "test_node.py::test_a_new_test_that_passes_in_the_box_alone_has_not_passed[what assert is]",
    ),
    "what comes after a test of Node": (
        ("inside/testrun/node_plain.py", "failed |= ends.keys()", "pass"),
        "test_node.py::test_what_the_box_alone_keeps_from_failing_is_lost",
    ),
    "the static look at operators": (
        ("inside/testrun/suspects.py", "{*look.found, *pretence.found}", "set(look.found)"),
        "test_cheats.py::test_what_no_service_needs_is_tampering[is nearly equal]",
    ),
    "the static look knows encodings": (
        ("inside/testrun/suspects.py", 'if _encoding(after) != "utf-8":', "if False:"),
        "test_forgeries.py::test_source_in_an_encoding_that_hides_it",
    ),
    "the static look at patterns": (
        ("inside/testrun/look.py", "for name in node.kwd_attrs:", "for name in ():"),
        "test_forgeries.py::test_a_way_around_the_static_look[a class pattern]",
    ),
    "the look at data": (
        ("testing/trees.py", 'if not path.endswith((".md", ".rst"))', 'if path.endswith(".py")'),
        "test_forgeries.py::test_templates_and_settings_that_call",
    ),
    "names of installed packages": (
        ("inside/testrun/supervisor.py", "if name in sys.stdlib_module_names or installed(name):", "if False:"),
        "test_cheats.py::test_a_module_under_another_s_name_is_refused[redis/__init__.py]",
    ),
    "installed packages first": (
        ("inside/testrun/imports.py", "return self._places if name in self._installed else None", "return None"),
        "test_forgeries.py::test_an_installed_package_keeps_its_name",
    ),
    "imports are as they were": (
        ("inside/testrun/imports.py", "if stamp != self._stamps.get(file):", "if False:"),
        "test_forgeries.py::test_code_that_is_written_and_then_imported",
    ),
    "no compiled files": (
        ("inside/testrun/imports.py", 'if file.endswith(".py"):', "if False:"),
        "test_forgeries.py::test_a_compiled_file_beside_the_source_is_not_looked_at",
    ),
    "tests come from memory": (
        ("inside/testrun/imports.py", "if file in self._from_memory:", "if False:"),
        "test_cheats_at_run_time.py::test_a_test_that_is_rewritten_before_it_is_collected",
    ),
    "the running test has no name": (
        ("inside/testrun/worker.py", "    _pytest.runner._update_current_test_var = say_nothing", "    pass"),
        "test_cheats_at_run_time.py::test_a_trick_that_comes_to_nothing[reads the running test's name]",
    ),
    "the trail of a test": (
        ("inside/testrun/evidence.py", "not any(trail.complete(words) for trail in trails)", "False"),
        "test_cheats_at_run_time.py::test_a_trick_that_is_seen_through[empties one test]",
    ),
    "canaries": (
        ("inside/testrun/evidence.py", "message != planned.telling.get(name, message)", "False"),
        "test_cheats_at_run_time.py::test_a_trick_that_is_seen_through[neuters unittest]",
    ),
    "twins": (
        ("testing/bench.py", "if self._twins and trees.changes_code", "if False"),
        "test_cheats_at_run_time.py::test_an_object_that_equals_everything_gives_itself_away_in_the_twins",
    ),
    "twins doubt claims one by one": (
        ("testing/doubted.py", "for claim in outcome.held", "for claim in ()"),
        "test_forgeries.py::test_a_number_that_is_near_enough",
    ),
    "twins fail at their end": (
        ("inside/testrun/evidence.py", 'if status == "failed" and ends and ends.isdisjoint(words):', "if False:"),
        "test_forgeries_of_witnesses.py::test_a_twin_that_is_ended_before_the_claim_that_tells",
    ),
    "each that passed has a twin": (
        ("testing/doubted.py", 'if status != "failed"', "if False"),
        "test_forgeries_of_witnesses.py::test_a_twin_that_is_killed[raise KeyboardInterrupt]",
    ),
    "a claim excuses itself alone": (
        ("testing/doubted.py", "sorted(_odd(run, expected) - known)}", "sorted(_odd(run, expected)) if node not in dict(known)}"),
        "test_forgeries_of_witnesses.py::test_one_claim_that_always_holds_excuses_no_other",
    ),
    "the files of the tests stay as they are": (
        ("inside/testrun/kept.py", "self._mark(path) != mark", "False"),
        "test_forgeries_of_witnesses.py::test_a_file_of_the_tests_that_is_changed_while_they_run[a test]",
    ),
    "what tests compare with is theirs": (
        ("testing/overlap.py", "*_base_test_imports(trees), ", ""),
        "test_forgeries_of_witnesses.py::test_code_that_imports_what_the_tests_compare_with[beside the tests]",
    ),
    "what plain pytest cannot collect": (
        ("testing/plainly.py", "_uncollected(plain) - _uncollected(plain_before) if held", "() if held"),
        "test_forgeries_of_witnesses.py::test_a_file_that_stops_plain_pytest[two modules of code by one name, like a test's]",
    ),
    "parts that ran must run again": (
        ("testing/vacuous.py", "*(had.parts.keys() - outcome.parts.keys())", "*()"),
        "test_forgeries.py::test_a_loop_over_nothing",
    ),
    "claims of each of nothing": (
        ("testing/vacuous.py", "idle.get(_function(node), frozenset())", "()"),
        "test_fewer_claims.py::test_a_test_that_failed_and_now_claims_something_of_nothing[a loop]",
    ),
    "fewer claims than on the base": (
        ("testing/judge.py", '"fewer": fewer(before, after)', '"fewer": ()'),
        "test_fewer_claims.py::test_fewer_claims_than_on_the_base_are_to_be_looked_at[1]",
    ),
    "claims that a test can pass without": (
        ("inside/testrun/claims.py", "return node if id(node) in self._plain else self._heard(node)", "return node"),
        "test_forgeries_of_claims.py::test_a_claim_that_held_on_the_base_is_not_made[a branch]",
    ),
    "what a claim says of each": (
        ("inside/testrun/claims.py", "            node.elt = self._heard(node.elt, repeated=node is self._of_each)", "            pass"),
        "test_forgeries_of_claims.py::test_a_claim_that_held_on_the_base_is_not_made[what is said of each]",
    ),
    "claims of helpers": (
        ("inside/testrun/supervisor.py", '(*files, *self.plan["helpers"])', "files"),
        "test_forgeries_of_helpers.py::test_a_claim_of_a_helper_that_is_not_made[a fake of conftest is not called]",
    ),
    "claims that are made for several tests": (
        ("testing/vacuous.py", "*silent.intersection(had.shared)", "*()"),
        "test_forgeries_of_helpers.py::test_a_claim_that_is_made_for_several_tests_is_missed_in_one_of_them",
    ),
    "claims that fail unheard": (
        ("testing/judge.py", "if _escaped(node, before, after)", "if False"),
        "test_forgeries_of_helpers.py::test_a_claim_of_a_helper_that_fails_and_is_not_heard[by an except]",
    ),
    "claims that fail in a task": (
        ("inside/testrun/escapes.py", 'if "/asyncio/events.py" in file:', "if False:"),
        "test_forgeries_of_helpers.py::test_a_claim_of_a_helper_that_fails_and_is_not_heard[in a task]",
    ),
    "claims that are made while tests are collected": (
        ("inside/testrun/evidence.py", "    _share_early(planned, judged, early)\n", ""),
        "test_forgeries_of_givens.py::test_what_code_hands_to_its_tests_is_not_changed_with_it[a claim of the module]",
    ),
    "what a test is given": (
        ("inside/testrun/evidence.py", 'if event.get("given"):', "if False:"),
        "test_forgeries_of_givens.py::test_what_code_hands_to_its_tests_is_not_changed_with_it[parameters with names]",
    ),
    "fixtures in the service's own folders": (
        ("testing/trees.py", "*self._plug_ins(plain | set(self.base_tests))", ""),
        "test_forgeries_of_givens.py::test_a_fixture_outside_of_the_tests_is_the_base_s[by what it holds]",
    ),
    "what lies beside the tests has no double": (
        ("testing/overlap.py", ", *_shadows(trees))", ")"),
        "test_forgeries_of_paths.py::test_a_new_module_by_the_name_of_what_lies_beside_the_tests[a module]",
    ),
    "what lies beside the tests comes first": (
        ("inside/testrun/imports.py", "if name in self._beside_tests:", "if False:"),
        "test_forgeries_of_paths.py::test_what_lies_beside_the_tests_comes_first_whatever_code_puts_in_front",
    ),
    "folders of tests stay what they are": (
        ("testing/trees.py", 'if parts[-1] == "__init__.py" and', "if False and"),
        "test_forgeries_of_paths.py::test_a_folder_of_tests_that_becomes_a_package_does_so_after_the_run",
    ),
    "warnings that are errors": (
        ("testing/settings.py", " xfail_strict filterwarnings", " xfail_strict"),
        "test_forgeries_of_paths.py::test_a_warning_that_the_base_makes_an_error[a filter]",
    ),
    "code does not lean on what is overruled": (
        ("testing/judge.py", "after.problem or why", "after.problem"),
        "test_forgeries_of_paths.py::test_code_that_uses_a_file_of_the_tests_which_the_patch_changes[data of the tests]",
    ),
    "settings above the service": (
        ("testing/paths.py", 'path.startswith("services/") and path.count("/") == 1', 'path == "services/__init__.py"'),
        "test_plain.py::test_settings_above_the_service_hold",
    ),
    "a plain run": (
        ("testing/bench.py", "orders.plainly() if runs > 1 else None", "None"),
        "test_plain.py::test_a_module_that_only_the_box_finds[2]",
    ),
    "conditions within a claim": (
        ("inside/testrun/claims.py", "        node.ifs[:1] = map(self._heard, node.ifs[:1])\n", ""),
        "test_forgeries_of_claims.py::test_a_claim_that_held_on_the_base_is_not_made[the condition of a list]",
    ),
    "what a claim says of something if it is there": (
        ("inside/testrun/claims.py", "any(map(_asks_for_nothing, node.values[:-1]))", "False"),
        "test_forgeries_of_claims.py::test_a_claim_that_held_on_the_base_is_not_made[what comes after `or`]",
    ),
    "a choice within a claim": (
        ("inside/testrun/claims.py", "        node.body, node.orelse = self._heard(node.body), self._heard(node.orelse)\n", ""),
        "test_forgeries_of_claims.py::test_a_claim_that_held_on_the_base_is_not_made[one of two]",
    ),
    "a block that must raise among others": (
        ("inside/testrun/instrument.py", "isinstance(node, ast.With) and must", "isinstance(node, ast.With) and len(node.items) == 1 and must"),
        "test_forgeries_of_claims.py::test_a_block_that_swallows_what_should_have_been_raised",
    ),
    "new tests lie beside the code": (
        ("testing/trees.py", "if new_tests or self._lies_by(path)", "if new_tests"),
        "test_forgeries_of_claims.py::test_code_that_counts_files_sees_the_new_tests_too[all files]",
    ),
    "code has no need of new tests": (
        ("testing/orders.py", "list(overlaps(self._trees))", "list[tuple[str, str]]()"),
        "test_forgeries_of_claims.py::test_code_that_imports_what_comes_with_the_new_tests[a folder of tests by its other name]",
    ),
    "who looks at frames is watched": (
        ("inside/testrun/frames.py", "    sys.addaudithook(hook)", "    pass"),
        "test_cheats_at_run_time.py::test_a_trick_that_is_seen_through[looks at its caller]",
    ),
    "the supervisor cannot be opened": (
        ("inside/testrun/process.py", "        libc.prctl(_SET_DUMPABLE, 0, 0, 0, 0)", "        pass"),
        "test_cheats_at_run_time.py::test_a_trick_that_comes_to_nothing[reads the supervisor's descriptors]",
    ),
    "what was not heard of is missing": (
        ("testing/judge.py", "for node in gone if not _is_file(node)", "for node in ()"),
        "test_cheats.py::test_fewer_parameters_are_missing_tests",
    ),
    "the origin of modules": (
        ("testing/judge.py", "    if verdict.stray:", "    if False:"),
        "test_cheats.py::test_the_wrong_tree_is_noticed_on_the_base_too",
    ),
    "every run counts": (
        ("testing/merge.py", "worst = min(outcomes", "worst = max(outcomes"),
        "test_cheats.py::test_a_flaky_test_can_only_lose",
    ),
    "new tests may not do everything": (
        ("inside/testrun/suspects.py", "if not test or each.detail in DENIED_TO_TESTS", "if not test"),
        "test_cheats.py::test_new_tests_may_not_reach_into_the_interpreter",
    ),
    "lines of Node that we did not write": (
        ("inside/testrun/node_run.py", "        if said != word:", "        if False:"),
        "test_node.py::test_a_lie_is_not_green[writes another's lines]",
    ),
    "canaries of Node": (
        ("inside/testrun/evidence.py", 'if status != "failed" or', 'if False and status != "failed" or False and'),
        "test_node.py::test_a_lie_is_not_green[neuters assert]",
    ),
    "the reporter of Node listens once": (
        ("inside/testrun/node/reporter.mjs", "  if (calls > 1) return;", ""),
        "test_node.py::test_the_reporter_listens_to_node_alone",
    ),
    "twins of Node": (
        ("inside/testrun/node/claims.cjs", "turned ? turnedAround : counted", "counted"),
        "test_node.py::test_a_forged_stream_gives_itself_away_in_the_twins",
    ),
    "claims of Node": (
        ("inside/testrun/node/claims.cjs", "    count(test, where);\n    return answer;", "    return answer;"),
        "test_node_claims.py::test_a_test_that_makes_no_claim_any_more[1-a member]",
    ),
    "calls of assert itself": (
        ("inside/testrun/supervisor.py", "        node_run.hear_calls(plan)\n", ""),
        "test_node_claims.py::test_a_test_that_makes_no_claim_any_more[1-a call]",
    ),
    "claims of Node are the tests'": (
        ("inside/testrun/node/claims.cjs", "    if (!aside) {", "    if (!aside && files[file] !== undefined) {"),
        "test_node_claims.py::test_claims_are_heard_however_they_are_made",
    ),
    "lines of Node hold what they hold": (
        ("inside/testrun/node/reporter.mjs", "plain(name)", "name"),
        "test_node_claims.py::test_a_name_that_looks_like_the_channel_s_own_lines",
    ),
}  # fmt: skip


@pytest.fixture(scope="module")
def copy(new_copy: Callable[..., Any]) -> Any:
    """The source of this room and these tests, where every test that is named above passes."""
    return new_copy(TESTS, SOURCE)


@pytest.mark.parametrize("defence", OFF)
def test_a_defence_that_is_off_is_noticed(copy: Any, defence: str) -> None:
    (name, text, instead), test = OFF[defence]
    on = copy.run(test)
    assert on.returncode == 0, on.stdout
    copy.is_needed([(f"sandbox/{name}", text, instead)], test)
