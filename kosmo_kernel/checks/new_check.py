"""Write the first file of a check or of a table of one's own, which runs as it is."""

from __future__ import annotations

from pathlib import Path

from kosmo_kernel.errors import SettingsError
from kosmo_kernel.questions.head import SUFFIX
from kosmo_kernel.questions.own_folder import own_folder
from kosmo_kernel.questions.question import parse_question
from kosmo_kernel.settings.file_writing import writing

_TEMPLATE = """\
-- title: Apps without a web process
-- severity: low
-- why: Nobody reaches an app that runs no web dyno, and its add-ons may still cost money.
-- do: heroku ps:scale web=1 -a APP, or remove the app: heroku apps:destroy -a APP.
-- scope: read
-- key: app
-- param: ignored = {} | the names of apps that need none

local apps = heroku.list_apps()
local dynos = list.filter(heroku.list_dynos({ app_id = apps }), { type = "web" })
local served, needless = list.count_by(dynos, "app.name"), list.count_by(ignored, tostring)
local findings = list.reject(apps, function(app) return served[app.name] or needless[app.name] end)
return list.map(findings, function(app) return { app = app.name, made = app.created_at } end)
"""


_TABLE_TEMPLATE = """\
-- title: Apps without a web process
-- about: One row for each app of which no web dyno runs, with its team and the day on which it was made.
-- key: app
-- columns: app, team, made
-- order: app

local apps = heroku.list_apps()
local dynos = list.filter(heroku.list_dynos({ app_id = apps }), { type = "web" })
local served = list.count_by(dynos, "app.name")
local idle = list.reject(apps, function(app) return served[app.name] end)
return list.map(idle, function(app)
  return { app = app.name, team = app.team and app.team.name, made = app.created_at:sub(1, 10) }
end)
"""


def write_new_check(name: str, *, is_table: bool = False) -> Path:
    """Write the file of a new check or table, and return it.

    Parameters:
        name: its name, for a file in the user's folder of checks or else in the current folder; or the path of a file.

        is_table: write a table.

    Raises:
        SettingsError: the name cannot be that of a check or a table, or the file exists.
        FileWriteError: it cannot be written.
    """
    path = Path(name if name.endswith(SUFFIX) else name + SUFFIX)
    if len(path.parts) == 1 and not name.endswith(SUFFIX):
        path = (own_folder() or Path()) / path
    text = _TABLE_TEMPLATE if is_table else _TEMPLATE
    parse_question(text, str(path))  # raises an error for a name that it cannot have
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        path.touch(exist_ok=False)
    except FileExistsError:
        raise SettingsError(f"{path} is there already. Choose another name.") from None
    with writing(path):
        path.write_text(text, encoding="utf-8")
    return path
