"""Arithmetic, which models are bad at. Nothing is evaluated but numbers and what is listed here."""

from __future__ import annotations

import ast
import math
import operator
from collections.abc import Callable, Mapping
from typing import Any, TypeAlias

from app.companion.plugins.hooks import Tool, ToolFailure, hook

__all__ = ["Calculator", "calculated"]

Number: TypeAlias = int | float

LONGEST = 200
LARGEST = 10**100
PARAMETERS = {
    "type": "object",
    "properties": {"expression": {"type": "string", "description": "For example (3 + 4) * sqrt(2)."}},
    "required": ["expression"],
}


def power(base: Number, exponent: Number) -> Number:
    """Refuses before it computes what would be too large."""
    if abs(base) > 1 and exponent * math.log10(abs(base)) > 100:
        raise ToolFailure("The result is too large.")
    result = base**exponent
    if isinstance(result, complex):
        raise ToolFailure("The result is not a real number.")
    return result


BINARY: dict[type[ast.operator], Callable[[Number, Number], Number]] = {
    ast.Add: operator.add,
    ast.Sub: operator.sub,
    ast.Mult: operator.mul,
    ast.Div: operator.truediv,
    ast.FloorDiv: operator.floordiv,
    ast.Mod: operator.mod,
    ast.Pow: power,
}
UNARY: dict[type[ast.unaryop], Callable[[Number], Number]] = {ast.UAdd: operator.pos, ast.USub: operator.neg}
FUNCTIONS: dict[str, Callable[[Number], Number]] = {
    "sqrt": math.sqrt,
    "round": round,
    "abs": abs,
    "sin": math.sin,
    "cos": math.cos,
    "tan": math.tan,
    "log": math.log,
    "exp": math.exp,
}
CONSTANTS = {"pi": math.pi, "e": math.e}


class Calculator:
    @hook
    def tools(self) -> list[Tool]:
        return [Tool("calculator", "The value of an arithmetic expression.", self.run, PARAMETERS)]

    def run(self, arguments: Mapping[str, Any]) -> str:
        return str(calculated(str(arguments.get("expression", ""))))


def calculated(expression: str) -> Number:
    """Raises ToolFailure."""
    if len(expression) > LONGEST:
        raise ToolFailure(f"An expression has at most {LONGEST} characters.")
    try:
        return value(ast.parse(expression.strip(), mode="eval").body)
    except ToolFailure:
        raise
    except (SyntaxError, ValueError, ArithmeticError, RecursionError, MemoryError) as error:
        raise ToolFailure(f"That cannot be calculated: {error}.") from None


def value(node: ast.expr) -> Number:
    match node:
        case ast.Constant(value=int() | float() as number) if not isinstance(number, bool):
            result: Number = number
        case ast.BinOp(left=left, op=op, right=right) if type(op) in BINARY:
            result = BINARY[type(op)](value(left), value(right))
        case ast.UnaryOp(op=op, operand=operand) if type(op) in UNARY:
            result = UNARY[type(op)](value(operand))
        case ast.Call(func=ast.Name(id=name), args=[argument], keywords=[]) if name in FUNCTIONS:
            result = FUNCTIONS[name](value(argument))
        case ast.Name(id=name) if name in CONSTANTS:
            result = CONSTANTS[name]
        case _:
            raise ToolFailure(f"`{ast.unparse(node)}` is not arithmetic.")
    if abs(result) > LARGEST:
        raise ToolFailure("The result is too large.")
    return result
