-- expect: values [false, false, false, false, false, false, false]
return (pcall(parallel.map)), (pcall(parallel.map, 5, print)), (pcall(parallel.map, "abc", print)), (pcall(parallel.map, app, print)),
  (pcall(parallel.map, json.null, print)), (pcall(parallel.map, { a = 1 }, print)), (pcall(parallel.map, print, { 1 }))
