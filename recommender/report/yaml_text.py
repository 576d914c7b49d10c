"""Plain data as YAML, by PyYAML with its parts in C."""

from __future__ import annotations

import math
import re
from typing import TYPE_CHECKING, Any

import yaml

if TYPE_CHECKING:
    from collections.abc import Iterable

_WORDS = re.compile(r"[A-Za-z](?:[A-Za-z0-9_./%,()+ -]*[A-Za-z0-9_./%)+-])?|[0-9]+(?:m|[KMGT]i)")
_RESERVED = frozenset(("y", "n", "yes", "no", "on", "off", "true", "false", "null"))


class _Dumper(yaml.CSafeDumper):
    """Quotes what is not plainly a word or a quantity.

    PyYAML alone leaves 1e3, which may be a workload's name, without quotes, and a reader of
    YAML 1.2 takes that for a number.
    """

    def ignore_aliases(self, data: Any) -> bool:
        del data
        return True  # an object that stands twice is written twice


def format_yaml_documents(documents: Iterable[Any]) -> str:
    """Each of the documents after a line of three dashes."""
    return str(
        yaml.dump_all(documents, Dumper=_Dumper, sort_keys=False, width=100, explicit_start=True)
    )


def format_yaml_document(document: Any) -> str:
    """One document. A number that is not finite becomes null, as in JSON."""
    return str(yaml.dump(document, Dumper=_Dumper, sort_keys=False, width=100))


def _represent_text(dumper: yaml.CSafeDumper, text: str) -> yaml.ScalarNode:
    is_plain = _WORDS.fullmatch(text) and text.lower() not in _RESERVED
    return dumper.represent_scalar("tag:yaml.org,2002:str", text, style=None if is_plain else '"')


def _represent_number(dumper: yaml.CSafeDumper, number: float) -> yaml.ScalarNode:
    return dumper.represent_float(number) if math.isfinite(number) else dumper.represent_none(None)


_Dumper.add_representer(str, _represent_text)
_Dumper.add_representer(float, _represent_number)
