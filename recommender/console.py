"""How our command lines behave: one line for an error, its exit code, quiet pipes, -v."""

from __future__ import annotations

import atexit
import gc
import logging
import os
import sys
import traceback
from typing import Any

import click

from recommender.errors import JoulefitError
from recommender.flags import describe_usage_error
from recommender.text import escape_controls


class Command(click.Command):
    """A command whose errors are one line, with the exit code of the error."""

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.params.append(
            click.Option(
                ["-v", "--verbose"],
                count=True,
                help="say what is done and which request failed; -vv adds the traceback",
            )
        )

    def invoke(self, ctx: click.Context) -> Any:
        verbose = ctx.params.pop("verbose")
        ctx.meta["joulefit.verbose"] = verbose
        _configure_logging(verbose)
        try:
            return super().invoke(ctx)
        except JoulefitError as error:
            _print_error(error, verbose)
            ctx.exit(error.exit_code)


class Group(click.Group):
    command_class = Command

    def main(self, *args: Any, **kwargs: Any) -> Any:
        """One line for usage errors too, and a quiet end when a pipe closes."""
        _expect_short_life()
        try:
            return super().main(*args, **{**kwargs, "standalone_mode": False})
        except click.ClickException as error:
            click.echo(f"error: {describe_usage_error(error)}", err=True)
            sys.exit(error.exit_code)
        except click.Abort:
            click.echo("interrupted", err=True)
            sys.exit(130)
        except BrokenPipeError:
            # The reader has what it wanted; Python must not complain at exit either.
            sys.stderr.close()
            sys.exit(0)


def _expect_short_life() -> None:
    """Spare a process of a second or two what only pays in a long one: 0.2 s of processor time."""
    # Modules are no garbage: they are not searched while they are imported, nor at the end.
    gc.set_threshold(100_000, 20, 20)
    atexit.register(gc.freeze)
    # Our matrices are small, and a second thread of numpy's BLAS spins where the store may work.
    os.environ.setdefault("OPENBLAS_NUM_THREADS", "1")


def _configure_logging(verbose: int) -> None:
    level = {0: logging.ERROR, 1: logging.INFO}.get(verbose, logging.DEBUG)
    logging.basicConfig(format="%(levelname)s %(name)s %(message)s", stream=sys.stderr)
    logging.getLogger("recommender").setLevel(level)


def _print_error(error: JoulefitError, verbose: int) -> None:
    # What others wrote stands in it: a store's words, names of objects, a file's path.
    click.echo(f"error: {escape_controls(str(error))}", err=True)
    if verbose and error.detail:
        click.echo(escape_controls(error.detail), err=True)
    if verbose > 1:
        click.echo("".join(traceback.format_exception(error)), err=True)
