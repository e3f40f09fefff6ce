"""What holds for every test."""

from __future__ import annotations

import gc

from hypothesis import settings

# A busy machine is no mistake of ours, so there is no deadline. What takes long to find is for `make test-slow`.
settings.register_profile("steady", deadline=None, max_examples=25)
settings.register_profile("thorough", deadline=None, max_examples=300)
settings.load_profile("steady")

# Thousands of tests are collected, and stay to the end: no use to look among them for garbage again and again.
gc.disable()


def pytest_collection_finish() -> None:
    gc.collect()
    gc.freeze()
    gc.enable()
