"""A chart of figures as a PNG picture. The library is imported where it is drawn: it takes a second and 30 MB."""

import io
import re
from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

from bot.language import HAN

if TYPE_CHECKING:
    from matplotlib.font_manager import FontProperties

# Files of fonts with Chinese glyphs, as systems name them, the better ones first.
CHINESE = re.compile(
    r"(NotoSans(?:CJK|SC)|SourceHanSans(?:SC|CN))|(PingFang|msyh|Hiragino Sans GB|HiraginoSansGB|wqy-|STHeiti)"
    r"|(simhei|simsun|DroidSansFallback|Arial ?Unicode|NotoSerif(?:CJK|SC)|SourceHanSerif)",
    re.IGNORECASE,
)
COLOURS = ("#2a6f97", "#61a5c2", "#f4a259", "#8cb369", "#bc4b51", "#7a7a7a", "#c9ada7")
WIDTH, ROW, HEAD = 7.0, 0.55, 1.5  # inches
LABEL = 24  # characters of a bar's name
FEW, LABELS = 8, 12  # upright bars that each get their number, and names that stand below many


@dataclass(frozen=True, slots=True)
class Chart:
    """A bar for each name, made of as many parts as there are `parts`. `plain` is the title and the parts in words that
    every font has, where none is found that has the others."""

    title: str
    parts: Sequence[str]
    plain: Sequence[str]  # the title first
    names: Sequence[str]
    values: Sequence[Sequence[int]]  # of each name, in the order of the parts


@dataclass(frozen=True, slots=True)
class Panel:
    """Upright bars over `names`; `unit` stands behind each number. The first of a sheet is as wide as the others."""

    title: str
    plain: str  # the title in words that every font has
    names: Sequence[str]
    values: Sequence[float]
    unit: str = ""
    plain_names: Sequence[str] = ()  # where the names need such words, too


def chinese_font() -> "FontProperties | None":
    """A font with Chinese glyphs. It is looked for on the disk: the library's own list may be old."""
    from matplotlib.font_manager import FontProperties, findSystemFonts

    found = [(_rank(Path(one).name), one) for one in findSystemFonts() if CHINESE.match(Path(one).name)]
    return FontProperties(fname=min(found)[1]) if found else None


def _rank(name: str) -> tuple[int, bool, str]:
    """The place of a font's file among those with Chinese glyphs, the ordinary weight in front."""
    match = CHINESE.match(name)
    return (match.lastindex or 9) if match else 9, "regular" not in name.lower(), name


def png(chart: Chart, *, font: "FontProperties | None" = None) -> bytes:
    """The picture. `font`: what draws Chinese, where there is any; without it Chinese names are numbered."""
    from matplotlib.backends.backend_agg import FigureCanvasAgg
    from matplotlib.figure import Figure

    said = " ".join((chart.title, *chart.parts))
    title, parts = chart.title, chart.parts
    if HAN.search(said) and font is None:
        title, *parts = chart.plain
    names = [_name(at, one, drawn=font is not None) for at, one in enumerate(chart.names, 1)]
    figure = Figure(figsize=(WIDTH, HEAD + ROW * len(names)), dpi=110, layout="constrained")
    FigureCanvasAgg(figure)
    axes: Any = figure.subplots()
    lefts = [0] * len(names)
    for at, part in enumerate(parts):
        row = [one[at] for one in chart.values]
        if any(row):
            bars = axes.barh(names, row, left=lefts, label=part, color=COLOURS[at % len(COLOURS)], height=0.6)
            axes.bar_label(
                bars, [str(one) if one else "" for one in row], label_type="center", color="white", fontsize=9
            )
        lefts = [left + one for left, one in zip(lefts, row, strict=True)]
    _dress(axes, title, max(lefts, default=0), font)
    written = io.BytesIO()
    figure.savefig(written, format="png")
    return written.getvalue()


def sheet(title: str, plain: str, panels: Sequence[Panel], *, font: "FontProperties | None" = None) -> bytes:
    """Several panels as one picture: the first on top, the others side by side below. `font` as above."""
    from matplotlib.backends.backend_agg import FigureCanvasAgg
    from matplotlib.figure import Figure

    drawn = font is not None or not HAN.search(" ".join((title, *(one.title for one in panels))))
    figure = Figure(figsize=(9.0, 6.0), dpi=110, layout="constrained")
    FigureCanvasAgg(figure)
    figure.suptitle(title if drawn else plain, font=font, fontsize=14, x=0.01, ha="left")
    grid = figure.add_gridspec(2, max(1, len(panels) - 1))
    for at, one in enumerate(panels):
        axes: Any = figure.add_subplot(grid[0, :] if at == 0 else grid[1, at - 1])
        shown = one if drawn else replace(one, title=one.plain, names=one.plain_names or one.names)
        _upright(axes, shown, COLOURS[at % len(COLOURS)], font)
    written = io.BytesIO()
    figure.savefig(written, format="png")
    return written.getvalue()


def _upright(axes: Any, panel: Panel, colour: str, font: "FontProperties | None") -> None:
    places = range(len(panel.names))
    bars = axes.bar(places, panel.values, color=colour, width=0.75)
    most = max(panel.values, default=0)
    if len(panel.names) <= FEW:
        axes.bar_label(bars, [f"{one:g}{panel.unit}" for one in panel.values], fontsize=9, padding=2)
        axes.set_yticks([])
    axes.set_title(panel.title, font=font, fontsize=11, loc="left")
    axes.set_ylim(0, max(1, most) * 1.15)
    axes.yaxis.get_major_locator().set_params(integer=True) if len(panel.names) > FEW else None
    step = max(1, -(-len(panel.names) // LABELS))
    axes.set_xticks([*places][::step], [*panel.names][::step], fontsize=9)
    for side in ("top", "right", *(("left",) if len(panel.names) <= FEW else ())):
        axes.spines[side].set_visible(False)
    for label in axes.get_xticklabels():
        label.set_font(font) if font else None
        label.set_fontsize(9)


def _name(at: int, name: str, *, drawn: bool) -> str:
    """A bar's name, told apart by its number."""
    short = name if len(name) <= LABEL else name[: LABEL - 1] + "…"
    return f"{at}  {short}" if drawn or short.rstrip("…").isascii() else str(at)


def _dress(axes: Any, title: str, most: int, font: "FontProperties | None") -> None:
    axes.set_title(title, font=font, fontsize=13, loc="left")
    axes.set_xlim(0, max(1, most) * 1.05)
    axes.xaxis.get_major_locator().set_params(integer=True)
    axes.invert_yaxis()
    for side in ("top", "right", "left"):
        axes.spines[side].set_visible(False)
    axes.tick_params(axis="y", length=0)
    for label in axes.get_yticklabels():
        label.set_font(font) if font else None
        label.set_fontsize(10)
    if axes.get_legend_handles_labels()[0]:
        legend = axes.legend(loc="upper center", bbox_to_anchor=(0.5, -0.12), ncols=4, frameon=False)
        for text in legend.get_texts():
            text.set_font(font) if font else None
            text.set_fontsize(9)
