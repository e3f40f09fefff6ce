"""Globs over the paths of a tree."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from reconciler.core.manifest import Globs, is_kustomization, is_manifest

MATCHES = [
    ("apps/*/helm.yaml", "apps/vault/helm.yaml", True),
    ("apps/*/helm.yaml", "apps/a/b/helm.yaml", False),
    ("apps/*/helm.yaml", "apps/.hidden/helm.yaml", True),
    ("apps/*/helm.yaml", "apps//helm.yaml", True),
    ("*.yaml", "a.yaml", True),
    ("*.yaml", ".yaml", True),
    ("*.yaml", "a/b.yaml", False),
    ("*helm*.yaml", "my-helm-release.yaml", True),
    ("**/*.yaml", "a.yaml", True),
    ("**/*.yaml", "a/b/c.yaml", True),
    ("**/*.yaml", "a/.b/c.yaml", True),
    ("**/apps/*.yaml", "apps/x.yaml", True),
    ("**/apps/*.yaml", "a/apps/apps/x.yaml", True),
    ("**/apps/*.yaml", "myapps/x.yaml", False),
    ("apps/**", "apps/a", True),
    ("apps/**", "apps/a/b/c", True),
    ("apps/**", "apps", False),
    ("apps/**", "apps2/a", False),
    ("apps/**/helm.yaml", "apps/helm.yaml", True),
    ("apps/**/helm.yaml", "apps/a/b/helm.yaml", True),
    ("apps/**/**/helm.yaml", "apps/a/helm.yaml", True),
    ("apps/**/prod/**/x.yaml", "apps/a/prod/prod/b/x.yaml", True),
    ("apps/a**b", "apps/axb", True),
    ("apps/a**b", "apps/a/b", False),
    ("apps/a**", "apps/a/b", False),
    ("**", "a/b/c", True),
    ("a?c", "abc", True),
    ("a?c", "a/c", False),
    ("a[xy]c", "axc", True),
    ("a[xy]c", "azc", False),
    ("a[0-9]c", "a5c", True),
    ("a[!0-9]c", "a5c", False),
    ("a[!0-9]c", "axc", True),
    ("a[^0-9]c", "axc", True),
    ("a[!0-9]c", "a/c", False),
    ("a[.-0]c", "a/c", False),
    ("a[]]c", "a]c", True),
    ("a[!]]c", "axc", True),
    ("a[a-]c", "a-c", True),
    ("a[z-a]c", "abc", False),
    ("a[!z-a]c", "abc", True),
    ("a[[&~|^]c", "a~c", True),
    ("a[b--c]c", "acc", True),
    (r"a[\d]c", "a5c", False),
    ("a[x", "a[x", True),
    ("a{b,c}", "a{b,c}", True),
    ("a.yaml", "axyaml", False),
    ("./a.yaml", "a.yaml", True),
    ("a.yaml", "a.yaml\n", False),
    ("*", "a\nb", True),
    ("", "a", False),
    ("ü*", "ünï", True),
]


@pytest.mark.parametrize(("glob", "path", "matches"), MATCHES)
def test_a_glob_matches_whole_paths(glob: str, path: str, matches: bool) -> None:
    assert Globs((glob,)).selects(path) is matches


SELECTIONS = [
    (("a/*", "b/*"), "b/x", True),
    (("a/*", "!a/x"), "a/x", False),
    (("!a/x", "a/*"), "a/x", False),
    (("!a/x", "a/*"), "a/y", True),
    (("!./a/x", "a/*"), "a/x", False),
    (("!a/x",), "a/y", False),
    ((), "a", False),
]


@pytest.mark.parametrize(("patterns", "path", "selected"), SELECTIONS)
def test_any_glob_selects_and_any_exclusion_rules_out(patterns: tuple[str, ...], path: str, selected: bool) -> None:
    assert Globs(patterns).selects(path) is selected


def test_globs_that_match_nothing_are_listed_without_the_exclusions() -> None:
    globs = Globs(("a/*", "b/*", "c/*", "!d/*"))

    assert globs.without_match(["a/x", "c/y"]) == ("b/*",)
    assert globs.without_match(["a/x", "c/y", "b/z", "e"]) == ()
    assert globs.without_match([]) == ("a/*", "b/*", "c/*")


@given(st.text("ab*?[]!^-/.\\&~|", max_size=12), st.text("ab/.-", max_size=12))
def test_any_glob_is_answered(glob: str, path: str) -> None:
    assert Globs((glob,)).selects(path) in {True, False}


@given(st.text("ab/.-*?[]", min_size=1, max_size=12))
def test_a_path_with_its_signs_in_brackets_matches_itself(path: str) -> None:
    glob = "".join(f"[{sign}]" if sign in "*?[]" else sign for sign in path)
    assert Globs((f"x{glob}",)).selects(f"x{path}")


@pytest.mark.parametrize(
    ("path", "kustomization", "manifest"),
    [
        ("a/kustomization.yaml", True, True),
        ("kustomization.yml", True, True),
        ("a/Kustomization", True, True),
        ("a/kustomization.json", False, True),
        ("my-kustomization.yaml", False, True),
        ("a.yml", False, True),
        ("a.json", False, True),
        ("a.txt", False, False),
        ("yaml", False, False),
    ],
)
def test_names_tell_manifests_and_kustomizations(path: str, kustomization: bool, manifest: bool) -> None:
    assert (is_kustomization(path), is_manifest(path)) == (kustomization, manifest)
