"""A Google Merchant feed: RSS 2.0 or Atom with g: names, or a table. Items with one item_group_id are one product."""

import re
from collections.abc import Iterator
from itertools import takewhile
from xml.etree.ElementTree import ParseError  # nosec B405  # names only; defusedxml parses

from defusedxml import DefusedXmlException
from defusedxml.ElementTree import XMLParser

from bot.knowledge.importers import _rows, _values
from bot.knowledge.importers.base import PRODUCTS, Head, Item, Problem, Product, Source, Variant

KIND = PRODUCTS

NAMESPACE = "base.google.com/ns/1.0"
OPTIONS = {"color": "Color", "colour": "Color", "size": "Size", "material": "Material", "pattern": "Pattern"}
ATTRIBUTES = {"gender": "Gender", "agegroup": "Age group", "productlength": "Length", "productweight": "Weight"}
MARKERS = ("itemgroupid", "imagelink", "googleproductcategory", "gtin", "mpn", "producttype", "condition")
CHUNK = 1 << 16


def sniff(head: Head) -> float:
    if head.text.lstrip().startswith("<"):
        return 0.95 if NAMESPACE in head.text else 0.6 if re.search(r"<(rss|feed)\b", head.text) else 0.0
    if not _rows.is_json(head) and head.has("id", "title", "price") and any(map(head.has, MARKERS)):
        return 0.9
    return 0.0


def read(source: Source) -> Iterator[Item]:
    xml = not source.sheet and _is_xml(source)
    groups: dict[str, list[tuple[Product, Variant]]] = {}
    for row in _items(source) if xml else _rows.table(source):
        if isinstance(row, Problem):
            yield row
            continue
        product, variant = _entry(row, source)
        if row.problems:
            yield from row.problems
        elif group := row.text("itemgroupid"):
            groups.setdefault(group, []).append((product, variant))
        else:
            yield _joined(product.handle, [(product, variant)])
    for handle, entries in groups.items():
        yield _joined(handle, entries)


def _is_xml(source: Source) -> bool:
    with source.open() as text:
        return text.read(200).lstrip().startswith("<")


class _Target:
    """Gathers each item's fields while the parser runs, so that no tree of the feed is ever held."""

    def __init__(self, source: Source) -> None:
        self.source = source
        self.parser = XMLParser(target=self)
        self.names: dict[str, str] = {}
        self.folded: dict[str, str] = {}
        self.ready: list[_rows.Row] = []
        self.row: _rows.Row | None = None
        self.path: list[str] = []
        self.words: list[str] = []

    def start(self, tag: str, attributes: dict[str, str]) -> None:
        name = tag.rpartition("}")[2]
        self.source.line = self.parser.parser.CurrentLineNumber
        if self.row is None and name in ("item", "entry"):
            self.row, self.path = _rows.Row(self.source.name, self.source.line, {}, self.names), []
        elif self.row is not None:
            self.path.append(name)
            if name == "link" and attributes.get("href"):
                self.row.cells.setdefault("link", attributes["href"])
        self.words = []

    def data(self, text: str) -> None:
        self.words.append(text)

    def end(self, tag: str) -> None:
        if self.row is None:
            return
        if not self.path:
            self.ready.append(self.row)
            self.row = None
            return
        path = ".".join(self.path)
        folded = self.folded.get(path)
        if folded is None:
            folded = self.folded[path] = _values.fold(path)
            self.names[folded] = "g:" + self.path[-1] if NAMESPACE in tag else self.path[-1]
        value = "".join(self.words).strip()
        if value:
            repeated = folded in self.row.cells and folded.startswith(("productdetail", "producthighlight"))
            self.row.cells[folded] = (
                f"{self.row.cells[folded]}\n{value}" if repeated else self.row.cells.get(folded, value)
            )
        self.path.pop()
        self.words = []

    def close(self) -> None:
        """The parser asks for it at the end."""

    def take(self) -> Iterator[_rows.Row]:
        ready, self.ready = self.ready, []
        yield from ready


def _items(source: Source) -> Iterator[_rows.Row | Problem]:
    target = _Target(source)
    try:
        with source.open() as text:
            while chunk := text.read(CHUNK):
                target.parser.feed(chunk)
                yield from target.take()
        target.parser.close()
    except ParseError as error:
        line, column = error.position
        yield source.problem(
            f"character {column + 1}", f"this is no XML ({str(error).partition(':')[0]})", _WELL_FORMED, line
        )
    except DefusedXmlException as error:
        name = type(error).__name__
        source.line = target.parser.parser.CurrentLineNumber
        yield source.problem(
            "", f"the feed declares entities or a DTD ({name})", "a feed without <!DOCTYPE> would be right"
        )


_WELL_FORMED = "a well-formed feed would be right: every element closed, & written as &amp;"


def _entry(row: _rows.Row, source: Source) -> tuple[Product, Variant]:
    number, title = row.text("id"), row.text("title")
    for column, value in (("id", number), ("title", title)):
        if not value:
            row.wrong(column, f"there is no {column}", "every item needs one")
    regular, sale = row.price("price"), row.price("saleprice")
    start, _, end = row.text("salepriceeffectivedate").partition("/")
    reduced = sale is not None and _values.on_sale(start, end, source.now)
    price = sale if reduced else regular
    state = row.text("availability").replace("_", " ").lower()
    options = {label: value for column, label in OPTIONS.items() if (value := row.text(column))}
    attributes = {label: value for column, label in ATTRIBUTES.items() if (value := row.text(column))}
    if state and _values.truth(state) is None:
        attributes["Availability"] = state
    attributes.update(_details(row))
    product = Product(
        handle=number,
        title=title,
        line=row.line,
        variants=[],
        brand=row.text("brand"),
        category=_category(row),
        description="\n".join(filter(None, (row.plain("description", "summary"), row.plain("producthighlight")))),
        attributes=attributes,
        link=_values.address(row.text("link")),
        image=_values.address(row.text("imagelink")),
    )
    variant = Variant(
        price=price.amount if price else None,
        compare_at=regular.amount if reduced and regular else None,
        currency=price.currency if price else "",
        hint=price.hint if price else "",
        sku=row.text("mpn") if "itemgroupid" in row.cells and row.text("mpn") != row.text("itemgroupid") else "",
        options=options,
        stock=row.count("quantity", "selltoquantity", "inventory"),
        available=_values.truth(state),
    )
    if variant.stock is not None:
        variant.available = None
    return product, variant


def _category(row: _rows.Row) -> str:
    """The shop's own words before Google's, and neither when it is a bare number."""
    words = (row.text("producttype"), row.text("googleproductcategory"))
    return next((word for word in words if word and not word.isdigit()), "")


def _details(row: _rows.Row) -> Iterator[tuple[str, str]]:
    names = str(row.cells.get("productdetailattributename", "")).split("\n")
    values = str(row.cells.get("productdetailattributevalue", "")).split("\n")
    for name, value in zip(names, values, strict=False):
        if name and value and not _values.is_cost(_values.fold(name)):
            yield _values.one_line(name), _values.one_line(value)


def _joined(handle: str, entries: list[tuple[Product, Variant]]) -> Product:
    """One product: options are what its items differ in, what they share is an attribute."""
    product = entries[0][0]
    product.handle = handle
    product.variants = [variant for _, variant in entries]
    for name in dict.fromkeys(name for variant in product.variants for name in variant.options):
        values = {variant.options.get(name, "") for variant in product.variants}
        if len(values) == 1:
            product.attributes[name] = values.pop()
            for variant in product.variants:
                del variant.options[name]
    if len(entries) > 1:
        titles = [other.title for other, _ in entries]
        same = (len(set(letters)) == 1 for letters in zip(*titles, strict=False))
        shared = titles[0][: sum(takewhile(bool, same))]
        if any(title[len(shared) : len(shared) + 1].isalnum() for title in titles):
            shared = re.sub(r"[a-zA-Z0-9]+$", "", shared)
        shared = shared.strip(" -–—/,|(:")
        product.title = shared if len(shared) >= 2 else product.title
    return product
