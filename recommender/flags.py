"""Command-line options and environment variables, made from the settings table.

The only place that knows both click and `recommender.settings`.
"""

from __future__ import annotations

import dataclasses
from typing import TYPE_CHECKING, Any, TypeVar

import click
import msgspec
from click.core import ParameterSource

from recommender import units
from recommender.errors import UsageError
from recommender.text import escape_controls

if TYPE_CHECKING:
    from collections.abc import Callable

ENVIRONMENT_PREFIX = "JOULEFIT_"

_Settings = TypeVar("_Settings")


def _format_duration(seconds: float) -> str:
    return units.format_duration(seconds).replace(" ", "").replace("min", "m")


# How each unit is read, and how its default is shown.
_PARSERS: dict[str, Callable[[str], Any]] = {
    "duration": units.parse_duration,
    "step": units.parse_step,
    "time": units.parse_time,
    "millicores": units.parse_millicores,
    "bytes": units.parse_bytes,
    "percentile": units.parse_percentile,
    "share": units.parse_share,
    "watts": units.parse_watts,
}
_FORMATTERS: dict[str, Callable[[Any], str]] = {
    "duration": _format_duration,
    "step": _format_duration,
    "time": units.format_time,
    "millicores": units.format_millicores,
    "bytes": units.format_bytes,
    "percentile": units.format_percentile,
    "share": lambda share: f"{share * 100:g}%",
    "watts": lambda watts: f"{watts:g}W",
}


class _UnitType(click.ParamType[Any]):
    """Text that one of the parsers of `recommender.units` turns into a number."""

    def __init__(self, unit: str) -> None:
        self.name = unit

    def convert(
        self, value: Any, param: click.Parameter | None, ctx: click.Context | None
    ) -> float | int:
        if not isinstance(value, str):
            return value  # type: ignore[no-any-return]
        try:
            number: float | int = _PARSERS[self.name](value)
        except UsageError as error:
            self.fail(str(error), param, ctx)
        if number < 0:
            said = "is before 1970" if self.name == "time" else "is negative"
            self.fail(f"{value!r} {said}", param, ctx)
        if self.name == "duration" and not number:
            self.fail(f"{value!r} is no time at all; write for example 90s, 12h or 14d", param, ctx)
        return number


class _ListType(click.types.StringParamType):
    """A repeatable text; in the environment several stand one a line, or with commas between."""

    def __init__(self, separator: str) -> None:
        super().__init__()
        self._separator = separator

    def split_envvar_value(self, rv: str) -> list[str]:
        return [part for part in (each.strip() for each in rv.split(self._separator)) if part]


class OptionRow(msgspec.Struct, frozen=True):
    """One option as its documentation shows it; `default` is text, "" where there is none."""

    flag: str
    variable: str
    metavar: str
    text: str
    default: str
    why: str


def flag_of(field: dataclasses.Field[Any]) -> str:
    return str(field.metadata["flag"] or "--" + field.name.replace("_", "-"))


def default_text(field: dataclasses.Field[Any]) -> str:
    """The default as a user would write it."""
    default, unit = field.default, field.metadata["unit"]
    if default is None or default in {"", ()} or isinstance(default, bool):
        return ""
    return _FORMATTERS[unit](default) if unit else str(default)


def option_rows(settings: type) -> list[OptionRow]:
    """The rows of one settings class, in its order, for the documentation."""
    return [
        OptionRow(
            flag=flag_of(field),
            variable=ENVIRONMENT_PREFIX + field.name.upper(),
            metavar="|".join(field.metadata["choices"]) or field.metadata["metavar"],
            text=field.metadata["text"],
            default=default_text(field),
            why=field.metadata["why"],
        )
        for field in _fields(settings)
    ]


def settings_options(
    *settings: type,
) -> Callable[[Callable[..., Any]], Callable[..., Any]]:
    """Decorate a command with the options of these settings classes.

    Their values arrive as keyword arguments under the field names; `collect` makes the
    settings of them again.
    """

    def decorate(command: Callable[..., Any]) -> Callable[..., Any]:
        for field in reversed([field for each in settings for field in _fields(each)]):
            command = _click_option(field)(command)
        return command

    return decorate


def collect(settings: type[_Settings], values: dict[str, Any]) -> _Settings:
    """The settings object of these command-line values; other keys are left alone."""
    names = [field.name for field in _fields(settings)]
    return settings(**{name: values[name] for name in names})


def describe_usage_error(error: click.ClickException) -> str:
    """One line: what cannot be meant, which variable it came from, and where to read on."""
    context = getattr(error, "ctx", None)
    parameter = getattr(error, "param", None)
    text = error.format_message().rstrip(".")
    if context and parameter:
        source = context.get_parameter_source(parameter.name)
        text += f" (from {parameter.envvar})" if source is ParameterSource.ENVIRONMENT else ""
    return escape_controls(text) + (f"; see {context.command_path} --help" if context else "")


def _fields(settings: type) -> tuple[dataclasses.Field[Any], ...]:
    return dataclasses.fields(settings)


def _click_option(field: dataclasses.Field[Any]) -> Callable[[Callable[..., Any]], Any]:
    flags = [flag_of(field)]
    if field.metadata["short"]:
        flags.insert(0, "-" + field.metadata["short"])
    shown = default_text(field)
    help_text = field.metadata["text"] + (f"  [{shown}]" if shown else "")
    if isinstance(field.default, bool):
        return click.option(
            *flags,
            field.name,
            is_flag=True,
            default=False,
            help=help_text,
            envvar=ENVIRONMENT_PREFIX + field.name.upper(),
        )
    return click.option(
        *flags,
        field.name,
        type=_click_type(field),
        default=field.default,
        multiple=isinstance(field.default, tuple),
        metavar=field.metadata["metavar"] or None,
        help=help_text,
        envvar=ENVIRONMENT_PREFIX + field.name.upper(),
    )


def _click_type(field: dataclasses.Field[Any]) -> Any:
    if field.metadata["choices"]:
        return click.Choice(field.metadata["choices"])
    if field.metadata["unit"]:
        return _UnitType(field.metadata["unit"])
    if isinstance(field.default, tuple):
        # A header's value may hold commas and spaces; a namespace may not.
        return _ListType(field.metadata["separator"])
    if isinstance(field.default, int):
        return click.IntRange(min=field.metadata["least"], max=field.metadata["most"])
    return click.Path() if field.metadata["is_path"] else click.STRING
