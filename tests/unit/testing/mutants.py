"""All mutants, by name: the plugin, and the test that fails for it."""

from __future__ import annotations

from tests.unit.testing import mutants_changing, mutants_listening, mutants_posting
from tests.unit.testing.mutation import MUTANTS

__all__ = ["MUTANTS", "mutants_changing", "mutants_listening", "mutants_posting"]
