-- expect: harmless
return "\u{D800}", "\u{DFFF}", "\u{7FFFFFFF}", { "\u{D800}" }, json.decode('"\\ud800"')
