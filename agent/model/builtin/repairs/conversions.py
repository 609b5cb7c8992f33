"""Values of the wrong type: a number that came as text, bytes and text, times with and without a zone."""

from __future__ import annotations

import re

import libcst as cst

from agent.model.builtin.incident import Spot
from agent.model.builtin.places import nodes_at
from agent.model.builtin.regression import number_test
from agent.model.builtin.repairs.missing import assigned, ways_out
from agent.model.builtin.scene import Candidate, Scene
from agent.model.builtin.source import Change, Source, arguments, expression, name_of
from agent.model.builtin.talk import Asking

_MIXED = re.compile(
    r"^TypeError: (?:'(?P<comparison>\S+)' not supported between instances of|"
    r"unsupported operand type\(s\) for (?P<operator>.+?):) '(?P<left>\w+)' and '(?P<right>\w+)'"
)
_TEXT_TIMES = re.compile(r"^TypeError: can't multiply sequence by non-int of type 'float'")
_BAD_TEXT = re.compile(
    r"^(?:ValueError: (?:could not convert string to float|invalid literal for int\(\))|JSONDecodeError: )"
)
_NO_JSON = re.compile(
    r"^TypeError: Object of type (?:datetime|date|time|timedelta|Decimal|UUID|\w*Path) is not JSON"
)
_ZONES = re.compile(r"^TypeError: can't (?:compare|subtract) offset-naive and offset-aware datetimes")
_BYTES = re.compile(
    r"^TypeError: (?:a bytes-like object is required, not 'str'|Strings must be encoded before hashing)"
)
NUMBERS = ("int", "float")


def text_number(scene: Scene) -> Asking[list[Candidate]]:
    """A text that is compared or reckoned with as a number: made one where it is read."""
    at = yield from scene.here()
    match = _MIXED.search(scene.trouble.text)
    if at is None or (match is None and _TEXT_TIMES.search(scene.trouble.text) is None):
        return []
    sides = (match["left"], match["right"]) if match else ("str", "float")
    if "str" not in sides or not (match is None or set(sides) & set(NUMBERS)):
        return []
    spot, source = at
    kind = next((one for one in sides if one in NUMBERS), "float")
    found: list[Candidate] = []
    compared = bool(match and match["comparison"])
    for operand in _operands(source, spot, sides, compared=compared):
        reads = yield from _read_at(scene, spot, source, operand)
        for path, where, node in reads:
            code = where.code(node)
            number = "float" if "float(" in where.text or kind == "float" else "int"
            text = where.changed({node: expression(f"{number}({code})")})
            why = f"{code} is a text, and is reckoned with as a number"
            candidate = Candidate(why, {path: text}, rank=1, spot=spot)
            found += [candidate] if candidate.files not in [one.files for one in found] else []
        test = number_test(scene.incident, spot, source, operand)
        if test is not None:
            text = source.changed({operand: expression(f"{kind}({source.code(operand)})")})
            why = f"{source.code(operand)} may come as a text, and is reckoned with as a number"
            found.append(Candidate(why, {spot.path: text}, rank=2, spot=spot, test=test))
    return found[:4]


def _operands(
    source: Source, spot: Spot, sides: tuple[str, str], *, compared: bool
) -> list[cst.BaseExpression]:
    """The expressions of a line that may be the text."""
    right = sides[1] == "str"
    found: list[cst.BaseExpression] = []
    for node in nodes_at(source, spot):
        if isinstance(node, cst.BinaryOperation) and not compared:
            found.append(node.right if right else node.left)
        elif isinstance(node, cst.Comparison) and compared:
            found += [one.comparator for one in node.comparisons] if right else [node.left]
        elif isinstance(node, cst.Call) and name_of(node.func) in ("min", "max", "sorted", "sum"):
            found += arguments(node)
    return [one for one in dict.fromkeys(found) if not isinstance(one, cst.Integer | cst.Float)]


def _read_at(
    scene: Scene, spot: Spot, source: Source, node: cst.BaseExpression
) -> Asking[list[tuple[str, Source, cst.BaseExpression]]]:
    """Where a value is read from a document or the configuration: here, or in the function that called."""
    value = assigned(source, node) or node
    if _is_read(value):
        return [(spot.path, source, value)]
    function = source.function_of(node)
    if not isinstance(value, cst.Name) or function is None:
        return []
    names = [one.name.value for one in function.params.params if one.name.value not in ("self", "cls")]
    if value.value not in names:
        return []
    caller = _caller(scene, spot)
    where = (yield from scene.source(caller.path)) if caller else None
    if caller is None or where is None:
        return []
    place = names.index(value.value)
    calls = [one for one in where.nodes(cst.Call) if name_of(one.func) == function.name.value]
    found = []
    for call in calls:
        if not where.spanned(call, caller.line):
            continue
        keyed = [arg.value for arg in call.args if name_of(arg.keyword) == value.value]
        for given in keyed or arguments(call)[place : place + 1]:
            read = assigned(where, given) or given
            found += [(caller.path, where, read)] if _is_read(read) else []
    return found


def _caller(scene: Scene, spot: Spot) -> Spot | None:
    spots = scene.trouble.spots
    place = spots.index(spot) if spot in spots else 0
    return spots[place - 1] if place > 0 else None


def _is_read(node: cst.BaseExpression) -> bool:
    """A read by a key, such as `config.get("X", 60)` or `row["x"]`."""
    if isinstance(node, cst.Call):
        return name_of(node.func) in ("get", "getenv", "pop") and bool(node.args)
    return isinstance(node, cst.Subscript)


def bad_text(scene: Scene) -> Asking[list[Candidate]]:
    """A text that is no number or no JSON: left as the code around leaves such input."""
    at = yield from scene.here()
    if at is None or _BAD_TEXT.search(scene.trouble.text) is None:
        return []
    spot, source = at
    calls = [node for node in nodes_at(source, spot) if isinstance(node, cst.Call)]
    readers = [call for call in calls if name_of(call.func) in (*NUMBERS, "loads")]
    statement = source.statement_of(readers[0]) if readers else None
    if not isinstance(statement, cst.SimpleStatementLine):
        return []
    found = []
    for leaving, told, rank in ways_out(source, statement):
        text = source.changed({statement: _caught(leaving)})
        why = f"{source.code(readers[0])} may meet a text that it cannot read: {told}"
        found.append(Candidate(why, {spot.path: text}, rank=rank, hides=True, spot=spot))
    return found


def _caught(leaving: str) -> Change:
    """A statement that leaves where it meets a ValueError."""
    whole = cst.parse_statement(f"try:\n    pass\nexcept ValueError:\n    {leaving}\n")

    def change(node: cst.CSTNode) -> cst.CSTNode:
        assert isinstance(node, cst.SimpleStatementLine)
        block = cst.IndentedBlock([node.with_changes(leading_lines=())])
        return whole.with_changes(body=block, leading_lines=node.leading_lines)

    return change


def unserialisable(scene: Scene) -> Asking[list[Candidate]]:
    """A time, path or decimal number in a JSON document: written as its text."""
    at = yield from scene.here()
    if at is None or _NO_JSON.search(scene.trouble.text) is None:
        return []
    spot, source = at
    for node in nodes_at(source, spot):
        if isinstance(node, cst.Call) and name_of(node.func) == "dumps":
            if any(name_of(arg.keyword) in ("default", "cls") for arg in node.args):
                return []
            text = source.changed({node: expression(f"{source.code(node)[:-1].rstrip(', ')}, default=str)")})
            why = "the document holds what JSON has no form for; its text is written"
            return [Candidate(why, {spot.path: text}, rank=3, spot=spot)]
    return []


def zones(scene: Scene) -> Asking[list[Candidate]]:
    """A time without a zone beside one that has it: the clock is asked with the zone."""
    at = yield from scene.here()
    if at is None or _ZONES.search(scene.trouble.text) is None:
        return []
    spot, source = at
    changes: dict[cst.CSTNode, Change] = {}
    for call in source.nodes(cst.Call):
        code = source.code(call.func)
        if code.endswith(("datetime.utcnow", "datetime.now")) and not call.args:
            zone = "timezone.utc" if code.count(".") == 1 else f"{code.partition('.')[0]}.timezone.utc"
            changes[call] = expression(f"{code.rpartition('.')[0]}.now({zone})")
    if not changes:
        return []
    text = _importing_zone(source.changed(changes))
    return [Candidate("the clock was read without a zone", {spot.path: text}, rank=1, spot=spot)]


def _importing_zone(text: str) -> str:
    found = re.search(r"^from datetime import (.+)$", text, re.MULTILINE)
    if found is None or re.search(r"\b(?:timezone|\()", found.group(1)):
        return text
    names = sorted({*found.group(1).split(", "), "timezone"})
    return text[: found.start(1)] + ", ".join(names) + text[found.end(1) :]


def encoded(scene: Scene) -> Asking[list[Candidate]]:
    """A text where bytes are wanted: encoded there."""
    at = yield from scene.here()
    if at is None or _BYTES.search(scene.trouble.text) is None:
        return []
    spot, source = at
    found = []
    for node in nodes_at(source, spot):
        for given in arguments(node)[:2] if isinstance(node, cst.Call) else ():
            code = source.code(given)
            if not code.endswith(".encode()") and isinstance(
                given, cst.Name | cst.Attribute | cst.Call | cst.SimpleString
            ):
                text = source.changed({given: expression(f"{code}.encode()")})
                found.append(
                    Candidate(f"{code} is text, and bytes are wanted", {spot.path: text}, rank=2, spot=spot)
                )
    return found[:3]
