"""Every command that a page shows is one that works."""

from __future__ import annotations

from contextlib import suppress

import click
import pytest

from collector.cli import main as collector_main
from recommender.cli import main as joulefit_main
from tests.documentation.page import COMMANDS, MENTIONS, read_commands, read_mentions
from tests.main_job.command import joulefit

GROUPS = {"joulefit": joulefit_main, "joulefit-collector": collector_main}
BY_PAGE = {
    page: [shown for shown in COMMANDS if shown.page == page and shown.is_run and not shown.is_live]
    for page in sorted({shown.page for shown in COMMANDS})
}


def parse(shown):
    """Read the options as the program would; click.UsageError where it would refuse them."""
    group = GROUPS[shown.words[0]]
    context = click.Context(group, info_name=shown.words[0])
    name, command, rest = group.resolve_command(context, list(shown.arguments))
    command.make_context(name, rest, parent=context)


@pytest.mark.parametrize("shown", COMMANDS, ids=str)
def test_the_program_understands_a_shown_command(shown):
    parse(shown)


@pytest.mark.parametrize("shown", MENTIONS, ids=str)
def test_the_program_understands_a_mentioned_command(shown):
    with suppress(click.MissingParameter):
        parse(shown)


def test_a_command_is_mentioned_in_prose_over_two_lines():
    text = (
        "Say `joulefit report\n-o wide` or joulefit, `joulefit_metric`.\n```\n`joulefit x`\n```\n"
    )
    assert [shown.words for shown in read_mentions(text, page="")] == [
        ("joulefit", "report", "-o", "wide")
    ]


@pytest.mark.parametrize("page", [page for page, run in BY_PAGE.items() if run])
def test_the_commands_of_a_page_run_one_after_the_other(page, tmp_path, monkeypatch):
    """From an empty folder, as a reader would."""
    monkeypatch.chdir(tmp_path)
    for shown in BY_PAGE[page]:
        outcome = joulefit(*shown.arguments)
        assert outcome.code == 0, f"{shown}: {outcome.stderr}"
        assert outcome.stdout, str(shown)


def test_quick_start_and_readme_show_commands_that_are_run():
    pages = {shown.page for shown in COMMANDS if shown.is_run}
    assert {"docs/quick-start.md", "docs/reading.md", "README.md"} <= pages


def test_an_option_that_is_not_there_is_found():
    (shown,) = read_commands("```\njoulefit report --no-such-option\n```\n", page="made up")
    with pytest.raises(click.UsageError, match="No such option"):
        parse(shown)


@pytest.mark.parametrize(
    ("line", "words"),
    [
        ("joulefit report -n shop    # changes nothing", ["joulefit", "report", "-n", "shop"]),
        ("$ joulefit demo | head -n 3", ["joulefit", "demo"]),
        ('joulefit report --store-header "A: b"', ["joulefit", "report", "--store-header", "A: b"]),
        ("joulefit report -o html > page.html", ["joulefit", "report", "-o", "html"]),
    ],
)
def test_a_line_is_read_up_to_its_comment_or_pipe(line, words):
    (shown,) = read_commands(f"```\n{line}\n```\n", page="made up")
    assert list(shown.words) == words


@pytest.mark.parametrize("line", ["kubectl get vpa", "joulefitness", "See joulefit"])
def test_other_lines_are_no_commands_of_ours(line):
    assert read_commands(f"```\n{line}\n```\n", page="made up") == []


def test_a_continued_line_is_one_command():
    text = "```\njoulefit-collector run --kubelet https://n:10250 \\\n    --state /run/s\n```\n"
    (shown,) = read_commands(text, page="made up")
    assert shown.words[-2:] == ("--state", "/run/s")


def test_only_a_prompt_in_a_console_block_is_run():
    text = "```console\n$ joulefit demo\n```\n\n```\n$ joulefit demo\njoulefit demo\n```\n"
    assert [shown.is_run for shown in read_commands(text, page="")] == [True, False, False]
