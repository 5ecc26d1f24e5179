"""The tables of pipelines, their stages, and review apps."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator
from typing import Any

from kosmo_kernel.inventory.records import at
from kosmo_kernel.inventory.source import AccountData

STAGES = ("test", "review", "development", "staging", "production")
PIPELINE_COLUMNS = ("name", "owner", "owner_type", "generation", *STAGES, "created_at", "id")
STAGE_COLUMNS = ("pipeline", "stage", "app", "created_at", "id")
REVIEW_COLUMNS = ("pipeline", "branch", "pull_request", "app", "status", "created_at", "id")


def pipeline_rows(data: AccountData) -> Iterator[dict[str, Any]]:
    """Yield a row for each pipeline."""
    known = "pipeline_couplings" in data.tables
    stages = Counter((row["pipeline"]["id"], row["stage"]) for row in data.rows("pipeline_couplings"))
    owners = _owners(data)
    for row in data.rows("pipelines"):
        owner = at(row, "owner.id")
        yield {
            "name": row["name"],
            "owner": owners.get(owner, owner),
            "owner_type": at(row, "owner.type"),
            "generation": at(row, "generation.name"),
            **{stage: stages[row["id"], stage] if known else None for stage in STAGES},
            "created_at": row.get("created_at"),
            "id": row["id"],
        }


def stage_rows(data: AccountData) -> Iterator[dict[str, Any]]:
    """Yield a row for each app in a pipeline."""
    names = {row["id"]: row["name"] for row in data.rows("pipelines")}
    for row in data.rows("pipeline_couplings"):
        yield {
            "pipeline": names.get(row["pipeline"]["id"], row["pipeline"]["id"]),
            "stage": row["stage"],
            "app": data.app_name(row),
            "created_at": row.get("created_at"),
            "id": row["id"],
        }


def review_rows(data: AccountData) -> Iterator[dict[str, Any]]:
    """Yield a row for each review app."""
    names = {row["id"]: row["name"] for row in data.rows("pipelines")}
    for row in data.rows("review_apps"):
        yield {
            "pipeline": names.get(at(row, "pipeline.id"), at(row, "pipeline.id")),
            "branch": row.get("branch"),
            "pull_request": row.get("pr_number"),
            "app": data.app_name(row) if row.get("app") else None,
            "status": row.get("status"),
            "created_at": row.get("created_at"),
            "id": row.get("id"),
        }


def _owners(data: AccountData) -> dict[str, str]:
    """Return the names of teams and the addresses of people by id."""
    teams = {row["id"]: row["name"] for row in data.rows("teams")}
    people = (*data.rows("team_members"), *data.rows("collaborators"))
    emails = {at(row, "user.id"): at(row, "user.email") or at(row, "email") for row in people}
    return {ident: email for ident, email in emails.items() if ident} | teams
