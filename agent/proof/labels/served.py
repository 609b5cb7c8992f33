"""What one call or decorator serves: a channel, key, route, task, handler, under a name that lasts."""

from __future__ import annotations

import ast
from collections.abc import Iterator
from dataclasses import dataclass

from agent.proof.labels.constants import last_name
from agent.proof.labels.sources import Function, Trees, nodes, own

_CALLS = {
    "subscription": "subscribe psubscribe ssubscribe",
    "channel": "publish spublish",
    "route": (
        "route add_route add_api_route add_websocket_route add_get add_post add_put add_delete"
        " include_router mount"
    ),
    "middleware": "add_middleware",
    "handler": "add_exception_handler add_event_handler add_signal_handler add_listener",
    "task": (
        "create_task ensure_future run_in_executor to_thread Thread Timer submit start_soon start_thread"
        " gather wait as_completed call_soon call_soon_threadsafe call_later call_at"
        " run_coroutine_threadsafe add_task add_job"
    ),
    # What a Redis client writes with, but for names that lists and dicts have as well.
    "key": (
        "set hset hmset hsetnx setex psetex setnx mset msetnx setrange setbit getset sadd smove zadd zincrby"
        " incr incrby incrbyfloat decr decrby hincrby hincrbyfloat xadd lpush rpush lpushx rpushx lset"
        " linsert lmove rpoplpush geoadd pfadd pfmerge bitop"
    ),
    "upkeep of key": (
        "expire expireat pexpire pexpireat persist unlink srem zrem zremrangebyscore zremrangebyrank hdel"
        " xack xtrim xdel xclaim xautoclaim xgroup_create ltrim lrem"
    ),
}
_KINDS = {name: kind for kind, names in _CALLS.items() for name in names.split()}
UPKEEP = "upkeep of key"
_ROUTES = {
    "get",
    "post",
    "put",
    "delete",
    "patch",
    "head",
    "options",
    "route",
    "api_route",
    "websocket",
    "middleware",
}
_PLAIN_DECORATORS = {"functools", "dataclasses", "contextlib", "typing", "pytest", "abc", "enum"}


@dataclass(frozen=True, slots=True)
class Served:
    """What a call serves, by a text or by the name of a variable or function."""

    kind: str
    name: str
    is_text: bool

    def is_like(self, other: Served) -> bool:
        """Whether one of the two could stand in the other's place."""
        return (self.kind, self.is_text) == (other.kind, other.is_text)


def kind_of(call: ast.Call) -> str:
    """What a call serves by its name, or ""."""
    kind = _KINDS.get(last_name(call.func), "")
    # A client is asked by an attribute; `set` alone makes one.
    return "" if kind in ("key", UPKEEP) and isinstance(call.func, ast.Name) else kind


def served(trees: Trees) -> set[Served]:
    """Everything that is served anywhere in the trees."""
    found: set[Served] = set()
    for module in trees.values():
        for _place, node in module.placed:
            if isinstance(node, ast.Call):
                found |= served_by(node)
            elif isinstance(node, Function):
                found |= {
                    Served(kind, ast.unparse(each), True)
                    for each in node.decorator_list
                    if (kind := _decorated(each))
                }
                found |= {Served("task", name, False) for name in _members(node)}
    return found


def served_by(call: ast.Call) -> set[Served]:
    """What one call serves."""
    kind = kind_of(call)
    return {Served(kind, *name) for name in _names(kind, call)} if kind else set()


def texts(trees: Trees) -> set[str]:
    """All texts that calls which serve are given, wherever they stand in them."""
    calls = (
        node for node in nodes(trees) if isinstance(node, ast.Call) and kind_of(node) not in ("", UPKEEP)
    )
    parts = (part for call in calls for part in ast.walk(call))
    return {part.value for part in parts if isinstance(part, ast.Constant) and isinstance(part.value, str)}


def _names(kind: str, call: ast.Call) -> Iterator[tuple[str, bool]]:
    """The arguments that name what a call serves: all channels of a subscription, else not the payload."""
    given = [word.value for word in call.keywords if word.arg in ("target", "path", "name", "channel")]
    if kind in ("subscription", "task"):
        given += call.args
    else:
        given += call.args[:1] if kind in ("key", UPKEEP, "channel") else call.args[:2]
    for argument in given:
        name = _serving_name(argument)
        if name is not None and (kind != "task" or not name[1]):
            yield name


def _serving_name(argument: ast.expr) -> tuple[str, bool] | None:
    """A channel, key or worker in a form that survives other changes of the line; whether it is a text."""
    if isinstance(argument, ast.Constant) and isinstance(argument.value, str):
        return argument.value, True
    if isinstance(argument, ast.JoinedStr):
        return ast.unparse(argument), True
    if isinstance(argument, ast.Call):
        return f"{last_name(argument.func)}()", False
    name = last_name(argument)
    return (name, False) if name else None


def _decorated(decorator: ast.expr) -> str:
    """What a function is registered for by a decorator of something that takes registrations, or ""."""
    if not isinstance(decorator, ast.Call) or not decorator.args:
        return ""
    name = last_name(decorator.func)
    first = decorator.args[0]
    if name in _ROUTES or (isinstance(first, ast.Constant) and str(first.value).startswith("/")):
        return "route"
    owner = decorator.func.value if isinstance(decorator.func, ast.Attribute) else None
    return "handler" if isinstance(owner, ast.Name) and owner.id not in _PLAIN_DECORATORS else ""


def _members(function: Function) -> Iterator[str]:
    """Workers that stand in a list of a function which starts tasks of lists."""
    inner = list(own(function.body))
    if not any(isinstance(node, ast.Call) and kind_of(node) == "task" for node in inner):
        return
    lists = [node.value for node in inner if isinstance(node, ast.Assign)]
    lists += [node.iter for node in inner if isinstance(node, ast.For | ast.AsyncFor | ast.comprehension)]
    lists += [node.value for node in inner if isinstance(node, ast.Starred)]
    for each in lists:
        if isinstance(each, ast.List | ast.Tuple | ast.Set):
            members = (m for m in each.elts if isinstance(m, ast.Attribute | ast.Call | ast.Name))
            yield from (name[0] for member in members if (name := _serving_name(member)) is not None)
