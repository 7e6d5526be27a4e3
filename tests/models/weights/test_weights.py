"""The manifest, the choice of weights, and loading: nothing unchecked becomes a network."""

from __future__ import annotations

import json
import os
import pickle
import subprocess
import sys
from collections.abc import Callable, Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
import torch
from click.testing import CliRunner
from safetensors.torch import load_file, save_file

from sam4ct.cli.networks.weights import weights
from sam4ct.errors import WeightsError
from sam4ct.io.files import sha256_of
from sam4ct.models.sam2.network import build_network
from sam4ct.models.weights.entry import Entry
from sam4ct.models.weights.load import load_sam2, load_state, read_state
from sam4ct.models.weights.manifest import (
    MANIFEST,
    Manifest,
    destination,
    load_manifest,
    packaged_manifest,
    write_manifest,
)
from sam4ct.models.weights.verify import choose, find_file, verified

pytestmark = pytest.mark.who

LARGE = "sam2.1-hiera-large"
TINY = "sam2.1-hiera-tiny"
COMPACT = "compact-sam2"


@pytest.fixture(autouse=True)
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The user's weights folder, empty; the cache of whoever runs the tests is out of sight."""
    monkeypatch.setenv("SAM4CT_WEIGHTS", str(tmp_path / "weights"))
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))
    monkeypatch.delenv("SAM4CT_WEIGHTS_MIRROR", raising=False)
    (tmp_path / "weights").mkdir()
    return tmp_path / "weights"


def listed(path: Path, like: str, **changes: Any) -> Entry:
    """An entry for a file, otherwise like one of the packaged manifest."""
    return replace(
        load_manifest().get(like),
        **{
            "name": "mine",
            "file": path.name,
            "bytes": path.stat().st_size,
            "sha256": sha256_of(path),
            "folder": path.parent,
            "default_on": None,
            **changes,
        },
    )


def sparse(path: Path, size: int) -> None:
    """Make a file that is as large as it says but takes no space."""
    with path.open("wb") as file:
        file.truncate(size)


def sam4ct_weights(*arguments: str | Path) -> str:
    """Run `sam4ct weights ...` and return its output; our errors come through."""
    done = CliRunner().invoke(weights, [str(a) for a in arguments], catch_exceptions=False)
    assert done.exit_code == 0, done.output
    return done.output


# The packaged manifest


def test_the_packaged_manifest_lists_the_published_and_the_compact_weights() -> None:
    entries = load_manifest().entries
    assert {e.name for e in entries} >= {LARGE, TINY, COMPACT, "sam-med3d-turbo"}
    assert {e.licence for e in entries} == {"Apache-2.0"}


@pytest.mark.parametrize("name", [TINY, COMPACT])
def test_the_image_size_of_the_manifest_is_that_of_the_network(name: str) -> None:
    entry = load_manifest().get(name)
    assert build_network(entry.config, entry.overrides).image_size == entry.image_size


@pytest.mark.parametrize("size", ["tiny", "small", "base-plus", "large"])
def test_official_weights_are_built_as_the_package_builds_its_predictor(size: str) -> None:
    network = build_network("sam2.1_hiera_t", load_manifest().get(f"sam2.1-hiera-{size}").overrides)
    decoder = network.sam_mask_decoder
    assert decoder.dynamic_multimask_via_stability
    assert decoder.dynamic_multimask_stability_delta == 0.05
    assert decoder.dynamic_multimask_stability_thresh == 0.98
    assert network.binarize_mask_from_pts_for_mem_enc


def test_the_compact_weights_are_in_the_package_and_small() -> None:
    path = verified(load_manifest().get(COMPACT))
    assert path.parent.name == "weights"
    assert path.stat().st_size <= 8_000_000


def test_the_manifest_says_that_fine_tunes_were_never_published() -> None:
    assert "never published" in " ".join(load_manifest().notes)


@pytest.mark.parametrize("place", ["sam4ct", "."])
def test_the_manifest_is_found_in_the_package_and_beside_it(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, place: str
) -> None:
    monkeypatch.setattr("sam4ct.models.weights.manifest.PACKAGE", tmp_path / "sam4ct")
    (tmp_path / "sam4ct").mkdir()
    with pytest.raises(WeightsError, match="Install sam4ct again"):
        packaged_manifest()
    (tmp_path / place / MANIFEST).touch()
    assert packaged_manifest() == tmp_path / place / MANIFEST


# Entries


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"sha265": "0"}, "unknown key 'sha265'. Did you mean 'sha256'"),
        ({"role": "sam3"}, "role is 'sam3'. Give one of sam2, sam_med3d"),
        ({"file": "../net.pt"}, "Give a file name without folder"),
        ({"file": "net.onnx"}, "ending in .safetensors, .pt, .pth"),
        ({"sha256": "ABC"}, "64 hex digits"),
        ({"bytes": 0}, "bytes is 0"),
        ({"bytes": True}, "bytes is True, not int"),
        ({"bytes": "12"}, "bytes is '12', not int"),
        ({"image_size": -1}, "image_size is -1"),
        ({"window_diameters": 0.0}, "a positive number or null"),
        ({"window_diameters": "3"}, "not int or float or null"),
        ({"source": "file:///etc/passwd"}, "an http(s) URL"),
        ({"used_by": [1]}, "a list of texts"),
        ({"used_by": "link"}, "used_by is 'link', not list"),
        ({"default_on": "gpu"}, '"cuda", "any" or null'),
        ({"overrides": []}, "overrides is []"),
        ({"name": "a b"}, "name is 'a b'"),
    ],
)
def test_a_wrong_entry_is_refused(change: dict[str, Any], message: str) -> None:
    raw = load_manifest().get(COMPACT).to_json()
    with pytest.raises(WeightsError) as refusal:
        Entry.from_json({**raw, **change})
    assert message in str(refusal.value)


def test_missing_keys_are_named() -> None:
    raw = load_manifest().get(COMPACT).to_json()
    del raw["bytes"], raw["role"]
    with pytest.raises(WeightsError, match="'compact-sam2': no bytes, role"):
        Entry.from_json(raw)


def test_an_entry_survives_json() -> None:
    for entry in load_manifest().entries:
        assert Entry.from_json(json.loads(json.dumps(entry.to_json()))) == entry


# Manifests of the user


def test_a_manifest_in_the_users_folder_adds_and_replaces(folder: Path) -> None:
    packaged = load_manifest()
    mine = replace(packaged.get(TINY), name="mine")
    other_tiny = replace(packaged.get(TINY), note="another")
    write_manifest(folder / MANIFEST, Manifest((mine, other_tiny)))
    manifest = load_manifest()
    assert manifest.get("mine") == mine
    assert manifest.get(TINY).note == "another"
    assert len(manifest.entries) == len(packaged.entries) + 1


def test_the_named_folder_wins_over_the_cache(folder: Path, tmp_path: Path) -> None:
    tiny = load_manifest().get(TINY)
    for place in (folder, tmp_path / "cache" / "sam4ct" / "weights"):
        write_manifest(place / MANIFEST, Manifest((replace(tiny, note=place.parent.name),)))
    assert load_manifest().get(TINY).note == folder.parent.name


@pytest.fixture
def several(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> tuple[Path, Path]:
    """Two folders that the variable names, as in a container: the user's, then the image's."""
    mount, image = tmp_path / "mount", tmp_path / "image"
    monkeypatch.setenv("SAM4CT_WEIGHTS", f"{mount}:{image}")
    return mount, image


def test_earlier_folders_win_over_later_ones_and_all_over_the_package(
    several: tuple[Path, Path],
) -> None:
    mount, image = several
    packaged = load_manifest()
    tiny, large = packaged.get(TINY), packaged.get(LARGE)
    changed = (replace(tiny, note="image"), replace(large, note="image"))
    write_manifest(image / MANIFEST, Manifest(changed))
    write_manifest(mount / MANIFEST, Manifest((replace(tiny, note="mount"),)))
    notes = {entry.name: entry.note for entry in load_manifest().entries}
    assert (notes[TINY], notes[LARGE]) == ("mount", "image")
    assert len(notes) == len(packaged.entries)


def test_files_are_found_in_every_folder_and_checked_there(several: tuple[Path, Path]) -> None:
    mount, image = several
    image.mkdir()
    (image / "net.pt").write_bytes(b"net")
    entry = listed(image / "net.pt", TINY)
    write_manifest(mount / MANIFEST, Manifest((entry,)))
    assert verified(load_manifest().get("mine")) == image / "net.pt"
    (image / "net.pt").write_bytes(b"ten")
    with pytest.raises(WeightsError, match=r"image/net\.pt is not 'mine': SHA-256"):
        verified(load_manifest().get("mine"))


def test_folders_that_are_not_there_do_no_harm(several: tuple[Path, Path]) -> None:
    assert not any(folder.exists() for folder in several)
    assert verified(load_manifest().get(COMPACT)).name == "compact_sam2.safetensors"


def test_new_weights_go_to_the_first_folder(several: tuple[Path, Path]) -> None:
    assert destination() == several[0]


@pytest.mark.parametrize("obstacle", ["is a file", "lies below a file"])
def test_new_weights_go_to_a_later_folder_if_the_first_cannot_be_made(
    obstacle: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "file").write_text("")
    unusable = tmp_path / "file" if obstacle == "is a file" else tmp_path / "file" / "weights"
    monkeypatch.setenv("SAM4CT_WEIGHTS", f"{unusable}:{tmp_path / 'weights'}")
    assert destination() == tmp_path / "weights"
    monkeypatch.setenv("SAM4CT_WEIGHTS", f"{unusable}:{unusable / 'more'}")
    assert destination() == unusable


def test_an_extra_manifest_wins_over_the_users_folder(folder: Path, tmp_path: Path) -> None:
    tiny = load_manifest().get(TINY)
    write_manifest(folder / MANIFEST, Manifest((replace(tiny, note="folder"),)))
    write_manifest(tmp_path / "extra.json", Manifest((replace(tiny, note="extra"),)))
    assert load_manifest([tmp_path / "extra.json"]).get(TINY).note == "extra"


@pytest.mark.parametrize("text", ["{", "[]", "{}", '{"weights": [1]}', '{"weights": [], "x": 1}'])
def test_a_broken_manifest_is_named(folder: Path, text: str) -> None:
    (folder / MANIFEST).write_text(text)
    with pytest.raises(WeightsError, match=f"^{folder / MANIFEST}: "):
        load_manifest()


def test_two_defaults_of_a_role_are_refused(folder: Path) -> None:
    second = replace(load_manifest().get(LARGE), name="mine")
    write_manifest(folder / MANIFEST, Manifest((second,)))
    with pytest.raises(WeightsError, match="2 entries for sam2 on cuda"):
        load_manifest()


# Finding and verifying


def test_the_file_beside_its_manifest_wins(folder: Path, tmp_path: Path) -> None:
    for place in (folder, tmp_path):
        (place / "net.pt").write_bytes(b"net")
    assert find_file(listed(tmp_path / "net.pt", TINY)) == tmp_path / "net.pt"


def test_a_truncated_file_does_not_hide_a_whole_one(folder: Path, tmp_path: Path) -> None:
    (tmp_path / "net.pt").write_bytes(b"net")
    entry = listed(tmp_path / "net.pt", TINY, folder=None)
    (folder / "net.pt").write_bytes(b"n")
    cache = tmp_path / "cache" / "sam4ct" / "weights"
    cache.mkdir(parents=True)
    assert find_file(entry) == folder / "net.pt"
    (cache / "net.pt").write_bytes(b"net")
    assert find_file(entry) == cache / "net.pt"


@pytest.mark.parametrize("content", [b"nets", b"ten"])
def test_a_file_that_is_not_the_listed_one_is_refused_with_a_remedy(
    folder: Path, content: bytes
) -> None:
    path = folder / "net.pt"
    path.write_bytes(b"net")
    entry = listed(path, TINY, name=TINY)
    path.write_bytes(content)
    with pytest.raises(WeightsError, match=rf"^{path} is not .*found, .* weights fetch {TINY}"):
        verified(entry)


def test_a_missing_file_is_refused_with_its_folders_and_a_remedy(folder: Path) -> None:
    with pytest.raises(WeightsError, match=rf"none of .*{folder}.*weights fetch {TINY}"):
        verified(load_manifest().get(TINY))


# Choosing


@pytest.fixture
def large_is_here(folder: Path) -> None:
    large = load_manifest().get(LARGE)
    sparse(folder / large.file, large.bytes)


@pytest.mark.usefixtures("large_is_here")
@pytest.mark.parametrize(("cuda", "name"), [(True, LARGE), (False, COMPACT)])
def test_the_large_network_is_taken_on_cuda_only(cuda: bool, name: str) -> None:
    assert choose(load_manifest(), [], cuda)["sam2"].name == name


def test_the_compact_network_is_taken_where_the_large_one_is_missing() -> None:
    assert choose(load_manifest(), [], cuda=True)["sam2"].name == COMPACT


@pytest.mark.usefixtures("large_is_here")
@pytest.mark.parametrize(("cuda", "name"), [(True, COMPACT), (False, LARGE)])
def test_a_name_wins_over_the_default(cuda: bool, name: str) -> None:
    assert choose(load_manifest(), [name], cuda)["sam2"].name == name


def test_each_role_can_be_named(folder: Path) -> None:
    (folder / "med.pth").write_bytes(b"med")
    med = listed(folder / "med.pth", "sam-med3d-turbo")
    chosen = choose(load_manifest().updated([med]), ["mine", COMPACT], cuda=False)
    assert {role: entry.name for role, entry in chosen.items()} == {
        "sam2": COMPACT,
        "sam_med3d": "mine",
    }


@pytest.mark.usefixtures("large_is_here")
def test_two_names_of_one_role_are_refused() -> None:
    with pytest.raises(WeightsError, match="both of role sam2"):
        choose(load_manifest(), [LARGE, COMPACT], cuda=False)


def test_an_unknown_name_is_refused_with_the_nearest() -> None:
    with pytest.raises(WeightsError, match=r"unknown\. Did you mean 'compact-sam2'"):
        choose(load_manifest(), ["compact-sam"], cuda=False)


@pytest.mark.parametrize("name", ["sam-med3d-tric", "my-tric", "finetuned_TRIF"])
def test_unknown_weights_are_told_which_were_never_published(name: str) -> None:
    with pytest.raises(WeightsError, match=r"unknown.*was never published\. Make your own"):
        load_manifest().get(name)


def test_a_named_file_that_is_missing_is_refused_with_the_command_that_fetches_it() -> None:
    with pytest.raises(WeightsError, match=f"weights fetch {TINY} .*--from FILE"):
        choose(load_manifest(), [TINY], cuda=False)


def test_choosing_needs_no_torch() -> None:
    script = """
import sys
from sam4ct.models.weights.manifest import load_manifest
from sam4ct.models.weights.verify import choose
choose(load_manifest(), [], cuda=False)
sys.exit("torch" in sys.modules)
"""
    assert subprocess.run([sys.executable, "-c", script]).returncode == 0


# Loading


@pytest.fixture(scope="module")
def official_tiny(tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[Path, Any]]:
    """A checkpoint as published for SAM 2.1 tiny, but with random weights; and its network."""
    path = tmp_path_factory.mktemp("official") / "sam2.1_hiera_tiny.pt"
    torch.manual_seed(0)
    network = build_network("sam2.1_hiera_t", {})
    torch.save({"model": network.state_dict()}, path)
    yield path, network
    path.unlink()


def test_an_official_checkpoint_loads_whole(official_tiny: tuple[Path, Any]) -> None:
    path, published = official_tiny
    loaded = load_sam2(listed(path, TINY), "cpu")
    expected = published.state_dict()
    state = loaded.state_dict()
    assert list(state) == list(expected)
    assert all(torch.equal(state[key], expected[key]) for key in expected)
    assert not loaded.training


def test_an_official_checkpoint_of_another_size_is_refused(
    official_tiny: tuple[Path, Any],
) -> None:
    path, _ = official_tiny
    with pytest.raises(WeightsError, match=rf"{path}: not the weights .*missing \(image_encoder"):
        load_sam2(listed(path, "sam2.1-hiera-small"), "cpu")


def test_an_official_checkpoint_is_no_compact_network(official_tiny: tuple[Path, Any]) -> None:
    with pytest.raises(WeightsError, match=r"of another shape \("):
        load_sam2(listed(official_tiny[0], COMPACT), "cpu")


def test_the_compact_network_loads_as_float32_whatever_the_file_has() -> None:
    entry = load_manifest().get(COMPACT)
    network = load_sam2(entry, "cpu")
    in_file = load_file(verified(entry))
    assert {value.dtype for value in network.state_dict().values()} == {torch.float32}
    for key, value in network.state_dict().items():
        assert torch.equal(value, in_file[key].float())


class Code:
    """Unpickled carelessly, it makes a file."""

    def __init__(self, path: Path) -> None:
        self.path = path

    def __reduce__(self) -> tuple[Any, ...]:
        return Path.touch, (self.path,)


def pickled(content: object, path: Path) -> None:
    path.write_bytes(pickle.dumps(content, protocol=2))


@pytest.mark.parametrize("writer", [torch.save, pickled])
def test_a_checkpoint_with_code_is_refused_and_the_code_not_run(
    tmp_path: Path, writer: Callable[[object, Path], object]
) -> None:
    path = tmp_path / "net.pt"
    writer({"model": {"w": Code(tmp_path / "ran")}}, path)
    with pytest.raises(WeightsError, match=f"{path}: refused: .*may run code"):
        load_state(listed(path, TINY))
    assert not (tmp_path / "ran").exists()


@pytest.mark.parametrize("name", ["net.pt", "net.safetensors"])
@pytest.mark.parametrize("keep", [0, 3, 0.1, 0.6])
def test_a_damaged_checkpoint_is_refused(tmp_path: Path, name: str, keep: float) -> None:
    path = tmp_path / name
    state = {"w": torch.arange(1000.0)}
    if path.suffix == ".pt":
        torch.save({"model": state}, path)
    else:
        save_file(state, path)
    whole = path.read_bytes()
    path.write_bytes(whole[: int(keep if keep >= 1 else keep * len(whole))] or b"\0")
    with pytest.raises(WeightsError, match=f"^{path}: "):
        load_state(listed(path, TINY))


@pytest.mark.parametrize("content", [{}, {"model": {}}, {"model": {"w": 1}}, torch.ones(3)])
def test_a_checkpoint_without_weights_is_refused(tmp_path: Path, content: object) -> None:
    path = tmp_path / "net.pt"
    torch.save(content, path)
    with pytest.raises(WeightsError, match=r"no weights found.*under 'model'"):
        load_state(listed(path, TINY))


def test_sam_med3d_keeps_its_state_under_its_own_key(tmp_path: Path) -> None:
    path = tmp_path / "med.pth"
    torch.save({"model_state_dict": {"w": torch.ones(2, dtype=torch.float16)}}, path)
    state = load_state(listed(path, "sam-med3d-turbo"))
    assert state["w"].dtype == torch.float32


def test_integers_stay_integers(tmp_path: Path) -> None:
    path = tmp_path / "net.safetensors"
    save_file({"n": torch.tensor(2**40 + 1)}, path)
    assert load_state(listed(path, TINY))["n"].item() == 2**40 + 1


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"config": "sam2.1_hiera_huge"}, "cannot build 'sam2.1_hiera_huge'"),
        ({"overrides": {"image_encoder.nek": 1}}, "cannot build"),
        ({"overrides": {"image_size": 512}, "image_size": 256}, "image_size is 256, but"),
        ({"role": "sam_med3d"}, "are for sam_med3d, not for sam2"),
    ],
)
def test_an_architecture_that_cannot_be_is_refused(
    tmp_path: Path, change: dict[str, Any], message: str
) -> None:
    path = tmp_path / "net.safetensors"
    save_file({"w": torch.ones(1)}, path)
    with pytest.raises(WeightsError, match=message):
        load_sam2(listed(path, TINY, **change), "cpu")


# The commands


def test_list_shows_what_is_here_and_what_is_not() -> None:
    lines = sam4ct_weights("list").splitlines()
    states = {line.split()[0]: line for line in lines if line}
    assert " missing " in states[LARGE]
    assert " present " in states[COMPACT]


def test_verify_reports_every_fault(folder: Path) -> None:
    for name in (LARGE, TINY):
        (folder / load_manifest().get(name).file).write_bytes(b"?")
    with pytest.raises(WeightsError) as refusal:
        sam4ct_weights("verify")
    assert len(str(refusal.value).splitlines()) == 2


def test_verify_names_the_file_it_verified() -> None:
    assert "compact-sam2: ok, " in sam4ct_weights("verify", COMPACT)


def test_fetch_takes_a_local_file(folder: Path, tmp_path: Path) -> None:
    (tmp_path / "net.pt").write_bytes(b"net")
    write_manifest(folder / MANIFEST, Manifest((listed(tmp_path / "net.pt", TINY),)))
    sam4ct_weights("fetch", "mine", "--from", tmp_path / "net.pt")
    assert (folder / "net.pt").read_bytes() == b"net"


def test_fetch_takes_all_files_from_a_folder(folder: Path, tmp_path: Path) -> None:
    here = tmp_path / "brought"
    here.mkdir()
    entries = []
    for name in ("one", "two"):
        (here / f"{name}.pt").write_bytes(name.encode())
        entries.append(listed(here / f"{name}.pt", TINY, name=name))
    write_manifest(folder / MANIFEST, Manifest(tuple(entries)))
    sam4ct_weights("fetch", "one", "two", "--from", here)
    assert (folder / "two.pt").read_bytes() == b"two"


def test_fetch_takes_no_two_weights_from_one_file(tmp_path: Path) -> None:
    (tmp_path / "net.pt").write_bytes(b"net")
    with pytest.raises(WeightsError, match="is one file"):
        sam4ct_weights("fetch", TINY, LARGE, "--from", tmp_path / "net.pt")


def test_fetch_names_the_file_that_a_folder_lacks(tmp_path: Path) -> None:
    with pytest.raises(WeightsError, match=r"sam2\.1_hiera_tiny\.pt: cannot be read"):
        sam4ct_weights("fetch", TINY, "--from", tmp_path)


def test_a_name_may_carry_the_hash_that_its_weights_must_have() -> None:
    entry = load_manifest().get(COMPACT)
    assert load_manifest().get(f"{COMPACT}@sha256:{entry.sha256}") == entry


@pytest.mark.parametrize("pin", ["0" * 64, ""])
def test_a_name_with_another_hash_than_the_manifest_s_is_refused(pin: str) -> None:
    entry = load_manifest().get(COMPACT)
    with pytest.raises(WeightsError, match=f"Write {COMPACT}@sha256:{entry.sha256}"):
        sam4ct_weights("verify", f"{COMPACT}@sha256:{pin}")


def test_fetch_says_how_to_have_another_folder_searched(folder: Path, tmp_path: Path) -> None:
    (tmp_path / "net.pt").write_bytes(b"net")
    write_manifest(folder / MANIFEST, Manifest((listed(tmp_path / "net.pt", TINY),)))
    to = tmp_path / "elsewhere"
    output = sam4ct_weights("fetch", "mine", "--from", tmp_path / "net.pt", "--to", to)
    assert f"export SAM4CT_WEIGHTS={folder}:{to}\n" in output


@pytest.fixture
def other_weights(tmp_path: Path) -> Path:
    """Weights of the compact architecture, but not the packaged ones."""
    state = load_file(verified(load_manifest().get(COMPACT)))
    path = tmp_path / "other.safetensors"
    save_file({key: value + 1 for key, value in state.items()}, path)
    return path


def test_added_weights_can_be_named_and_loaded(
    folder: Path, tmp_path: Path, other_weights: Path
) -> None:
    compact = load_manifest().get(COMPACT)
    (tmp_path / "overrides.json").write_text(json.dumps(dict(compact.overrides)))
    given = ("--role", "sam2", "--config", compact.config, "--image-size", "128")
    overrides = ("--overrides", tmp_path / "overrides.json")
    sam4ct_weights("add", other_weights, "--name", "mine", *given, *overrides)
    entry = choose(load_manifest(), ["mine"], cuda=False)["sam2"]
    assert find_file(entry) == folder / "other.safetensors"
    assert entry.source == "local"
    assert load_sam2(entry, "cpu").image_size == 128


def test_replacing_keeps_what_is_not_given(folder: Path, other_weights: Path) -> None:
    packaged = load_manifest().get(COMPACT)
    sam4ct_weights("add", other_weights, "--name", COMPACT, "--replace", "--note", "new")
    entry = load_manifest().get(COMPACT)
    assert entry.sha256 == sha256_of(other_weights)
    changed = {"source": "local", "sha256": entry.sha256, "bytes": entry.bytes, "note": "new"}
    assert entry.to_json() == {**packaged.to_json(), **changed}
    assert find_file(entry) == folder / packaged.file


def test_a_second_default_is_not_added(folder: Path, other_weights: Path) -> None:
    given = ("--role", "sam2", "--config", "x", "--image-size", "1", "--default-on", "any")
    with pytest.raises(WeightsError, match="2 entries for sam2 on any"):
        sam4ct_weights("add", other_weights, "--name", "mine", *given)
    assert list(folder.iterdir()) == []


def test_a_listed_name_is_not_replaced_unasked(folder: Path, other_weights: Path) -> None:
    with pytest.raises(WeightsError, match=r"listed already.*--replace"):
        sam4ct_weights("add", other_weights, "--name", COMPACT)
    assert list(folder.iterdir()) == []


def test_weights_of_another_architecture_are_not_added(folder: Path, other_weights: Path) -> None:
    given = ("--role", "sam2", "--config", "sam2.1_hiera_t", "--image-size", "1024")
    with pytest.raises(WeightsError, match="not the weights of 'mine'"):
        sam4ct_weights("add", other_weights, "--name", "mine", *given)
    assert list(folder.iterdir()) == []


def test_an_unlisted_file_of_the_user_is_not_overwritten(folder: Path, other_weights: Path) -> None:
    (folder / other_weights.name).write_bytes(b"precious")
    given = ("--role", "sam_med3d", "--config", "x", "--image-size", "1")
    with pytest.raises(WeightsError, match="is there already"):
        sam4ct_weights("add", other_weights, "--name", "mine", *given)
    assert (folder / other_weights.name).read_bytes() == b"precious"


def test_the_file_of_another_entry_is_not_overwritten(folder: Path, other_weights: Path) -> None:
    name = load_manifest().get(COMPACT).file
    other_weights.rename(other_weights.with_name(name))
    sam4ct_weights("add", other_weights.with_name(name), "--name", COMPACT, "--replace")
    given = ("--role", "sam_med3d", "--config", "x", "--image-size", "1")
    with pytest.raises(WeightsError, match=f"is the file of '{COMPACT}'"):
        sam4ct_weights("add", other_weights.with_name(name), "--name", "mine", *given, "--replace")


def test_the_packaged_manifest_is_renewed_by_one_command(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, other_weights: Path
) -> None:
    checkout = tmp_path / "checkout"
    package = checkout / "sam4ct"
    (package / "weights").mkdir(parents=True)
    (checkout / MANIFEST).write_bytes(packaged_manifest().read_bytes())
    monkeypatch.setattr("sam4ct.models.weights.manifest.PACKAGE", package)
    for module in ("manifest", "add"):
        monkeypatch.setattr(f"sam4ct.models.weights.{module}.PACKAGED_WEIGHTS", package / "weights")
    monkeypatch.chdir(checkout)
    sam4ct_weights("add", other_weights, "--name", COMPACT, "--replace", "--manifest", MANIFEST)
    entry = load_manifest().get(COMPACT)
    assert entry.source == "included"
    assert verified(entry) == package / "weights" / "compact_sam2.safetensors"
    assert entry.sha256 == sha256_of(other_weights)


def test_weights_are_read_from_a_folder_whose_name_is_no_utf_8(tmp_path: Path) -> None:
    folder = Path(os.fsdecode(os.fsencode(tmp_path) + b"/caf\xe9"))
    folder.mkdir()
    save_file({"a": torch.ones(2)}, tmp_path / "a.safetensors")
    (tmp_path / "a.safetensors").rename(folder / "a.safetensors")
    assert torch.equal(read_state(folder / "a.safetensors", "sam2")["a"], torch.ones(2))
