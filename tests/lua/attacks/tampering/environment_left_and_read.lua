-- expect: value true
local _ENV = { tampered = true }
-- next cell
return print ~= nil and tampered == nil
