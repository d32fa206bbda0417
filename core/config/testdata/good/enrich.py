print("a plugin")
