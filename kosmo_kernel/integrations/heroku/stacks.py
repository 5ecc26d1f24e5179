"""The dates on which the support of Heroku's stacks ends, and from which their builds fail.

Heroku's API has no such dates: it only says which stacks there are today and which of them are deprecated. This table
is written by hand from Heroku's announcements. `AS_OF` is the day on which it was last compared with them.
"""

from __future__ import annotations

from datetime import date
from typing import Any

from kosmo_kernel.catalogue import Column, Function, LocalRecords

AS_OF = date(2026, 11, 28)
MAX_AGE_DAYS = 180
SOURCE = "https://devcenter.heroku.com/articles/heroku-26-stack"  # and https://github.com/heroku/roadmap/issues/355

# Of each stack: the first and the last day of support; None if it is not stated or if there is none.
_SUPPORT: dict[str, tuple[str | None, str | None]] = {
    "heroku-16": (None, "2021-04-30"),
    "heroku-18": (None, "2023-04-30"),
    "heroku-20": (None, "2025-04-30"),
    "heroku-22": (None, "2027-04-30"),
    "heroku-24": (None, "2029-04-30"),
    "heroku-26": ("2026-05-20", "2031-04-30"),
    "cnb": (None, None),  # the base image of Cloud Native Buildpacks, which an app chooses itself
    "container": (None, None),  # the app's own Docker image
}
# What happens to builds on a stack, each from a day on.
_BUILDS: dict[str, tuple[tuple[str, str], ...]] = {
    "heroku-16": (("2021-05-01", "not possible"),),
    "heroku-18": (("2023-05-01", "not possible"),),
    "heroku-20": (("2025-05-01", "not possible"),),
    "heroku-22": (
        ("2026-11-01", "fail 1 in 30 days"),
        ("2027-02-01", "fail 1 in 7 days"),
        ("2027-04-01", "fail once a day"),
        ("2027-05-01", "not possible"),
    ),
}


def stack_dates(today: date) -> LocalRecords:
    """Return the table, with a note if it is older than `MAX_AGE_DAYS` on a day."""
    records: list[dict[str, Any]] = [
        {
            "stack": stack,
            "supported_from": first,
            "supported_until": last,
            "builds": [{"since": since, "builds": builds} for since, builds in _BUILDS.get(stack, ())],
            "as_of": AS_OF.isoformat(),
            "source": SOURCE,
        }
        for stack, (first, last) in _SUPPORT.items()
    ]
    age = (today - AS_OF).days
    note = f"The dates of stacks are of {AS_OF}, {age:,} days ago, and Heroku may have others by now: {SOURCE}"
    return LocalRecords(records, (note,) if age > MAX_AGE_DAYS else ())


LIST_STACK_DATES = Function(
    name="list_stack_dates",
    subject="Deploys",
    keywords="support ends end of life builds fail deprecated lifecycle",
    summary="When the support of stacks ends, and from when their builds fail",
    description=f"""\
A table that comes with this package: Heroku's API has no such dates. No request is sent. `as_of` is the day on which it
was last compared with its `source`; if that is more than {MAX_AGE_DAYS} days ago, a note says so.

`list_stacks` has the stacks that there are today. One that Heroku lists no more may still run apps, and is in this
table. `cnb` and `container` have no end of that kind. Dates are texts such as `2027-04-30`, which compare as dates do.
""",
    local=stack_dates,
    in_snapshot=False,
    links=(),
    returns="list",
    columns=(
        Column("stack", "The name of the stack", main=True),
        Column("supported_from", "The first day of its support, where Heroku states it", nullable=True),
        Column("supported_until", "The last day of its support; nil for one without such a day", nullable=True),
        Column(
            "builds",
            "What happens to builds, each `since` a day; the last one that has begun counts",
            "list",
            items=(Column("since", "The first day"), Column("builds", "Such as `fail 1 in 7 days` or `not possible`")),
        ),
        Column("as_of", "The day on which the table was last compared with its source"),
        Column("source", "Where Heroku announced it"),
    ),
    example="""\
for _, one in ipairs(heroku.list_stack_dates()) do
  print(one.stack .. "  " .. (one.supported_until or "no end"))
end
""",
)
