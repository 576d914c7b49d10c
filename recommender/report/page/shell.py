"""What every page has around it: head, style, security policy, data and script."""

from __future__ import annotations

import base64
import hashlib
import html
from importlib.resources import files
from typing import TYPE_CHECKING, Any

import msgspec

from recommender.report.page.element import element, format_element
from recommender.report.table import SIMULATED
from recommender.text import escape_controls

if TYPE_CHECKING:
    from recommender.model.report import Source
    from recommender.report.page.element import Element

_SCRIPTS = ("element.js", "curve.js", "part.js", "overview.js", "route.js")

# What could end the script element or a line of JavaScript; JSON takes all of them escaped.
_JSON_ESCAPES = {ord(char): f"\\u{ord(char):04x}" for char in "<>&\u2028\u2029"}


def assemble_page(title: str, body: Element, *, data: Any = None) -> str:
    """The whole file. With `data` (plain values) it holds these and the script that shows them."""
    style = _read("page.css")
    parts = [format_element(body)]
    policy = f"default-src 'none'; img-src data:; style-src {_hash(style)}"
    if data is not None:
        script = _read_script()
        policy += f"; script-src {_hash(script)}"
        parts += [
            f'<script type="application/json" id="data">{_format_data(data)}</script>',
            f"<script>{script}</script>",
        ]
    policy += "; base-uri 'none'; form-action 'none'"
    head = [
        "<!doctype html>",
        '<html lang="en"><head><meta charset="utf-8">',
        f'<meta http-equiv="Content-Security-Policy" content="{policy}">',
        '<meta name="viewport" content="width=device-width, initial-scale=1">',
        '<meta name="color-scheme" content="light dark">',
        '<meta name="referrer" content="no-referrer">',
        '<link rel="icon" href="data:,">',  # else a server of the page is asked for one
        f"<title>{html.escape(escape_controls(title))}</title>",
        f"<style>{style}</style></head>",
    ]
    return "\n".join([*head, "<body>", *parts, "</body></html>"]) + "\n"


def source_notes(source: Source) -> list[Element]:
    """What the reader has to know before any number: simulated, and what is warned of."""
    notes = []
    if source.is_simulated:
        notes.append(element("p", SIMULATED, class_="warning", role="note"))
    if source.warnings:
        items = [element("li", each) for each in source.warnings]
        notes.append(element("ul", *items, class_="warning", aria_label="warnings"))
    return notes


def _read(name: str) -> str:
    return files(__package__).joinpath(name).read_text(encoding="utf-8")


def _read_script() -> str:
    """All of it in one scope of its own."""
    return "\n".join(['"use strict";', "{", *map(_read, _SCRIPTS), "}"])


def _hash(text: str) -> str:
    """How a security policy names an inline text that may be used."""
    return f"'sha256-{base64.b64encode(hashlib.sha256(text.encode()).digest()).decode()}'"


def _format_data(data: Any) -> str:
    return msgspec.json.encode(_show_controls(data)).decode().translate(_JSON_ESCAPES)


def _show_controls(value: Any) -> Any:
    """The same values; control characters in texts become visible, as `element` shows them."""
    if isinstance(value, str):
        return escape_controls(value)
    if isinstance(value, dict):
        return {key: _show_controls(each) for key, each in value.items()}
    if isinstance(value, (list, tuple)):
        return [_show_controls(each) for each in value]
    return value
