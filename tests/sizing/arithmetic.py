"""The arithmetic that explanations print, worked out: 1.2 x (3 + 0.5^2) / max(2, 1)."""

import ast
import math
import operator

_BINARY = {
    ast.Add: operator.add,
    ast.Sub: operator.sub,
    ast.Mult: operator.mul,
    ast.Div: operator.truediv,
    ast.Pow: operator.pow,
}
_CALLS = {"max": max, "sqrt": math.sqrt}


def work_out(text):
    """The value of an expression in printed numbers."""
    return _value(ast.parse(text.replace(" x ", " * ").replace("^", "**"), mode="eval").body)


def _value(node):
    if isinstance(node, ast.BinOp):
        return _BINARY[type(node.op)](_value(node.left), _value(node.right))
    if isinstance(node, ast.Call):
        return _CALLS[node.func.id](*map(_value, node.args))
    assert isinstance(node, ast.Constant)
    return float(node.value)


def check_equation(text):
    """`EXPRESSION = VALUE: words`: the value is that of the expression to its last digit; the
    value."""
    equation = text.split(":")[0]
    expression, _, value = equation.rpartition(" = ")
    assert f"{work_out(expression):.6g}" == value, text
    return float(value)
