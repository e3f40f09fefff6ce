"""What holds for every test."""

from __future__ import annotations

from hypothesis import settings

settings.register_profile("steady", deadline=None)  # a busy machine is no mistake of ours
settings.load_profile("steady")
