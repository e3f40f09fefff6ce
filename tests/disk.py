"""What spares tests the wait for the disk."""

from __future__ import annotations

UNSYNCED = {"GIT_CONFIG_COUNT": "1", "GIT_CONFIG_KEY_0": "core.fsync", "GIT_CONFIG_VALUE_0": "none"}
"""For the environment of git: no test outlives a power cut, so nothing is flushed to the disk (git-config(1))."""
