"""Pictures as files: the ending decides between SVG, PNG and PDF."""

from __future__ import annotations

from pathlib import Path
from typing import Literal

from synthgen.errors import SynthgenError, nearest
from synthgen.publish.drawing.raster import rasterised
from synthgen.publish.drawing.scene import Scene
from synthgen.publish.drawing.style import Theme
from synthgen.publish.drawing.svg import svg
from synthgen.task.files import write_whole

ENDINGS = (".svg", ".png", ".pdf")


def theme_of(name: str) -> Theme | Literal["auto"]:
    """Return the theme of a name. Raises SynthgenError for another name."""
    for theme in ("auto", "light", "dark"):
        if name == theme:
            return theme
    raise SynthgenError(f"theme {name!r}: take light, dark or auto{nearest(name, ('auto', 'light', 'dark'))}")


def save(scene: Scene, file: Path, theme: Theme | Literal["auto"] = "auto") -> None:
    """Write a scene to a file. `auto` is light, but for an SVG, which follows whoever looks at it.

    Raises SynthgenError for another ending, and for a file that cannot be written.
    """
    if file.suffix not in ENDINGS:
        raise SynthgenError(f"{file}: pictures end with {', '.join(ENDINGS)}{nearest(file.suffix, ENDINGS)}")
    try:
        if file.suffix == ".svg":
            write_whole(file, svg(scene, theme))
        else:
            write_whole(file, rasterised(scene, file.suffix, "light" if theme == "auto" else theme))
    except OSError as error:
        raise SynthgenError(f"{file}: cannot be written: {error.strerror or error}") from None
