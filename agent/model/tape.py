"""The file format of a recorded run: YAML that a person can read and review.

Each request of a conversation repeats the one before it. Only what is new is written: for a list
that begins like its predecessor, how many entries are the same, and the entries that follow.

    about: {answered_by: ..., recorded_on: ..., models: [...]}
    exchanges:
    - request: {method: POST, path: /v1/responses, same: [model], body: {input: {same: 2, then: [...]}}}
      response: {status: 200, headers: {...}, json: {...}}      (or text: ... where it was no JSON)
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any
from urllib.parse import urlsplit

NOWHERE = "http://recorded.invalid"
FORMAT = 1

ECHOED = ("instructions", "tools", "text", "metadata", "tool_choice", "reasoning", "user", "prompt_cache_key")
"""What the Responses API sends back of the request: it is in the request already."""


class TapeError(Exception):
    """A file that is no recorded run."""


class Tape:
    """vcrpy's serializer: `serialize` writes the head too, `deserialize` keeps it in `about`."""

    def __init__(self, about: Mapping[str, Any]) -> None:
        self.about = dict(about)

    def serialize(self, cassette: Mapping[str, Any]) -> str:
        """The text of a cassette. vcrpy calls this with its own dictionary."""
        exchanges: list[dict[str, Any]] = []
        previous: dict[str, Any] = {}
        for interaction in cassette["interactions"]:
            body = _json(interaction["request"]["body"])
            exchanges.append(
                {
                    "request": _written_request(interaction["request"], body, previous),
                    "response": _written_response(interaction["response"]),
                }
            )
            previous = body if isinstance(body, dict) else {}
        data = {"format": FORMAT, "about": self.about, "exchanges": exchanges}
        return _dump(data)

    def deserialize(self, text: str) -> dict[str, Any]:
        """vcrpy's dictionary out of the text. Raises TapeError."""
        data = load(text)
        self.about = dict(data["about"])
        interactions: list[dict[str, Any]] = []
        previous: dict[str, Any] = {}
        for exchange in data["exchanges"]:
            body = _read_body(exchange["request"], previous)
            previous = body if isinstance(body, dict) else {}
            interactions.append(
                {
                    "request": _read_request(exchange["request"], body),
                    "response": _read_response(exchange["response"]),
                }
            )
        return {"version": 1, "interactions": interactions}


def load(text: str) -> dict[str, Any]:
    """The data of a tape, checked for its frame. Raises TapeError."""
    import yaml  # type: ignore[import-untyped]  # 20 ms, and only for recorded runs

    try:
        data = yaml.load(text, Loader=getattr(yaml, "CSafeLoader", yaml.SafeLoader))
    except yaml.YAMLError as error:
        raise TapeError(f"not YAML: {error}") from error
    if (
        not isinstance(data, dict)
        or data.get("format") != FORMAT
        or not isinstance(data.get("exchanges"), list)
    ):
        raise TapeError(f"not a recorded run of format {FORMAT}")
    if not isinstance(data.get("about"), dict):
        raise TapeError("it does not say what answered")
    return data


def _written_request(request: Mapping[str, Any], body: object, previous: Mapping[str, Any]) -> dict[str, Any]:
    written: dict[str, Any] = {"method": request["method"], "path": urlsplit(request["uri"]).path}
    if not isinstance(body, dict):
        return written | ({"body": body} if body is not None else {})
    same = [name for name in body if name in previous and body[name] == previous[name]]
    changed = {name: _delta(value, previous.get(name)) for name, value in body.items() if name not in same}
    return written | ({"same": same} if same else {}) | {"body": changed}


def _delta(value: object, before: object) -> object:
    if not isinstance(value, list) or not isinstance(before, list):
        return value
    pairs = zip(value, before, strict=False)
    same = next((place for place, (new, old) in enumerate(pairs) if new != old), min(len(value), len(before)))
    return {"same": same, "then": value[same:]} if same else value


def _read_body(request: Mapping[str, Any], previous: Mapping[str, Any]) -> object:
    body = request.get("body")
    if not isinstance(body, dict):
        return body
    kept = {name: previous[name] for name in request.get("same", ()) if name in previous}
    return kept | {name: _undelta(value, previous.get(name)) for name, value in body.items()}


def _undelta(value: object, before: object) -> object:
    if isinstance(value, dict) and set(value) == {"same", "then"} and isinstance(before, list):
        return [*before[: value["same"]], *value["then"]]
    return value


def _read_request(request: Mapping[str, Any], body: object) -> dict[str, Any]:
    text = "" if body is None else json.dumps(body, sort_keys=True)
    return {"method": request["method"], "uri": NOWHERE + request["path"], "body": text, "headers": {}}


def _written_response(response: Mapping[str, Any]) -> dict[str, Any]:
    written: dict[str, Any] = {"status": response["status"]["code"]}
    headers = {name: values[0] for name, values in response["headers"].items()}
    if headers:
        written["headers"] = headers
    text = response["body"]["string"]
    body = _json(text)
    if not isinstance(body, dict):
        return written | {"text": text}
    return written | {"json": {name: value for name, value in body.items() if name not in ECHOED}}


def _read_response(response: Mapping[str, Any]) -> dict[str, Any]:
    text = json.dumps(response["json"]) if "json" in response else response.get("text", "")
    headers = {name: [value] for name, value in response.get("headers", {}).items()}
    return {
        "status": {"code": response["status"], "message": ""},
        "headers": headers,
        "body": {"string": text},
    }


def _json(text: object) -> Any:
    """The data of a JSON text; a text that is none stands for itself."""
    if not isinstance(text, str | bytes) or not text:
        return None
    try:
        return json.loads(text)
    except ValueError:
        return text if isinstance(text, str) else text.decode("utf-8", "replace")


def _dump(data: Mapping[str, Any]) -> str:
    """Texts of several lines as blocks, and no references: each exchange can be read by itself."""
    import yaml

    class Dumper(yaml.SafeDumper):  # type: ignore[misc]
        def ignore_aliases(self, data: object) -> bool:
            return True

    def text(dumper: Dumper, value: str) -> yaml.ScalarNode:
        return dumper.represent_scalar("tag:yaml.org,2002:str", value, style="|" if "\n" in value else None)

    Dumper.add_representer(str, text)
    written: str = yaml.dump(dict(data), Dumper=Dumper, sort_keys=False, allow_unicode=True, width=100)
    return written
