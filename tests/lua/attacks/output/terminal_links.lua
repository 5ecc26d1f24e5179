-- expect: nothing
print("\27]8;;http://127.0.0.1/\27\\click\27]8;;\27\\")
