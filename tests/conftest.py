"""What holds for every test."""

from __future__ import annotations

from hypothesis import settings

# A busy machine is no mistake of ours, so there is no deadline. What took long to find is for `make test-slow`.
settings.register_profile("steady", deadline=None, max_examples=25)
settings.register_profile("thorough", deadline=None, max_examples=300)
settings.load_profile("steady")
