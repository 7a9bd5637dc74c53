"""Labels at the ends of lines: readable, in order, and apart from each other."""

import random
from itertools import pairwise

import pytest
from matplotlib.colors import to_rgb

from ei.plots import style
from ei.plots.labels import ink, spread


@pytest.mark.parametrize(
    "colour",
    [style.ORANGE, style.YELLOW, style.SKY, style.PINK, style.BLUE, style.BLACK, "#FFFFFF"],
)
def test_text_can_be_read_on_white(colour):
    red, green, blue = (
        c / 12.92 if c <= 0.04045 else ((c + 0.055) / 1.055) ** 2.4 for c in to_rgb(ink(colour))
    )
    assert 1.05 / (0.2126 * red + 0.7152 * green + 0.0722 * blue + 0.05) >= 4.5


def test_a_dark_colour_stays_as_it_is():
    assert ink(style.BLUE) == style.BLUE.lower()


@pytest.mark.parametrize("seed", range(20))
def test_spread_heights_keep_their_order_and_their_gap_and_stay_inside(seed):
    rng = random.Random(seed)
    wanted = [rng.random() for _ in range(6)]
    heights = spread(wanted, 0.05)
    in_order = [height for _, height in sorted(zip(wanted, heights, strict=True))]
    assert all(upper - lower >= 0.05 - 1e-9 for lower, upper in pairwise(in_order))
    assert min(heights) >= 0
    assert max(heights) <= 1 + 1e-9


def test_heights_move_only_where_they_are_crowded_and_then_by_the_same():
    assert spread([0.1, 0.9, 0.5], 0.05) == pytest.approx([0.1, 0.9, 0.5])
    assert spread([0.5, 0.5], 0.1) == pytest.approx([0.45, 0.55])
