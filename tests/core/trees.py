"""Builders of trees: manifests, kustomizations and Flux Kustomizations as text, by path."""

from __future__ import annotations

from reconciler.core.manifest import File, Finder, Globs, Survey, is_kustomization, is_manifest, read, survey
from reconciler.core.model import Key, NoPin, Pin

Tree = dict[str, str]


def release(name: str = "vault", version: str | None = "1.0.0", namespace: str = "", chart: str = "vault") -> str:
    meta = f"{{name: {name}, namespace: {namespace}}}" if namespace else f"{{name: {name}}}"
    given = f", version: {version}" if version is not None else ""
    spec = f"{{chart: {{spec: {{chart: {chart}{given}}}}}}}"
    return f"apiVersion: helm.toolkit.fluxcd.io/v2\nkind: HelmRelease\nmetadata: {meta}\nspec: {spec}\n"


def patch(
    name: str = "vault", version: str = "2.0.0", namespace: str = "", api: str = "helm.toolkit.fluxcd.io/v2"
) -> str:
    meta = f"{{name: {name}, namespace: {namespace}}}" if namespace else f"{{name: {name}}}"
    return (
        f"apiVersion: {api}\nkind: HelmRelease\nmetadata: {meta}\n"
        f"spec:\n  chart:\n    spec:\n      version: {version}\n"
    )


def repository(name: str = "vault", ref: str = "{tag: 1.0.0}") -> str:
    return (
        "apiVersion: source.toolkit.fluxcd.io/v1\nkind: OCIRepository\n"
        f"metadata: {{name: {name}}}\nspec: {{url: oci://x/{name}, ref: {ref}}}\n"
    )


def component(body: str) -> str:
    return f"apiVersion: kustomize.config.k8s.io/v1alpha1\nkind: Component\n{body}"


def flux(path: str, more: str = "", name: str = "apps") -> str:
    return (
        "apiVersion: kustomize.toolkit.fluxcd.io/v1\nkind: Kustomization\n"
        f"metadata: {{name: {name}, namespace: flux-system}}\nspec:\n  path: {path}\n{more}"
    )


def surveyed(tree: Tree) -> Survey:
    return survey(read_all(tree), [path for path in tree if is_manifest(path)])


def read_all(tree: Tree) -> dict[str, File]:
    return {path: read(text.encode(), kustomization=is_kustomization(path)) for path, text in tree.items()}


def find(tree: Tree, *paths: str, key: str = "prod/vault", chart: str | None = "vault") -> Pin | NoPin:
    """Look for the pin of a release in a tree, as a promotion with these globs does."""
    files = read_all(tree)
    selected = frozenset(path for path in tree if Globs(paths or ("**",)).selects(path))
    broken = {path: file for path, file in files.items() if path in selected and file.problem}
    return Finder(surveyed(tree), selected, broken).find(Key(*key.split("/")), chart)
