-- expect: values [false, 42, "E_CODE"]
local ok, problem = pcall(error, { code = 42, name = "E_CODE" })
return ok, problem.code, problem.name
