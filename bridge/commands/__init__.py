"""The commands: a message of a person becomes rows, all of them in one commit, or none."""
