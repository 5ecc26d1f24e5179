-- expect: nothing; state kept
local string, table, json, app, print, error, pcall, type, next, select, tostring, math, utf8, debug, coroutine
