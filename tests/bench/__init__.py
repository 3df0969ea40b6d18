"""`make bench`: our program beside bare scripts, round by round, on real servers; every figure is a ratio."""
