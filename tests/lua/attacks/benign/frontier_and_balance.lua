-- expect: values ["(a(b)c)", "THE (quick) fox", 4]
return ("x(a(b)c)y"):match("%b()"), (("the (quick) fox"):gsub("%f[%w]the%f[%W]", "THE")), (("word"):find("%f[%z]")) and 4
