"""How every plot looks: colours, line styles, axes, legend, files."""

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any, NamedTuple

import matplotlib
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.patheffects import withStroke
from matplotlib.ticker import MaxNLocator, PercentFormatter

from ei.files import whole

# The palette of Okabe and Ito, which colour-blind readers can tell apart; lightness (CIE L*).
BLACK, BLUE, RED, GREEN = "#000000", "#0072B2", "#D55E00", "#009E73"  # 0, 46, 53, 58
PINK, SKY, ORANGE, YELLOW = "#CC79A7", "#56B4E9", "#E69F00", "#F0E442"  # 61, 70, 71, 89
GREY, PALE = "#6B6B6B", "#C8C8C8"

# From light to dark, so that their order survives printing in grey.
RAMPS = {
    1: [BLUE],
    2: [ORANGE, BLUE],
    3: [ORANGE, BLUE, BLACK],
    4: [ORANGE, RED, BLUE, BLACK],
    5: [ORANGE, PINK, RED, BLUE, BLACK],
}
MARKERS = "osD^vPX"
DASHES: Sequence[Any] = [  # "-", or (offset, (on, off, ...)) in points
    "-",
    (0, (5, 1.5)),
    (0, (3, 1.2, 1, 1.2)),
    (0, (1.2, 1.2)),
    (0, (7, 1.5, 1, 1.5, 1, 1.5)),
]
DASHED = (0, (4, 2))  # the second of two lines
LEVEL = (0, (8, 2))  # a level that holds for all steps
SMALL = 8  # points: 11 pixels where a README shows the plot 640 pixels wide
TOPS = [0.05, 0.1, 0.2, 0.3, 0.4, 0.5, 0.6, 0.8, 1.0]  # where an axis of shares may end

STYLE: Any = {
    "figure.figsize": (6.4, 4.0),
    "figure.dpi": 150,
    "figure.constrained_layout.use": True,
    "figure.constrained_layout.w_pad": 0.08,  # inches, so that no word touches the edge
    "figure.constrained_layout.h_pad": 0.08,
    "font.family": "DejaVu Sans",  # comes with matplotlib, so it is the same on every machine
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
    "svg.fonttype": "path",  # the reader's fonts would have other widths
    "svg.hashsalt": "expert-iteration",  # equal plots are equal files
}
HALO = [withStroke(linewidth=2.5, foreground="white")]


class LineStyle(NamedTuple):
    """How a line is drawn; `dash` is matplotlib's linestyle, `bold` sets off the main run."""

    colour: str
    marker: str = "o"
    dash: Any = "-"
    bold: bool = False


def one_of(count: int, k: int) -> LineStyle:
    """The style of line k of `count` in an order: from light to dark, marker and dash its own.

    Markers repeat after 7 lines and dashes after 5; colours never do.
    """
    return LineStyle(ramp(count)[k], MARKERS[k % len(MARKERS)], DASHES[k % len(DASHES)])


def ramp(count: int) -> list[str]:
    """So many colours from light to dark."""
    if count in RAMPS:
        return RAMPS[count]
    scale = matplotlib.colormaps["cividis"].reversed()  # even in lightness
    shades = [0.2 + 0.8 * k / max(count - 1, 1) for k in range(count)]  # without the palest
    return [matplotlib.colors.to_hex(scale(shade)) for shade in shades]


def canvas(
    title: str, subtitle: str = "", heights: Sequence[float] = (1.0,)
) -> tuple[Figure, list[Axes]]:
    """A figure with axes one above another, which share their x axis, and a title above them."""
    figure = Figure()
    ratios = {"height_ratios": heights}
    grid = figure.subplots(len(heights), 1, sharex=True, squeeze=False, gridspec_kw=ratios)
    axes = list(grid[:, 0])
    axes[0].set_title(title, pad=20 if subtitle else 8)
    if subtitle:
        axes[0].text(0, 1.025, subtitle, transform=axes[0].transAxes, size=SMALL, color=GREY)
    return figure, axes


def nothing(title: str, reason: str) -> Figure:
    """A figure that says why there is nothing to see."""
    figure, (axes,) = canvas(title)
    axes.set_axis_off()
    axes.text(0.5, 0.5, reason, transform=axes.transAxes, ha="center", va="center", color=GREY)
    return figure


def share_axis(axes: Axes, top: float | None = None) -> None:
    """Make the y axis one of shares in percent: from zero to `top`, else to the next round share.

    Call this after drawing; artists drawn later are clipped at the edge.
    """
    axes.margins(y=0)
    drawn = axes.get_ylim()[1]
    axes.set_ylim(0, top or next((tick for tick in TOPS if tick >= drawn), 1.0))
    axes.yaxis.set_major_locator(MaxNLocator(nbins=6, steps=[1, 2, 5, 10]))
    axes.yaxis.set_major_formatter(PercentFormatter(1.0, decimals=0, symbol=" %"))
    for artist in (*axes.lines, *axes.collections):
        artist.set_clip_on(False)  # a marker at 0 or 100 % is not cut in half


def step_axis(axes: Axes, label: str = "expert-iteration step (0: base policy)") -> None:
    """Make the x axis one of whole numbers, with room beside the first and the last."""
    axes.margins(x=0.05)
    axes.set_xlabel(label)
    axes.xaxis.set_major_locator(MaxNLocator(integer=True))
    low, high = axes.get_xlim()
    if high - low < 1:  # a single step: matplotlib would spread its neighbourhood
        only = round((low + high) / 2)
        axes.set_xticks([only])
        axes.set_xlim(only - 0.5, only + 0.5)


class Segment(NamedTuple):
    """How one part of stacked bars is drawn; a hatch sets apart colours of similar lightness."""

    label: str
    colour: str
    hatch: str = ""


def stacked_bars(
    axes: Axes, table: Mapping[int, Mapping[str, float]], segments: Mapping[str, Segment]
) -> None:
    """Draw a bar for each x of {x: {segment: height}}; `segments` are in order from the bottom."""
    bottom = dict.fromkeys(table, 0.0)
    for name, segment in segments.items():
        heights = {x: row.get(name, 0.0) for x, row in table.items()}
        if any(heights.values()):
            axes.bar(
                list(heights),
                list(heights.values()),
                bottom=list(bottom.values()),
                width=0.72,
                color=segment.colour,
                hatch=segment.hatch,
                edgecolor="white",
                linewidth=0.8,
                label=segment.label,
            )
        bottom = {x: bottom[x] + heights[x] for x in table}
    axes.grid(visible=False, axis="x")


def legend_below(figure: Figure, axes: Axes, columns: int) -> None:
    """Put the legend under the axes; none where no line has a name."""
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


def save(figure: Figure, path: Path, kinds: Sequence[str] = ("png", "svg")) -> None:
    """Write PATH.png and PATH.svg, without the date and version that would make them differ."""
    for kind in kinds:
        metadata = {"png": {"Software": None}, "svg": {"Date": None}}[kind]
        with whole(path.with_name(f"{path.name}.{kind}")) as partial:
            figure.savefig(partial, format=kind, metadata=metadata)
