"""A network as a drawing: one box per layer, from top to bottom, grouped by the blocks it is in."""

from __future__ import annotations

from dataclasses import dataclass, field
from html import escape

from lamplighter.models.summary import Layer, Summary

WIDTH, HEIGHT, GAP, INDENT = 300, 34, 16, 14
MARGIN, LABEL = 24, 18
LONGEST = 46
COLOURS = (
    ("Conv", "#cfe3f7"),
    ("Linear", "#d9ead3"),
    ("Norm", "#fce8c8"),
    ("Pool", "#ead1dc"),
    ("Attention", "#d9d2e9"),
)
PLAIN = "#eeeeee"
STYLE = (
    "text{font-family:sans-serif;fill:#222}"
    ".title{font-size:14px;font-weight:bold}.head{font-size:12px;text-anchor:middle}"
    ".detail{font-size:10px;text-anchor:middle;fill:#555}.name{font-size:10px;fill:#555}"
    "rect{stroke:#888}.block{fill:#00000008;stroke:#bbb;stroke-dasharray:3 2}"
    ".flow{stroke:#555;fill:none}"
)


@dataclass
class _Block:
    """A module that contains others: where its frame begins and ends."""

    name: str
    depth: int
    top: int
    bottom: int = 0


@dataclass
class _Page:
    """The drawing so far."""

    y: int = MARGIN
    frames: list[_Block] = field(default_factory=list)
    boxes: list[str] = field(default_factory=list)
    deepest: int = 0
    last: int = 0


def draw(name: str, summary: Summary) -> str:
    """Draws the flow through a network as SVG that needs no other file.

    The layers stand in the order in which they ran; frames show which block each belongs to.

    Args:
        name: title of the drawing.
        summary: from `summarise`.

    Returns:
        The SVG document; every name in it is escaped.
    """
    page = _Page()
    title = f"{name}: {summary.parameters:,} parameters, {summary.multiply_adds / 1e6:,.1f} M multiply-adds"
    page.y += 2 * LABEL
    layers = [layer for layer in summary.layers if layer.name != "(network)"]
    page.deepest = max((layer.name.count(".") for layer in layers), default=0)
    _box(page, "input", _times(summary.input_shape), "#ffffff")
    open_blocks: list[_Block] = []
    for layer in layers:
        _frames(page, open_blocks, layer.name.split(".")[:-1])
        _box(page, *_texts(layer))
    _frames(page, open_blocks, [])
    _box(page, "output", _times(summary.output_shape), "#ffffff")
    return _document(page, title)


def _frames(page: _Page, open_blocks: list[_Block], path: list[str]) -> None:
    """Closes the frames that the next layer is not in, and opens those that it is in."""
    names = [".".join(path[: depth + 1]) for depth in range(len(path))]
    shared = 0
    for block, name in zip(open_blocks, names, strict=False):
        if block.name != name:
            break
        shared += 1
    while len(open_blocks) > shared:
        block = open_blocks.pop()
        block.bottom = page.y - GAP // 2
        page.y += GAP // 2
        page.frames.append(block)
    for depth in range(shared, len(names)):
        open_blocks.append(_Block(names[depth], depth, page.y - GAP // 2 + 4))
        page.y += LABEL


def _texts(layer: Layer) -> tuple[str, str, str]:
    figures = [_times(layer.output_shape)]
    if layer.parameters:
        frozen = "" if layer.trainable else " frozen"
        figures.append(f"{layer.parameters:,}{frozen} parameters")
    colour = next((colour for word, colour in COLOURS if word in layer.type), PLAIN)
    return f"{layer.name.rpartition('.')[2]}  {layer.type}", ", ".join(figures), colour


def _box(page: _Page, head: str, detail: str, colour: str) -> None:
    x = MARGIN + (page.deepest + 1) * INDENT
    middle = x + WIDTH // 2
    if page.last:
        page.boxes.append(f'<path d="M{middle} {page.last} V{page.y - 1}" class="flow"/>')
    page.boxes.append(
        f'<rect x="{x}" y="{page.y}" width="{WIDTH}" height="{HEIGHT}" rx="4" fill="{colour}"/>'
        f'<text x="{middle}" y="{page.y + 14}" class="head">{escape(_cut(head))}</text>'
        f'<text x="{middle}" y="{page.y + 28}" class="detail">{escape(_cut(detail))}</text>'
    )
    page.last = page.y + HEIGHT
    page.y += HEIGHT + GAP


def _frame(page: _Page, block: _Block) -> str:
    x = MARGIN + block.depth * INDENT
    width = WIDTH + 2 * (page.deepest + 1 - block.depth) * INDENT
    return (
        f'<rect x="{x}" y="{block.top}" width="{width}" height="{block.bottom - block.top}" rx="6" '
        f'class="block"/><text x="{x + 6}" y="{block.top + 12}" class="name">'
        f"{escape(_cut(block.name))}</text>"
    )


def _document(page: _Page, title: str) -> str:
    width = 2 * MARGIN + WIDTH + 2 * (page.deepest + 1) * INDENT
    # outer frames first, so that inner ones lie on top of them
    frames = [_frame(page, block) for block in sorted(page.frames, key=lambda block: block.depth)]
    return "\n".join(
        (
            f'<svg xmlns="http://www.w3.org/2000/svg" width="{width}" height="{page.y + MARGIN}" '
            f'viewBox="0 0 {width} {page.y + MARGIN}" role="img">',
            f"<title>{escape(title)}</title>",
            f"<style>{STYLE}</style>",
            f'<rect width="{width}" height="{page.y + MARGIN}" fill="#ffffff"/>',
            *(
                f'<text x="{MARGIN}" y="{MARGIN + row * LABEL}" class="title">{escape(_cut(line))}</text>'
                for row, line in enumerate(title.split(": ", 1))
            ),
            *frames,
            *page.boxes,
            "</svg>\n",
        )
    )


def _times(shape: tuple[int, ...]) -> str:
    return "×".join(map(str, shape)) or "several tensors"


def _cut(text: str) -> str:
    # control characters are not allowed in XML at all, escaped or not
    text = "".join(c if c.isprintable() else "?" for c in text)
    return text if len(text) <= LONGEST else text[: LONGEST - 1] + "…"
