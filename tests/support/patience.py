"""How long tests wait for what has to come."""

from __future__ import annotations

PATIENCE = 120  # seconds after which a test that waits has failed; much, because the machine may be busy
