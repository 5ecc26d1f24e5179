-- expect: nothing
print("\27[2J\27[H\27]0;title\7\27]52;c;aGk=\7\27[31mred\27P+q544e\27\\\x9b31m")
