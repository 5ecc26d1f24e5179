"""A search for what people ask about Heroku finds what answers it among the first pages."""

from __future__ import annotations

import tomllib
from pathlib import Path

import pytest
from kosmo_command import kosmo
from repository import ROOT

from kosmo_kernel import docs
from kosmo_kernel.docs.compact import search as search_of_agents
from kosmo_kernel.docs.search_index import search_pages
from kosmo_kernel.mcp_server.tokens import CHARACTERS_PER_TOKEN, estimated_tokens

PHRASES = tomllib.loads((Path(__file__).parent / "search_phrases.toml").read_text())

AGENTS = tomllib.loads((Path(__file__).parent / "agent_questions.toml").read_text())

QUESTIONS = {
    "who deployed": "list_releases",
    "certificate expiry": "list_sni_endpoints",
    "scaled to zero": "list_formation",
    "config drift": "list_config_vars",
    "leaver": "list_collaborators",
    "same secret in two apps": "list_config_vars",
    "failed release phase": "list_releases",
    "failed build": "list_builds",
    "rollback": "list_releases",
    "where do logs go": "list_log_drains",
    "pending invitations": "list_team_invitations",
    "two factor": "list_team_members",
    "app in no pipeline": "list_pipeline_couplings",
    "stage of an app": "list_pipeline_couplings",
    "price of a dyno": "list_dyno_sizes",
    "price of a plan": "list_plans",
    "who can access an app": "list_collaborators",
    "crashed dynos": "list_dynos",
    "shared database": "list_addons",
    "monthly cost of a team": "list_team_invoices",
    "deprecated stack": "list_stacks",
    "api tokens": "list_oauth_authorizations",
    "outbound ip": "get_space_nat",
    "requests left": "get_rate_limit",
    "audit log": "list_audit_trail_events",
    "single sign-on": "list_identity_providers",
    "custom domain": "list_domains",
    "environment variables": "list_config_vars",
    "who am I": "get_current_user",
    "feature flags": "list_app_features",
    "failing webhooks": "list_app_webhook_deliveries",
    "commit of a slug": "get_slug",
    "flaky tests": "list_test_cases",
    "ssh keys": "list_keys",
    "maintenance mode": "list_apps",
    "team admins": "list_team_members",
    "unpaid bill": "get_team_delinquency",
    "firewall": "get_inbound_ruleset",
}


@pytest.mark.parametrize("question", QUESTIONS)
def test_of_the_functions_a_question_finds_the_one_that_answers_it_first(question: str) -> None:
    pages = [result.page for result in search_pages(question) if result.function]
    assert pages[0] == f"heroku.{QUESTIONS[question]}"
    assert f"\n- `{pages[0]}`: " in docs.search(question)


def found(phrases: dict[str, list[str]]) -> list[str]:
    """Return the phrases that find one of their pages among the first five."""
    first = {phrase: [result.page for result in search_pages(phrase)[:5]] for phrase in phrases}
    return [phrase for phrase, pages in phrases.items() if not set(pages).isdisjoint(first[phrase])]


def test_most_phrases_find_what_they_are_about_among_the_first_five() -> None:
    hits = {name: len(found(phrases)) for name, phrases in PHRASES.items()}
    assert {name: len(phrases) for name, phrases in PHRASES.items()} == {"short": 44, "long": 33, "held_out": 30}
    assert hits["short"] + hits["long"] >= 67
    assert hits["held_out"] >= 27


def test_an_agent_reads_at_most_300_tokens_for_a_phrase() -> None:
    answers = {phrase: search_of_agents(phrase) for phrases in PHRASES.values() for phrase in phrases}
    long = {phrase: len(text) for phrase, text in answers.items() if len(text) > 300 * CHARACTERS_PER_TOKEN}
    assert long == {}
    tokens = {phrase: estimated_tokens(text) for phrase, text in answers.items()}
    assert {phrase: number for phrase, number in tokens.items() if number > 370} == {}
    assert [phrase for phrase, text in answers.items() if text.count("\n") < 1] == []


def test_every_page_of_the_phrases_can_be_read() -> None:
    pages = {page for phrases in PHRASES.values() for pages in phrases.values() for page in pages}
    assert [page for page in sorted(pages) if not docs.read(page).startswith("# ")] == []


def test_the_command_finds_it_as_well() -> None:
    assert kosmo("search", "who", "deployed").stdout.split()[0] == "heroku.list_releases"


def test_most_questions_of_agents_are_answered_by_one_of_the_first_three_pages_or_by_a_command() -> None:
    hits = {}
    for name, questions in AGENTS.items():
        answers = {question: (pages_of(question)[:3], search_of_agents(question)) for question in questions}
        hits[name] = sum(
            any(page in text if page.startswith("heroku ") else page in first for page in questions[question])
            for question, (first, text) in answers.items()
        )
    assert {name: len(questions) for name, questions in AGENTS.items()} == {"tuned": 50, "held_out": 30}
    assert hits["tuned"] >= 48
    assert hits["held_out"] >= 25


def pages_of(question: str) -> list[str]:
    return [result.page for result in search_pages(question)]


UNAVAILABLE = {
    "show logs of an app": "Not available here: logs and metrics. `heroku logs --app APP`",
    "restart a dyno": "A person can run: heroku ps:restart -a APP",
    "value of a config var": "Not available here: values of config vars. `heroku config --app APP`",
    "rolled back apps": "",
    "where are logs sent to": "",
    "run a query for many apps at once": "",
    "transfer": "",
    "log drains": "",
}


@pytest.mark.parametrize("words", UNAVAILABLE)
def test_what_no_function_does_is_said_first_with_the_command_of_a_person(words: str) -> None:
    command = UNAVAILABLE[words]
    assert (command or "Not available here") in search_of_agents(words).partition("\n")[0] or not command
    assert ("Not available here" in search_of_agents(words), "Not available here" in docs.search(words)) == (
        bool(command),
        bool(command),
    )


def test_every_page_with_keywords_can_be_read() -> None:
    lines = (ROOT / "kosmo_kernel/docs/keywords.txt").read_text().splitlines()
    assert [line for line in lines if not docs.read(line.partition(": ")[0]).startswith("# ")] == []


@pytest.mark.parametrize(
    "words", ["upgrade", "end of life", "Postgres 15", "Redis 7.2", "forced", "deadline", "maintenance"]
)
def test_the_words_of_a_forced_day_find_the_table_of_deadlines(words: str) -> None:
    assert "heroku.tables.deadlines" in kosmo("search", words).stdout
