"""What may be published unseen: the rules, and the pure decision about one text."""

from __future__ import annotations

from bridge.domain.policy.hours import Hours
from bridge.domain.policy.judging import Decision, Finding, Subject, Verdict, judge
from bridge.domain.policy.patterns import SlowError, checked, found_in
from bridge.domain.policy.rules import Approval, Rules
from bridge.domain.policy.secrets import DETECTORS, Detector, suspicions

__all__ = [
    "DETECTORS",
    "Approval",
    "Decision",
    "Detector",
    "Finding",
    "Hours",
    "Rules",
    "SlowError",
    "Subject",
    "Verdict",
    "checked",
    "found_in",
    "judge",
    "suspicions",
]
