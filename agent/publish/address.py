"""Where a project is on its forge: from the settings, else from the URL of the git remote."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Literal
from urllib.parse import quote, urlsplit

from agent.publish.forge import Forge, ForgeError, Unauthorized
from agent.publish.github import GitHub
from agent.publish.gitlab import GitLab
from agent.settings import PublishSettings
from sandbox.process import Limits, ProcessError, run

Kind = Literal["github", "gitlab"]

_SCP = re.compile(r"(?:[\w.-]+@)?(?P<host>[\w.-]+):(?P<path>(?!/).+)")
_API = re.compile(r"/api/v\d$")


@dataclass(frozen=True, slots=True)
class Address:
    """One project on one forge. `web` is the page of the project; `is_named` says that the API was set."""

    kind: Kind
    host: str
    api: str
    project: str
    web: str
    is_named: bool

    def file_url(self, commit: str, path: str, line: int | None) -> str:
        """The page of a file of a commit."""
        return f"{self._page('blob')}/{commit}/{quote(path)}" + (f"#L{line}" if line else "")

    def commit_url(self, commit: str) -> str:
        """The page of a commit."""
        return f"{self._page('commit')}/{commit}"

    def _page(self, name: str) -> str:
        return f"{self.web}/-/{name}" if self.kind == "gitlab" else f"{self.web}/{name}"


def address_of(settings: PublishSettings, remote_url: str) -> Address | None:
    """The project that the settings and a remote's URL name; None where no forge is configured.

    Raises:
        ForgeError: it cannot be told which project it is.
    """
    if settings.forge == "none":
        return None
    host, path = _parts(remote_url)
    project = settings.project or path
    if not project or (not host and not settings.api):
        raise ForgeError("the remote's URL does not tell the project: set project and api in [publish]")
    api = settings.api or _api(settings.forge, host)
    host = urlsplit(settings.api).hostname or host if settings.api else host
    root = _API.sub("", api) if _API.search(api) else f"https://{host.removeprefix('api.')}"
    return Address(
        settings.forge, host.removeprefix("api."), api, project, f"{root}/{project}", bool(settings.api)
    )


def _api(kind: Kind, host: str) -> str:
    if kind == "gitlab":
        return f"https://{host}/api/v4"
    return "https://api.github.com" if host == "github.com" else f"https://{host}/api/v3"


def _parts(url: str) -> tuple[str, str]:
    """Host and project path of a remote's URL; both empty for a path of this machine."""
    if "://" in url:
        split = urlsplit(url)
        host, path = (split.hostname or "", split.path) if split.scheme != "file" else ("", "")
    elif found := _SCP.fullmatch(url):
        host, path = found["host"], found["path"]
    else:
        host, path = "", ""
    return host.lower(), path.strip("/").removesuffix(".git")


def forge_at(address: Address, environment: Mapping[str, str]) -> Forge:
    """The forge, with the token that the user has for it.

    Raises:
        Unauthorized: there is none; the message says where one is looked for.
        ForgeError: the address is not one to send a token to.
    """
    if address.kind == "gitlab":
        names: tuple[str, ...] = ("GITLAB_TOKEN",)
    elif address.host == "github.com" or address.is_named:
        names = ("GITHUB_TOKEN", "GH_TOKEN")
    else:
        # As gh does it: a token for github.com is not sent to another host.
        names = ("GH_ENTERPRISE_TOKEN", "GITHUB_ENTERPRISE_TOKEN")
    token = next((value for name in names if (value := environment.get(name, "").strip())), None)
    if token is None and address.kind == "github":
        token = _gh_token(address.host, environment)
    if token is None:
        other = " and `gh auth token` gives none" if address.kind == "github" else ""
        raise Unauthorized(f"no token for {address.host}: {' or '.join(names)} is not set{other}")
    if address.kind == "gitlab":
        return GitLab(address.api, token, address.project)
    return GitHub(address.api, token, address.project)


def _gh_token(host: str, environment: Mapping[str, str]) -> str | None:
    argv = ["gh", "auth", "token", "--hostname", host]
    try:
        done = run(argv, env=environment, limits=Limits(wall_s=10, output_bytes=4096))
    except ProcessError:
        return None
    token = done.stdout.decode("utf-8", "replace").strip()
    return token if done.returncode == 0 and token.isprintable() and token and " " not in token else None
