"""Describe what random hostile programs are made of; `hostile_programs.py` puts it together."""

from __future__ import annotations

# What a part of a program may be, by kind: `{kind}` stands for another part. The leaves, words between spaces, end the
# depth; `_` is none, and what is there twice is twice as likely.
LEAVES = {
    "number": """
        0 1 2 3 7 100 n1 n2 n1 n2 -1 0.5 1000 1e5 1e9 -0.0 (0/0) math.huge math.maxinteger math.mininteger
        (1<<20) (1<<31) (1<<53)""",
    "small": "0 1 2 3 5 8 20 100",
    "text": r"""
        s1 s2 s1 s2 "" "a" "ab" "%1" "%p%s%d" "\255\254" "\0" "\27[31m" "1e5" "0x1p4" "my-app" "../account"
        "name" "kind" "__index" "not_enough_memory" "return" "\27Lua" ("a"):rep(200) ("ab,"):rep(400)
        ("("):rep(300) ("a"):rep(60000) ("é"):rep(50)""",
    "table": "t1 t2 t3 t1 t2 t3 {} _G string {1,2,3} {a={},n=1} app json.null",
    "function": """
        f1 f2 f1 f2 print type error next pairs pcall rawset rawget tostring select setmetatable
        coroutine.yield coroutine.wrap table.concat table.unpack table.insert table.sort string.rep
        string.gsub string.format json.encode load app.integrations.heroku.get_app
        app.integrations.heroku.list_apps regex.match display""",
    "thread": "c1 c1 (coroutine.running())",
    "any": "nil true false n1 s1 t1 f1 c1 t2 f2 ...",
    "name": "n1 s1 t1 t2 f1 f2 c1",
    "statement": "f1() f2(t1) n1=n1+1 s1=s1..n1 t1[#t1+1]=n1 pcall(f1,t2) print(t1) s1=s1:sub(1,99999)",
    "arithmetic": "+ - * / % ^ & | ~ // << >>",
    "often": "* + - ? * - _ _",
    "atom": ". a %a %s %w %% [ab] [^a] () ( ) %d %S",
    "library": """
        _G string table json app coroutine parallel io docs math json.null app.integrations.heroku io.stdout regex
        display list""",
    "member": """
        find format map gsub concat unpack wrap create resume encode null list_apps write read print pcall error
        next type tostring __index html match""",
    "event": """
        __index __newindex __call __add __unm __concat __len __eq __lt __le __tostring __name __pairs
        __close __idiv __band __shl __metatable __gc kind type state path keys nulls has quoted list look
        handle form columns""",
}
TEMPLATES = {
    "number": """
        ({number} {arithmetic} {number})
        ({number} {arithmetic} {text})
        #({text})
        #({table})
        (- {number})
        (~ {small})
        math.floor({number})
        math.max({number}, {number})
        math.fmod({number}, {small} + 1)
        math.random({small} + 1)
        (tonumber({text}) or {number})
        (tonumber({text}, {small}) or 0)
        (utf8.len({text}) or 0)
        select('#', {list})
        ({text}):byte({number})
        os.time({ year = {number}, month = {number}, day = 1 })
        rawlen({table})
        ({any} or {number})
        collectgarbage('count')
        ({text}):find({pattern})
        string.packsize({text})
        f1({list})
        (t1[{any}] or 1)""",
    "text": """
        ({text} .. {text})
        ({text} .. ({number}))
        ({text}):rep({small})
        ({text}):rep({number}, {text})
        ({text}):upper()
        ({text}):sub({number}, {number})
        ({text}):reverse()
        tostring({any})
        (({text}):gsub({pattern}, {replacement}))
        ({text}):format({list})
        table.concat({table}, {text})
        table.concat({table}, {text}, {number}, {number})
        (({text}):match({pattern}) or {text})
        json.encode({any})
        string.char({small} + 65)
        utf8.char({number})
        string.pack({text}, {list})
        os.date({text}, {number})
        type({any})
        ({table} .. {text})
        app.integrations.heroku.get_app('my-app').stack
        select(2, pcall({function}, {list}))
        docs.read({text})
        (regex.gsub({text}, {pattern}, {text}))""",
    "pattern": """
        '{atom}{often}'
        '{atom}{often}{atom}{often}'
        '({atom}{often}){atom}{often}%1'
        ('{atom}{often}'):rep({small}) .. 'z'
        ('({atom}{often})'):rep({small})
        '^{atom}{often}({atom}{often}$'
        '%b(){atom}{often}%f[%w]{atom}'
        {text}
        ''""",
    "replacement": """
        {text}
        {function}
        {table}
        function({parameters}) {block} return {any} end""",
    "table": """
        { {list} }
        { {any}, x = {any}, [{any} or 1] = {any} }
        { app_id = {any} }
        setmetatable({table}, { {events} })
        setmetatable({}, {table})
        parallel.map({table}, {function})
        list.filter({table}, {any})
        list.map({table}, {function})
        list.sort_by({table}, {any}, {any})
        list.group_by({ {list} }, {any})
        (list.flatten({ {table}, {table} }))
        parallel.map({ 1, 2, 3 }, function({parameters}) {block} return {any} end)
        (parallel.map({ 1, 2 }, function({parameters}) {block} {call} {block} return {any} end, { errors = 'collect' }))
        (parallel.map({table}, function({parameters}) {call} {block} end, { limit = {small}, errors = 'collect' }))
        table.pack({list})
        { {table}, {table} }
        json.decode('[1, {"a": null, "b": []}]')
        json.array({table})
        json.object({table})
        table.move({table}, {number}, {number}, {small})
        app.integrations.heroku.list_apps({})
        app.integrations.heroku.list_dynos({ app_id = {any} })
        app.integrations.heroku.list_apps()[{small}]
        (select(3, pcall(app.integrations.heroku.get_app, {text})) or {})
        (getmetatable({any}) or {})
        (t1[{any}] or {})""",
    "events": """
        {event} = {function}
        {event} = {any}
        {event} = {table}, {event} = {function}
        {event} = {function}, {event} = {function}, {event} = {any}
        __mode = 'k'""",
    "function": """
        function({parameters}) {block} end
        function({parameters}) {block} return {list} end
        function({parameters}) return {any} end
        function({parameters}) return ({function})({list}) end
        coroutine.wrap({function})
        (load({text}) or print)
        (load('return function(...) ' .. {text} .. ' end') or print)
        ({text}):gmatch({pattern})
        setmetatable({}, { __call = {function} })""",
    "thread": """
        coroutine.create({function})
        coroutine.create(function({parameters}) {block} coroutine.yield({list}) {block} end)""",
    "parameters": """
        ...
        n1, ...
        t1, t2, ...
        f1, ...
        s1, f2, t3, ...""",
    "list": """
        {any}
        {any}, {any}
        {any}, {any}, {any}
        table.unpack({table})
        {function}, {table}
        {text}, {number}""",
    "any": """
        {number}
        {text}
        {table}
        {function}
        {thread}
        ({table})[{any}]
        ({any} == {any})
        ({number} < {number})
        ({text} < {any})
        pcall({function}, {list})
        xpcall({function}, {function}, {list})
        coroutine.resume({thread}, {list})
        coroutine.close({thread})
        coroutine.yield({list})
        rawget({table}, {any})
        next({table})
        ({function})({list})
        json.decode({text})
        ({any} and {any} or {any})
        table.remove({table}, {small})
        string.unpack({text}, {text})
        regex.match_all({text}, {pattern})
        dump({any})
        io.write({text})""",
    "call": """
        pcall(app.integrations.heroku.get_app, 'my-app')
        app.integrations.heroku.get_app('my-app')
        app.integrations.heroku.get_app({text})
        coroutine.wrap(function() app.integrations.heroku.get_app('my-app') coroutine.yield({list}) end)()
        coroutine.resume({thread}, {list})
        c1 = coroutine.running()
        (function() local c <close> = setmetatable({}, { __close = {function} }) f2(docs.list()) end)()
        table.sort({ 1, 2, 3 }, function() app.integrations.heroku.get_app('my-app') return false end)""",
    "block": """
        {statement}
        {statement} {statement}
        {statement} {statement} {statement}""",
    "statement": """
        n1 = {number}
        s1 = {text}
        t1 = {table}
        t2 = {table}
        f1 = {function}
        f2 = {function}
        c1 = {thread}
        {name} = {any}
        local {name} = {any}
        pcall({function}, {list})
        pcall(function(...) {block} end, {list})
        print({list})
        display({any})
        t1[{any} or 1] = {any}
        for i = 1, {small} do {block} end
        for i = {number}, {number} do {block} end
        for k, v in pairs({table}) do {block} end
        for v in {function} do {block} end
        while {any} do {block} end
        while true do {block} end
        repeat {block} until {any}
        if {any} then {block} else {block} end
        do local c <close> = setmetatable({}, { __close = {function} }) {block} end
        table.sort({table}, {function})
        table.insert(t1, {any})
        setmetatable(t1, { {events} })
        error({any})
        local x = ({function})({list})
        coroutine.wrap(function(...) {block} end)({list})
        parallel.map({ 1, 2, 3 }, function({parameters}) {block} {call} {block} end)
        parallel.map({ 1, 2, 3, 4, 5 }, function({parameters}) {call} {block} end, { limit = 2 })
        pcall(parallel.map, {list})
        {tampering}
        Kept = { Kept, {any} }
        pcall(function(...) ::again:: {block} goto again end)""",
    "tampering": """
        {library}.{member} = {any}
        {library} = {any}
        setmetatable(_G, { {events} })
        pcall(rawset, {library}, '{member}', {any})
        _ENV = {table}
        pcall(setmetatable, {library}, { {events} })
        pcall(json.array, {library})
        pcall(table.insert, {library}, 1, {any})
        local _ENV = {table}
        for k in next, {library} do {library}[k] = {function} end""",
}
MISTAKES = ("", "(", "end", "]]", "\0", "\N{SNOWMAN}", "=", "--[[")
OPENING = (
    "local n1, n2, s1, s2, c1 = 1, 2, 'a', 'abc', coroutine.create(print)\n"
    "local t1, t2, t3 = { 1, 2, 3 }, { a = 1 }, {}\n"
    "local f1, f2 = function(...) return ... end, function() return 1 end"
)
