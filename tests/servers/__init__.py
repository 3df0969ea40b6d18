"""Real and misbehaving servers for tests and the demo: loopback only, private folders, gone with the process."""
