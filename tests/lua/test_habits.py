"""Python's habits in Lua: an error shows the line in Lua, and what Lua takes in silence is a warning."""

from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import Path

import pytest

from kosmo_kernel.errors import KosmoError, LuaError
from kosmo_kernel.integrations.heroku import HEROKU
from kosmo_kernel.lua.habits import advice
from kosmo_kernel.session import Session

HABITS = {
    "local apps = {} print(len(apps))": "local apps = {} print(#apps)",
    "if 1 != 2 then end": "if 1 ~= 2 then end",
    "local n = 0\nn += 1": "n = n + 1",
    "for a in heroku.list_apps() do end": "for _, a in ipairs(heroku.list_apps()) do end",
    "for a in apps:": "for _, a in ipairs(apps) do",
    "for b in apps:\n\n": "for _, b in ipairs(apps) do",
    "for i in range(10) do end": "for i = 0, 10 - 1 do end",
    "return 1 == True": "return 1 == true",
    "return 1 == False": "return 1 == false",
    "return 1 == None": "return 1 == nil",
    "if 1 == 1 then\nelif 2 == 2 then\nend": "elseif 2 == 2 then",
    "if x == 1:": "if x == 1 then",
    "def f(x):": "function f(x)",
    "import json": "json, regex",
    "local a = {} print(f'{a.b} is {1}')": "local a = {} print(a.b .. ' is ' .. 1)",
    "return [x.name for x in apps]": "return list.map(apps, function(x) return x.name end)",
    "os.exit(1)": "Write: return",
    "local j = require('json')": "json, regex",
    "try:": "pcall",
    "if x is None then end": "if x == nil then end",
    "if x is not None then end": "if x ~= nil then end",
    "if x not in y then end": "if not list.find(y, function(item) return item == x end) then end",
    "// a comment": "-- a comment",
    "local name = 'n' print('%s apps' % name)": "local name = 'n' print(string.format('%s apps', name))",
    "return 'a' + 'b'": "return 'a' .. 'b'",
    "local t = { 'a': 1 }": "local t = { ['a'] = 1 }",
    "if a && b then end": "if a and b then end",
    "local t = {} t.append(1)": "local t = {} table.insert(t, 1)",
    "local f = lambda x: x + 1": "local f = function(x) return x + 1 end",
    "local s = 'A' return s.lower()": "local s = 'A' return s:lower()",
    "local t = {} return t.filter(print)": "local t = {} return list.filter(t, print)",
    "local t = { a = {} } return t.a:sort_by('name', 'desc')": "return list.sort_by(t.a, 'name', 'desc')",
    "local t = {} return t:find({ a = 1 })": "return list.find(t, { a = 1 })",
    "local t = {} return t:flatten()": "return list.flatten(t)",
    "return '{} of {name}'.format(1, n)": "return string.format('%s of %s', 1, n)",
    "def f(x): return x": "function f(x) return x end",
    'return n > 3 ? "many" : "few"': 'return n > 3 and "many" or "few"',
    "return table.filter({}, print)": "return list.filter({}, print)",
    "local t = {} return t:len()": "return #t",
    "return heroku.list_apps():len()": "return #heroku.list_apps()",
    "local t = {} if t.length > 10 then end": "if #t > 10 then end",
    "return heroku.list_apps():filter(print)": "return list.filter(heroku.list_apps(), print)",
    "return heroku.list_apps().map(print)": "return list.map(heroku.list_apps(), print)",
    "return list.map({}, a => a.name)": "return list.map({}, function(a) return a.name end)",
    "try { heroku.list_apps() } catch (e) {}": "pcall(heroku.list_apps)",
    "for i = 1, 2 do if i == 1 then continue end end": "`::continue::`",
    "for i = 1, 2 do\n  if i == 1 then\n    continue\n  end\nend": "`::continue::`",
    "if 1 == 2 then\nelse if 1 == 1 then\nend": "elseif 1 == 1 then",
    "return `n ${1}`": 'return "n " .. 1',
    "```lua\nreturn 1\n```": "Markdown",
    "local t = {} t.push(1)": "table.insert(t, 1)",
    "return table.getn({ 1 })": "return #{ 1 }",
    "return unpack({ 1 })": "return table.unpack({ 1 })",
    "return math.round(1.5)": "return math.floor(1.5 + 0.5)",
    "return help('list_apps')": "return docs.read('list_apps')",
    "return lua_run('return 1')": "the code of `lua_run` already",
    "local a = { at = '2026-11-20T09:00:00Z' } return time.now() - a.at": "return time.days_since(a.at)",
    "return list.sort_by({ 1, 2 }, function(a, b) return a.n < b.n end)": 'list.sort_by({ 1, 2 }, "n")',
    "return list.sort_by({ 1, 2 }, function(a, b) return b.n < a.n end)": 'list.sort_by({ 1, 2 }, "n", "desc")',
    "return list.sort_by(heroku.list_apps(), '-name')": "'name', \"desc\")",
    "return list.map({ {} }, { 'name', 'x.id' })": "function(item) return { name = item.name, x_id = item.x.id } end",
    "local t = { {}, { n = '' } } table.sort(t, function(a, b) return a.n < b.n end)": 't = list.sort_by(t, "n")',
    "local r = { version = 3 } return r.version > '40'": "return r.version > 40",
    "return table.concat(heroku.list_apps(), ', ')": "return list.join(heroku.list_apps(), ', ', \"name\")",
    "return heroku.tables.costs[1]": "return heroku.tables.costs()[1]",
    "local apps = {} for _, a in apps do end": "for _, a in ipairs(apps) do end",
    "if 'a' is 'x' then end": "if 'a' == 'x' then end",
    "local a = {} if a.name is 'x': print(1)": "if a.name == 'x' then print(1) end",
    "return heroku.list_apps(app_id='my-app')": "return heroku.list_apps({ app_id='my-app' })",
    "function f() {\n  return 1\n}": "function f()",
    "return 1 if 2 > 1 else 3": "return 2 > 1 and 1 or 3",
    "console.log(1)": "print(1)",
    "local a = 1 if a == 1 then return 1 elif a == 2 then return 2 end": "if a == 1 then return 1 elseif a == 2",
    "local a = 1 if a == 1 then return 1 else if a == 2 then return 2 end": "if a == 1 then return 1 elseif a == 2",
    "local t = [1, 2]": "local t = { 1, 2 }",
    "return time.now() - 86400": "`time.ago(30)` is the time 30 days ago",
    "return json.parse('{}')": "return json.decode('{}')",
    "return JSON.stringify({})": "return json.encode({})",
    "return list.find({}, print).id": "keep its value and test it first",
    "local apps = {} return apps.length, apps:len()": "return #apps, #apps",
    'local a, apps = 1, {}\nif a and apps[1].name is "x": pass': 'if a and apps[1].name == "x" then end',
    "for i = 1, 3: print(i)": "for i = 1, 3 do print(i) end",
    "for i = 1, 3:\n  print(i)\nend": "for i = 1, 3 do",
    "for a in pairs(heroku.list_apps()) do print(a.name) end": "for _, a in ipairs(heroku.list_apps()) do",
    "for a in pairs(heroku.list_apps()) do\n  print(a.name)\nend": "for _, a in ipairs(heroku.list_apps()) do",
    "local x = [1,2,3]": "local x = { 1,2,3 }",
    "local apps = heroku.list_apps() table.sort(apps)": 'list.sort_by(apps, "name")',
    "return heroku.list_apps()[1].created_at - 1": "`time.days_since(t)` is its age in days",
}
FINE = [
    "list.filter(1, print)",
    "error('len(x) != 1')",
    "for k in pairs({ 1 }) do error('no') end",
    "local t = nil return t.x",
    "x = = 1",
]
WARNINGS = {
    "local l = { 2, 1 } return table.sort(l)": "changes its list and gives nothing",
    "return #list.filter(heroku.list_apps(), { released_at = { '<', '2026' } })": '`item.created_at < "2026"`',
    "return ('a'):match('^(a|b)')": "has alternatives",
    "return ('a1'):match('\\\\d')": '"%d"',
    "return list.filter(heroku.list_apps(), { name = '*-staging' })": 'item.name:match("^.*%-staging$") end)',
    "return type({}) == table": 'The type of a value is a text: "nil"',
    "return time.now().year": "A time is a text without fields",
    "return ('abc').length": "A text has no field `length`",
    "return not heroku.list_apps()[1].name == 'x'": "Lua reads `not a == b` as `(not a) == b`",
    "local apps = await heroku.list_apps() return apps": "`await` is nil",
    "return list.sum_by({ { a = null } }, 'a')": "Did you mean `nil`?",
    "return heroku.list_apps()[1].name == crashed": '"crashed"',
    "return 'a' == 'b', ({ x = 1 }).x ~= crashed": '"crashed"',
    "local a = { 1 } return a[0]": "`a[1]` is the first item",
    "local a = { 1 } return a[-1]": "`a[#a]` the last",
    "local a = { b = 1 } return not a.b == 'x'": "`a.b ~= …`",
    "local a, b = 1, 2 return not a == b": "`a ~= …`",
    "return ('my-app'):find('my-app')": '"my%-app"',
    "local d = heroku.list_dynos('my-app')[1] return d.release.version == '5'": "Write `.release.version == 5`.",
    "local a = heroku.get_app('my-app') return a.maintenance == 'true'": "Write `.maintenance == true`.",
    "return heroku.get_app('my-app').maintenance == 1": "`.maintenance` is true or false, and Lua never finds it equal",
    "return heroku.get_app('my-app').name == 5": 'Write `.name == "5"`.',
    "return heroku.list_dynos('my-app')[1].state == 'crashd'": 'Did you mean "crashed"?',
    "local d = heroku.list_dynos('my-app')[1] return 'running' == d.state": "Known ones are up, starting,",
    "return list.filter(heroku.list_dynos('my-app'), { state = 'crashd' })": 'Did you mean "crashed"?',
    "return list.filter(heroku.list_apps(), { stack = 'heroku20' })": 'as its `stack`. Did you mean "heroku-20"?',
    "local s = 'Heroku_20' return list.find(heroku.list_apps(), { ['stack.name'] = s })": 'Did you mean "heroku-20"?',
    "return list.reject(heroku.list_apps(), { team = { name = { 'none', 'larkmor' } } })": "as its `team.name`. Did",
    "return heroku.list_dynos('my-app')[1].updated_at > '2026-11-20 08:00'": 'Write "2026-11-20T08:00".',
    "return heroku.list_dynos('my-app')[1].updated_at <= '2026-1220'": '"2026-1220" letter by letter',
    "local a = heroku.get_app('my-app') return '20/11/2026' < a.created_at": 'a day, "2026-11-20", or a time in UTC',
    "local apps = heroku.list_apps() return apps[wanted]": "`wanted` is a variable that nothing sets",
    "local query = { size = 1, state = crashed } return query": "`crashed` is a variable that nothing sets",
    "return later": "`later` is a variable that nothing sets",
    "local a = 1\n\nunheard_of\n": "line 3: `unheard_of` is a variable that nothing sets",
    "local apps = heroku.list_apps()\nlist.sort_by(apps, 'name')\nreturn apps": "line 2: `list.sort_by` changes",
    "local l = {}\nif l then list.filter(l, 'x') end": "`list.filter` changes nothing: it returns what",
    "return list.map({ { a = 1, b = 2 } }, 'c')": 'no item of the list has a field "c". The first has a, b.',
    "local l = { { a = 1 } }\nreturn list.filter(l, { ['x.y'] = 1 })": 'line 2: no item of the list has a field "x.y".',
    "return #{ crashed, 'up' }": "`crashed` is a variable that nothing sets",
}
NO_WARNING = [
    "local l = { 2, 1 } table.sort(l) local signs = { '<', 'x' } return l, signs",
    "local t = {} for i, a in ipairs(heroku.list_apps()) do t[i] = a.name end return #t",
    "local t = {} for i, a in ipairs(heroku.list_apps()) do if a.maintenance then t[#t + 1] = i end end return #t",
    "local t, n = { 1 }, {} for i, a in ipairs(t) do n[i] = { a and a } end for i = 0, #n - 1 do print(n[i + 1]) end",
    "local x = 'a' return x == 'a' and 'b' or 'c', x == 'a' or 'b' == x, ('a.b'):gsub('.', { a = 'b' })",
    "return list.map({ 1 }, function(n) if n > 1 then return n end end), list.find({ 1 }, function(n) return n end)",
    "if #'a' > 0 then return ('a.b'):find('.', 1, true) end",
    "local b = heroku.list_stack_dates()[1].builds or {} return list.find(b, function(d) return d.builds == 'x' end)",
    "local l = { 2, 1 }\nlist.map(l, print)\nprint(\nlist.take(l, 1))\nlist.take(l, 1)[1] = 1\nreturn\nlist.take(l, 1)",
    "print(1)\nlist.take({ 1 }, 1)",
    "return ('a|b'):find('a%|b'), ('a|b'):find('|', 1, true)",
    "local await = 1 return await",
    "return type({}) == 'table', not (1 == 2), not ({ 1 })[1] == false, time.now():sub(1, 4)",
    "local one = nil return one",
    "return nil",
    "for i = 1, 2 do\n  print(i)\nend",
    "return list",
    "return list.map({ { a = json.null } }, 'a'), list.map({ {}, { a = 1 } }, 'a'), list.map({}, 'a')",
    "return list.map({ { a = { b = 1 } } }, 'a.c'), list.count_by(heroku.tables.costs(), 'stage')",
    "return list.filter(heroku.list_apps(), { stack = 'heroku-20' }), list.find(heroku.list_apps(), { region = 'us' })",
    "return list.filter(heroku.list_apps(), { stack = 'heroku-99', ['team.name'] = 'larkmoor' })",
    "local apps = heroku.list_apps() return list.filter(apps, { stack = apps[1].stack.name:upper() })",
    "return #list.filter(list.take(heroku.list_apps(), 0), { stack = 'heroku20' })",
    "local d = heroku.list_dynos('my-app')[1] return d.state == 'crashed', d.release.version == 5, d.updated_at == ''",
    "local d = heroku.list_dynos('my-app')[1] return d.updated_at < '2026-11-20', d.updated_at >= '2026-11-20T08'",
    "local d = heroku.list_dynos('my-app')[1] day = 'soon' day = '2026-11' return d.updated_at < day, d.name < 'x'",
    "local d = heroku.list_dynos('my-app')[1] return d.updated_at < '2026-11-' .. 20, d.updated_at:sub(1) < 'x'",
    "return #heroku.get_app('my-app').name == 6, #heroku.list_dynos('my-app')[1].state == 2",
    "local d = heroku.list_dynos('my-app')[1] return d.state:upper() == 'UP', 'x' .. d.state == 'xup'",
    "local own = { state = 'crashd' } return own.state == 'crashd', #heroku.list_dynos('my-app')",
    "local i, apps = 1, heroku.list_apps() return apps[i], { name = i, apps }",
    "local function row(key, value) return { key = key, value = value } end return row('{ a = b }', 2)",
    "local up = 'up' return ({ x = 1 }).x == up",
    "total = 1 return ({ x = 1 }).x == total",
    "local t = {} t[0] = 1 return t[0]",
    "local found = regex.match('a', 'a') return found[0]",
    "return ('my-app'):find('my-app', 1, true), ('a-b'):match('^(.-)%-')",
    "return '({}).x == crashed' -- a.b == crashed",
    "local function f(up) return ({}).x == up end return f(1)",
]
NAMESPACE = "is `app`, which holds functions and is no record. Set a variable of your own first: local app = "
CALLS = {
    "heroku.list_dynos({ app_id = app })": f"heroku.list_dynos: app_id {NAMESPACE}",
    "heroku.list_dynos(app)": f"heroku.list_dynos: argument 1 {NAMESPACE}",
    "heroku.restart_dynos('my-app')": "It would change something at Heroku, and the functions here only read.",
    "heroku.acceptance.list_apps()": "adds an account",
}


@pytest.fixture(scope="module")
def session() -> Iterator[Session]:
    with Session("demo") as one:
        yield one


@pytest.mark.parametrize("script", HABITS)
def test_an_error_shows_the_line_in_lua(session: Session, script: str) -> None:
    with pytest.raises(KosmoError) as caught:
        session.run(script)
    assert HABITS[script] in caught.value.advice
    assert "\n" not in caught.value.advice
    assert_valid(session, caught.value.message)


def assert_valid(session: Session, message: str) -> None:
    """Check that Lua parses what a message advises to write: a statement, an expression or an unfinished block."""
    for advised in re.split(r"\bWrite:? ", message)[1:]:
        code = re.sub(r"\. [A-Z`].*$", "", advised)  # the sentence after it
        opened = f"if true then\n{code}" if re.match(r"else(?:if)?\b", code) else code
        assert session.completeness(opened)[0] != "invalid", code


CALL_ADVICE = {
    "heroku.list_releases({ app_id = 'my-app', since = 30 })": '{ app_id = "my-app", since = time.ago(30) }',
    "heroku.list_releases({ app_id = 'my-app', since = 'last week' })": "since = time.ago(30) }",
    "heroku.list_releases({ app_id = 'my-app', newest = 0 })": '{ app_id = "my-app", newest = 1 }',
    "heroku.list_apps({ stack = 'heroku-24' })": 'list.filter(heroku.list_apps(), { stack = "heroku-24" })',
    "heroku.list_dynos({ app_id = 'my-app', state = 'up' })": '{ app_id = "my-app" }), { state = "up" })',
    "heroku.list_apps({ errors = 'ignore' })": 'heroku.list_apps({ errors = "collect" })',
    "heroku.list_dynos({ ap_id = 'my-app' })": 'heroku.list_dynos({ app_id = "my-app" })',
    "heroku.tables.costs({ team = 'larkmoor' })": 'heroku.tables.costs(), { team = "larkmoor" })',
}


@pytest.mark.parametrize("call", CALL_ADVICE)
def test_the_advised_call_keeps_the_arguments_that_were_given_and_runs(session: Session, call: str) -> None:
    with pytest.raises(KosmoError) as caught:
        session.run(f"return {call}")
    code = caught.value.message.partition("Write ")[2]
    assert CALL_ADVICE[call] in code
    assert session.run(code).value is not None


OTHER_CALLS = {
    "heroku.list_apps({ team = 'larkmoor' })": 'Write heroku.list_team_apps({ team = "larkmoor" })',
    "heroku.list_apps({ team = 'x', region = 'eu' })": 'list.filter(heroku.list_apps(), { team = "x", region = "eu" })',
    "heroku.list_apps({ account = 'demo' })": "stands before the function: heroku.demo.list_apps()",
    "heroku.list_apps({ account = 'my-team' })": 'stands before the function: heroku["my-team"].list_apps()',
    "heroku.list_apps({ account = 'a\\n) os.exit(' })": "stands before the function: heroku.production.list_apps()",
    "heroku.list_dynos({ app_id = heroku.list_pipelines() })": (
        'list.map(heroku.list_pipeline_couplings({ pipeline_id = pipelines }), "app.id"), where `pipelines` are these'
    ),
    "heroku.list_dynos({ app_id = heroku.list_teams() })": "Use heroku.list_team_apps({ team = teams }), where `teams`",
}


@pytest.mark.parametrize("call", OTHER_CALLS)
def test_an_argument_of_another_function_names_that_function(session: Session, call: str) -> None:
    with pytest.raises(KosmoError) as caught:
        session.run(f"return {call}")
    assert OTHER_CALLS[call] in caught.value.message


@pytest.mark.parametrize("call", ["heroku.list_apps({ page = 2 })", "heroku.list_dynos({ app_id = {}, x = {} })"])
def test_a_call_whose_meaning_is_not_known_gets_no_advice(session: Session, call: str) -> None:
    with pytest.raises(KosmoError) as caught:
        session.run(f"return {call}")
    assert "Write" not in caught.value.message


LIBRARIES = Path(__file__).parents[2] / "kosmo_kernel/lua/missing_names.lua"


@pytest.mark.parametrize("library", ["list", "string", "time"])
def test_lua_parses_what_stands_for_a_name_of_another_library(session: Session, library: str) -> None:
    table = re.search(rf"^  {library} = \{{\n(.*?)^  \}},$", LIBRARIES.read_text(), re.DOTALL | re.MULTILINE)
    assert table is not None
    names = re.findall(r"(\w+) = [\"']", table[1])
    assert len(names) > 3
    for name in names:
        with pytest.raises(LuaError) as caught:
            session.run(f"return {library}.{name}({{ 1 }})")
        assert_valid(session, caught.value.message)


@pytest.mark.parametrize("script", FINE)
def test_other_errors_get_no_advice(session: Session, script: str) -> None:
    with pytest.raises(LuaError) as caught:
        session.run(script)
    assert caught.value.advice == ""


def test_a_script_that_does_not_compile_has_its_error_and_no_warning(session: Session) -> None:
    with pytest.raises(LuaError) as caught:
        session.run("local a = { b = 1 } x = = 1 return a.b == crashed")
    assert not [note for note in caught.value.result.notes if note.startswith("line ")]


@pytest.mark.parametrize(
    ("text", "state"),
    [("for app in apps:", "invalid"), ("if a:\n", "invalid"), ("print([[for app in apps:", "incomplete")],
)
def test_an_unfinished_line_of_python_is_not_waited_for(session: Session, text: str, state: str) -> None:
    assert session.completeness(text)[0] == state


def test_a_name_that_a_script_sets_is_its_own(session: Session) -> None:
    assert session.run("local True, len = 1, function() return 2 end return True + len()").value == 3


@pytest.mark.parametrize("script", WARNINGS)
def test_what_is_silently_false_or_nil_is_a_warning(session: Session, script: str) -> None:
    (note, *_) = session.run(script).notes
    assert note.startswith("line ")
    assert WARNINGS[script] in note


def test_a_field_is_one_of_the_functions_that_the_session_called_if_the_script_names_no_other(session: Session) -> None:
    assert HEROKU.functions  # all of them are there now, and some have a `state` that is any text
    session.run("dynos = heroku.list_dynos('my-app')")
    for script in ("", "local apps = heroku.list_apps() "):
        (note, *_) = session.run(f"{script}return list.filter(dynos, {{ state = 'crashd' }})").notes
        assert note == 'line 1: "crashd" is no known value of `.state`. Did you mean "crashed"?'


@pytest.mark.parametrize(
    ("script", "warns"),
    [
        ("for _, one in ipairs(heroku.tables.apps()) do if one.owner == 'x' then end end", False),
        (
            "local all = heroku.list_teams() return list.find(apps, function(one) return one.owner == 'x' end), all",
            False,
        ),
        ("for _, one in ipairs(heroku.list_apps()) do if one.owner == 'x' then end end", True),
    ],
)
def test_a_field_of_a_tables_row_is_not_that_of_a_function_with_its_name(
    session: Session, script: str, warns: bool
) -> None:
    session.run("apps = heroku.tables.apps()")
    assert any("`.owner` is a record" in note for note in session.run(script).notes) == warns


def test_a_loop_above_with_a_variable_of_the_same_name_is_not_advised_of() -> None:
    loops = "local function keys(t) for x in pairs(t) do end end\nfor _, x in ipairs({ 1 }) do\n  print(x.name)\nend"
    assert advice(loops, 3, compiled=True, is_set=bool, parses=lambda *_: True).text == ""
    loop = "for x in pairs(t) do\n  for _, y in ipairs(x) do\n  print(x.name)\n  end\nend"
    told = advice(loop, 3, compiled=True, is_set=bool, parses=lambda *_: True).text
    assert told.endswith("Write: for _, x in ipairs(t) do")


@pytest.mark.parametrize("one", ["get_app('my-app')", "list_apps()[1]", "get_app('my-app').owner"])
def test_a_loop_through_one_record_is_an_error(session: Session, one: str) -> None:
    with pytest.raises(LuaError, match=r"^Lua:1: ipairs goes through a list, and this is one record: "):
        session.run(f"for _, item in ipairs(heroku.{one}) do print(item) end")


def test_the_first_result_of_a_session_tells_of_misspelt_environment_variables(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    for name in ("KOSMO_TIMOUT", "KOSMO_SECRET", "KOSMO_ROWS"):
        monkeypatch.setenv(name, "7")
    told = "The environment variable KOSMO_TIMOUT sets nothing. Did you mean KOSMO_TIMEOUT?"
    with Session() as one:
        assert [note for note in one.run("return 1").notes if "variable" in note] == [told]
        assert one.run("return 1").notes == []


@pytest.mark.parametrize("script", NO_WARNING)
def test_what_works_gets_no_warning(session: Session, script: str) -> None:
    assert not [note for note in session.run(script).notes if note.startswith("line ")]


@pytest.mark.parametrize("call", ["list_dynos()", "list_dynos({ app = 'my-app' })", "list_apps(1)"])
def test_the_call_that_an_error_advises_runs(session: Session, call: str) -> None:
    with pytest.raises(KosmoError) as caught:
        session.run(f"heroku.{call}")
    assert session.run(caught.value.message.partition("Write ")[2]).value


@pytest.mark.parametrize("call", CALLS)
def test_a_call_of_something_else_is_told_in_one_line(session: Session, call: str) -> None:
    with pytest.raises(KosmoError) as caught:
        session.run(call)
    assert CALLS[call] in caught.value.message
    assert "\n" not in caught.value.message


def test_a_call_that_failed_says_nothing_about_fields() -> None:
    compare = "return #list.filter(rows or {}, { state = 'crashd' })"
    with Session("demo") as session:
        session.run("heroku.list_apps() pcall(heroku.list_dynos, 'no-such-app')")
        assert session.run(compare).notes == []
        session.run("rows = heroku.list_dynos('my-app')")
        assert 'Did you mean "crashed"?' in session.run(compare).notes[0]


def test_a_function_can_be_called_with_a_colon(session: Session) -> None:
    assert session.run("return #heroku:list_apps() == #heroku.list_apps()").value is True
