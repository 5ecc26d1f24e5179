-- expect: harmless
return #regex.match_all(("a"):rep(1 << 20), "(a)")
