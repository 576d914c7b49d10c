"""The site: built strictly, asks no other host, and leaves out what is not there."""

from __future__ import annotations

import re
import subprocess
import sys
from importlib.util import find_spec

import pytest
import yaml

from docs.navigation import choose_entries, on_config
from tests.documentation.page import ROOT
from tests.testbed.part import MissingPartError

LOADED = re.compile(
    r"<(?:script|img|iframe|source)[^>]*src=\"([^\"]+)\"|<link[^>]*href=\"([^\"]+)\""
)


@pytest.fixture(scope="session")
def site(tmp_path_factory):
    """The folder of the built site."""
    if find_spec("mkdocs") is None:
        message = "mkdocs is not in this environment; install with: make setup"
        raise MissingPartError(message)
    folder = tmp_path_factory.mktemp("site")
    done = subprocess.run(
        [sys.executable, "-m", "mkdocs", "build", "--strict", "--site-dir", str(folder)],
        cwd=ROOT,
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    return folder


def test_every_page_is_built(site):
    pages = {path.relative_to(ROOT / "docs").with_suffix(".html") for path in pages_of_docs()}
    # mkdocs shows a README as the index of its folder.
    wanted = {page.with_name("index.html") if page.stem == "README" else page for page in pages}
    assert {path.relative_to(site) for path in site.rglob("*.html")} >= wanted


def pages_of_docs():
    return (ROOT / "docs").rglob("*.md")


def test_a_reader_asks_no_other_host(site):
    loaded = [
        address
        for path in site.rglob("*.html")
        for pair in LOADED.findall(path.read_text())
        for address in pair
        if address.startswith(("http:", "https:", "//"))
    ]
    assert [address for address in loaded if "canonical" not in address] == []


def test_no_program_is_published(site):
    assert list(site.rglob("*.py")) == []


def test_pictures_and_schemas_are_published(site):
    for name in ("figures/tangent.svg", "screenshots/report.svg", "report.schema.json"):
        assert (site / name).is_file()


@pytest.fixture
def folder(tmp_path):
    (tmp_path / "here.md").write_text("# Here\n")
    (tmp_path / "runbooks").mkdir()
    for name in ("b.md", "README.md", "a.md"):
        (tmp_path / "runbooks" / name).write_text("# Title\n")
    return tmp_path


def test_an_entry_without_its_page_is_left_out(folder):
    assert choose_entries([{"Here": "here.md"}, {"Gone": "gone.md"}], folder) == [
        {"Here": "here.md"}
    ]


def test_a_section_without_pages_is_left_out(folder):
    assert choose_entries([{"Part": [{"Gone": "gone.md"}, {"None": "none/"}]}], folder) == []


def test_a_folder_lists_its_pages_the_readme_first(folder):
    assert choose_entries([{"Runbooks": "runbooks/"}], folder) == [
        {"Runbooks": ["runbooks/README.md", "runbooks/a.md", "runbooks/b.md"]}
    ]


def test_a_bare_path_is_kept_where_it_is_there(folder):
    assert choose_entries(["here.md", "gone.md"], folder) == ["here.md"]


def test_mkdocs_gets_the_entries_that_are_there(folder):
    config = {"nav": ["here.md", "gone.md"], "docs_dir": str(folder)}
    assert on_config(config)["nav"] == ["here.md"]


def test_the_navigation_names_no_page_twice():
    text = (ROOT / "mkdocs.yml").read_text()
    named = re.findall(r"^\s+- [^:]+: (\S+\.md)$", text, re.MULTILINE)
    assert len(named) > 20
    assert len(named) == len(set(named))


def test_every_page_is_in_the_navigation():
    """A page that nobody lists is found by search alone."""
    config = yaml.safe_load((ROOT / "mkdocs.yml").read_text())
    listed = str(config["nav"])
    pages = [path.relative_to(ROOT / "docs") for path in pages_of_docs()]
    lost = [str(page) for page in pages if str(page) not in listed and len(page.parts) == 1]
    assert lost == []
