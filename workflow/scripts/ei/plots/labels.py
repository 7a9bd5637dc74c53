"""Labels at the ends of lines, in place of a legend: readable, and never over each other."""

from collections.abc import Sequence
from statistics import fmean
from typing import NamedTuple

import matplotlib
import numpy as np
from matplotlib.axes import Axes

from ei.plots.style import SMALL

LINE = 0.055  # of the axes' height: what a line of small text takes


class End(NamedTuple):
    """The end of a line and its label; an `x` of None is a line that runs to the edge."""

    x: float | None
    y: float
    text: str
    colour: str
    bold: bool = False


def label_ends(axes: Axes, ends: Sequence[End], gap: float = LINE) -> None:
    """Write each label to the right of the axes, level with its line or as near as others let it.

    `gap` is the least distance of two labels, as a share of the axes' height. The limits of the y
    axis must be set before.
    """
    low, high = axes.get_ylim()
    heights = spread([(end.y - low) / (high - low) for end in ends], gap)
    for end, height in zip(ends, heights, strict=True):
        axes.annotate(
            end.text,
            xy=(1.0 if end.x is None else end.x, end.y),
            xycoords=("axes fraction" if end.x is None else "data", "data"),
            xytext=(1.04, height),
            textcoords="axes fraction",
            va="center",
            size=SMALL,
            weight="bold" if end.bold else "normal",
            color=ink(end.colour),
            annotation_clip=False,
            arrowprops={
                "arrowstyle": "-",
                "color": end.colour,
                "lw": 0.6,
                "shrinkA": 1,
                "shrinkB": 4,
                "alpha": 0.6,
            },
        )


def ink(colour: str) -> str:
    """The colour, darkened until text in it has a contrast of 4.5 to 1 with white.

    That is what WCAG 2.2 asks for at level AA; the constants are those of its relative luminance
    and of the sRGB transfer function.
    """
    rgb = np.array(matplotlib.colors.to_rgb(colour), dtype=float)
    linear = np.where(rgb <= 0.04045, rgb / 12.92, ((rgb + 0.055) / 1.055) ** 2.4)
    luminance = float(linear @ [0.2126, 0.7152, 0.0722])
    linear *= min(1.0, 0.18 / max(luminance, 0.01))  # (1 + 0.05) / (0.18 + 0.05) = 4.6
    bright = 1.055 * linear ** (1 / 2.4) - 0.055
    red, green, blue = np.where(linear <= 0.0031308, 12.92 * linear, bright)
    return matplotlib.colors.to_hex((red, green, blue))


def spread(wanted: Sequence[float], gap: float) -> list[float]:
    """Heights in [0, 1] that are at least `gap` apart and as near to the wanted ones as can be.

    Least squares: with k gaps taken off the k-th height, heights only need to rise, which is an
    isotonic regression. Pooling adjacent violators solves it.
    """
    order = sorted(range(len(wanted)), key=lambda k: wanted[k])
    gap = min(gap, 1 / max(len(wanted) - 1, 1))
    pools: list[list[float]] = []
    for k, index in enumerate(order):
        pools.append([wanted[index] - k * gap])
        while len(pools) > 1 and fmean(pools[-2]) > fmean(pools[-1]):
            last = pools.pop()
            pools[-1] += last
    level = [fmean(pool) for pool in pools for _ in pool]
    highest = 1 - (len(wanted) - 1) * gap
    heights = {index: min(max(level[k], 0), highest) + k * gap for k, index in enumerate(order)}
    return [heights[k] for k in range(len(wanted))]
