"""Tables: equally long columns of the types that their schema promises."""

from __future__ import annotations

import weakref
from collections.abc import Iterator

import numpy as np
import pytest
from scenes.drawn import make_links

from sam4ct.tables import Detections, Evidence, Joins, Links, Table

TABLES = [Detections, Evidence, Links, Joins]
LINKS = make_links((0, 1, 1, 2), (0, 2, 1, 1), (1, 1, 2, 5))


@pytest.mark.parametrize("table", TABLES)
def test_an_empty_table_has_all_columns_in_their_types(table: type[Table]) -> None:
    empty = table.empty()
    assert len(empty) == 0
    assert {n: getattr(empty, n).dtype for n in table.schema()} == table.schema()


def test_columns_are_given_the_types_of_the_schema() -> None:
    joins = Joins(t=[0, 1], label=np.array([3, 4], np.uint16), into=[1, 2])  # type: ignore[arg-type]
    assert joins.label.dtype == np.int64
    assert joins.label.tolist() == [3, 4]


def test_columns_of_different_lengths_are_refused() -> None:
    with pytest.raises(ValueError, match="Joins: columns of lengths"):
        Joins(t=np.zeros(2, int), label=np.zeros(3, int), into=np.zeros(2, int))


def test_a_column_of_more_dimensions_is_refused() -> None:
    with pytest.raises(ValueError, match=r"Joins\.into has shape"):
        Joins(t=np.zeros(2, int), label=np.zeros(2, int), into=np.zeros((2, 1), int))


@pytest.mark.parametrize("rows", [np.array([2, 0]), np.array([False, True, True])])
def test_rows_are_taken_by_index_or_mask(rows: np.ndarray) -> None:
    taken = LINKS.take(rows)
    assert taken.label2.tolist() == LINKS.label2[rows].tolist()
    assert taken.division.dtype == np.bool_


def test_joined_tables_keep_the_order_of_their_rows() -> None:
    both = Links.concat([LINKS.take(np.array([2])), Links.empty(), LINKS])
    assert both.t2.tolist() == [2, 1, 1, 2]


def test_parts_that_are_made_one_by_one_are_not_held_together() -> None:
    alive: list[weakref.ref[Links]] = []

    def parts() -> Iterator[Links]:
        for n in range(20):
            assert sum(part() is not None for part in alive) <= 1
            part = LINKS.take(np.arange(n % 4) % 3)
            alive.append(weakref.ref(part))
            yield part

    joined = Links.concat(parts())
    assert joined.t2.tolist() == np.concatenate([LINKS.t2[: n % 4] for n in range(20)]).tolist()
    assert joined.division.dtype == np.bool_


def test_no_tables_join_to_an_empty_one() -> None:
    assert len(Links.concat([])) == 0
