-- expect: limit cpu_limit; state kept
::again:: goto again
