"""What networks compute is the same, to the bit, for any number of threads."""

from __future__ import annotations

import copy
from collections.abc import Callable, Iterator

import pytest
import torch
import torch.nn.functional as F
from torch import Tensor, nn

from sam4ct.models.pointwise import LEAST_ROWS, linear, pointwise, same_for_any_threads
from sam4ct.models.sam2 import network as sam2_network
from sam4ct.models.sam2.trunk import without_padding
from sam4ct.models.sam_med3d import network as sam_med3d_network
from sam4ct.models.weights.load import load_sam2, load_sam_med3d
from sam4ct.models.weights.manifest import load_manifest

Work = Callable[[int], list[Tensor]]


@pytest.fixture(autouse=True)
def usual_threads() -> Iterator[None]:
    usual = torch.get_num_threads()
    yield
    torch.set_num_threads(usual)


def random(*shape: int) -> Tensor:
    return torch.rand(*shape, generator=torch.Generator().manual_seed(0))


def sam2() -> Work:
    network = load_sam2(load_manifest().get("compact-sam2"), "cpu")
    same_for_any_threads(network)
    without_padding(network)
    size = network.image_size

    def work(count: int) -> list[Tensor]:
        features = sam2_network.encode(network, random(count, size, size))
        masks = (random(count, size, size) > 0.5).float()
        memory = sam2_network.remember(network, features, masks)
        return [*features.levels, *sam2_network.recall(network, memory, features, gated=False)]

    return work


def sam_med3d() -> Work:
    network = load_sam_med3d(load_manifest().get("compact-sam-med3d"), "cpu")
    same_for_any_threads(network)
    size = sam_med3d_network.image_size(network)

    def work(count: int) -> list[Tensor]:
        crops = sam_med3d_network.encode(network, random(count, 1, size, size, size))
        middle, inside = torch.full((count, 1, 3), size / 2), torch.ones(count, 1, dtype=torch.long)
        blank = sam_med3d_network.no_mask(network, count)
        return [crops, sam_med3d_network.click_masks(network, crops, middle, inside, blank)]

    return work


@pytest.mark.parametrize("build", [sam2, sam_med3d])
@torch.inference_mode()
def test_networks_give_the_same_with_one_thread_and_more(build: Callable[[], Work]) -> None:
    work = build()
    for count in (1, 3, 16):
        torch.set_num_threads(1)
        alone = work(count)
        for threads in (2, 4):
            torch.set_num_threads(threads)
            for one, other in zip(alone, work(count), strict=True):
                assert torch.equal(one, other), (count, threads)


@pytest.mark.parametrize(
    ("conv", "shape"), [(nn.Conv2d, (2, 5, 6, 7)), (nn.Conv3d, (2, 5, 4, 6, 7))]
)
@pytest.mark.parametrize("bias", [True, False])
def test_single_pixels_are_mapped_as_before(
    conv: type[nn.Module], shape: tuple[int, ...], bias: bool
) -> None:
    module, maps = conv(5, 3, 1, bias=bias), random(*shape)
    usual = module(maps)
    torch.testing.assert_close(pointwise(maps, module.weight, module.bias), usual)
    same_for_any_threads(module)
    torch.testing.assert_close(module(maps), usual)


@pytest.mark.parametrize("shape", [(5,), (1, 5), (3, 4, 5), (LEAST_ROWS, 5), (2, LEAST_ROWS, 5)])
@pytest.mark.parametrize("bias", [True, False])
def test_vectors_are_mapped_as_before(shape: tuple[int, ...], bias: bool) -> None:
    module, vectors = nn.Linear(5, 3, bias=bias), random(*shape)
    usual = module(vectors)
    torch.testing.assert_close(linear(vectors, module.weight, module.bias), usual)
    same_for_any_threads(module)
    torch.testing.assert_close(module(vectors), usual)


@pytest.mark.parametrize("rows", [1, 3, 16, 48, 200, 300])
@pytest.mark.parametrize("channels", [12, 96, 256])
def test_vectors_are_mapped_alike_with_one_thread_and_more(rows: int, channels: int) -> None:
    for outputs in (4, 33, 144, 512):
        vectors, weight, bias = random(rows, channels), random(outputs, channels), random(outputs)
        torch.set_num_threads(1)
        alone = linear(vectors, weight, bias)
        for threads in (2, 3, 8):
            torch.set_num_threads(threads)
            assert torch.equal(linear(vectors, weight, bias), alone), (outputs, threads)


def test_a_copy_of_a_network_computes_with_its_own_weights() -> None:
    module, maps = nn.Conv2d(5, 3, 1), random(2, 5, 6, 7)
    same_for_any_threads(module)
    copied, usual = copy.deepcopy(module), module(maps)
    nn.init.zeros_(module.weight)
    assert torch.equal(copied(maps), usual)


@pytest.mark.parametrize(
    "settings", [{"kernel_size": 3, "padding": 1}, {"kernel_size": 1, "stride": 2}]
)
def test_other_convolutions_stay_as_they_are(settings: dict[str, int]) -> None:
    module, maps = nn.Conv2d(5, 3, **settings), random(2, 5, 6, 7)
    same_for_any_threads(module)
    expected = F.conv2d(
        maps, module.weight, module.bias, module.stride, module.padding
    )  # fmt: skip
    assert torch.equal(module(maps), expected)
