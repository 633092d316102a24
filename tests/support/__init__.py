"""What several tests use: machines, snapshots, labs, programs that run in a lab."""

from __future__ import annotations

from pathlib import Path

SUPPORT = Path(__file__).resolve().parent
CLONE = SUPPORT.parents[1]
