"""A search for what people ask about Heroku has the function that answers it in the first place."""

from __future__ import annotations

import pytest
from kosmo_command import kosmo

from kosmo_kernel import docs

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
def test_a_question_finds_the_function_that_answers_it_first(question: str) -> None:
    assert docs.search_pages(question)[0].page == f"heroku.{QUESTIONS[question]}"
    assert docs.search(question).splitlines()[2].startswith(f"- `heroku.{QUESTIONS[question]}`:")


def test_the_command_finds_it_as_well() -> None:
    assert kosmo("integrations:search", "who", "deployed").stdout.split()[0] == "heroku.list_releases"
