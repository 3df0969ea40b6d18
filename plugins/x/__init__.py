"""Accounts on X, by tweepy."""
