"""What can be broken in `chargepoint/evse`, one small change at a time.

Two kinds: bodies (conditions, calculations, assignments and results of functions, methods and
properties) and tables (each cell, row and named constant at the level of a module or a class).
Texts, annotations and docstrings are left alone. `mutate` runs the tests against each.
"""

from __future__ import annotations

import ast
from collections.abc import Iterator
from dataclasses import dataclass
from enum import Enum
from pathlib import Path
from types import CodeType
from typing import Any

from chargepoint.evse.observation import BoardLevel
from chargepoint.evse.pilot import Diode
from chargepoint.evse.situation import Shutdown
from chargepoint.ipc.messages import Phase, StopCause
from hal.values import PilotMode, PilotState, Quality

ROOM = Path(__file__).resolve().parents[2] / "chargepoint" / "evse"
LEFT_OUT = {"diagram", "__init__"}
"""Draws the tables for the documentation; a test compares what it drew."""

SWAPPED: dict[type[ast.AST], Any] = {
    ast.Lt: ast.LtE, ast.LtE: ast.Lt, ast.Gt: ast.GtE, ast.GtE: ast.Gt,
    ast.Eq: ast.NotEq, ast.NotEq: ast.Eq, ast.Is: ast.IsNot, ast.IsNot: ast.Is,
    ast.In: ast.NotIn, ast.NotIn: ast.In, ast.And: ast.Or, ast.Or: ast.And,
    ast.Add: ast.Sub, ast.Sub: ast.Add, ast.Mult: ast.Div, ast.Div: ast.Mult,
}  # fmt: skip
ENUMS: dict[str, type[Enum]] = {
    kind.__name__: kind
    for kind in (BoardLevel, Diode, Phase, PilotMode, PilotState, Quality, Shutdown, StopCause)
}
CELLS = {
    "hazards": (("_OPEN", "_STOP", "_LIMIT", "_WARN"), ("_GOOD", "_PLUG", "_LEAVE", "_SERVICE"),
                ("_ALL", "1"), ("_GRACE", "_SAG"), ("_RETRY", "_CALM"), ("_KEPT", "False")),
    "machine": (("_OPEN", "_CLOSED"), ("_STEADY", "_OFFER", "_KEPT", "_FAULT", "_WAKE"),
                ("_FREE", "_PERMITTED", "_LEAVING", "_HELD"),
                ("STARTING", "IDLE", "CONNECTED", "OFFERING", "CLOSING", "ENERGISED", "STOPPING",
                 "OPENING", "WAITING", "FAULTED", "WAKING", "OUT_OF_SERVICE")),
}  # fmt: skip
"""Names in the tables of a module that can stand for one another."""


GONE = ast.Pass()
"""In a table: the row is left out."""


@dataclass(frozen=True, slots=True)
class Mutant:
    """One change: `new` instead of what `slot` of `parent` holds."""

    module: str
    function: str
    """Qualified name; "" in a table."""
    line: int
    text: str
    parent: ast.AST
    slot: tuple[str, int | None]
    new: ast.AST

    @property
    def name(self) -> str:
        """Says where and what."""
        return f"{self.module}:{self.line} {self.function or 'table'}: {self.text}"


class Source:
    """One module of the room and its mutants."""

    def __init__(self, path: Path) -> None:
        self.path = path
        self.module = ".".join(path.relative_to(ROOM).with_suffix("").parts)
        self.tree = ast.parse(path.read_text(encoding="utf-8"))
        self._optional = False
        """The function that is walked may give None; elsewhere the type checker would object."""

    def mutants(self) -> Iterator[Mutant]:
        """All of them, in the order of the text."""
        yield from self._walk(self.tree, "", ())

    def compiled(self, mutant: Mutant) -> CodeType:
        """The code of the whole module with this one change."""
        return self._with(mutant, self.tree)

    def statement(self, mutant: Mutant, number: int) -> CodeType:
        """The code of one statement of the module, with this one change, and what adds to it."""
        changed, *later = self.tree.body[number:]
        added = [line for line in later if isinstance(line, ast.AugAssign)]
        return self._with(mutant, ast.Module([changed, *added], []))

    def _with(self, mutant: Mutant, tree: ast.Module) -> CodeType:
        name, index = mutant.slot
        holder = getattr(mutant.parent, name)
        changed: object = mutant.new
        if index is not None:
            kept = [] if mutant.new is GONE else [mutant.new]
            changed = [*holder[:index], *kept, *holder[index + 1 :]]
        setattr(mutant.parent, name, changed)
        try:
            return compile(ast.fix_missing_locations(tree), str(self.path), "exec")
        finally:
            setattr(mutant.parent, name, holder)

    def _walk(self, node: ast.AST, function: str, scope: tuple[str, ...]) -> Iterator[Mutant]:
        for field, value in ast.iter_fields(node):
            if field in {"annotation", "returns", "decorator_list", "bases", "keyword", "targets"}:
                continue
            many = value if isinstance(value, list) else [value]
            for index, child in enumerate(many):
                if not isinstance(child, ast.AST) or _is_text(child):
                    continue
                slot = (field, index if isinstance(value, list) else None)
                for text, new in self._changes(child, function, node, slot):
                    line = getattr(child, "lineno", getattr(node, "lineno", 0))
                    yield Mutant(self.module, function, line, text, node, slot, new)
                yield from self._inside(child, function, scope)

    def _inside(self, child: ast.AST, function: str, scope: tuple[str, ...]) -> Iterator[Mutant]:
        if isinstance(child, ast.ClassDef):
            if not _is_built_first(child):
                yield from self._walk(child, "", (*scope, child.name))
        elif isinstance(child, ast.FunctionDef) and not function:
            self._optional = "None" in ast.unparse(child.returns or ast.Constant(None))
            yield from self._walk(child, ".".join((*scope, child.name)), scope)
        elif function or not _is_built_first(child):
            yield from self._walk(child, function, scope)

    def _changes(
        self, node: ast.AST, function: str, parent: ast.AST, slot: tuple[str, int | None]
    ) -> Iterator[tuple[str, ast.AST]]:
        yield from _expression(node)
        if function:
            yield from _statement(node, self._optional)
            return
        for group in CELLS.get(self.module, ()):
            if isinstance(node, ast.Name) and isinstance(node.ctx, ast.Load) and node.id in group:
                other = group[(group.index(node.id) + 1) % len(group)]
                yield f"{node.id} -> {other}", ast.parse(other, mode="eval").body
        if slot[0] in {"elts", "args"} and slot[1] is not None and _is_row(node, parent):
            yield f"without {ast.unparse(node)[:60]}", GONE


def _is_built_first(node: ast.AST) -> bool:
    """Imports, enums, short names for cells and the class of rows: tables are made of these while
    the module loads, and a later change would not reach them."""
    if isinstance(node, ast.ClassDef):
        bases = {base.id for base in node.bases if isinstance(base, ast.Name)}
        return node.name == "Hazard" or "Enum" in bases
    short = isinstance(node, ast.Assign) and isinstance(node.targets[0], ast.Tuple)
    return short or isinstance(node, ast.Import | ast.ImportFrom)


def _is_row(node: ast.AST, parent: ast.AST) -> bool:
    """An element of a table; not a cell of a row."""
    if isinstance(parent, ast.Call):
        return isinstance(parent.func, ast.Name) and parent.func.id == "_table"
    return isinstance(parent, ast.Tuple) and isinstance(node, ast.Tuple | ast.Call | ast.Attribute)


def _is_text(node: ast.AST) -> bool:
    if isinstance(node, ast.Expr) and isinstance(node.value, ast.Constant):
        return True
    return isinstance(node, ast.JoinedStr)


def _expression(node: ast.AST) -> Iterator[tuple[str, ast.AST]]:
    text = ast.unparse(node) if isinstance(node, ast.expr) else ""
    if isinstance(node, ast.Compare):
        for index, operator in enumerate(node.ops):
            new = ast.Compare(node.left, list(node.ops), node.comparators)
            new.ops[index] = SWAPPED[type(operator)]()
            yield f"{text} -> {ast.unparse(new)}", new
    elif isinstance(node, ast.BoolOp):
        swapped = ast.BoolOp(SWAPPED[type(node.op)](), node.values)
        yield f"{text} -> {ast.unparse(swapped)}", swapped
        for index, value in enumerate(node.values):
            rest = [*node.values[:index], *node.values[index + 1 :]]
            less = ast.BoolOp(node.op, rest) if len(rest) > 1 else rest[0]
            yield f"{text}: without {ast.unparse(value)}", less
    elif isinstance(node, ast.UnaryOp) and isinstance(node.op, ast.Not):
        yield f"{text} -> {ast.unparse(node.operand)}", node.operand
    elif isinstance(node, ast.BinOp) and type(node.op) in SWAPPED:
        other = ast.BinOp(node.left, SWAPPED[type(node.op)](), node.right)
        yield f"{text} -> {ast.unparse(other)}", other
    elif isinstance(node, ast.Constant):
        yield from _constant(node.value)
    elif isinstance(node, ast.Attribute) and isinstance(node.value, ast.Name):
        yield from _member(node, node.value.id)
    elif isinstance(node, ast.Call) and isinstance(node.func, ast.Name):
        if node.func.id in {"min", "max"}:
            other_id = "max" if node.func.id == "min" else "min"
            called = ast.Call(ast.Name(other_id, ast.Load()), node.args, node.keywords)
            yield f"{text} -> {ast.unparse(called)}", called
    elif isinstance(node, ast.IfExp):
        yield f"{text} -> {ast.unparse(node.body)}", node.body
        yield f"{text} -> {ast.unparse(node.orelse)}", node.orelse


def _constant(value: Any) -> Iterator[tuple[str, ast.AST]]:
    if isinstance(value, bool):
        others: tuple[bool | float, ...] = (not value,)
    elif isinstance(value, int):
        others = (value + 1, value - 1) if value else (1,)
    elif isinstance(value, float):
        others = (round(value * 1.1, 6), round(value * 0.9, 6)) if value else (0.5,)
    else:
        return
    for other in others:
        yield f"{value!r} -> {other!r}", ast.Constant(other)


def _member(node: ast.Attribute, enum: str) -> Iterator[tuple[str, ast.AST]]:
    if enum not in ENUMS:
        return
    names = list(ENUMS[enum].__members__)
    other = names[(names.index(node.attr) + 1) % len(names)]
    new = ast.Attribute(node.value, other, ast.Load())
    yield f"{enum}.{node.attr} -> {enum}.{other}", new


def _statement(node: ast.AST, optional: bool) -> Iterator[tuple[str, ast.AST]]:
    if isinstance(node, ast.Assign | ast.AugAssign | ast.Expr):
        yield f"without `{ast.unparse(node)}`", ast.Pass()
    elif isinstance(node, ast.If):
        negated = ast.If(ast.UnaryOp(ast.Not(), node.test), node.body, node.orelse)
        yield f"if not {ast.unparse(node.test)}", negated
        if not node.orelse:
            yield f"without `if {ast.unparse(node.test)}` and all in it", ast.Pass()
    elif isinstance(node, ast.Return) and optional and not _is_none(node.value):
        yield f"None, not {ast.unparse(node)}", ast.Return(ast.Constant(None))


def _is_none(node: ast.expr | None) -> bool:
    return node is None or (isinstance(node, ast.Constant) and node.value is None)


def sources() -> list[Source]:
    """All modules of the room that have anything to break."""
    paths = sorted(ROOM.rglob("*.py"))
    return [Source(path) for path in paths if path.stem not in LEFT_OUT]
