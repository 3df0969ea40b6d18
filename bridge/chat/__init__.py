"""The chat: the only importer of slixmpp, the only listener and the only speaker on XMPP."""

from __future__ import annotations

from bridge.chat.errors import BadCaFile, ChatError, ResourceConflict, WrongPassword
from bridge.chat.service import Chat

__all__ = ["BadCaFile", "Chat", "ChatError", "ResourceConflict", "WrongPassword"]
