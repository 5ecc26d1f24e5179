-- expect: nothing; state kept
_ENV = nil
