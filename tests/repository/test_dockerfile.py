"""The Dockerfile repeats figures of other files, as it must: they are the same figures."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from sam4ct import __version__
from sam4ct.models.weights.manifest import load_manifest

ROOT = Path(__file__).parents[2]
DOCKERFILE = (ROOT / "Dockerfile").read_text()
PINNED = re.compile(r"([\w.-]+)@sha256:([0-9a-f]{64})")


def commands() -> list[str]:
    """The Dockerfile's instructions, continued lines joined."""
    text = re.sub(r"^\s*#.*\n", "", DOCKERFILE, flags=re.MULTILINE)
    return re.sub(r"\\\n\s*", " ", text).splitlines()


def test_weights_in_the_image_are_those_of_the_manifest() -> None:
    manifest = load_manifest()
    pinned = {name: sha256 for name, sha256 in PINNED.findall(DOCKERFILE) if "bookworm" not in name}
    assert pinned == {name: manifest.get(name).sha256 for name in pinned}
    assert {"sam2.1-hiera-large", "sam-med3d-turbo"} < set(pinned)


def test_all_included_weights_are_in_a_label() -> None:
    included = {e.name for e in load_manifest().entries if e.source == "included"}
    (label,) = (line for line in commands() if line.startswith("LABEL "))
    assert {name for name, _ in PINNED.findall(label)} == included


def test_the_version_is_the_package_s() -> None:
    assert f"ARG VERSION={__version__}" in commands()


def test_the_base_image_is_pinned_by_its_digest() -> None:
    (base,) = (line for line in commands() if line.startswith("ARG BASE_IMAGE="))
    assert PINNED.search(base)


INSTALLS = [i for line in commands() for i in re.findall(r"pip install ([^&|]*)", line)]


@pytest.mark.parametrize("install", INSTALLS)
def test_nothing_is_installed_without_a_hash(install: str) -> None:
    assert "--require-hashes" in install or "--no-index" in install
    assert "--no-deps" in install


def test_there_are_installations_to_look_at() -> None:
    assert len(INSTALLS) >= 4
