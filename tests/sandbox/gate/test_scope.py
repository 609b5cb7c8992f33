"""Paths by their name alone."""

from __future__ import annotations

import pytest

from sandbox.scope import Refused, check_readable, check_service, check_writable, folded, is_secret


def rule_of(path: str, service: str = "a") -> str:
    with pytest.raises(Refused) as caught:
        check_writable(path, service)
    assert caught.value.message
    return caught.value.rule


@pytest.mark.parametrize(
    ("path", "rule"),
    [
        ("", "path-form"),
        ("services/a/" + "d/" * 600 + "x.py", "path-form"),
        ("services/a/" + "n" * 256, "path-form"),
        ("services/a/x.py ", "path-form"),
        ("services/a/x.", "path-form"),
        ("/services/a/x.py", "path-absolute"),
        ("C:/services/a/x.py", "path-absolute"),
        ("~/services/a/x.py", "path-absolute"),
        ("\\\\host\\share\\x.py", "path-absolute"),
        ("services/a/../b/x.py", "path-traversal"),
        ("services//a/x.py", "path-traversal"),
        ("services/a/./x.py", "path-traversal"),
        ("services/a/", "path-traversal"),
        ("services\\a\\x.py", "path-characters"),
        ("services/a/x\0.py", "path-characters"),
        ("services/a/x\n.py", "path-characters"),
        ("services/a/x\u202e.py", "path-characters"),
        ("services/a/x.py:stream", "path-characters"),
        ("services/a/\ud800.py", "path-encoding"),
        ("services/a/.git/config", "path-git"),
        ("services/a/.GIT/config", "path-git"),
        ("services/a/.git./config", "path-git"),
        ("services/a/.git /config", "path-git"),
        ("services/a/.g\u200cit/config", "path-git"),
        ("services/a/.git::$INDEX_ALLOCATION/config", "path-git"),
        ("services/a/GIT~1/config", "path-git"),
        ("services/a/sub\\.git\\config", "path-git"),
        ("services/a/\uff0egit/config", "path-git"),
        ("services/ab/main.py", "outside-service"),
        ("services/b/main.py", "outside-service"),
        ("services/A/main.py", "outside-service"),
        ("services/a", "outside-service"),
        ("services/main.py", "outside-service"),
        ("Services/a/main.py", "outside-service"),
        ("shared/heartbeat.py", "outside-service"),
        ("truth/components/a.json", "outside-service"),
        ("scripts/ms-a.sh", "outside-service"),
        ("a/main.py", "outside-service"),
        ("services/a/.gitattributes", "git-control-file"),
        ("services/a/.gitmodules", "git-control-file"),
        ("services/a/GITATT~1", "git-control-file"),
        ("services/a/.env", "secret-file"),
        ("services/a/.env.local", "secret-file"),
        ("services/a/deploy.ENV", "secret-file"),
        ("services/a/server.key", "secret-file"),
        ("services/a/id_rsa", "secret-file"),
        ("services/a/.ssh/config", "secret-file"),
        ("services/a/credentials.json", "secret-file"),
        ("services/a/sitecustomize.py", "startup-hook"),
        ("services/a/intel/usercustomize/__init__.py", "startup-hook"),
        ("services/a/evil.pth", "startup-hook"),
    ],
)
def test_a_path_that_no_patch_may_write(path: str, rule: str) -> None:
    assert rule_of(path) == rule


@pytest.mark.parametrize(
    "path",
    [
        "services/a/main.py",
        "services/a/intel/Größe 2.py",
        "services/a/.gitignore",
        "services/a/environment.py",
        "services/a/credentials.py",
        "services/a/secrets/provider.py",
        "services/a/keys.py",
        "services/a/public/[id].js",
        "services/a/日本.py",
    ],
)
def test_an_ordinary_file_of_the_service_may_be_written(path: str) -> None:
    assert check_writable(path, "a") == path
    assert check_writable(f"./{path}", "a") == path


@pytest.mark.parametrize("service", ["", ".", "..", "a/b", "a b", "-x", "a\n", "ä", "x" * 65, ".git"])
def test_what_is_no_service_name(service: str) -> None:
    with pytest.raises(Refused) as caught:
        check_service(service)
    assert caught.value.rule == "service-name"
    with pytest.raises(Refused):
        check_writable(f"services/{service}/x.py", service)


@pytest.mark.parametrize(
    ("path", "normal"),
    [
        ("services", "services"),
        ("services/a/", "services/a"),
        ("./shared/heartbeat.py", "shared/heartbeat.py"),
        ("truth/mm_node.json", "truth/mm_node.json"),
        ("requirements-dev.txt", "requirements-dev.txt"),
        ("pyproject.toml", "pyproject.toml"),
    ],
)
def test_what_may_be_read(path: str, normal: str) -> None:
    assert check_readable(path) == normal


@pytest.mark.parametrize(
    ("path", "rule"),
    [
        (".env", "secret-file"),
        ("services/b/.env.production", "secret-file"),
        ("scripts/id_ed25519", "secret-file"),
        ("shared/token.pem", "secret-file"),
        ("ui/index.html", "outside-readable"),
        ("logs/a.log", "outside-readable"),
        ("sub/requirements.txt", "outside-readable"),
        (".git/config", "path-git"),
        ("services/../.git/config", "path-git"),
        ("services/../etc/passwd", "path-traversal"),
        ("/etc/passwd", "path-absolute"),
    ],
)
def test_what_may_not_be_read(path: str, rule: str) -> None:
    with pytest.raises(Refused) as caught:
        check_readable(path)
    assert caught.value.rule == rule


def test_a_refusal_names_its_rule_and_what_to_do() -> None:
    with pytest.raises(Refused, match=r"say so in the diagnosis instead\. \[outside-service\]"):
        check_writable("shared/heartbeat.py", "a")


def test_source_code_about_secrets_is_no_secret() -> None:
    assert not is_secret("services/a/secrets.py")
    assert not is_secret("services/a/token_store.js")
    assert is_secret("services/a/secrets.yaml")
    assert is_secret("services/a/prod-credentials.json")


def test_names_that_one_disk_cannot_tell_apart_fold_to_one() -> None:
    assert folded("services/a/Main.py") == folded("services/a/main.PY")
    assert folded("a/é.py") == folded("a/e\u0301.py")
    assert folded("a/ß.py") == folded("a/SS.py")
    assert folded("a/b.py") != folded("a/c.py")
