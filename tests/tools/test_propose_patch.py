"""propose_patch as the model meets it: arguments, answers, refusals."""

from __future__ import annotations

import json
from dataclasses import dataclass, field
from pathlib import Path

import pytest
from pydantic import ValidationError

from sandbox.patch import Patch
from sandbox.worktree import PrivateRepository
from tools.incident import IncidentFolder
from tools.propose_patch import ProposePatch
from tools.redact import Redactor
from tools.repository import Repository
from tools.tool import RESULT_CHARACTERS, ToolError, Workbench

MAIN = "services/vigil/main.py"
NOTHING = {"search": None, "replace": None, "restore": None, "delete": None}


@dataclass
class Told:
    """What a replay answers with."""

    text: str = "replay::boots_and_beats passed"


@dataclass
class Boots:
    """A replay that says the same of every patch."""

    seen: list[Patch] = field(default_factory=list)

    def of(self, patch: Patch) -> Told:
        self.seen.append(patch)
        return Told()


@pytest.fixture
def bench(marketswarm, tmp_path: Path) -> Workbench:
    return Workbench(
        IncidentFolder(tmp_path / "incident"),
        "vigil",
        Repository(marketswarm.path, marketswarm.git("rev-parse", "HEAD")),
        PrivateRepository(marketswarm.path, tmp_path / "state"),
        Redactor(["hunter2-vigil"]),
    )


def propose(bench: Workbench, *edits: dict[str, object]) -> str:
    """The answer to a call with these arguments, as a model would send them."""
    arguments = json.dumps({"edits": [NOTHING | edit for edit in edits], "reason": "it crashed"})
    return ProposePatch.model_validate_json(arguments).answer(bench)


def refused(bench: Workbench, *edits: dict[str, object]) -> str:
    with pytest.raises(ToolError) as caught:
        propose(bench, *edits)
    return str(caught.value)


def test_a_good_proposal(bench: Workbench) -> None:
    answer = propose(bench, {"path": MAIN, "search": "print('on')", "replace": "print('off')"})
    assert bench.patch is not None
    assert bench.patch.files[0].path == MAIN
    assert answer.splitlines()[:3] == [
        "In scope: every change is below services/vigil/.",
        f"  modified {MAIN} (+1 -1)",
        "Compiles: 1 Python file.",
    ]
    assert "+    print('off')" in answer


def test_each_proposal_starts_from_the_base_and_replaces_the_last(bench: Workbench) -> None:
    propose(bench, {"path": MAIN, "search": "print('on')", "replace": "print('off')"})
    propose(bench, {"path": MAIN, "search": "print('on')", "replace": "print('out')"})
    assert bench.patch is not None
    assert "+    print('out')" in bench.patch.diff
    assert "off" not in bench.patch.diff


def test_a_refused_proposal_leaves_the_last_one(bench: Workbench) -> None:
    propose(bench, {"path": MAIN, "search": "print('on')", "replace": "print('off')"})
    kept = bench.patch
    message = refused(bench, {"path": "shared/heartbeat.py", "search": "name", "replace": "x"})
    assert message.startswith("Refused by outside-service: 'shared/heartbeat.py' lies outside")
    assert message.endswith("The last accepted proposal still stands.")
    assert bench.patch is kept


def test_a_search_that_fails_shows_the_real_lines(bench: Workbench) -> None:
    message = refused(bench, {"path": MAIN, "search": 'print("on")', "replace": "x"})
    assert message.startswith("Refused by search-not-found")
    assert "|     print('on')" in message


def test_a_file_restored_from_history(bench: Workbench) -> None:
    commit = bench.repository.last_commit_with("services/vigil/intel/filters.py")
    assert commit is not None
    answer = propose(bench, {"path": "services/vigil/intel/filters.py", "restore": commit})
    assert "added services/vigil/intel/filters.py (+2 -0)" in answer


def test_a_new_file_and_a_deletion(bench: Workbench) -> None:
    answer = propose(
        bench,
        {"path": "services/vigil/intel/__init__.py", "replace": ""},
        {"path": "services/vigil/intel/orchestrator.py", "delete": True},
    )
    assert "  added services/vigil/intel/__init__.py (+0 -0)" in answer
    assert "  deleted services/vigil/intel/orchestrator.py (+0 -6)" in answer


def test_what_does_not_compile_is_said_and_kept(bench: Workbench) -> None:
    answer = propose(bench, {"path": MAIN, "search": "print('on')", "replace": "print('on'"})
    assert f"Does NOT compile:\n  {MAIN}:" in answer
    assert "For the reviewer: does-not-parse" in answer
    assert bench.patch is not None


def test_flags_come_with_a_reason(bench: Workbench) -> None:
    guard = "try:\n        print('on')\n    except Exception:\n        pass"
    answer = propose(bench, {"path": MAIN, "search": "print('on')", "replace": guard})
    assert "For the reviewer: broad-except (a broad except is a workaround" in answer
    assert "For the reviewer: swallows-error (" in answer


def test_the_replay_is_asked_and_its_answer_comes_last(bench: Workbench) -> None:
    replay = Boots()
    bench.replay = replay  # type: ignore[assignment]
    answer = propose(bench, {"path": MAIN, "search": "print('on')", "replace": "print('off')"})
    assert answer.endswith("\nreplay::boots_and_beats passed")
    assert replay.seen == [bench.patch]


def test_a_long_diff_is_cut_before_the_replay_is(bench: Workbench) -> None:
    bench.replay = Boots()  # type: ignore[assignment]
    text = "".join(f"value_{number} = '{'x' * 90}'\n" for number in range(400))
    answer = propose(bench, {"path": "services/vigil/new.py", "replace": text})
    assert len(answer) <= RESULT_CHARACTERS
    assert "more lines of the diff" in answer
    assert answer.endswith("passed")


def test_a_secret_does_not_get_in_or_out(bench: Workbench) -> None:
    message = refused(bench, {"path": "services/vigil/n.py", "replace": "PASSWORD = 'hunter2-vigil'\n"})
    assert message.startswith("Refused by secret")
    assert "hunter2" not in message
    placeholder = refused(
        bench, {"path": MAIN, "search": "print('on')", "replace": "x = '[REDACTED:api_key]'"}
    )
    assert "stands for a secret" in placeholder
    assert bench.patch is None


def test_the_gate_that_cannot_work(bench: Workbench) -> None:
    bench.repository.commit = "f" * 40
    assert refused(bench, {"path": MAIN, "delete": True}).startswith("The gate cannot work: git rev-parse")


@pytest.mark.parametrize(
    "arguments",
    [
        {"edits": []},
        {"reason": "x"},
        {"edits": "x", "reason": "x"},
        {"edits": [{"path": MAIN}], "reason": "x"},
        {"edits": [NOTHING | {"path": 1}], "reason": "x"},
        {"edits": [NOTHING | {"path": MAIN, "delete": 1}], "reason": "x"},
        {"edits": [NOTHING | {"path": MAIN, "extra": 1}], "reason": "x"},
        {"edits": [], "reason": "x", "service": "b"},
    ],
)
def test_bad_arguments(arguments: dict[str, object]) -> None:
    with pytest.raises(ValidationError):
        ProposePatch.model_validate_json(json.dumps(arguments))


def test_no_edits_and_null_everything(bench: Workbench) -> None:
    assert "empty-patch" in refused(bench)
    assert "file-exists" in refused(bench, {"path": MAIN})
    assert "path-characters" in refused(bench, {"path": "services/vigil/a\0b", "replace": "x"})


def test_the_schema_is_one_that_strict_endpoints_take() -> None:
    """Every field required, nothing extra, and none of the keywords that such endpoints refuse."""
    schema = ProposePatch.model_json_schema()
    for part in (schema, *schema["$defs"].values()):
        assert set(part["required"]) == set(part["properties"])
        assert part["additionalProperties"] is False
    text = json.dumps(schema)
    assert not any(f'"{word}"' in text for word in ("default", "pattern", "maxLength", "minItems", "oneOf"))
