"""The way to a line of a function: which conditions hold there, and what has to be given for that."""

from __future__ import annotations

import builtins
from collections.abc import Iterator

import libcst as cst

from agent.model.builtin.regression.endless import end
from agent.model.builtin.regression.needs import TEXT, Need, Unclear
from agent.model.builtin.regression.reading import Reader
from agent.model.builtin.source import COMPREHENSIONS, Source, name_of, text_of

LEAVES = (cst.Return, cst.Raise, cst.Continue, cst.Break)
READERS = {"json.loads": '"{"', "float": TEXT, "int": TEXT, "fromisoformat": TEXT}
"""Calls that raise a ValueError for a text, and such a text."""
_UNREADABLE = frozenset(("ValueError", "JSONDecodeError", "Exception", "TypeError"))


def lead(source: Source, reader: Reader, target: cst.CSTNode, function: cst.FunctionDef) -> None:
    """Make the needs of a function such that a call of it comes to a node.

    Raises:
        Unclear: nothing that is given leads there.
    """
    node = target
    for parent in source.above(target):
        if isinstance(parent, cst.IndentedBlock):
            _not_left(reader, parent, node)
        elif isinstance(parent, cst.If):
            if node is parent.body or node is parent.orelse:
                hold(reader, parent.test, truth=node is parent.body)
        elif isinstance(parent, cst.IfExp):
            if node is not parent.test:
                hold(reader, parent.test, truth=node is parent.body)
        elif isinstance(parent, cst.While):
            if not _is_turned(reader, parent.test):
                end(source, reader, parent, target)
        elif isinstance(parent, cst.For):
            _wanted(reader, parent.iter)
        elif isinstance(parent, COMPREHENSIONS):
            _wanted(reader, parent.for_in.iter)
        elif isinstance(parent, cst.ExceptHandler):
            block = source.parents[parent]
            _fail(source, reader, cst.ensure_type(block, cst.Try), parent)
        elif parent is function:
            return
        node = parent


def _not_left(reader: Reader, block: cst.IndentedBlock, node: cst.CSTNode) -> None:
    """No early way out is taken before a statement of a block."""
    for before in block.body:
        if before is node:
            return
        if isinstance(before, cst.If) and _leaves(before.body):
            hold(reader, before.test, truth=False)


def _leaves(body: cst.BaseSuite) -> bool:
    last = body.body[-1]
    return isinstance(last, cst.SimpleStatementLine) and isinstance(last.body[-1], LEAVES)


def _wanted(reader: Reader, over: cst.BaseExpression) -> None:
    need = reader.of(over)
    if need is not None:
        need.want()


def _is_turned(reader: Reader, test: cst.BaseExpression) -> bool:
    """Make one turn of a `while`, where a stand-in is asked at its head; whether that is so."""
    plain = test.expression if isinstance(test, cst.UnaryOperation) else test
    need = reader.of(plain)
    if not isinstance(plain, cst.Call) or need is None or need.owner is None or need.owner.answer is not need:
        return False
    ends = isinstance(test, cst.UnaryOperation)
    need.owner.turns = (str(not ends), str(ends))
    return True


def hold(reader: Reader, test: cst.BaseExpression, *, truth: bool) -> None:
    """Make a condition true or false, where it is plain what does that."""
    if isinstance(test, cst.UnaryOperation) and isinstance(test.operator, cst.Not):
        hold(reader, test.expression, truth=not truth)
    elif isinstance(test, cst.BooleanOperation):
        hold(reader, test.left, truth=truth)
        if isinstance(test.operator, cst.And) == truth:
            hold(reader, test.right, truth=truth)
    elif isinstance(test, cst.Comparison):
        _compare(reader, test, truth=truth)
    elif isinstance(test, cst.Call) and name_of(test.func) == "isinstance":
        _of_kind(reader, test, truth=truth)
    else:
        need = reader.of(test)
        if need is None or need.code is not None or (truth and need.table == ""):
            if need is not None and truth:
                need.want()
            return
        if truth:
            need.want()
        elif need.answer is None and (need.item is not None or need.table):
            need.empty()
        else:
            need.want('""' if need.text else "0")


def _compare(reader: Reader, test: cst.Comparison, *, truth: bool) -> None:
    need, other = reader.of(test.left), test.comparisons[0].comparator
    operator = test.comparisons[0].operator
    if isinstance(operator, cst.In | cst.NotIn):
        holder, key = reader.of(other), text_of(test.left)
        if holder is not None and key is not None and isinstance(operator, cst.In) == truth:
            holder.key(key).want()
        return
    if need is None or need.code is not None or len(test.comparisons) != 1:
        return
    equal = isinstance(operator, cst.Equal | cst.Is) == truth
    if name_of(other) == "None":
        need.want("None" if equal else None)
    elif (than := reader.of(other)) is not None:
        _beside(than, operator, truth=truth)
    elif isinstance(other, cst.SimpleString | cst.Integer | cst.Float):
        _number(reader, need, operator, other, truth=truth)


def _beside(than: Need, operator: cst.BaseCompOp, *, truth: bool) -> None:
    """Make what a number is compared with greater or less than every other number that is made up."""
    if than.code is None and not than.used:
        if isinstance(operator, cst.LessThan | cst.LessThanEqual):
            than.want("2.0" if truth else "0.5")
        elif isinstance(operator, cst.GreaterThan | cst.GreaterThanEqual):
            than.want("0.5" if truth else "2.0")


def _number(
    reader: Reader,
    need: Need,
    operator: cst.BaseCompOp,
    other: cst.SimpleString | cst.Integer | cst.Float,
    *,
    truth: bool,
) -> None:
    code = reader.source.code(other)
    if isinstance(operator, cst.Equal | cst.NotEqual):
        if isinstance(operator, cst.Equal) == truth:
            need.want(code)
    elif not isinstance(other, cst.SimpleString):
        above = isinstance(operator, cst.GreaterThan | cst.GreaterThanEqual) == truth
        number = float(other.evaluated_value)
        need.want(f"{number + 1 if above else number - 1}")


def _of_kind(reader: Reader, test: cst.Call, *, truth: bool) -> None:
    need, kind = (reader.of(test.args[0].value), test.args[1].value) if len(test.args) == 2 else (None, None)
    if need is None or need.code is not None:
        return
    names = {name_of(node) for node in reader.source.every(kind)} if kind is not None else set()
    if not truth:
        need.want("None")
    elif "dict" in names:
        need.table = need.table or "keys"
    elif "str" in names:
        need.text = True


def _fail(source: Source, reader: Reader, block: cst.Try, handler: cst.ExceptHandler) -> None:
    """Make the body of a `try` raise what a handler takes."""
    kinds = [] if handler.type is None else [handler.type]
    if handler.type is not None and isinstance(handler.type, cst.Tuple):
        kinds = [one.value for one in handler.type.elements]
    names = [name_of(one) for one in kinds] or ["Exception"]
    for call in source.nodes(cst.Call, block.body):
        unread = READERS.get(source.code(call.func)) or READERS.get(name_of(call.func))
        need = reader.of(call.args[0].value) if unread and call.args else None
        if need is not None and unread and _UNREADABLE & set(names):
            need.document, need.used = None, False
            need.want(unread)
            return
    plain = next((name for name in names if isinstance(getattr(builtins, name, None), type)), None)
    if plain is None:
        raise Unclear("an error of another's making")
    for need in _asked(source, reader, block.body):
        need.raises = f'{plain}("no answer")'
        return
    raise Unclear("nothing given can fail there")


def _asked(source: Source, reader: Reader, body: cst.CSTNode) -> Iterator[Need]:
    """The stand-ins that a block calls."""
    for call in source.nodes(cst.Call, body):
        parent = source.parents.get(call)
        need = reader.of(parent if isinstance(parent, cst.Await) else call)
        if need is not None and need.owner is not None and need.owner.answer is need:
            yield need.owner
    for call in source.nodes(cst.Call, body):
        name = source.code(call.func)
        if name in OUTSIDE:
            need = reader.patched.setdefault(name, Need(name))
            need.called()
            yield need


OUTSIDE = frozenset(
    ("urllib.request.urlopen", "subprocess.run", "subprocess.check_output", "socket.create_connection")
)
"""What goes out of the process."""
