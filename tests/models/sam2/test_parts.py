"""SAM 2's parts as they are called here: each gives what the package's own step gives.

With trained weights of the compact network, and with random ones of a published architecture,
which chooses among several masks.
"""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
import sam2
import torch
from omegaconf import OmegaConf
from torch import Tensor

from sam4ct.models.sam2.attention import memory_attended
from sam4ct.models.sam2.decoder import found_masks, pointers
from sam4ct.models.sam2.neck import levels_of
from sam4ct.models.sam2.network import Features, build_network, encode, normalised, remember
from sam4ct.models.weights.load import load_sam2
from sam4ct.models.weights.manifest import load_manifest

COMPACT = load_manifest().get("compact-sam2")
PUBLISHED = load_manifest().get("sam2.1-hiera-tiny")
STABLE = "sam_mask_decoder_extra_args.dynamic_multimask_via_stability"


def built(kind: str) -> Any:
    """A network of a kind: one mask, the best of several, or one unless it is unstable."""
    if kind == "one mask":
        return load_sam2(COMPACT, "cpu")
    torch.manual_seed(0)
    if kind == "one stable mask":
        network = build_network(COMPACT.config, {**COMPACT.overrides, STABLE: True})
    else:
        network = build_network(PUBLISHED.config, {**PUBLISHED.overrides, "image_size": 128})
    # Zero in a new network; in a trained one they are not.
    for parameter in network.parameters():
        if not parameter.any():
            torch.nn.init.normal_(parameter, std=0.1)
    return network


@pytest.fixture(scope="module", params=["one mask", "best of several", "one stable mask"])
def network(request: pytest.FixtureRequest) -> Any:
    return built(request.param)


@pytest.fixture(scope="module")
def windows() -> Tensor:
    """Four windows with a bright square each."""
    images = torch.rand(4, 128, 128, generator=torch.Generator().manual_seed(0)) * 0.2
    for i in range(4):
        images[i, 10 + 20 * i : 40 + 20 * i, 40:70] += 0.7
    return images


@pytest.fixture(scope="module")
def masks(windows: Tensor) -> Tensor:
    """The squares, (4, 1, S, S); the last one is missing."""
    squares = (windows > 0.5).float()[:, None]
    squares[3] = 0.0
    return squares


@pytest.fixture(scope="module")
def features(network: Any, windows: Tensor) -> Features:
    with torch.inference_mode():
        return encode(network, windows)


@torch.inference_mode()
def test_levels_are_those_of_the_package(network: Any, windows: Tensor) -> None:
    images = normalised(windows)
    levels, position = levels_of(network, images)
    usual = network.forward_image(images)
    for level, other in zip(levels, usual["backbone_fpn"], strict=True):
        torch.testing.assert_close(level, other, atol=2e-5, rtol=1e-5)
    assert torch.equal(position, usual["vision_pos_enc"][-1][:1])


@torch.inference_mode()
def test_pointers_of_given_masks_are_those_of_the_package(
    network: Any, features: Features, masks: Tensor
) -> None:
    usual = network._use_mask_as_output(features.levels[-1], list(features.levels[:-1]), masks)[5]
    torch.testing.assert_close(
        pointers(network, features.levels[-1], masks), usual, atol=2e-5, rtol=1e-5
    )
    assert torch.equal(usual[3:], network.no_obj_ptr)


@torch.inference_mode()
def test_a_pointer_is_that_of_no_object_where_the_decoder_sees_none(
    network: Any, features: Features, masks: Tensor, monkeypatch: pytest.MonkeyPatch
) -> None:
    head = network.sam_mask_decoder.pred_obj_score_head
    monkeypatch.setattr(head, "forward", lambda tokens: -tokens[:, :1].abs())
    found = pointers(network, features.levels[-1], masks)
    assert torch.equal(found, network.no_obj_ptr.expand(4, -1))


@torch.inference_mode()
def test_memories_are_fused_and_masks_found_as_by_the_package(
    network: Any, features: Features, masks: Tensor, monkeypatch: pytest.MonkeyPatch
) -> None:
    memory = remember(network, features, masks[:, 0])
    known = memory.features, memory.position, memory.pointers
    there = features.take(torch.tensor([1, 0, 3, 2]))
    at = memory_attended(network, there.tokens, there.position, known)
    usual = _fused_by_package(network, there, known)
    torch.testing.assert_close(at, usual, atol=5e-5, rtol=1e-5)
    # Otherwise the package empties masks of objects that are gone.
    monkeypatch.setattr(network, "pred_obj_scores", False)
    out = network._forward_sam_heads(
        backbone_features=usual,
        high_res_features=list(there.levels[:-1]),
        multimask_output=network._use_multimask(False, None),
    )
    logits, scores = found_masks(network, usual, there.levels[:-1])
    torch.testing.assert_close(logits, out[3][:, 0], atol=5e-5, rtol=1e-5)
    torch.testing.assert_close(scores, out[6][:, 0], atol=5e-5, rtol=1e-5)


def _fused_by_package(
    network: Any, there: Features, known: tuple[Tensor, Tensor, Tensor]
) -> Tensor:
    """The package's own step, for a video of two frames."""
    features, position, found = known
    top, count = there.levels[-1], len(features)
    output = {
        "maskmem_features": features,
        "maskmem_pos_enc": [position.expand(count, -1, -1, -1)],
        "obj_ptr": found,
    }
    flat = [x.flatten(2).permute(2, 0, 1) for x in (top, there.position.expand_as(top))]
    fused: Tensor = network._prepare_memory_conditioned_features(
        frame_idx=1,
        is_init_cond_frame=False,
        current_vision_feats=flat[:1],
        current_vision_pos_embeds=flat[1:],
        feat_sizes=[(top.shape[-2], top.shape[-1])],
        output_dict={"cond_frame_outputs": {0: output}, "non_cond_frame_outputs": {}},
        num_frames=2,
    )
    return fused


@pytest.mark.parametrize("size", ["t", "s", "b+", "l"])
def test_published_configurations_are_of_the_kind_that_is_assumed(size: str) -> None:
    path = Path(sam2.__path__[0]) / "configs" / "sam2.1" / f"sam2.1_hiera_{size}.yaml"
    model = OmegaConf.load(path).model
    wanted = ("pred_obj_scores", "fixed_no_obj_ptr", "use_obj_ptrs_in_encoder")
    wanted += ("use_high_res_features_in_sam", "directly_add_no_mem_embed")
    wanted += ("add_tpos_enc_to_obj_ptrs", "proj_tpos_enc_in_obj_ptrs")
    assert all(model[name] for name in wanted)
    assert not model.get("soft_no_obj_ptr", False)
    assert (model.image_encoder.scalp, list(model.image_encoder.neck.fpn_top_down_levels)) == (
        1,
        [2, 3],
    )
