-- expect: nothing; state kept
function replace() _ENV = nil end
replace()
