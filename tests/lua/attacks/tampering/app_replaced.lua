-- expect: nothing; state kept
app = setmetatable({}, { __index = function(self) return self end, __call = function() return "spoofed" end })
docs.read, docs.list, docs.search = nil, error, function() return "spoofed" end
