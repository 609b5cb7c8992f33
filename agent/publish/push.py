"""The branch to a remote of the target: this one ref, never by force, and no hook of anybody runs here.

    PushError
    ├── PushRefused      the remote, the credentials or the history say no: a person has to act
    │   ├── BaseMissing    the remote lacks what the branch is on
    │   └── RemoteMissing  there is no such remote
    └── PushUnavailable  may work later

The rest of our git is deaf to the user's configuration. A push is not, on purpose: what a remote
asks for (credential helpers, ssh keys and commands, rewritten URLs, proxies, certificates) is
known to the user's and the checkout's configuration alone. Hooks are still off: a `pre-push` hook
is code of the checkout that may run tests for minutes, write files or ask questions.
"""

from __future__ import annotations

import os
import re
from collections.abc import Mapping
from dataclasses import dataclass

from sandbox.git import GitError, git
from sandbox.process import Completed, Limits, ProcessError, run
from sandbox.target import Target
from tools.redact import Redactor

PUSH_S = 120.0
LOOK_S = 30.0
CONFIGURED = "autohealer-publishes"
"""The name that the remote goes by in a push: one without refspecs, so that no other ref is written."""

_SETTINGS = (
    "core.hooksPath=/dev/null",
    "core.fsmonitor=false",
    "gc.auto=0",
    "maintenance.auto=false",
    "push.followTags=false",
    "push.gpgSign=false",
    "push.recurseSubmodules=no",
    "push.pushOption=",
)
_OF_A_REPOSITORY = re.compile(
    r"GIT_(?:DIR|WORK_TREE|COMMON_DIR|INDEX_FILE|OBJECT_DIRECTORY|ALTERNATE_OBJECT_DIRECTORIES|NAMESPACE|CONFIG"
    r"|CONFIG_PARAMETERS|GRAFT_FILE|SHALLOW_FILE|REPLACE_REF_BASE|NO_REPLACE_OBJECTS|PREFIX|IMPLICIT_WORK_TREE"
    r"|CEILING_DIRECTORIES|TRACE\w*|QUARANTINE_PATH)"
)
_LATER = re.compile(
    r"could not resolve|temporary failure|connection (?:reset|refused|timed out|closed)|timed out|early EOF"
    r"|hung up unexpectedly|returned error: 5\d\d|HTTP 5\d\d|failed to connect|RPC failed|unreachable"
    r"|couldn't connect|cannot lock ref",
    re.IGNORECASE,
)
_CREDENTIALS = re.compile(
    r"authentication failed|could not read (?:username|password)|permission (?:denied|to )|access denied"
    r"|returned error: 40[13]|terminal prompts disabled|host key verification|not allowed to push",
    re.IGNORECASE,
)


class PushError(Exception):
    """The branch is not on the remote; the message says what is missing."""


class PushRefused(PushError):
    """Pushing again will not help before a person has done something."""


class BaseMissing(PushRefused):
    """The remote lacks the commit that the branch is on; a person has to push that first."""


class RemoteMissing(PushRefused):
    """The target has no remote of the name."""


class PushUnavailable(PushError):
    """Pushing again may help; nothing can be doubled by it."""


@dataclass(frozen=True, slots=True)
class Remote:
    """A remote of the target. `urls` are as configured; they may hold credentials and are not to be shown."""

    name: str
    urls: tuple[str, ...]
    for_pushing: bool


def remote_named(target: Target, name: str) -> Remote:
    """The remote of this name.

    Raises:
        RemoteMissing: the target has none of the name.
    """
    for key in ("pushurl", "url"):
        done = _user_git(target, "config", "--get-all", f"remote.{name}.{key}", wall_s=LOOK_S)
        urls = tuple(done.stdout.decode("utf-8", "surrogateescape").splitlines())
        if done.returncode == 0 and urls:
            return Remote(name, urls, key == "pushurl")
    raise RemoteMissing(f"the repository has no remote {name!r}: `git remote -v` lists them")


def push(target: Target, remote: Remote, commit: str, ref: str) -> None:
    """Push one commit to one ref of the remote. Harmless when it is there already.

    Raises:
        PushRefused: it was rejected, or the credentials do not do.
        PushUnavailable: no connection, or it took too long.
    """
    argv = ("push", "--porcelain", "--no-verify", "--no-follow-tags", CONFIGURED, f"{commit}:{ref}")
    done = _user_git(target, *argv, wall_s=PUSH_S, remote=remote)
    if done.returncode != 0:
        raise _fault(remote, done)


def is_on_remote(target: Target, remote: Remote, commit: str) -> bool:
    """Whether the remote has this commit, so that a branch on it brings one commit of ours and no other.

    Raises:
        PushRefused, PushUnavailable: the remote had to be asked and did not answer.
    """
    if _containing(target, commit, f"refs/remotes/{remote.name}/"):
        return True
    done = _user_git(target, "ls-remote", "--refs", CONFIGURED, wall_s=LOOK_S, remote=remote)
    if done.returncode != 0:
        raise _fault(remote, done)
    tips = [line.split("\t")[0] for line in done.stdout.decode("utf-8", "replace").splitlines()]
    return commit in tips or not _lacks(target, commit, tips)


def branch_with(target: Target, commit: str) -> str | None:
    """The local branch by which a person pushes a commit: the one checked out, else any that is not ours."""
    try:
        holding = [name for name in _containing(target, commit, "refs/heads/") if "/autoheal/" not in name]
        head = git(target.git_dir, "rev-parse", "--symbolic-full-name", "HEAD").decode().strip()
    except GitError:
        return None
    found = head if head in holding else next(iter(holding), "")
    return found.removeprefix("refs/heads/") or None


def _containing(target: Target, commit: str, prefix: str) -> list[str]:
    told = git(target.git_dir, "for-each-ref", "--format=%(refname)", f"--contains={commit}", prefix)
    return told.decode("utf-8", "surrogateescape").splitlines()


def _lacks(target: Target, commit: str, tips: list[str]) -> bool:
    """Whether none of the tips that are known here contains the commit."""
    asked = "".join(f"{line}\n" for line in (commit, *(f"^{tip}" for tip in tips)))
    try:
        left = git(
            target.git_dir, "rev-list", "--max-count=1", "--ignore-missing", "--stdin", stdin=asked.encode()
        )
    except GitError:
        return True
    return bool(left.strip())


def _user_git(target: Target, *args: str, wall_s: float, remote: Remote | None = None) -> Completed:
    settings = [word for setting in _SETTINGS for word in ("-c", setting)]
    argv = ["git", f"--git-dir={target.git_dir}", *settings, *args]
    try:
        limits = Limits(wall_s=wall_s, cpu_s=600, memory_mb=16_384, file_mb=8_192)
        return run(argv, env=_environment(os.environ, remote), cwd=target.git_dir, limits=limits)
    except ProcessError as error:
        raise PushRefused(f"git could not be started: {error}") from error


def _environment(environment: Mapping[str, str], remote: Remote | None) -> dict[str, str]:
    """The user's, without what would name another repository; the remote's URLs stay off the command line."""
    kept = {name: value for name, value in environment.items() if not _OF_A_REPOSITORY.fullmatch(name)}
    kept |= {
        "LC_ALL": "C",
        "GIT_TERMINAL_PROMPT": "0",
        "GIT_ALLOW_PROTOCOL": "file:http:https:ssh",
        "GIT_NO_LAZY_FETCH": "1",
    }
    if remote is not None:
        counted = kept.get("GIT_CONFIG_COUNT", "")
        number = int(counted) if counted.isdigit() else 0
        key = f"remote.{CONFIGURED}.{'pushurl' if remote.for_pushing else 'url'}"
        for place, url in enumerate(remote.urls, start=number):
            kept |= {f"GIT_CONFIG_KEY_{place}": key, f"GIT_CONFIG_VALUE_{place}": url}
        kept["GIT_CONFIG_COUNT"] = str(number + len(remote.urls))
    return kept


def _fault(remote: Remote, done: Completed) -> PushError:
    if done.timed_out:
        return PushUnavailable(f"{remote.name} did not answer within {done.seconds:.0f} s")
    text = done.stderr.decode("utf-8", "replace")
    rejected = [line for line in done.stdout.decode("utf-8", "replace").splitlines() if line.startswith("!")]
    words = " ".join(" ".join([*rejected, *_telling(text)]).split())
    for url in remote.urls:
        words = words.replace(url, remote.name)
    told = Redactor()(words)[:600] or f"git ended with {done.returncode}"
    if _CREDENTIALS.search(text):
        return PushRefused(f"no credentials that {remote.name} accepts: {told}")
    if _LATER.search(text):
        return PushUnavailable(f"{remote.name} cannot be reached: {told}")
    return PushRefused(f"{remote.name} does not take the branch: {told}")


def _telling(stderr: str) -> list[str]:
    """The lines that say why, without git's advice."""
    lines = [line for line in stderr.splitlines() if not line.startswith("hint:") and line.strip()]
    return [line.removeprefix("fatal: ").removeprefix("error: ") for line in lines[-8:]]
