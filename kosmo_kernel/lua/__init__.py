"""The walled process that runs Lua: two processes and the Lua half."""
