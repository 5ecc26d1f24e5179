-- expect: value ["number", "number", "table", "string"]
return { type(os.time()), type(os.clock()), type(os.date("*t")), type(os.date()) }
