"""Statusbridge: an XMPP bot that publishes what staff say and brings back what customers answer."""
