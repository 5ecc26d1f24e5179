"""Databases: what Heroku does to them on which day, their backups and their versions."""

from __future__ import annotations

from clean_company import DATABASE, MAINTENANCES, SCHEDULES

from check_cases.site import Findings, Site, defect, finding, near_miss
from kosmo_kernel.demo import ago
from kosmo_kernel.integrations.heroku.demo.models import Record


def postgres_of(site: Site, app: Record) -> Record:
    """Return the Postgres database of an app."""
    addons = site.company.resources_of(app).addons
    return next(addon for addon in addons if addon["addon_service"]["name"] == "heroku-postgresql")


def plan_maintenance(site: Site, **fields: str | None) -> Record:
    """Let Heroku plan something for a database of production, and return its add-on."""
    app = site.app("production")
    addon = postgres_of(site, app)
    rows = site.company.at(MAINTENANCES, app)["maintenances"]
    next(row for row in rows if row["addon"]["uuid"] == addon["id"]).update(fields)
    return addon


@defect("databases-due-soon")
def upgrade_within_days(site: Site) -> Findings:
    """Let Heroku upgrade a database within a month."""
    addon = plan_maintenance(site, status="pending", required_by=ago(-site.draw.uniform(2, 29)))
    return [finding("databases-due-soon", {"add_on": addon["name"]})]


@defect("databases-due-soon")
def scheduled_long_before_its_last_day(site: Site) -> Findings:
    """Let Heroku do within a month by itself what has to be done within a year, with a status that nobody knows."""
    addon = plan_maintenance(site, status="new word", scheduled_for=ago(-9), required_by=ago(-300))
    return [finding("databases-due-soon", {"add_on": addon["name"]})]


@near_miss("databases-due-soon", "databases-due-later")
def maintenance_that_is_over(site: Site) -> None:
    """Keep the days of a maintenance that is completed."""
    plan_maintenance(site, status="completed", required_by=ago(-site.draw.uniform(2, 80)), scheduled_for=ago(3))


@defect("databases-due-later")
@near_miss("databases-due-soon")
def upgrade_within_months(site: Site) -> Findings:
    """Let Heroku upgrade a database in two months."""
    addon = plan_maintenance(site, status="preparing", scheduled_for=ago(-site.draw.uniform(31, 89)))
    return [finding("databases-due-later", {"add_on": addon["name"]})]


@near_miss("databases-due-later")
def upgrade_next_spring(site: Site) -> None:
    """Let Heroku upgrade a database in more than three months."""
    plan_maintenance(site, status="pending", required_by=ago(-site.draw.uniform(91, 300)))


@defect("databases-without-backups")
def nothing_saves_it(site: Site) -> Findings:
    """Delete the schedule of a database without continuous protection."""
    addon = postgres_of(site, site.app("staging"))
    site.company.put([], SCHEDULES, addon)
    return [finding("databases-without-backups", {"add_on": addon["name"]})]


@near_miss("databases-without-backups")
def protected_without_schedule(site: Site) -> None:
    """Delete the schedule of a database that Heroku protects continuously."""
    site.company.put([], SCHEDULES, postgres_of(site, site.app("production")))


def set_version(site: Site, stage: str, version: str) -> tuple[Record, Record]:
    """Set the version of a database in a stage, and return the app and the add-on."""
    app = site.app(stage)
    addon = postgres_of(site, app)
    record = site.company.at(DATABASE, addon)
    next(row for row in record["info"] if row["name"] == "PG Version")["values"] = [version]
    record.pop("postgres_version", None)
    return app, addon


@defect("database-versions-between-stages")
def older_version_in_staging(site: Site) -> Findings:
    """Leave the database of staging on an older version."""
    app, addon = set_version(site, "staging", "16.4")
    return [finding("database-versions-between-stages", {"app": app["name"], "add_on": addon["name"]})]


@near_miss("database-versions-between-stages")
def other_patch_in_staging(site: Site) -> None:
    """Run another patch of the same version in staging."""
    set_version(site, "staging", "17.9")
