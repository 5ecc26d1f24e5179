-- expect: output "{ x: [1, 2] }\n"; value {"x": [1, 2]}
return dump({ x = { 1, 2 } })
