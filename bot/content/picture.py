"""A card drawn for a post that has no picture of its own: a name, lines beneath it, the shop. A PNG.

Chinese needs a font that has it. Where none is found on the machine, lines with Chinese are left to the text.
"""

import hashlib
from collections.abc import Sequence
from functools import lru_cache
from io import BytesIO
from pathlib import Path

from PIL import Image, ImageDraw, ImageFont
from PIL.ImageFont import FreeTypeFont

from bot.language import HAN

SIZE, MARGIN = (800, 420), 56  # pixels
TITLE, LINE, FOOT = 54, 34, 24
TITLES, COLOURS = 3, 32  # lines of a title; colours of the picture, which keep it small
GROUNDS = ("#24423a", "#5a2f2b", "#2b3f5c", "#4a3a5e", "#5b4a24", "#2f4a52")
PALE, INK = "#f4efe4", "#ffffff"
# Where systems keep a font with Chinese: Debian and Fedora, macOS, Windows.
FONTS = (
    "/usr/share/fonts/opentype/noto/NotoSansCJK-Regular.ttc",
    "/usr/share/fonts/google-noto-cjk/NotoSansCJK-Regular.ttc",
    "/usr/share/fonts/noto-cjk/NotoSansCJK-Regular.ttc",
    "/usr/share/fonts/truetype/wqy/wqy-microhei.ttc",
    "/System/Library/Fonts/PingFang.ttc",
    "C:/Windows/Fonts/msyh.ttc",
)


def drawn(title: str, lines: Sequence[str], shop: str, fonts: Sequence[str] = FONTS) -> bytes:
    """The picture; empty where nothing of it can be written. Takes some tens of milliseconds."""
    place = next((one for one in fonts if Path(one).is_file()), "")
    if not place:
        title, shop = ("" if HAN.search(one) else one for one in (title, shop))
        lines = [one for one in lines if not HAN.search(one)]
    if not title and not lines:
        return b""
    ground = GROUNDS[hashlib.sha256(shop.encode()).digest()[0] % len(GROUNDS)]
    image = Image.new("RGB", SIZE, ground)
    draw = ImageDraw.Draw(image)
    draw.rectangle((MARGIN, MARGIN - 12, MARGIN + 72, MARGIN - 6), fill=PALE)
    wide, top = SIZE[0] - 2 * MARGIN, float(MARGIN + 8)
    for size, colour, text, most in ((TITLE, INK, title, TITLES), *((LINE, PALE, line, 1) for line in lines)):
        if not text:
            continue
        for part in _wrapped(text, _font(place, size), wide, most):
            if top + size > SIZE[1] - MARGIN - FOOT:
                break
            draw.text((MARGIN, top), part, font=_font(place, size), fill=colour)
            top += size * 1.25
        top += 10
    draw.text(
        (MARGIN, SIZE[1] - MARGIN - 4),
        _wrapped(shop, _font(place, FOOT), wide, 1)[0],
        font=_font(place, FOOT),
        fill=PALE,
    )
    held = BytesIO()
    image.quantize(COLOURS).save(held, "PNG", optimize=True)
    return held.getvalue()


@lru_cache(maxsize=16)
def _font(place: str, size: int) -> FreeTypeFont:
    if place:
        index = 2 if place.endswith("NotoSansCJK-Regular.ttc") else 0  # its face for simplified Chinese
        return ImageFont.truetype(place, size, index=index)
    found = ImageFont.load_default(size)
    assert isinstance(found, FreeTypeFont)
    return found


def _wrapped(text: str, font: FreeTypeFont, wide: int, most: int) -> list[str]:
    """The text in at most so many lines; what has no room ends in an ellipsis."""
    lines, line = [""], ""
    pieces = [piece for word in text.split(" ") for piece in (*(word if HAN.search(word) else (word,)), " ")]
    for piece in pieces:
        line = lines[-1] + piece
        if font.getlength(line.rstrip()) <= wide or not lines[-1].strip():
            lines[-1] = line
        else:
            lines.append(piece.lstrip())
    if len(lines) > most:
        lines = lines[:most]
        lines[-1] = lines[-1].rstrip() + "…"
    cut = []
    for one in (line.rstrip() for line in lines):
        while font.getlength(one) > wide and len(one) > 1:
            one = one[:-2].rstrip() + "…"
        cut.append(one)
    return cut
