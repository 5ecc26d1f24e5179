-- expect: nothing
print("\u{202E}reversed\u{202C} \u{2066}isolated\u{2069} \u{FEFF}\u{200B}")
