"""The names of our refs, and the labels by which people steer."""

from __future__ import annotations

import re
from hashlib import sha256
from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    from reconciler.core.model import Key

BRANCHES: Final = "helm-promotion"
LEDGERS: Final = "refs/helm-promoter"
HOLD: Final = "promotion/hold"
"""The label by which a person holds a pull request back."""
RETRY: Final = "promotion/retry"
"""The label by which a person asks for a version once more."""

_REFUSED: Final = re.compile(r"[\x00-\x20\x7f~^:?*\[\\/]|\.\.|@\{|^[.-]|\.$|\.lock$")
_LONGEST: Final = 200
_KEPT: Final = 40
_DIGITS: Final = 12


def branch(promotion: str, release: Key) -> str:
    """Name the promotion branch of a release."""
    return f"{BRANCHES}/{promotion}/{_safe(release.namespace)}/{_safe(release.name)}"


def ledger(branch: str) -> str:
    """Name the ref that remembers what we pushed last to a promotion branch."""
    return f"{LEDGERS}/{branch.removeprefix(BRANCHES + '/')}"


def promotion_of(branch: str) -> str:
    """Tell which promotion a branch belongs to by its name."""
    return branch.removeprefix(BRANCHES + "/").partition("/")[0]


def _safe(name: str) -> str:
    """Shorten a name that git refuses in a ref (git-check-ref-format)."""
    if not _REFUSED.search(name) and len(name.encode()) <= _LONGEST:
        return name
    kept = re.sub(r"[^A-Za-z0-9.-]|\.\.|^[.-]", "_", name[:_KEPT])
    return f"{kept}-{sha256(name.encode()).hexdigest()[:_DIGITS]}"
