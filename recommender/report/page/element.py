"""Elements of a page, whose texts and attributes are escaped when they are written."""

from __future__ import annotations

from typing import TYPE_CHECKING
from xml.etree.ElementTree import Element, SubElement, tostring

from recommender.text import escape_controls

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

__all__ = ["Element", "element", "format_element", "svg_text", "table"]


def element(tag: str, *children: Element | str, **attributes: object) -> Element:
    """An element with these children, texts among them; `class_` and `viewBox` become attributes.

    Control characters of texts become visible, as in the other formats.
    """
    made = Element(tag, {_attribute(name): str(value) for name, value in attributes.items()})
    for child in children:
        if isinstance(child, Element):
            made.append(child)
        elif len(made):
            made[-1].tail = (made[-1].tail or "") + escape_controls(child)
        else:
            made.text = (made.text or "") + escape_controls(child)
    return made


def _attribute(name: str) -> str:
    return name.rstrip("_").replace("_", "-")


def table(
    titles: Sequence[str], rows: Iterable[Sequence[str]], *, right: Iterable[str] = ()
) -> Element:
    """A table in a box of its own, which scrolls where it is too wide; first cells head rows."""
    aligned = frozenset(right)
    classes = ["number" if title in aligned else "text" for title in titles]
    made = element("table")
    heads = [
        element("th", title, scope="col", class_=name)
        for title, name in zip(titles, classes, strict=True)
    ]
    SubElement(made, "thead").append(element("tr", *heads))
    body = SubElement(made, "tbody")
    for first, *others in rows:
        cells = [
            element("td", text, class_=name) for text, name in zip(others, classes[1:], strict=True)
        ]
        body.append(element("tr", element("th", first, scope="row"), *cells))
    return element("div", made, class_="wide", tabindex="0", role="region", aria_label=titles[0])


def svg_text(text: str, x: float, y: float, *, anchor: str = "start") -> Element:
    """A text of a drawing."""
    return element("text", text, x=f"{x:.1f}", y=f"{y:.1f}", text_anchor=anchor)


def format_element(made: Element) -> str:
    """Its HTML."""
    return tostring(made, encoding="unicode", method="html")
