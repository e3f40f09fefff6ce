from __future__ import annotations

import os
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

import pytest

from reconciler import cli
from reconciler.live import Live, Unusable

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path

    from reconciler.config import Settings

TEXT = """\
interval: 5m
promotions:
  - name: home
    staging: {cluster: {snapshot: staging.yaml}, namespaces: ["*"]}
    production: {git: {url: https://git.example.com/fleet.git, auth: {tokenFile: secret/token}}}
"""


@dataclass
class Ear:
    heard: list[tuple[str, ...]] = field(default_factory=list)

    def __call__(self, settings: Settings, mistakes: Sequence[str]) -> None:
        self.heard.append(tuple(mistakes))


@pytest.fixture
def file(tmp_path: Path) -> Path:
    """A config and a token, mounted as a kubelet mounts them: links into a folder that changes its name."""
    (tmp_path / "staging.yaml").write_text("apiVersion: v1\nkind: List\nitems: []\n")
    mount(tmp_path, TEXT)
    (tmp_path / "config.yaml").symlink_to("data/config.yaml")
    (tmp_path / "secret").mkdir()
    (tmp_path / "secret/token").write_text("one")
    return tmp_path / "config.yaml"


def mount(folder: Path, text: str) -> None:
    """Change what is mounted, all at once."""
    target = folder / f"version-{len(list(folder.iterdir()))}"
    target.mkdir()
    (target / "config.yaml").write_text(text)
    (folder / "new").symlink_to(target.name)
    os.replace(folder / "new", folder / "data")  # noqa: PTH105 - the link itself


def test_what_does_not_change_is_not_made_anew(file: Path) -> None:
    live, ear = Live.of(file, cli._built), Ear()
    routes = live.routes

    live.renew(ear)
    os.utime(file)
    live.renew(ear)

    assert live.routes is routes
    assert ear.heard == []


def test_a_mounted_config_that_changes_is_used(file: Path) -> None:
    live, ear = Live.of(file, cli._built), Ear()

    mount(file.parent, TEXT.replace("home", "office").replace("5m", "7m"))
    live.renew(ear)
    live.renew(ear)

    assert [route.promotion.name for route in live.routes] == ["office"]
    assert live.settings.interval.total_seconds() == 420
    assert ear.heard == [()]


def test_a_token_that_is_renewed_makes_new_routes(file: Path) -> None:
    live, ear = Live.of(file, cli._built), Ear()
    routes = live.routes

    (file.parent / "secret/token").write_text("two")
    live.renew(ear)

    assert live.routes[0].production is not routes[0].production
    assert ear.heard == [()]


@pytest.mark.parametrize(
    "text", ["", "interval: [", TEXT.replace("5m", "5"), TEXT.replace("staging.yaml", "gone.yaml")]
)
def test_a_bad_config_is_told_once_and_the_one_before_stays(file: Path, text: str) -> None:
    live, ear = Live.of(file, cli._built), Ear()
    settings, routes = live.settings, live.routes

    mount(file.parent, text)
    live.renew(ear)
    live.renew(ear)

    assert (live.settings, live.routes) == (settings, routes)
    assert len(ear.heard) == 1
    assert ear.heard[0]

    mount(file.parent, TEXT)
    live.renew(ear)
    assert ear.heard[1:] == [()]


def test_a_config_that_goes_away_for_a_moment_is_no_end(file: Path) -> None:
    live, ear = Live.of(file, cli._built), Ear()

    (file.parent / "data").unlink()
    live.renew(ear)
    mount(file.parent, TEXT)
    live.renew(ear)

    assert ear.heard == [(f"{file}: does not exist; name a config file with -c",), ()]


def test_a_bad_config_is_no_beginning(file: Path) -> None:
    mount(file.parent, "interval: 5")

    with pytest.raises(Unusable) as told:
        Live.of(file, cli._built)

    assert len(told.value.sentences) == 2
    assert all(sentence.startswith(f"{file}") for sentence in told.value.sentences)
