"""Scenes as PNG and PDF, by matplotlib."""

from __future__ import annotations

import io
from typing import Any

import numpy as np

from synthgen.errors import missing
from synthgen.publish.drawing.scene import Area, Box, Path, Scene, Shape, Words
from synthgen.publish.drawing.style import INK, PAGE, QUIET, TONES, Theme
from synthgen.publish.drawing.svg import bends, head_of

SCALE = 2.0
"""Pixels of a PNG for one of the scene's, so that it is sharp on good screens."""
PALETTE = 128
"""Colours of a PNG."""


def rasterised(scene: Scene, ending: str = ".png", theme: Theme = "light") -> bytes:
    """Return a scene as a PNG or PDF file. Raises SynthgenError without matplotlib."""
    try:
        from matplotlib.backends.backend_agg import FigureCanvasAgg
        from matplotlib.figure import Figure
    except ImportError:
        raise missing("plot", "a picture as PNG or PDF", "take an SVG or leave it out") from None
    figure = Figure(figsize=(scene.width / 72, scene.height / 72), facecolor=PAGE[theme])
    FigureCanvasAgg(figure)
    axes = figure.add_axes((0, 0, 1, 1))
    axes.set_xlim(0, scene.width)
    axes.set_ylim(scene.height, 0)
    axes.axis("off")
    for order, shape in enumerate(scene.shapes):
        _add(axes, shape, theme, order, outlined=ending == ".png")
    file = io.BytesIO()
    if ending == ".pdf":
        metadata = {"Creator": "synthgen", "CreationDate": None}
        figure.savefig(file, format="pdf", facecolor=PAGE[theme], metadata=metadata)
        return file.getvalue()
    figure.savefig(file, format="png", dpi=72 * SCALE, facecolor=PAGE[theme])
    return _flat(file)


def _flat(file: io.BytesIO) -> bytes:
    """Return a PNG with a palette, which has a third of the bytes; few colours are in it."""
    from PIL import Image
    from PIL.PngImagePlugin import PngInfo

    told = PngInfo()
    told.add_text("Software", "synthgen")
    flat = io.BytesIO()
    with Image.open(file) as image:
        image.convert("RGB").quantize(PALETTE, dither=Image.Dither.NONE).save(flat, "PNG", optimize=True, pnginfo=told)
    return flat.getvalue()


def _outline(words: Words, font: dict[str, Any]) -> Any:
    """Return a line of text as a path that is exactly as wide as the scene has it.

    Text that is drawn letter by letter on whole pixels is narrower or wider by some percent, and leaves its highlight.
    """
    from matplotlib.font_manager import FontProperties
    from matplotlib.path import Path as Way
    from matplotlib.textpath import text_to_path

    properties = FontProperties(**font)
    vertices, codes = text_to_path.get_text_path(properties, words.text, ismath=False)
    drawn, _, _ = text_to_path.get_text_width_height_descent(words.text, properties, ismath=False)
    scale = words.size / text_to_path.FONT_SCALE
    left = words.x - {"start": 0.0, "middle": 0.5, "end": 1.0}[words.anchor] * words.width
    places = np.reshape(vertices, (-1, 2)) * (scale * (words.width / drawn if drawn else 1.0), -scale)
    return Way(places + np.array((left, words.y)), codes)


def _add(axes: Any, shape: Shape, theme: Theme, order: int, outlined: bool) -> None:
    """Draw a shape; text as outlines where `outlined`, else as text of a font, which can be selected."""
    from matplotlib.patches import FancyBboxPatch, PathPatch, Polygon
    from matplotlib.path import Path as Way

    if isinstance(shape, Box):
        colours = TONES[theme][shape.tone]
        radius = min(shape.radius, shape.height / 2, shape.width / 2)
        style = f"round,pad=0,rounding_size={radius}" if radius else "square,pad=0"
        axes.add_patch(
            FancyBboxPatch(
                (shape.x, shape.y),
                shape.width,
                shape.height,
                boxstyle=style,
                facecolor=colours.fill,
                edgecolor=colours.line if shape.outline else "none",
                linewidth=1.0,
                linestyle=(0, (4, 2.5)) if shape.tone == "faint" else "solid",
                zorder=order,
            )
        )
    elif isinstance(shape, Area):
        colours = TONES[theme][shape.tone]
        axes.add_patch(Polygon(list(shape.points), facecolor=colours.fill, edgecolor=colours.line, zorder=order))
    elif isinstance(shape, Path):
        colour = TONES[theme][shape.tone].line
        points = [*shape.points[:-1], head_of(shape)[3]] if shape.arrow else list(shape.points)
        vertices, codes = [points[0]], [Way.MOVETO]
        if shape.smooth:
            for curve in bends(points):
                vertices += curve
                codes += [Way.CURVE4] * 3
        else:
            vertices += points[1:]
            codes += [Way.LINETO] * (len(points) - 1)
        width = 2.2 if shape.bold else 1.2
        axes.add_patch(PathPatch(Way(vertices, codes), facecolor="none", edgecolor=colour, lw=width, zorder=order))
        if shape.arrow:
            axes.add_patch(Polygon(head_of(shape)[:3], facecolor=colour, edgecolor="none", zorder=order))
    else:
        color = {"ink": INK[theme], "quiet": QUIET[theme]}.get(shape.ink) or TONES[theme][shape.ink].ink  # type: ignore[index]
        across = {"start": "left", "middle": "center", "end": "right"}[shape.anchor]
        font = {"family": "DejaVu Sans", "size": shape.size, "weight": "bold" if shape.bold else "normal"}
        if outlined:
            axes.add_patch(PathPatch(_outline(shape, font), facecolor=color, edgecolor="none", zorder=order))
            return
        axes.text(
            shape.x, shape.y, shape.text, color=color, ha=across, va="baseline", zorder=order, parse_math=False, **font
        )
