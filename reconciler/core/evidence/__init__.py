"""What staging proves: one HelmRelease in, the versions that it has proven and the doubts that it leaves out."""

from reconciler.core.evidence.asked import Sources
from reconciler.core.evidence.verdict import judge

__all__ = ["Sources", "judge"]
