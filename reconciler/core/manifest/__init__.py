"""Manifests: where production's versions stand, and how one is written without touching anything else."""

from reconciler.core.manifest.edit import edit
from reconciler.core.manifest.file import NOTHING, File, is_kustomization, is_manifest, refused
from reconciler.core.manifest.glob import Globs
from reconciler.core.manifest.kustomize import Survey, named, survey
from reconciler.core.manifest.pin import Finder
from reconciler.core.manifest.reading import read

__all__ = [
    "NOTHING",
    "File",
    "Finder",
    "Globs",
    "Survey",
    "edit",
    "is_kustomization",
    "is_manifest",
    "named",
    "read",
    "refused",
    "survey",
]
