"""All words on a promotion, and the only memory that there is: names of refs, title, message, marker, status, body.

What a cluster says goes through ``markdown`` before anybody reads it; ``marker`` and ``status`` are read back.
"""

from __future__ import annotations

from reconciler.core.pull_request.body import body
from reconciler.core.pull_request.facts import tried
from reconciler.core.pull_request.marker import Marker, marker, marker_of, read_marker, restated, withdrawn
from reconciler.core.pull_request.names import BRANCHES, HOLD, LEDGERS, RETRY, branch, ledger, promotion_of
from reconciler.core.pull_request.part import merged
from reconciler.core.pull_request.status import caught_up, proven, standing, status, was_closed, was_reached
from reconciler.core.pull_request.story import Story
from reconciler.core.pull_request.templates import WordsError
from reconciler.core.pull_request.words import TITLE, contradicted, farewell, message, title

__all__ = [
    "BRANCHES",
    "HOLD",
    "LEDGERS",
    "RETRY",
    "TITLE",
    "Marker",
    "Story",
    "WordsError",
    "body",
    "branch",
    "caught_up",
    "contradicted",
    "farewell",
    "ledger",
    "marker",
    "marker_of",
    "merged",
    "message",
    "promotion_of",
    "proven",
    "read_marker",
    "restated",
    "standing",
    "status",
    "title",
    "tried",
    "was_closed",
    "was_reached",
    "withdrawn",
]
