"""Pictures inside the page: SVG that takes the page's colours, and small PNGs."""

import base64
import io
import re
from typing import Any

import matplotlib as mpl
import numpy as np
from matplotlib.figure import Figure
from matplotlib.image import imsave
from numpy.typing import NDArray

# Stands for the page's text colour, which differs by day and night.
_INK = "#010203"


def svg(figure: Figure, label: str) -> str:
    """Return a figure as an SVG element, its text and axes in the colour of the page's text."""
    for axes in figure.axes:
        axes.tick_params(colors=_INK)
        for text in (axes.title, axes.xaxis.label, axes.yaxis.label):
            text.set_color(_INK)
        for spine in axes.spines.values():
            spine.set_color(_INK)
        if legend := axes.get_legend():
            for text in legend.get_texts():
                text.set_color(_INK)
    for legend in figure.legends:
        for text in legend.get_texts():
            text.set_color(_INK)
    out = io.StringIO()
    # A fixed salt: the same figure gives the same ids, and so the same file.
    with mpl.rc_context({"svg.fonttype": "none", "svg.hashsalt": label}):
        figure.savefig(out, format="svg", transparent=True, metadata={"Date": None})
    found = re.search(r"<svg.*</svg>", out.getvalue(), re.DOTALL)
    assert found is not None
    drawing = found[0].replace(_INK, "currentColor")
    # Ids are the page's: each drawing has its own.
    prefix = re.sub(r"\W+", "-", label)
    drawing = re.sub(r'(id="|#)(?=[A-Za-z_])(?![0-9a-f]{6}[";\s])', rf"\g<1>{prefix}-", drawing)
    drawing = re.sub(r'<svg ([^>]*?)width="[^"]*" ([^>]*?)height="[^"]*"', r"<svg \1\2", drawing)
    return drawing.replace("<svg ", f'<svg role="img" aria-label="{label}" ', 1)


def png(pixels: NDArray[Any], **options: Any) -> str:
    """Return an image as a data URL; options are those of matplotlib's imsave."""
    out = io.BytesIO()
    imsave(out, pixels, format="png", **options)
    return "data:image/png;base64," + base64.b64encode(out.getvalue()).decode()


def mosaic(images: NDArray[Any], columns: int) -> NDArray[Any]:
    """Return images (n, height, width) side by side, a pixel of NaN between them."""
    n, height, width = images.shape
    rows = -(-n // columns)
    whole = np.full((rows * (height + 1) - 1, columns * (width + 1) - 1), np.nan)
    for i, image in enumerate(images):
        top, left = (i // columns) * (height + 1), (i % columns) * (width + 1)
        whole[top : top + height, left : left + width] = image
    return whole
