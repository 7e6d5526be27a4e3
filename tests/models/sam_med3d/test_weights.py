"""Weights of SAM-Med3D: whole, checked, and never unpickled freely."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from safetensors.torch import save_file

from sam4ct.errors import WeightsError
from sam4ct.io.files import sha256_of
from sam4ct.models.sam_med3d.crops import CropLaw
from sam4ct.models.sam_med3d.engine import SamMed3dSegmenter, SegmenterSettings
from sam4ct.models.sam_med3d.network import build_sam_med3d
from sam4ct.models.weights.entry import Entry
from sam4ct.models.weights.load import load_sam2, load_sam_med3d
from sam4ct.models.weights.manifest import Manifest, load_manifest, write_manifest

SMALL = {
    "encoder_embed_dim": 24,
    "encoder_depth": 1,
    "encoder_num_heads": 2,
    "encoder_global_attn_indexes": [0],
    "prompt_embed_dim": 48,
    "image_size": 32,
    "vit_patch_size": 8,
}
SMALL_SIZE = {"overrides": SMALL, "image_size": 32}


def listed(path: Path, **changes: Any) -> Entry:
    """An entry for a file, otherwise that of the published network."""
    own = {"name": "mine", "file": path.name, "bytes": path.stat().st_size, "default_on": None}
    hashed = {"sha256": sha256_of(path), "folder": path.parent}
    return replace(load_manifest().get("sam-med3d-turbo"), **{**own, **hashed, **changes})


@pytest.fixture(scope="module")
def state() -> dict[str, torch.Tensor]:
    with torch.random.fork_rng():
        torch.manual_seed(0)
        return {k: v.contiguous() for k, v in build_sam_med3d(SMALL).state_dict().items()}


def test_a_checkpoint_of_either_kind_loads_whole(
    tmp_path: Path, state: dict[str, torch.Tensor]
) -> None:
    torch.save({"model_state_dict": state, "epoch": 3}, tmp_path / "net.pth")
    save_file(state, tmp_path / "net.safetensors")
    for path in sorted(tmp_path.iterdir()):
        network = load_sam_med3d(listed(path, **SMALL_SIZE), "cpu")
        assert list(network.state_dict()) == list(state)
        assert all(torch.equal(v, state[k]) for k, v in network.state_dict().items())
        assert not network.training
        assert not any(p.requires_grad for p in network.parameters())


def test_a_single_missing_tensor_is_refused(tmp_path: Path, state: dict[str, torch.Tensor]) -> None:
    """The `medim` package would load the rest and leave that one random."""
    path = tmp_path / "net.safetensors"
    save_file({k: v for k, v in state.items() if k != "image_encoder.pos_embed"}, path)
    with pytest.raises(WeightsError, match=r"1 missing \(image_encoder.pos_embed\)"):
        load_sam_med3d(listed(path, **SMALL_SIZE), "cpu")


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"config": "STU-Net"}, "cannot build 'STU-Net'.* 'SAM-Med3D'"),
        ({"overrides": {**SMALL, "checkpoint_path": "x"}}, "unknown sizes checkpoint_path"),
        ({"overrides": {**SMALL, "prompt_embed_dim": 50}}, "cannot build"),
        ({"overrides": {**SMALL, "encoder_depth": "two"}}, "cannot build"),
        ({"overrides": {**SMALL, "vit_patch_size": 0}}, "cannot build"),
        ({"image_size": 128}, "image_size is 128, but the configuration gives 32"),
        ({"overrides": {}, "image_size": 128}, "not the weights of 'mine'"),
    ],
)
def test_an_architecture_that_cannot_be_is_refused(
    tmp_path: Path, state: dict[str, torch.Tensor], change: dict[str, Any], message: str
) -> None:
    path = tmp_path / "net.safetensors"
    save_file(state, path)
    with pytest.raises(WeightsError, match=message):
        load_sam_med3d(listed(path, **{**SMALL_SIZE, **change}), "cpu")


def test_weights_of_one_role_are_not_loaded_as_the_other(
    tmp_path: Path, state: dict[str, torch.Tensor]
) -> None:
    path = tmp_path / "net.safetensors"
    save_file(state, path)
    with pytest.raises(WeightsError, match="are for sam_med3d, not for sam2"):
        load_sam2(listed(path, **SMALL_SIZE), "cpu")
    with pytest.raises(WeightsError, match="are for sam2, not for sam_med3d"):
        load_sam_med3d(load_manifest().get("compact-sam2"), "cpu")


@pytest.mark.slow
def test_the_published_architecture_loads_and_segments_one_click(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """100 million random weights in a file as the published one is."""
    path = tmp_path / "sam_med3d_turbo.pth"
    with torch.random.fork_rng():
        torch.manual_seed(0)
        published = build_sam_med3d({})
    assert sum(p.numel() for p in published.parameters()) == pytest.approx(100e6, rel=0.02)
    torch.save({"model_state_dict": published.state_dict()}, path)
    turbo = load_manifest().get("sam-med3d-turbo")
    entry = replace(turbo, bytes=path.stat().st_size, sha256=sha256_of(path))
    write_manifest(tmp_path / "weights_manifest.json", Manifest((entry,)))
    monkeypatch.setenv("SAM4CT_WEIGHTS", str(tmp_path))
    found = load_manifest().get("sam-med3d-turbo")
    network = load_sam_med3d(found, "cpu")
    expected = published.state_dict()
    assert all(torch.equal(v, expected[k]) for k, v in network.state_dict().items())

    volume = np.random.default_rng(0).uniform(100, 900, (20, 150, 140)).astype(np.float32)
    law = CropLaw.of(found.image_size, (5.0, 1.0, 1.0), 20.0, found.window_diameters)
    segmenter = SamMed3dSegmenter(network, lambda t: volume, law, SegmenterSettings())
    (region,) = segmenter.segment(0, [(10.0, 75.0, 70.0)])
    assert segmenter.clicks == 1
    low, high = np.array(region.corner), np.add(region.corner, region.mask.shape)
    assert (low >= (0, 11, 6)).all()
    assert (high <= (20, 139, 134)).all()
