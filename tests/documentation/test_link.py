"""Links between files of the repository lead somewhere; those inside the site, mkdocs checks."""

from __future__ import annotations

import re

import pytest

from tests.documentation.page import PAGES, ROOT

LINK = re.compile(r"!?\[[^\]]*\]\((?!https?:|#)([^)#\s]+)[^)]*\)")
FILES = [*PAGES, ROOT / "CONTRIBUTING.md"]


@pytest.mark.parametrize("path", FILES, ids=lambda path: str(path.relative_to(ROOT)))
def test_a_link_to_a_file_leads_to_one(path):
    missing = [to for to in LINK.findall(path.read_text()) if not (path.parent / to).exists()]
    assert missing == []


def test_the_comparison_names_a_source_for_each_number():
    text = (ROOT / "docs" / "comparison.md").read_text()
    table, _, sources = text.partition("## Sources")
    used = {int(number) for number in re.findall(r"\[(\d+)\]", table)}
    listed = [int(number) for number in re.findall(r"^(\d+)\. ", sources, re.MULTILINE)]
    assert used == set(listed)
    assert listed == list(range(1, len(listed) + 1))


def test_the_comparisons_sources_are_fixed_revisions():
    text = (ROOT / "docs" / "comparison.md").read_text().partition("## Sources")[2]
    links = re.findall(r"https://github\.com/\S+?(?=\))", text)
    assert links
    assert all(re.search(r"/blob/[0-9a-f]{40}/", link) for link in links)
