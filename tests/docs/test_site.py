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

Pages = dict[str, BeautifulSoup]


@pytest.fixture(scope="module")
def site() -> dict[str, str]:
    return dict(site_files())


@pytest.fixture(scope="module")
def pages(site: dict[str, str]) -> Pages:
    return {name: BeautifulSoup(text, "html.parser") for name, text in site.items() if name.endswith(SUFFIX)}


def test_each_page_of_the_reference_is_a_file_with_its_name_and_title(pages: Pages) -> None:
    names = [*docs.GUIDES, *docs.titles(HEROKU), *(f"checks.{name}" for name in check_names()), INDEX]
    assert sorted(pages) == sorted(f"{name}{SUFFIX}" for name in names)
    assert {len(page.select("h1")) for page in pages.values()} == {1}
    assert len({page.title.text for page in pages.values() if page.title}) == len(pages)


def test_every_link_leads_to_a_page_and_to_a_place_in_it(pages: Pages, site: dict[str, str]) -> None:
    lost = []
    for name, page in pages.items():
        for link in page.select("[href]"):
            address, _, place = str(link["href"]).partition("#")
            if address.startswith("https://"):
                continue
            target = address or name
            if target not in site or (place and not pages[target].select(f'[id="{place}"]')):
                lost.append((name, link["href"]))
    assert lost == []


def test_no_two_places_of_a_page_have_the_same_name(pages: Pages) -> None:
    marks = {name: [str(tag["id"]) for tag in page.select("[id]")] for name, page in pages.items()}
    assert {name: found for name, found in marks.items() if len(found) != len(set(found))} == {}


def test_each_page_can_be_reached_from_the_first_one_and_from_the_page_of_its_service(pages: Pages) -> None:
    linked = {str(link["href"]) for link in pages["index.html"].select("main a")}
    assert linked >= set(pages) - {"index.html"}
    listed = {str(link["href"]) for link in pages["heroku.html"].select("main a")}
    assert listed >= {f"heroku.{function.name}.html" for function in HEROKU.functions}


def test_what_names_a_page_in_code_is_a_link_to_it(pages: Pages) -> None:
    names = {name.removesuffix(SUFFIX) for name in pages}
    for page in pages.values():
        for code in page.select("main :not(pre) > code"):
            if call := re.fullmatch(r'docs\.read\("([\w.-]+)"\)', code.text):
                parent = code.parent
                assert parent is not None
                assert call[1] not in names or parent.name == "a" or f"{call[1]}.html" in _canonical(page, pages)


def _canonical(page: BeautifulSoup, pages: Pages) -> set[str]:
    """Return the file of a page, as the navigation or its links know it: a page does not link to itself."""
    return {name for name, other in pages.items() if other is page}


def test_nothing_is_loaded_from_elsewhere_and_no_script_stands_in_a_page(pages: Pages, site: dict[str, str]) -> None:
    for page in pages.values():
        assert [str(tag["src"]) for tag in page.select("[src]")] == [WORDS, SCRIPT]
        assert [str(tag["href"]) for tag in page.select("link")] == [STYLE_FILE]
        assert [tag.text.strip() for tag in page.select("script")] == ["", ""]
        assert page.select("[style], style, iframe, img, object") == []
    assert "url(" not in site[STYLE_FILE]


def test_a_title_with_code_of_markup_stays_text(pages: Pages) -> None:
    page = pages["heroku.list_apps.html"]
    assert page.title is not None
    assert "<" not in page.title.text


def test_the_command_writes_the_site_into_a_new_folder_and_replaces_nothing(
    tmp_path: Path, pages: Pages, site: dict[str, str]
) -> None:
    done = kosmo("integrations:docs", "--html", "site", cwd=tmp_path)
    assert (done.returncode, done.stdout) == (0, f"site/index.html: {len(pages)} pages\n")
    assert {path.name for path in (tmp_path / "site").iterdir()} == set(site)
    again = kosmo("integrations:docs", "--html", "site", cwd=tmp_path)
    assert (again.returncode, "has something in it" in again.stderr) == (1, True)
    with_page = kosmo("integrations:docs", "heroku", "--html", "other", cwd=tmp_path)
    assert (with_page.returncode, (tmp_path / "other").exists()) == (2, False)


@pytest.mark.parametrize("name", ["limits", "errors"])
def test_a_long_page_begins_with_its_sections(name: str, pages: Pages) -> None:
    page = pages[f"{name}{SUFFIX}"]
    contents = [link.text for link in page.select("nav.contents a")]
    assert contents == [heading.text for heading in page.select("h2") if heading.find_parent("nav") is None]
