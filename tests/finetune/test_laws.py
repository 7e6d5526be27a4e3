"""Laws of training movies: what is trained on, what is held out, and what is shown of it."""

from __future__ import annotations

import numpy as np
import pytest

from sam4ct.finetune.compact.laws import EXAMPLES, HELD_OUT, TRAINED, draw_mixed
from sam4ct.finetune.compact.sam2_batches import simulated_pairs
from sam4ct.finetune.compact.sam2_examples import Law, _turned, draw_movie, draw_pairs
from sam4ct.finetune.compact.scenes import enlarged
from sam4ct.simulate.movie import Frame, MovieLaw, simulate

SIZE = 64
ALL = {name: law for laws in (TRAINED, HELD_OUT) for name, (_, law) in laws.items()}


def drawn(law: Law, count: int) -> list[MovieLaw]:
    return [law(np.random.default_rng([1, n]), SIZE) for n in range(count)]


@pytest.mark.parametrize("name", ALL)
def test_every_law_gives_objects_to_ask_for_in_pictures_of_finite_values(name: str) -> None:
    for seed in range(3):
        for pair in draw_pairs(np.random.default_rng(seed), SIZE, 2, ALL[name], turn=True):
            assert (pair.windows.min(), pair.windows.max()) == (0.0, 1.0)
            assert pair.source.any((1, 2)).all()


def test_what_is_held_out_is_never_trained_on() -> None:
    trained = drawn(draw_mixed, 400)
    looks = {movie.optics.look for movie in trained}
    assert {"halo", "rim", "seams", "stain", "nucleus", "phase"} <= looks
    assert not looks & {"refractile", "cobbles"}
    round_colonies = [
        m for m in trained if m.setting and m.setting.kind == "colonies" and m.law.shape == "blob"
    ]
    assert not round_colonies


def test_a_half_of_what_is_trained_on_follows_the_first_laws() -> None:
    first = [movie.setting is None for movie in drawn(draw_mixed, 400)]
    assert 0.4 < np.mean(first) < 0.6


def test_examples_of_the_first_kind_are_those_of_the_first_law() -> None:
    for mine, same in zip(
        simulated_pairs(3, 2, 1, SIZE, 2)[0],
        draw_pairs(np.random.default_rng([3, 2]), SIZE, 2, draw_movie),
        strict=True,
    ):
        assert np.array_equal(mine.windows, same.windows)


@pytest.mark.parametrize("kind", EXAMPLES)
def test_an_example_depends_on_its_number_alone(kind: str) -> None:
    one = simulated_pairs(5, 0, 4, SIZE, 2, kind)[3][0]
    same = simulated_pairs(5, 3, 1, SIZE, 2, kind)[0][0]
    assert np.array_equal(one.windows, same.windows)
    assert np.array_equal(one.target, same.target)


def test_a_turned_movie_keeps_its_masks_over_their_pictures() -> None:
    rng = np.random.default_rng(0)
    frames = [Frame(labels * 0.5, labels, {}) for labels in rng.integers(0, 9, (2, 5, 5))]
    seen = set()
    for quarters in range(4):
        for mirror in (False, True):
            turned = _turned(frames, quarters, mirror=mirror)
            assert all(np.array_equal(f.image, f.labels * 0.5) for f in turned)
            moves = [turned[n].labels.tobytes() for n in range(2)]
            seen.add(moves[0])
            # Both frames in the same way.
            back = _turned(_turned(turned, (-quarters) % 4, mirror=False), 0, mirror=mirror)
            assert all(
                np.array_equal(b.labels, f.labels) for b, f in zip(back, frames, strict=True)
            )
    assert len(seen) == 8


@pytest.mark.parametrize("name", ALL)
def test_an_enlarged_movie_is_the_same_in_units_of_its_cells(name: str) -> None:
    movie = ALL[name](np.random.default_rng(5), SIZE)
    large = enlarged(movie, 3 * SIZE, 3.0 * movie.law.radius, movie.cells)
    assert large.shape == (3 * SIZE, 3 * SIZE)
    before, after = (next(simulate(np.random.default_rng(0), law)) for law in (movie, large))
    shares = [(f.labels > 0).mean() for f in (before, after)]
    assert shares[0] == pytest.approx(shares[1], abs=0.02)
    assert large.optics.halo_px == pytest.approx(3.0 * movie.optics.halo_px)
