"""Values and pure decisions: nothing here does I/O, and nothing here knows the rest of the program."""
