"""Tests of Statusbridge, and the servers that they and the demo start."""
