"""Plain data as YAML.

Written here because PyYAML, with its parts in C, takes 4.8 s for a report of 1,000 containers
with curves of 40 points; this takes 0.6 s. PyYAML also leaves 1e3, which may be a workload's
name, without quotes, and a reader of YAML 1.2 takes that for a number. What is not plainly a word
or a quantity is quoted, so that readers of YAML 1.1 and 1.2 agree.
"""

from __future__ import annotations

import json
import math
import re
from typing import Any

_WORDS = re.compile(r"[A-Za-z](?:[A-Za-z0-9_./%,()+ -]*[A-Za-z0-9_./%)+-])?|[0-9]+(?:m|[KMGT]i)")
_RESERVED = frozenset(("y", "n", "yes", "no", "on", "off", "true", "false", "null"))
_CONTAINERS = (dict, list, tuple)
_UNSEEN = re.compile(r"[^ -~]")


def format_outline(data: dict[str, Any]) -> str:
    """Dictionaries, sequences, strings, numbers, booleans and None as a YAML document.

    A number that is not finite becomes null, as in JSON.
    """
    lines: list[str] = []
    _add_block(lines, data, first="", others="")
    return "".join(line + "\n" for line in lines)


def _add_block(lines: list[str], data: Any, *, first: str, others: str) -> None:
    """Adds a mapping or sequence that is not empty; `first` and `others` begin its lines."""
    margin = first
    if isinstance(data, dict):
        for key, item in data.items():
            if isinstance(item, _CONTAINERS) and item:
                lines.append(f"{margin}{_format_scalar(key)}:")
                below = others + ("  " if isinstance(item, dict) else "")
                _add_block(lines, item, first=below, others=below)
            else:
                lines.append(f"{margin}{_format_scalar(key)}: {_format_scalar(item)}")
            margin = others
        return
    for item in data:
        if isinstance(item, _CONTAINERS) and item:
            _add_block(lines, item, first=f"{margin}- ", others=f"{others}  ")
        else:
            lines.append(f"{margin}- {_format_scalar(item)}")
        margin = others


def _format_scalar(value: Any) -> str:
    if isinstance(value, str):
        is_plain = _WORDS.fullmatch(value) and value.lower() not in _RESERVED
        return value if is_plain else _quote(value)
    if isinstance(value, float):
        return _format_float(value)
    if isinstance(value, dict):
        return "{}"
    return "[]" if isinstance(value, list | tuple) else json.dumps(value)


def _format_float(value: float) -> str:
    if not math.isfinite(value):
        return "null"
    digits, _, exponent = repr(value).partition("e")
    if not exponent:
        return digits
    # 1e-05 is text to a reader of YAML 1.1, 1.0e-05 is not.
    return f"{digits if '.' in digits else digits + '.0'}e{exponent}"


def _quote(text: str) -> str:
    """In double quotes; the escapes of JSON are escapes of YAML too, but surrogates are not."""
    quoted = json.dumps(text, ensure_ascii=False)
    return _UNSEEN.sub(
        lambda match: match[0] if match[0].isprintable() else _code(match[0]), quoted
    )


def _code(char: str) -> str:
    return f"\\u{ord(char):04x}" if ord(char) < 0x10000 else f"\\U{ord(char):08x}"
