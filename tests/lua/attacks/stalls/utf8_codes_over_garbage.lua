-- expect: error ~ "invalid UTF-8"
for _ in utf8.codes(("\u{41}"):rep(1000) .. "\xFF") do end
