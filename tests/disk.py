"""What spares tests the wait for the disk."""

from __future__ import annotations

from pathlib import Path

UNSYNCED = {"GIT_CONFIG_GLOBAL": str(Path(__file__).with_name("gitconfig"))}
"""For the environment of git; unlike other variables, it reaches the server of a local push too (git-config(1))."""
