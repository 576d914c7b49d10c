"""Reads a PromQL selector back, by the grammar of Prometheus' lexer: strings as in Go."""

from __future__ import annotations

import re

_MATCHER = re.compile(r'([a-zA-Z_][a-zA-Z0-9_]*)(=~|!~|!=|=)"((?:[^"\\\n]|\\.)*)"')
_ESCAPE = re.compile(r"\\(.)", re.DOTALL)
_MEANING = {"\\": "\\", '"': '"', "n": "\n", "r": "\r", "t": "\t"}


def parse_selector(text):
    """The matchers as (label, operator, value); ValueError for anything that is not `{...}`."""
    if not (text.startswith("{") and text.endswith("}")):
        raise ValueError(f"no selector: {text!r}")
    matchers, at, end = [], 1, len(text) - 1
    while at < end:
        match = _MATCHER.match(text, at, end)
        if match is None:
            raise ValueError(f"no matcher at {text[at:]!r}")
        matchers.append((match[1], match[2], _ESCAPE.sub(_unescape, match[3])))
        at = match.end()
        if at < end:
            if text[at] != ",":
                raise ValueError(f"no comma at {text[at:]!r}")
            at += 1
    return matchers


def _unescape(match):
    return _MEANING[match[1]]
