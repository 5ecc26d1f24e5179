"""The documentation as HTML in a real browser, from files: the search finds what it should, on a phone as well."""

from __future__ import annotations

import re
import tomllib
from collections.abc import Iterator
from pathlib import Path

import lab_page
import pytest
from lab_page import chromium
from playwright.sync_api import Browser, Page, expect
from repository import TESTS

from kosmo_kernel.docs.site import site_files

pytestmark = [
    pytest.mark.full,
    pytest.mark.skipif(bool(lab_page.missing()), reason=lab_page.missing()),
]

PHRASES = tomllib.loads((TESTS / "docs" / "search_phrases.toml").read_text(encoding="utf-8"))
PHONE = {"width": 390, "height": 844}


@pytest.fixture(scope="module")
def site(tmp_path_factory: pytest.TempPathFactory) -> str:
    folder: Path = tmp_path_factory.mktemp("site")
    for name, text in site_files():
        (folder / name).write_text(text, encoding="utf-8")
    return folder.as_uri()


@pytest.fixture(scope="module")
def browser() -> Iterator[Browser]:
    with chromium() as opened:
        yield opened


@pytest.fixture
def page(browser: Browser, site: str) -> Iterator[Page]:
    page = browser.new_page(viewport={"width": 1280, "height": 900})
    page.goto(f"{site}/index.html")
    yield page
    page.close()


def results(page: Page) -> list[str]:
    return [str(link.get_attribute("href")).removesuffix(".html") for link in page.locator("#results a").all()]


def test_the_search_finds_what_the_search_of_the_package_has_to_find(page: Page) -> None:
    found = []
    for phrases in PHRASES.values():
        for phrase, wanted in phrases.items():
            page.locator("input[type=search]").fill(phrase)
            found.append(not set(results(page)[:5]).isdisjoint(wanted))
    assert sum(found) / len(found) >= 0.9


def test_enter_opens_the_best_result_and_a_slash_begins_a_search(page: Page) -> None:
    errors: list[str] = []
    page.on("pageerror", lambda error: errors.append(str(error)))
    page.keyboard.press("/")
    page.keyboard.type("who has access")
    expect(page.locator("#results a").first).to_be_visible()
    best = results(page)[0]
    page.keyboard.press("Enter")
    expect(page).to_have_url(re.compile(rf"/{re.escape(best)}\.html$"))
    assert errors == []


def test_words_that_nothing_has_are_answered(page: Page) -> None:
    page.locator("input[type=search]").fill("zzzyx qqq")
    expect(page.locator("#results .none")).to_be_visible()


def test_without_scripts_there_is_the_list_of_all_pages_and_no_search(browser: Browser, site: str) -> None:
    context = browser.new_context(java_script_enabled=False)
    page = context.new_page()
    page.goto(f"{site}/index.html")
    expect(page.locator("form")).to_be_hidden()
    page.locator("main a", has_text="heroku.list_dynos").first.click()
    expect(page.locator("h1")).to_have_text("heroku.list_dynos")
    context.close()


@pytest.mark.parametrize("name", ["index", "heroku", "heroku.list_dynos", "limits", "checks", "accounts"])
def test_no_page_is_wider_than_a_phone(browser: Browser, site: str, name: str) -> None:
    page = browser.new_page(viewport=PHONE)  # type: ignore[arg-type]
    page.goto(f"{site}/{name}.html")
    assert page.evaluate("document.documentElement.scrollWidth") <= PHONE["width"]
    assert page.locator("nav details").first.get_attribute("open") is None
    page.close()


@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_text_can_be_read_on_light_and_on_dark_screens(browser: Browser, site: str, scheme: str) -> None:
    page = browser.new_page(color_scheme=scheme)  # type: ignore[arg-type]
    page.goto(f"{site}/heroku.list_dynos.html")
    contrast = page.evaluate(CONTRAST)
    page.close()
    assert {place: ratio for place, ratio in contrast.items() if ratio < 4.5} == {}


CONTRAST = """
() => {
  const numbers = colour => colour.match(/[\\d.]+/g).map(Number);
  const light = colour => numbers(colour).slice(0, 3)
    .map(part => part / 255)
    .map(part => (part <= 0.04045 ? part / 12.92 : ((part + 0.055) / 1.055) ** 2.4))
    .reduce((sum, part, index) => sum + part * [0.2126, 0.7152, 0.0722][index], 0);
  const ground = element => {
    for (let at = element; at; at = at.parentElement) {
      const colour = getComputedStyle(at).backgroundColor;
      if (numbers(colour)[3] !== 0) return colour;
    }
    return "rgb(255, 255, 255)";
  };
  const found = {};
  for (const element of document.querySelectorAll("p, a, code, h1, h2, th, td, pre span")) {
    const [a, b] = [light(getComputedStyle(element).color), light(ground(element))];
    const ratio = (Math.max(a, b) + 0.05) / (Math.min(a, b) + 0.05);
    const place = element.tagName + "." + element.className;
    found[place] = Math.min(found[place] ?? 99, ratio);
  }
  return found;
}
"""
