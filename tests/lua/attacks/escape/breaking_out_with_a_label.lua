-- expect: harmless
goto done
do local function f() end end
::done::
