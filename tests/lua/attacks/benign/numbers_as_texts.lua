-- expect: values ["1", "1.0", "-0.0", "1e+100", "inf", "0.1", "3.14"]
return tostring(1), tostring(1.0), tostring(-0.0), tostring(1e100), tostring(math.huge), tostring(0.1), 3.14 .. ""
