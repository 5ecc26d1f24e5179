-- expect: value "007|3.14|ff|  x|y  |\"q\\n\"|1e+10|%|-5|0x1p+4"
return ("%03d|%.2f|%x|%3s|%-3s|%q|%g|%%|%i|%a"):format(7, 3.14159, 255, "x", "y", "q\n", 1e10, -5, 16):gsub("\\\n", "\\n"), nil
