"""Label selectors as kubectl writes them and as objects hold them.

Syntax and meaning: "Labels and Selectors" of the Kubernetes documentation.
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

import msgspec

from recommender.errors import UsageError

if TYPE_CHECKING:
    from collections.abc import Mapping

    from recommender.cluster.manifest import LabelSelector

_NAME = r"[A-Za-z0-9](?:[-A-Za-z0-9_.]{0,61}[A-Za-z0-9])?"
_PREFIX = r"(?=.{1,253}/)[a-z0-9](?:[-a-z0-9]*[a-z0-9])?(?:\.[a-z0-9](?:[-a-z0-9]*[a-z0-9])?)*/"
_KEY = re.compile(f"(?:{_PREFIX})?{_NAME}", re.ASCII)
_VALUE = re.compile(f"(?:{_NAME})?", re.ASCII)
_INTEGER = re.compile(r"[+-]?\d{1,19}", re.ASCII)
_TOKEN = re.compile(r"\s*(==|!=|[=!<>(),]|[^\s=!<>(),]+)\s*")


class Requirement(msgspec.Struct, frozen=True):
    """One term of a selector; operators are those of matchExpressions, and Gt and Lt."""

    key: str
    operator: str
    values: frozenset[str] = frozenset()

    def matches(self, labels: Mapping[str, str]) -> bool:
        """Whether labels meet it. An absent key meets NotIn and DoesNotExist only."""
        value = labels.get(self.key)
        if self.operator == "In":
            return value in self.values
        if self.operator == "NotIn":
            return value not in self.values
        if self.operator == "Exists":
            return value is not None
        if self.operator == "DoesNotExist":
            return value is None
        return _compare(value, next(iter(self.values)), self.operator)


class Selector(msgspec.Struct, frozen=True):
    """All of its requirements must hold; the empty one matches everything."""

    requirements: tuple[Requirement, ...] = ()

    def matches(self, labels: Mapping[str, str]) -> bool:
        return all(requirement.matches(labels) for requirement in self.requirements)


def convert_selector(selector: LabelSelector) -> Selector:
    """The selector of an object's spec: its matchLabels and matchExpressions together."""
    labels = selector.match_labels or {}
    return Selector(
        (
            *(Requirement(key, "In", frozenset({value})) for key, value in labels.items()),
            *(
                Requirement(term.key, term.operator, frozenset(term.values or ()))
                for term in selector.match_expressions or ()
            ),
        )
    )


def parse_selector(text: str) -> Selector:
    """The selector of `kubectl -l`: app=web,tier!=cache,env in (a,b),!old. Raises UsageError."""
    tokens = _split(text)
    if not tokens:
        return Selector()
    parser = _Parser(text, tokens)
    requirements = [parser.read_requirement()]
    while parser.next_is(","):
        parser.take()
        requirements.append(parser.read_requirement())
    parser.expect_end()
    return Selector(tuple(requirements))


def _split(text: str) -> list[str]:
    tokens, at = [], 0
    while match := _TOKEN.match(text, at):
        tokens.append(match[1])
        at = match.end()
    return tokens


class _Parser:
    """Recursive descent over the tokens of one selector."""

    def __init__(self, text: str, tokens: list[str]) -> None:
        self._text = text
        self._tokens = tokens
        self._at = 0

    def next_is(self, *tokens: str) -> bool:
        return self._at < len(self._tokens) and self._tokens[self._at] in tokens

    def at_end(self) -> bool:
        return self._at == len(self._tokens)

    def take(self) -> str:
        if self.at_end():
            raise self._error("it ends too early")
        self._at += 1
        return self._tokens[self._at - 1]

    def expect_end(self) -> None:
        if not self.at_end():
            raise self._error(f"{self._tokens[self._at]!r} is not expected there")

    def read_requirement(self) -> Requirement:
        if self.next_is("!"):
            self.take()
            return Requirement(self._read_key(), "DoesNotExist")
        key = self._read_key()
        if self.at_end() or self.next_is(","):
            return Requirement(key, "Exists")
        operator = self.take()
        if operator in {"in", "notin"}:
            values = self._read_set()
            return Requirement(key, "In" if operator == "in" else "NotIn", values)
        if operator in {"=", "==", "!="}:
            value = frozenset({self._read_value()})
            return Requirement(key, "NotIn" if operator == "!=" else "In", value)
        if operator in {"<", ">"}:
            return Requirement(key, "Gt" if operator == ">" else "Lt", self._read_number())
        raise self._error(f"{operator!r} is no operator")

    def _read_key(self) -> str:
        key = self.take()
        if not _KEY.fullmatch(key):
            raise self._error(f"{key!r} is no label name")
        return key

    def _read_value(self) -> str:
        if self.at_end() or self.next_is(",", ")"):
            return ""
        value = self.take()
        if not _VALUE.fullmatch(value):
            raise self._error(f"{value!r} is no label value")
        return value

    def _read_number(self) -> frozenset[str]:
        value = self._read_value()
        if not _INTEGER.fullmatch(value):
            raise self._error(f"{value!r} is no whole number")
        return frozenset({value})

    def _read_set(self) -> frozenset[str]:
        if self.take() != "(":
            raise self._error("a set of values begins with '('")
        values = {self._read_value()}
        while self.next_is(","):
            self.take()
            values.add(self._read_value())
        if self.take() != ")":
            raise self._error("a set of values ends with ')'")
        return frozenset(values)

    def _error(self, what: str) -> UsageError:
        return UsageError(
            f"selector {self._text!r}: {what}; write for example app=web,tier!=cache or"
            " 'env in (prod,test)'"
        )


def _compare(value: str | None, bound: str, operator: str) -> bool:
    if value is None or not _INTEGER.fullmatch(value):
        return False
    return int(value) > int(bound) if operator == "Gt" else int(value) < int(bound)
