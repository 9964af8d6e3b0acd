"""Shopify's product CSV, with the older or the newer column names: rows of one handle stand together."""

import re
from collections.abc import Iterator
from dataclasses import dataclass, field

from bot.knowledge.importers import _rows, _values
from bot.knowledge.importers.base import PRODUCTS, Head, Item, Problem, Product, Source, Variant

KIND = PRODUCTS

HANDLE = ("handle", "urlhandle")
SKU = ("variantsku", "sku")
PRICE = ("variantprice", "price")
COMPARE_AT = ("variantcompareatprice", "compareatprice")
STOCK = ("variantinventoryqty", "inventoryquantity")
TRACKER = ("variantinventorytracker", "inventorytracker")
OVERSELLS = ("variantinventorypolicy", "continuesellingwhenoutofstock")
METAFIELD = re.compile(r"(.+?) \(product\.metafields\.")
LABELS = {"googleshoppinggender": "Gender", "googleshoppingagegroup": "Age group", "googleshoppingmaterial": "Material"}


@dataclass(slots=True)
class _Group:
    """The rows of one handle, while they come."""

    handle: str
    line: int
    product: Product | None = None
    options: list[str] = field(default_factory=list)
    variants: list[Variant] = field(default_factory=list)
    problems: list[Problem] = field(default_factory=list)


def sniff(head: Head) -> float:
    named = any(head.has(column) for column in HANDLE)
    return 0.95 if named and any(head.has(name) for name in ("variantprice", "bodyhtml", "option1name")) else 0.0


def read(source: Source) -> Iterator[Item]:
    group: _Group | None = None
    labels: dict[str, str] | None = None
    for row in _rows.table(source):
        if isinstance(row, Problem):
            yield row
            continue
        labels = _labels(row) if labels is None else labels
        handle = row.text(*HANDLE)
        if not handle:
            row.wrong(next((name for name in HANDLE if name in row.names), "handle"), "there is no handle", _NO_HANDLE)
            yield from row.problems
            continue
        if group is None or group.handle != handle:
            if group:
                yield from _finished(group)
            group = _Group(handle, row.line, _product(row, handle, labels))
            group.options = [row.text(f"option{n}name") for n in (1, 2, 3)]
        _add(group, row)
    if group:
        yield from _finished(group)


_NO_HANDLE = "every row needs the handle of its product"


def _finished(group: _Group) -> Iterator[Item]:
    yield from group.problems
    if not group.problems and group.product:
        group.product.variants = group.variants
        yield group.product


def _product(row: _rows.Row, handle: str, labels: dict[str, str]) -> Product:
    title = row.text("title")
    if not title:
        row.wrong("title", "there is no title", f'the first row of "{handle}" needs one')
    published = _values.truth(row.text("published", "publishedononlinestore"))
    status = row.text("status").lower() or "active"
    return Product(
        handle=handle,
        title=title,
        line=row.line,
        variants=[],
        brand=row.text("vendor"),
        category=row.text("type", "customproducttype", "productcategory", "standardproducttype"),
        tags=[tag.strip() for tag in row.text("tags").split(",") if tag.strip()],
        description=row.plain("bodyhtml", "description"),
        attributes=_attributes(row, labels),
        image=_values.address(row.text("imagesrc", "productimageurl")),
        visible=published is not False and status == "active",
    )


def _attributes(row: _rows.Row, labels: dict[str, str]) -> dict[str, str]:
    """Of the shop's own fields (metafields), and of the few Google Shopping columns that members ask for."""
    texts = ((label, row.text(column)) for column, label in labels.items())
    return {label: text for label, text in texts if text and len(text) <= 300}


def _labels(row: _rows.Row) -> dict[str, str]:
    """Column -> label of those."""
    found = {column: label for column, label in LABELS.items() if column in row.names}
    for column, name in row.names.items():
        match = METAFIELD.match(name)
        if match and not _values.is_cost(column):
            found[column] = match[1]
    return found


def _add(group: _Group, row: _rows.Row) -> None:
    values = [row.text(f"option{n}value") for n in (1, 2, 3)]
    if group.variants and not any(values) and not row.text(*PRICE) and not row.text(*SKU):
        group.problems += row.problems  # a row for one more picture
        return
    price, compare_at, stock = row.price(*PRICE), row.price(*COMPARE_AT), row.count(*STOCK)
    group.problems += row.problems
    counted = not any(name in row.cells for name in TRACKER) or bool(row.text(*TRACKER))
    oversells = row.text(*OVERSELLS).lower() in ("continue", "true")
    always = not counted or (oversells and not stock)
    options = dict(zip(group.options, values, strict=True))
    group.variants.append(
        Variant(
            price=price.amount if price else None,
            compare_at=compare_at.amount if compare_at else None,
            currency=price.currency if price else "",
            hint=price.hint if price else "",
            sku=row.text(*SKU),
            options={
                name: value
                for name, value in options.items()
                if name and value and (name, value) != ("Title", "Default Title")
            },
            stock=None if always else stock,
            available=True if always else None,
        )
    )
