"""How the accounts stand, what plugins keep, who rules, and who did what."""

from __future__ import annotations

from sqlalchemy import Column, Index, Integer, Table, UniqueConstraint

from bridge.store.schema.base import Id, metadata, row_id
from bridge.store.types import SafeText, Utc

account_state = Table(
    "account_state",
    metadata,
    Column("account", SafeText, primary_key=True),
    Column("failures", Integer, nullable=False, comment="Unavailable in a row, for the breaker"),
    Column("open_cause", SafeText, comment="why the breaker is open"),
    Column("open_step", Integer, nullable=False, comment="probes that failed"),
    Column("probe_at", Utc),
    Column("told_at", Utc, comment="when the rooms were told so"),
    Column("deaf_told_at", Utc, comment="when the rooms were told that it can't be heard"),
)

keep = Table(
    "keep",
    metadata,
    Column("account", SafeText, primary_key=True),
    Column("name", SafeText, primary_key=True),
    Column("value", SafeText, nullable=False),
    comment="What plugins remember: tokens that rotate, sessions.",
)

control = Table(
    "control",
    metadata,
    Column("name", SafeText, primary_key=True, comment="panic | off:ACCOUNT | reload | history"),
    Column("actor", SafeText, nullable=False),
    Column("at", Utc, nullable=False),
)

person = Table(
    "person",
    metadata,
    Column("jid", SafeText, primary_key=True, comment="real bare JID"),
    Column("hold_ms", Integer, comment="their own undo window"),
    Column("zone", SafeText, comment="in which they say times"),
    comment="What people have set for themselves.",
)

role = Table(
    "role",
    metadata,
    Column("jid", SafeText, primary_key=True, comment="bare JID"),
    Column("state", SafeText, primary_key=True, comment="offered | granted | denied"),
    Column("role", SafeText, nullable=False, comment="staff | approver | admin"),
    Column("actor", SafeText, nullable=False, comment="the admin who said so"),
    Column("at", Utc, nullable=False),
    Column("expires_at", Utc, comment="of an offer"),
    comment="What admins said in the chat of who may do what, over the configuration.",
)

welcome = Table(
    "welcome",
    metadata,
    Column("jid", SafeText, primary_key=True, comment="real bare JID"),
    Column("at", Utc, nullable=False),
    comment="Whom the bot has told who they are and what bare words do, the first time they wrote to it directly.",
)

audit = Table(
    "audit",
    metadata,
    row_id(),
    Column("at", Utc, nullable=False),
    Column("actor", SafeText, nullable=False),
    Column("verb", SafeText, nullable=False),
    Column("entry", Id, comment="the post or item"),
    Column("account", SafeText),
    Column("stanza_id", Id),
    Column("content", SafeText, comment="may be forgotten; the digest stays"),
    Column("salt", SafeText, comment="goes with the content"),
    Column("digest", SafeText, nullable=False),
    Column("previous", SafeText, nullable=False),
    Column("hash", SafeText, nullable=False),
    Column("version", Integer, nullable=False, server_default="1", comment="by which rule it is hashed"),
    Column("archive", SafeText, comment="where it was said, when the stanza is forgotten, too"),
    Column("key", SafeText, comment="its stanza-id there, or the fallback of the gate"),
    Column("decision", SafeText, comment="what the policy made of it"),
    Column("rule", SafeText, comment="of the policy"),
    Column("delivery", Id, comment="whose outcome it is"),
    Column("platform_id", SafeText, comment="what the platform calls it"),
    UniqueConstraint("previous"),
    Index(None, "entry"),
    sqlite_autoincrement=True,
)
