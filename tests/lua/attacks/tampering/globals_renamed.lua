-- expect: nothing; state kept
_G._G, _VERSION = { tampered = true }, { tampered = true }
