-- expect: nothing; state kept
regex.match, regex.match_all, regex.gsub = error, error, error
display.html, display.clear = error, error
regex, display = nil, nil
