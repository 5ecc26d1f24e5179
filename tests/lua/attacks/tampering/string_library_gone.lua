-- expect: nothing; state kept
string = nil
