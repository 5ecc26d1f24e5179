"""Thirteen kinds of tasks as an agent does them that knows the server by its tools: the calls, from a fresh session.

Each task has the Lua that a person would trust, and the last answer has to contain what it returns.
"""

from __future__ import annotations

from typing import Any, NamedTuple

RUN, SEARCH = "lua_run", "lua_search_docs"


class Task(NamedTuple):
    """A task: the calls of an agent, and Lua that returns what the last answer contains; nil if it is an error."""

    calls: list[tuple[str, dict[str, Any]]]
    answer: str


def code(text: str, **more: Any) -> tuple[str, dict[str, Any]]:
    """Return a call that runs Lua."""
    return RUN, {"code": text.strip(), **more}


def words(text: str) -> tuple[str, dict[str, Any]]:
    """Return a call that searches."""
    return SEARCH, {"words": text}


def checks(names: str, **params: Any) -> tuple[str, dict[str, Any]]:
    """Return a call that runs checks."""
    return RUN, {"check": names, **({"params": params} if params else {})}


_PRODUCTION = """
local live = list.map(list.filter(heroku.tables.stages(), { stage = "production", by = "pipeline" }), "app")
return list.map(heroku.list_releases({ app_id = live, newest = 1 }), function(one)
  return { app = one.app_id, version = one.version, by = one.user.email, at = one.created_at }
end)"""
_BY_TEAM = """
local usd = {}
for team, rows in pairs(list.group_by(heroku.tables.costs(), "team")) do
  usd[#usd + 1] = { team = team, usd_a_month = list.sum_by(rows, "cents") // 100 }
end
return list.sort_by(usd, "usd_a_month", "desc")"""

TASKS = {
    "Which dynos have crashed?": Task(
        [words("crashed dynos"), checks("crashed-dynos")],
        'return #list.filter(heroku.list_dynos({ app_id = heroku.list_apps() }), { state = "crashed" }) .. " records"',
    ),
    "Which add-ons do several apps share?": Task(
        [words("add-ons shared by several apps"), checks("shared-add-ons")],
        """local uses = list.group_by(list.unique_by(heroku.list_addons({ app_id = heroku.list_apps() }),
          function(one) return one.id .. one.app_id end), "id")
        local shared = 0
        for _, apps in pairs(uses) do if apps[2] then shared = shared + 1 end end
        return shared .. " records" """,
    ),
    "What does each team cost in a month?": Task(
        [words("monthly cost by team"), code(_BY_TEAM)],
        'return list.sum_by(list.filter(heroku.tables.costs(), { team = "larkmoor" }), "cents") // 100 .. ""',
    ),
    "Which apps were not deployed for 180 days?": Task(
        [words("apps not deployed for 180 days"), checks("quiet-apps", days=180)],
        """return #list.filter(heroku.list_apps(), function(app)
          return app.released_at and app.released_at < time.ago(180)
        end) .. " records" """,
    ),
    "What was released last in production?": Task(
        [words("releases of production apps of a pipeline"), code(_PRODUCTION)],
        """local live = list.map(list.filter(heroku.tables.stages(), { stage = "production", by = "pipeline" }), "app")
        return #live .. " records" """,
    ),
    "What is wrong with certificates, dynos and config?": Task(
        [checks("certificates-ending, crashed-dynos, config-vars-missing-in-a-stage")],
        'return "crashed-dynos (high): " .. #list.filter(heroku.list_dynos({ app_id = heroku.list_apps() }), '
        '{ state = "crashed" })',
    ),
    "Which config vars does the staging app of a pipeline lack?": Task(
        [
            words("config vars that staging lacks"),
            checks("config-vars-missing-in-a-stage"),
            code('return list.filter(Out[1], { stage = "staging" })'),
        ],
        'return list.find(heroku.tables.stages(), { stage = "staging", by = "pipeline" }).app',
    ),
    "What can somebody reach who leaves?": Task(
        [
            words("what can a person reach who leaves"),
            code('return list.filter(heroku.tables.access(), { email = "tom.ashby@postbox.example" })'),
        ],
        """return #list.filter(heroku.list_collaborators({ app_id = heroku.list_apps() }),
          { ["user.email"] = "tom.ashby@postbox.example" }) .. " records" """,
    ),
    "Read all domains to the end": Task(
        [code("return heroku.list_domains({ app_id = heroku.list_apps() })", max_tokens=800), code("more")],
        "local all = heroku.list_domains({ app_id = heroku.list_apps() }) return all[#all].hostname",
    ),
    "What is the value of DATABASE_URL of my-app?": Task(
        [
            words("value of a config var"),
            code('return list.find(heroku.list_config_vars("my-app"), { name = "DATABASE_URL" }).value'),
        ],
        "",
    ),
    "Restart my-app": Task([words("restart an app"), code('heroku.restart_dynos("my-app")')], ""),
    "How many requests does a question cost?": Task(
        [code("return heroku.list_releases({ app_id = heroku.list_apps(), newest = 1 })", dry_run=True)],
        'return "`heroku.list_releases` makes one more for each item of `app_id`"',
    ),
    "Which apps belong to which team, with two slips on the way": Task(
        [
            code("return list.select(heroku.list_apps(), function(app) return app.team.name end)"),
            code("return list.map(heroku.list_apps(), function(app) return app.team.name end)"),
            code("return list.count_by(heroku.list_apps(), 'team.name')"),
        ],
        "return list.count_by(heroku.list_apps(), 'team.name')['larkmoor'] .. ''",
    ),
}
