"""A Lua state in which somebody has worked, and the cursor as a `|` in a text."""

from __future__ import annotations

from run_with import run_with

from kosmo_kernel import editor
from kosmo_kernel.session import Session

EARLIER = r"""
known = app.integrations.heroku
apps = known.list_apps()
first = apps[1]
local mine = known.get_app({ app_id = "my-app" })
local dynos = known.list_dynos({ app_id = "my-app" })
report = { apps = known.list_apps(), title = "Audit" }
greeting = "hello"
settings = { colour = "red", size = 3, deep = { inner = true }, ["my-key"] = 1, [1] = { item = 1 } }
kinds = { { kind = "a" }, { kind = "b" } }

Account = { total = 0 }
Account.__index = Account
-- Puts money in.
-- Twice, if you like.
function Account:deposit(amount, note)
  self.total = self.total + amount
end
savings = setmetatable({ owner = "Juno" }, Account)
watched = setmetatable({}, {
  __index = function() error("looked") end,
  __pairs = function() error("looked") end,
  __tostring = function() error("looked") end,
})

--[[ Louder,
and longer. ]]
function shout(word, ...)
  return word:upper()
end
local function twice(number) return number * 2 end -- short
"""


def worked() -> Session:
    """Return a session on the demo account in which `EARLIER` ran as `In[1]`."""
    session = Session("demo")
    run_with(session, EARLIER, name="In[1]")
    return session


def completed(marked: str, lua: editor.LiveState | None) -> editor.Completion:
    """Return what can stand at the `|`."""
    before, _, after = marked.partition("|")
    return editor.complete(before + after, len(before), lua)


def texts(marked: str, lua: editor.LiveState | None) -> list[str]:
    return [match.text for match in completed(marked, lua).matches]


def inspected(marked: str, lua: editor.LiveState | None, detail: int = 0) -> str:
    """Return what is known at the `|`; empty when nothing is."""
    before, _, after = marked.partition("|")
    return editor.inspect(before + after, len(before), lua, detail) or ""
