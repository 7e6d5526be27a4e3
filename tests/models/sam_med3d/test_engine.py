"""The SAM-Med3D engine: a region for each click, whatever else is asked."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
import torch
import torch.nn.functional as F
from numpy.typing import NDArray
from torch import Tensor, nn

from sam4ct.models.sam_med3d.crops import CropLaw
from sam4ct.models.sam_med3d.engine import SamMed3dSegmenter, SegmenterSettings, component_at
from sam4ct.models.sam_med3d.network import build_sam_med3d
from sam4ct.regions import Region
from sam4ct.types import VolumeSegmenter

SHAPE = (12, 60, 60)
SPACING = (4.0, 1.0, 1.0)
CENTRES = ((5.0, 20.0, 20.0), (6.0, 20.0, 38.0), (0.0, 50.0, 59.0))
RADIUS = 7.0
SIZE = 32
TINY = {
    "encoder_embed_dim": 24,
    "encoder_depth": 1,
    "encoder_num_heads": 2,
    "encoder_global_attn_indexes": [0],
    "prompt_embed_dim": 48,
    "image_size": SIZE,
    "vit_patch_size": 8,
}


class Encoder(nn.Module):
    img_size = SIZE

    def forward(self, images: Tensor) -> Tensor:
        axes = (1, 2, 3, 4)
        middle = (images.amax(axes, keepdim=True) + images.amin(axes, keepdim=True)) / 2
        return F.avg_pool3d(images - middle, 2)


class Prompts(nn.Module):
    image_embedding_size = (4, 4, 4)

    def get_dense_pe(self) -> None:
        return None

    def forward(self, points: tuple[Tensor, Tensor], boxes: None, masks: Tensor) -> tuple[Any, Any]:
        assert points[0].shape == (len(masks), 1, 3)
        return None, None


class Decoder(nn.Module):
    def forward(self, image_embeddings: Tensor, **_: object) -> tuple[Tensor, None]:
        return image_embeddings, None


class Bright(nn.Module):
    """Stands in for a network: its mask is what is bright in the crop."""

    def __init__(self) -> None:
        super().__init__()
        self.image_encoder, self.prompt_encoder, self.mask_decoder = Encoder(), Prompts(), Decoder()
        self.weight = nn.Parameter(torch.zeros(1))


def balls() -> NDArray[np.int32]:
    labels = np.zeros(SHAPE, np.int32)
    z, y, x = np.meshgrid(*(np.arange(n) for n in SHAPE), indexing="ij")
    for label, at in enumerate(CENTRES, start=1):
        squared = sum(((a - c) * s) ** 2 for a, c, s in zip((z, y, x), at, SPACING, strict=True))
        labels[squared <= RADIUS**2] = label
    return labels


class Movie:
    """The balls, as an image, in every frame; counts how often it is read."""

    def __init__(self) -> None:
        self.labels, self.reads = balls(), 0

    def image(self, t: int) -> NDArray[np.float32]:
        self.reads += 1
        return (self.labels > 0).astype(np.float32) * 900 + 100 + t

    def segmenter(self, network: Any = None, **settings: Any) -> SamMed3dSegmenter:
        law = CropLaw.of(SIZE, SPACING, 2 * RADIUS, 2.5)
        return SamMed3dSegmenter(
            network or Bright(), self.image, law, SegmenterSettings(**settings)
        )


@pytest.fixture
def movie() -> Movie:
    return Movie()


@pytest.fixture(scope="module")
def tiny() -> Any:
    with torch.random.fork_rng():
        torch.manual_seed(0)
        return build_sam_med3d(TINY)


def iou(region: Region, mask: NDArray[np.bool_]) -> float:
    found = np.zeros(mask.shape, bool)
    found[region.box] = region.mask
    return float((found & mask).sum() / (found | mask).sum())


def test_every_click_gets_the_region_under_it_in_the_order_of_clicks(movie: Movie) -> None:
    segmenter: VolumeSegmenter = movie.segmenter(click_batch=2)
    order = [2, 0, 1]
    found = segmenter.segment(0, [CENTRES[k] for k in order])
    for k, region in zip(order, found, strict=True):
        assert iou(region, movie.labels == k + 1) > 0.8


def test_a_click_off_the_centre_finds_the_same_object(movie: Movie) -> None:
    (region,) = movie.segmenter().segment(0, [(5.6, 23.5, 17.2)])
    assert iou(region, movie.labels == 1) > 0.8


@pytest.mark.parametrize(
    "point", [(5.0, 40.0, 5.0), (-1.0, 20.0, 20.0), (5.0, 20.0, 60.0), (500.0, 0.0, 0.0)]
)
def test_a_click_on_nothing_or_outside_gives_an_empty_region(
    movie: Movie, point: tuple[float, ...]
) -> None:
    empty, full = movie.segmenter().segment(0, [point, CENTRES[0]])
    assert empty.size == 0
    assert empty.mask.ndim == 3
    assert full.size > 0


def test_the_image_of_a_frame_is_read_once_and_not_at_all_without_clicks(movie: Movie) -> None:
    segmenter = movie.segmenter(click_batch=1)
    assert segmenter.segment(3, []) == []
    assert movie.reads == 0
    segmenter.segment(3, CENTRES)
    assert movie.reads == 1
    assert segmenter.clicks == 3


def test_a_click_gives_the_same_whatever_else_is_asked(movie: Movie, tiny: Any) -> None:
    together = movie.segmenter(tiny, click_batch=3).segment(0, CENTRES)
    alone = [movie.segmenter(tiny).segment(0, [at])[0] for at in CENTRES]
    assert together == alone
    assert any(region.size for region in alone)


def test_out_of_memory_halves_the_batch_and_changes_nothing(movie: Movie) -> None:
    class Small(Encoder):
        def forward(self, images: Tensor) -> Tensor:
            if len(images) > 1:
                raise torch.OutOfMemoryError
            return super().forward(images)

    network = Bright()
    network.image_encoder = Small()
    segmenter = movie.segmenter(network, click_batch=4)
    assert segmenter.segment(0, CENTRES) == movie.segmenter().segment(0, CENTRES)
    assert segmenter.halved_batches == 2


def test_crops_must_be_of_the_networks_size(movie: Movie) -> None:
    law = CropLaw(size=16, spacing_um=SPACING)
    with pytest.raises(ValueError, match="16"):
        SamMed3dSegmenter(Bright(), movie.image, law, SegmenterSettings())


def test_only_what_is_connected_with_the_click_is_kept() -> None:
    mask = np.zeros((3, 4, 9), bool)
    mask[1, 1:3, 1:3] = mask[1, 1:3, 5:8] = True
    part = component_at(Region(mask, (10, 20, 30)), (11, 22, 36))
    assert part == Region(np.ones((1, 2, 3), bool), (11, 21, 35))
    assert component_at(Region(mask, (10, 20, 30)), (11, 22, 33)).size == 0
    assert component_at(Region(mask, (10, 20, 30)), (9, 22, 33)).size == 0


@pytest.mark.gpu
@pytest.mark.skipif(not torch.cuda.is_available(), reason="needs a CUDA device")
def test_a_cuda_device_finds_the_same(movie: Movie, tiny: Any) -> None:
    cpu = movie.segmenter(tiny).segment(0, CENTRES)
    cuda = movie.segmenter(tiny, device="cuda", bf16=False).segment(0, CENTRES)
    for a, b in zip(cpu, cuda, strict=True):
        full = np.zeros(SHAPE, bool)
        full[a.box] = a.mask
        assert not full.any() or iou(b, full) > 0.99
