"""Pure functions of text: cleaned, counted, split, and taken out of HTML."""

from __future__ import annotations

from bridge.domain.text.clean import (
    INBOUND_LIMIT,
    clean_command,
    clean_inbound,
    is_blank,
    quoted_lines,
    seen_from,
    without_shapeless,
    xml_safe,
)
from bridge.domain.text.count import clusters, graphemes
from bridge.domain.text.html import strip_leading_mentions, to_text
from bridge.domain.text.split import PARTS_LIMIT, TooLong, at_most, split

__all__ = [
    "INBOUND_LIMIT",
    "PARTS_LIMIT",
    "TooLong",
    "at_most",
    "clean_command",
    "clean_inbound",
    "clusters",
    "graphemes",
    "is_blank",
    "quoted_lines",
    "seen_from",
    "split",
    "strip_leading_mentions",
    "to_text",
    "without_shapeless",
    "xml_safe",
]
