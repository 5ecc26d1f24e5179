"""The documentation as HTML: all pages, links that lead somewhere, and nothing that is loaded from elsewhere."""

from __future__ import annotations

import re
from pathlib import Path

import pytest
from bs4 import BeautifulSoup
from kosmo_command import kosmo

from kosmo_kernel import docs
from kosmo_kernel.docs.site import INDEX, SCRIPT, STYLE_FILE, SUFFIX, WORDS, site_files
from kosmo_kernel.integrations.heroku import HEROKU
from kosmo_kernel.questions.discovery import check_names

SITE = dict(site_files())
PAGES = {name: BeautifulSoup(text, "html.parser") for name, text in SITE.items() if name.endswith(SUFFIX)}


def test_each_page_of_the_reference_is_a_file_with_its_name_and_title() -> None:
    names = [*docs.GUIDES, *docs.titles(HEROKU), *(f"checks.{name}" for name in check_names()), INDEX]
    assert sorted(PAGES) == sorted(f"{name}{SUFFIX}" for name in names)
    assert {len(page.select("h1")) for page in PAGES.values()} == {1}
    assert len({page.title.text for page in PAGES.values() if page.title}) == len(PAGES)


def test_every_link_leads_to_a_page_and_to_a_place_in_it() -> None:
    lost = []
    for name, page in PAGES.items():
        for link in page.select("[href]"):
            address, _, place = str(link["href"]).partition("#")
            if address.startswith("https://"):
                continue
            target = address or name
            if target not in SITE or (place and not PAGES[target].select(f'[id="{place}"]')):
                lost.append((name, link["href"]))
    assert lost == []


def test_no_two_places_of_a_page_have_the_same_name() -> None:
    marks = {name: [str(tag["id"]) for tag in page.select("[id]")] for name, page in PAGES.items()}
    assert {name: found for name, found in marks.items() if len(found) != len(set(found))} == {}


def test_each_page_can_be_reached_from_the_first_one_and_from_the_page_of_its_service() -> None:
    linked = {str(link["href"]) for link in PAGES["index.html"].select("main a")}
    assert linked >= set(PAGES) - {"index.html"}
    listed = {str(link["href"]) for link in PAGES["heroku.html"].select("main a")}
    assert listed >= {f"heroku.{function.name}.html" for function in HEROKU.functions}


def test_what_names_a_page_in_code_is_a_link_to_it() -> None:
    pages = {name.removesuffix(SUFFIX) for name in PAGES}
    for page in PAGES.values():
        for code in page.select("main :not(pre) > code"):
            if call := re.fullmatch(r'docs\.read\("([\w.-]+)"\)', code.text):
                parent = code.parent
                assert parent is not None
                assert call[1] not in pages or parent.name == "a" or f"{call[1]}.html" in _canonical(page)


def _canonical(page: BeautifulSoup) -> set[str]:
    """Return the file of a page, as the navigation or its links know it: a page does not link to itself."""
    return {name for name, other in PAGES.items() if other is page}


def test_nothing_is_loaded_from_elsewhere_and_no_script_stands_in_a_page() -> None:
    for page in PAGES.values():
        assert [str(tag["src"]) for tag in page.select("[src]")] == [WORDS, SCRIPT]
        assert [str(tag["href"]) for tag in page.select("link")] == [STYLE_FILE]
        assert [tag.text.strip() for tag in page.select("script")] == ["", ""]
        assert page.select("[style], style, iframe, img, object") == []
    assert "url(" not in SITE[STYLE_FILE]


def test_a_title_with_code_of_markup_stays_text() -> None:
    page = PAGES["heroku.list_apps.html"]
    assert page.title is not None
    assert "<" not in page.title.text


def test_the_command_writes_the_site_into_a_new_folder_and_replaces_nothing(tmp_path: Path) -> None:
    done = kosmo("integrations:docs", "--html", "site", cwd=tmp_path)
    assert (done.returncode, done.stdout) == (0, f"site/index.html: {len(PAGES)} pages\n")
    assert {path.name for path in (tmp_path / "site").iterdir()} == set(SITE)
    again = kosmo("integrations:docs", "--html", "site", cwd=tmp_path)
    assert (again.returncode, "has something in it" in again.stderr) == (1, True)
    with_page = kosmo("integrations:docs", "heroku", "--html", "other", cwd=tmp_path)
    assert (with_page.returncode, (tmp_path / "other").exists()) == (2, False)


@pytest.mark.parametrize("name", ["limits", "errors"])
def test_a_long_page_begins_with_its_sections(name: str) -> None:
    page = PAGES[f"{name}{SUFFIX}"]
    contents = [link.text for link in page.select("nav.contents a")]
    assert contents == [heading.text for heading in page.select("h2") if heading.find_parent("nav") is None]
