-- expect: nothing; state kept
_ENV = { tampered = true }
