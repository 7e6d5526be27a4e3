"""SAM 2 (Ravi et al. 2024) in three batched steps: encode windows, remember objects, recall them.

To remember an object is to encode it into SAM 2's memory; to recall it is to find it in another
window. The architecture is built from a configuration of the `sam2` package, and its parts are
called. The results equal those of the package's `SAM2VideoPredictor` on a video of two frames,
source and target, but all objects are computed together. Images and masks are square, of the
network's image size.
"""

from __future__ import annotations

import warnings
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import torch
import torch.nn.functional as F
from torch import Tensor

from sam4ct.models.sam2.attention import memory_attended, self_attended
from sam4ct.models.sam2.decoder import found_masks, pointers
from sam4ct.models.sam2.neck import levels_of

MEAN = (0.485, 0.456, 0.406)
STD = (0.229, 0.224, 0.225)
"""Channel mean and deviation of SAM 2's training: the defaults of its `load_video_frames`."""
SURE = 10.0
"""Logit of pixels inside a mask prompt and of a prompted object; others have the negative.

As in the package, `SAM2Base._use_mask_as_output`.
"""
GONE = -1024.0
"""Mask logit of an absent object; the package calls it NO_OBJ_SCORE."""


@dataclass(frozen=True)
class Features:
    """Encodings of N windows.

    The package returns a positional encoding for every level and window, several times as large
    as the features. Only that of the coarsest level is used, and all windows share it.
    """

    levels: tuple[Tensor, ...]
    """Feature levels from fine to coarse, each (N, C, H, W)."""
    tokens: Tensor
    """Tokens (N, HW, C) from `attention.self_attended`."""
    position: Tensor
    """Positional encoding of the coarsest level, (1, C, H, W)."""

    @classmethod
    def joined(cls, parts: Sequence[Features]) -> Features:
        """Concatenate batches of windows."""
        levels = zip(*(p.levels for p in parts), strict=True)
        return cls(
            tuple(torch.cat(level) for level in levels),
            torch.cat([p.tokens for p in parts]),
            parts[0].position,
        )

    def take(self, index: Tensor) -> Features:
        """Return the encodings of the windows `index`, (K,); an index may be repeated."""
        levels = tuple(level[index] for level in self.levels)
        return Features(levels, self.tokens[index], self.position)

    @property
    def nbytes(self) -> int:
        return sum(x.nbytes for x in (*self.levels, self.tokens, self.position))


@dataclass(frozen=True)
class Memory:
    """SAM 2's memory of K objects."""

    features: Tensor
    """Spatial memory, (K, C, H, W)."""
    position: Tensor
    """Its positional encoding, the same for all objects, (1, C, H, W)."""
    pointers: Tensor
    """Object pointers, (K, D)."""

    @classmethod
    def joined(cls, parts: Sequence[Memory]) -> Memory:
        """Concatenate batches of objects."""
        return cls(
            torch.cat([p.features for p in parts]),
            parts[0].position,
            torch.cat([p.pointers for p in parts]),
        )

    def take(self, index: Tensor) -> Memory:
        """Return the memories of the objects `index`."""
        return Memory(self.features[index], self.position, self.pointers[index])

    @property
    def nbytes(self) -> int:
        return sum(x.nbytes for x in (self.features, self.position, self.pointers))


def build_network(config: str, overrides: Mapping[str, Any]) -> Any:
    """Build a SAM 2 network with random weights, on the CPU, in evaluation mode.

    Args:
        config: Name of a configuration in the package, e.g. "sam2.1_hiera_l".
        overrides: Dotted keys of its `model` section, and their values; a compact network is
            the published architecture with such changes.

    Raises:
        FileNotFoundError: The package has no such configuration.
    """
    with warnings.catch_warnings():
        # hydra-core and iopath warn about their own use of old interfaces.
        warnings.simplefilter("ignore", DeprecationWarning)
        warnings.simplefilter("ignore", UserWarning)
        import sam2
        from hydra.utils import instantiate
        from omegaconf import OmegaConf

        path = Path(sam2.__path__[0]) / "configs" / "sam2.1" / f"{config}.yaml"
        model = OmegaConf.load(path).model
        for key, value in overrides.items():
            OmegaConf.update(model, key, value, force_add=True)
        network = instantiate(model, _recursive_=True)
    return network.eval()


def normalised(windows: Tensor) -> Tensor:
    """Turn grey windows (N, S, S), values 0 to 1, into SAM 2's input (N, 3, S, S)."""
    mean = windows.new_tensor(MEAN).view(1, 3, 1, 1)
    std = windows.new_tensor(STD).view(1, 3, 1, 1)
    return (windows[:, None] - mean) / std


def encode(network: Any, windows: Tensor) -> Features:
    """Encode grey windows (N, S, S), values 0 to 1."""
    levels, position = levels_of(network, normalised(windows))
    return Features(levels, self_attended(network, levels[-1], position), position)


def remember(network: Any, source: Features, masks: Tensor) -> Memory:
    """Encode objects given by their masks into memory.

    Args:
        source: Encodings, one per object: K windows.
        masks: (K, S, S) float, 1 inside the object, at the network's image size.
    """
    logits = SURE * (2.0 * masks[:, None] - 1.0)
    quarter = network.image_size // 4
    low = F.interpolate(
        logits, size=(quarter, quarter), mode="bilinear", align_corners=False, antialias=True
    )
    given = (masks > 0).flatten(1).any(dim=1, keepdim=True)
    score = SURE * (2.0 * given - 1.0)
    known = pointers(network, source.levels[-1], masks[:, None])
    return _memory(network, source, low, known, score)


def remember_points(network: Any, source: Features, points: Tensor, labels: Tensor) -> Memory:
    """Encode objects given by prompt points into memory, as Chen et al. (2025) do.

    Args:
        source: Encodings, one per object: K windows.
        points: (K, P, 2) in SAM 2's (x, y) order, pixels of the network's image.
        labels: (K, P) int32; 1 inside, 0 outside, 2 and 3 the corners of a box, -1 padding.
    """
    prompt = {"point_coords": points, "point_labels": labels}
    out = network._forward_sam_heads(
        backbone_features=source.levels[-1] + network.no_mem_embed[0, 0, :, None, None],
        point_inputs=prompt,
        high_res_features=list(source.levels[:-1]),
        multimask_output=network._use_multimask(True, prompt),
    )
    return _memory(network, source, out[3], out[5], out[6])


def recall(network: Any, memory: Memory, target: Features, *, gated: bool) -> tuple[Tensor, Tensor]:
    """Find remembered objects in other windows.

    Args:
        memory: K objects.
        target: Encodings, one per object: K windows.
        gated: Whether an object with a score of 0 or less, which is probably absent, gets an
            empty mask, as in the package.

    Returns:
        Mask logits (K, S/4, S/4), positive inside; object score logits (K,).
    """
    known = memory.features, memory.position, memory.pointers
    at = memory_attended(network, target.tokens, target.position, known)
    logits, scores = found_masks(network, at, target.levels[:-1])
    if gated:
        logits = torch.where(scores[:, None, None] > 0, logits, GONE)
    return logits.float(), scores.float()


def _flat(maps: Tensor) -> Tensor:
    """Reshape (N, C, H, W) to SAM 2's (HW, N, C)."""
    return maps.flatten(2).permute(2, 0, 1)


def _size(maps: Tensor) -> tuple[int, int]:
    return maps.shape[-2], maps.shape[-1]


def _memory(network: Any, source: Features, low: Tensor, pointers: Tensor, score: Tensor) -> Memory:
    """Encode mask logits (K, 1, S/4, S/4) of a source frame into memory."""
    size = (network.image_size, network.image_size)
    high = F.interpolate(low.float(), size=size, mode="bilinear", align_corners=False)
    features, positions = network._encode_new_memory(
        current_vision_feats=[_flat(level) for level in source.levels],
        feat_sizes=[_size(level) for level in source.levels],
        pred_masks_high_res=high,
        object_score_logits=score,
        is_mask_from_pts=True,
    )
    # The package's predictor stores memories as bfloat16; its results depend on the rounding.
    rounded = features.to(torch.bfloat16).to(high.dtype)
    return Memory(rounded, positions[-1][:1].clone(), pointers)
