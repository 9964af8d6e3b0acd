"""A shop of a few rows that a test changes: its files, and what of them a message that was sent states."""

import csv
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path

FIELDS = (
    "Handle", "Title", "Body (HTML)", "Published", "Option1 Name", "Option1 Value", "Variant SKU",
    "Variant Inventory Qty", "Variant Price", "Status",
)  # fmt: skip
FEW = 5


@dataclass
class Catalogue:
    """`variants`: product and size -> (price, stock); `gone`: products that left the shop."""

    variants: dict[tuple[str, str], tuple[int, int]] = field(
        default_factory=lambda: {
            ("Amber Mug", ""): (10, 20),
            ("Willow Teapot", "Small"): (30, 9),
            ("Willow Teapot", "Large"): (45, 0),
            ("Cedar Lamp", ""): (60, 3),
            ("Slate Tray", ""): (25, 0),
        }
    )
    threshold: int = 40
    days: int = 30
    words: int = 1  # of descriptions, which nobody was told of
    gone: set[str] = field(default_factory=set)

    def write(self, folder: Path) -> list[Path]:
        """The files of it, as a merchant would export them."""
        goods, answers = folder / "goods.csv", folder / "answers.md"
        with goods.open("w", newline="", encoding="utf-8") as file:
            writer = csv.DictWriter(file, FIELDS)
            writer.writeheader()
            seen: set[str] = set()
            for (title, size), (price, stock) in self.variants.items():
                if title in self.gone:
                    continue
                handle = title.lower().replace(" ", "-")
                row = {"Handle": handle, "Variant SKU": f"{handle}-{size}", "Variant Price": price}
                row |= {"Variant Inventory Qty": stock, "Option1 Value": size or "Default Title"}
                if title not in seen:
                    body = f"Made by hand, take {self.words}."
                    row |= {"Title": title, "Body (HTML)": body, "Published": "TRUE", "Status": "active"}
                    row |= {"Option1 Name": "Size" if size else "Title"}
                seen.add(title)
                writer.writerow(row)
        answers.write_text(
            "# Questions\n\n## When is delivery free?\n"
            f"UK delivery costs £3.95 per order. It is free for orders of £{self.threshold} or more.\n\n"
            f"## How long can I return things?\nYou have {self.days} days from the day of delivery.\n",
            "utf-8",
        )
        return [goods, answers]

    # What messages state, by the rows alone: what of it is a word or number that a member read.

    def price(self, title: str, size: str = "") -> object:
        return None if title in self.gone else self.variants[title, size][0]

    def in_stock(self, title: str, *sizes: str) -> object:
        """Can it be bought: the word that was said."""
        return title not in self.gone and any(self.variants[title, size][1] > 0 for size in sizes)

    def left(self, title: str) -> object:
        """Few, and how many: the number was said."""
        stock = 0 if title in self.gone else self.variants[title, ""][1]
        return stock if stock <= FEW else "enough"

    def cheaper(self, one: tuple[str, str], other: tuple[str, str]) -> object:
        first, second = self.price(*one), self.price(*other)
        if first is None or second is None:
            return None
        return (first > second) - (first < second)  # type: ignore[operator]


MUG, TRAY, LAMP, TEAPOT = "Amber Mug", "Slate Tray", "Cedar Lamp", "Willow Teapot"
Stated = Callable[[Catalogue], tuple[object, ...]]
# A question, and what the reply to it states.
ASKED: list[tuple[str, Stated]] = [
    ("how much is the Amber Mug?", lambda c: (c.price(MUG),)),
    ("what do 3 of the Amber Mug cost?", lambda c: (c.price(MUG),)),
    ("is the Amber Mug in stock?", lambda c: (c.in_stock(MUG, ""),)),
    ("is the Slate Tray in stock?", lambda c: (c.in_stock(TRAY, ""),)),
    ("is the Cedar Lamp in stock?", lambda c: (c.left(LAMP),)),
    ("how much is the Willow Teapot?", lambda c: (c.price(TEAPOT, "Small"), c.price(TEAPOT, "Large"))),
    ("how much is the Willow Teapot in Large?", lambda c: (c.price(TEAPOT, "Large"),)),
    ("is the Willow Teapot in stock?", lambda c: (c.in_stock(TEAPOT, "Small"), c.in_stock(TEAPOT, "Large"))),
    ("which is cheaper, the Amber Mug or the Slate Tray?", lambda c: (c.price(MUG), c.price(TRAY))),
    ("when is delivery free?", lambda c: (c.threshold,)),
    ("how long can I return things?", lambda c: (c.days,)),
    ("/product Cedar Lamp", lambda c: (c.price(LAMP), c.in_stock(LAMP, ""))),
    ("你们的 Amber Mug 多少钱？", lambda c: (c.price(MUG),)),
    ("what's your favourite song?", lambda c: ()),
]
