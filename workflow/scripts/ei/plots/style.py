"""How every picture looks: colours, axes, labels at the ends of lines, files."""

from collections.abc import Mapping, Sequence
from pathlib import Path
from statistics import fmean
from typing import Any, NamedTuple

import matplotlib
import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.patheffects import withStroke
from matplotlib.ticker import MaxNLocator, PercentFormatter

from ei.files import whole

# Okabe and Ito's colours, which the colour-blind tell apart; lightness (CIE L*) of each.
BLACK, BLUE, RED, GREEN = "#000000", "#0072B2", "#D55E00", "#009E73"  # 0, 46, 53, 58
PINK, SKY, ORANGE, YELLOW = "#CC79A7", "#56B4E9", "#E69F00", "#F0E442"  # 61, 70, 71, 89
GREY, PALE = "#6B6B6B", "#C8C8C8"

# From light to dark, as far apart in grey as so many colours can be.
RAMPS = {
    1: [BLUE],
    2: [ORANGE, BLUE],
    3: [ORANGE, BLUE, BLACK],
    4: [ORANGE, RED, BLUE, BLACK],
    5: [ORANGE, PINK, RED, BLUE, BLACK],
}
MARKERS = "osD^vPX"
DASHES: Sequence[Any] = [
    "-",
    (0, (5, 1.5)),
    (0, (3, 1.2, 1, 1.2)),
    (0, (1.2, 1.2)),
    (0, (7, 1.5, 1, 1.5, 1, 1.5)),
]
SMALL = 8  # points: 11 pixels where a README shows the picture 640 pixels wide
ROUND = [0.05, 0.1, 0.2, 0.3, 0.4, 0.5, 0.6, 0.8, 1.0]  # where an axis of shares may end
LINE = 0.055  # of the axes' height, what a line of small text takes

STYLE: Any = {
    "figure.figsize": (6.4, 4.0),
    "figure.dpi": 150,
    "figure.constrained_layout.use": True,
    "figure.constrained_layout.w_pad": 0.08,  # inches, so that no word touches the edge
    "figure.constrained_layout.h_pad": 0.08,
    "font.family": "DejaVu Sans",  # comes with matplotlib, so the picture is the same on every machine
    "font.size": 10,
    "axes.titlesize": 11,
    "axes.titlelocation": "left",
    "axes.spines.top": False,
    "axes.spines.right": False,
    "axes.grid": True,
    "axes.axisbelow": True,
    "grid.color": "#E6E6E6",
    "legend.frameon": False,
    "legend.fontsize": SMALL,
    "hatch.linewidth": 0.6,
    "svg.fonttype": "path",  # a font of the reader's would have other widths
    "svg.hashsalt": "expert-iteration",  # equal pictures are equal files
}
HALO = [withStroke(linewidth=2.5, foreground="white")]


class End(NamedTuple):
    """The end of a line and the words beside it; x None is a line that runs to the edge."""

    x: float | None
    y: float
    text: str
    colour: str
    bold: bool = False


def canvas(
    title: str, subtitle: str = "", rows: Sequence[float] = (1.0,)
) -> tuple[Figure, list[Axes]]:
    """A figure and its axes, one for each height in `rows`, that share their x axis; a title above them."""
    figure = Figure()
    grid = figure.subplots(
        len(rows), 1, sharex=True, squeeze=False, gridspec_kw={"height_ratios": rows}
    )
    axes = list(grid[:, 0])
    axes[0].set_title(title, pad=20 if subtitle else 8)
    if subtitle:
        axes[0].text(0, 1.025, subtitle, transform=axes[0].transAxes, size=SMALL, color=GREY)
    return figure, axes


def words(title: str, text: str) -> Figure:
    """A picture that says why there is nothing to see."""
    figure, (axes,) = canvas(title)
    axes.set_axis_off()
    axes.text(0.5, 0.5, text, transform=axes.transAxes, ha="center", va="center", color=GREY)
    return figure


def ramp(count: int) -> list[str]:
    """So many colours from light to dark."""
    if count in RAMPS:
        return RAMPS[count]
    scale = matplotlib.colormaps[
        "cividis"
    ].reversed()  # even in lightness, for more than Okabe and Ito have
    return [
        matplotlib.colors.to_hex(scale(0.2 + 0.8 * k / max(count - 1, 1))) for k in range(count)
    ]


def shares(axes: Axes, top: float | None = None) -> None:
    """Make the y axis one of shares: from zero to `top`, else to the next round share, in percent."""
    axes.margins(y=0)
    drawn = axes.get_ylim()[1]
    axes.set_ylim(0, top or next((tick for tick in ROUND if tick >= drawn), 1.0))
    axes.yaxis.set_major_locator(MaxNLocator(nbins=6, steps=[1, 2, 5, 10]))
    axes.yaxis.set_major_formatter(PercentFormatter(1.0, decimals=0, symbol=" %"))
    for artist in (*axes.lines, *axes.collections):
        artist.set_clip_on(False)  # a marker at 0 or 100 % is not cut in half


def steps(axes: Axes, x: str = "expert-iteration step (0: base policy)") -> None:
    """Make the x axis one of whole steps, with room beside the first and the last."""
    axes.margins(x=0.05)
    axes.set_xlabel(x)
    axes.xaxis.set_major_locator(MaxNLocator(integer=True))
    low, high = axes.get_xlim()
    if high - low < 1:  # a single step
        axes.set_xticks([round((low + high) / 2)])
        axes.set_xlim(round((low + high) / 2) - 0.5, round((low + high) / 2) + 0.5)


def stack(
    axes: Axes, table: Mapping[int, Mapping[str, float]], parts: Mapping[str, tuple[str, str, str]]
) -> None:
    """Draw a bar for each x of {x: {part: height}}; `parts` gives, from the ground up, its words, colour and hatch."""
    ground = dict.fromkeys(table, 0.0)
    for part, (label, colour, hatch) in parts.items():
        heights = {x: row.get(part, 0.0) for x, row in table.items()}
        if any(heights.values()):
            axes.bar(list(heights), list(heights.values()), bottom=list(ground.values()), width=0.72, color=colour,
                     hatch=hatch, edgecolor="white", linewidth=0.8, label=label)  # fmt: skip
        ground = {x: ground[x] + heights[x] for x in table}
    axes.grid(visible=False, axis="x")


def label_ends(axes: Axes, ends: Sequence[End], gap: float = LINE) -> None:
    """Write each line's words to the right of the axes, level with its end or as near as others let it."""
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
            arrowprops={"arrowstyle": "-", "color": end.colour, "lw": 0.6, "shrinkA": 1, "shrinkB": 4, "alpha": 0.6},
        )  # fmt: skip


def ink(colour: str) -> str:
    """The colour, darkened until words in it have a contrast of 4.5 to 1 with white (WCAG 2.2, AA)."""
    rgb = np.array(matplotlib.colors.to_rgb(colour), dtype=float)
    linear = np.where(rgb <= 0.04045, rgb / 12.92, ((rgb + 0.055) / 1.055) ** 2.4)
    luminance = float(linear @ [0.2126, 0.7152, 0.0722])
    linear *= min(1.0, 0.18 / max(luminance, 0.01))
    red, green, blue = np.where(
        linear <= 0.0031308, 12.92 * linear, 1.055 * linear ** (1 / 2.4) - 0.055
    )
    return matplotlib.colors.to_hex((red, green, blue))


def spread(wanted: Sequence[float], gap: float) -> list[float]:
    """Places in [0, 1] that are `gap` apart and as near to the wanted ones as can be (least squares).

    Less k gaps the k-th place must not fall below the one before: an isotonic regression, solved by pooling.
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
    room = 1 - (len(wanted) - 1) * gap
    places = {index: min(max(level[k], 0), room) + k * gap for k, index in enumerate(order)}
    return [places[k] for k in range(len(wanted))]


def legend_below(figure: Figure, axes: Axes, columns: int) -> None:
    """Put the legend under the axes, and nothing where no line has a name."""
    handles, names = axes.get_legend_handles_labels()
    if names:
        figure.legend(
            handles,
            names,
            loc="outside lower center",
            ncols=columns,
            columnspacing=1.2,
            handlelength=2.4,
        )


def save(figure: Figure, path: Path) -> None:
    """Write PATH.png and PATH.svg."""
    for kind, metadata in (("png", {"Software": None}), ("svg", {"Date": None})):
        with whole(path.with_name(f"{path.name}.{kind}")) as partial:
            figure.savefig(partial, format=kind, metadata=metadata)
