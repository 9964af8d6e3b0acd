"""WooCommerce's product CSV, with its English or Chinese column names: variations are rows that name their parent.

A variation may stand anywhere in the file, so variable products wait for its end; all others are given as they come.
"""

import re
from collections.abc import Iterator
from dataclasses import dataclass

from bot.knowledge.importers import _rows, _values
from bot.knowledge.importers.base import PRODUCTS, Head, Item, Problem, Product, Source, Variant

KIND = PRODUCTS

ID, SKU = ("id",), ("sku", "货号")
TYPE, NAME, PARENT = ("type", "类型"), ("name", "名称"), ("parent", "父级")
PUBLISHED = ("published", "已发布")
SEEN = ("visibilityincatalog", "visibilityincatalogue", "在列表页可见", "目录可见性")
SHORT, LONG = ("shortdescription", "简短描述", "简单描述", "简短说明"), ("description", "描述", "说明")
REGULAR, SALE = ("regularprice", "常规售价", "常规价格", "原价"), ("saleprice", "促销价格", "促销价", "特价")
SALE_FROM, SALE_TO = ("datesalepricestarts", "促销开始日期"), ("datesalepriceends", "促销截止日期", "促销结束日期")
IN_STOCK, STOCK = ("instock", "有货"), ("stock", "库存")
BACKORDERS = ("backordersallowed", "允许缺货下单")
CATEGORIES, TAGS, IMAGES, BRANDS = ("categories", "分类"), ("tags", "标签"), ("images", "图片"), ("brands", "品牌")
LINK = ("externalurl", "外部链接")
ATTRIBUTE = re.compile(r"(?:attribute(\d+)name|属性(\d+)名称)$")
SIZES = ("weight", "length", "width", "height", "重量", "长度", "宽度", "高度")
COMMA = re.compile(r"(?<!\\),")


@dataclass(slots=True)
class _Waiting:
    """A variable product, with its attributes: those that its variations differ in become options."""

    product: Product
    lists: dict[str, str]


def sniff(head: Head) -> float:
    english = head.has("type", "name") and any(map(head.has, ("regularprice", "visibilityincatalog", "instock")))
    chinese = head.has("类型", "名称") and any(map(head.has, ("常规售价", "常规价格", "已发布", "有货")))
    return 0.95 if english or chinese else 0.0


def read(source: Source) -> Iterator[Item]:
    waiting: dict[str, _Waiting] = {}  # under every name that a variation may call its parent by
    orphans: list[tuple[str, Variant, Problem]] = []
    for row in _rows.table(source):
        if isinstance(row, Problem):
            yield row
        elif "variation" in row.text(*TYPE).lower():
            parent = row.text(*PARENT)
            variant = _variant(row, source)
            yield from row.problems
            if not row.problems and _values.truth(row.text(*PUBLISHED)) is not False:
                what = (
                    f"no product of the file is {_values.shown(parent)}" if parent else "the variation names no parent"
                )
                right = "the SKU of a variable product, or id: and its ID, would be right"
                column, _ = row.first(*(name for name in PARENT if name in row.cells), PARENT[0])
                problem = Problem(row.file, row.line, row.names.get(column, column), what, right)
                orphans.append((parent, variant, problem))
        else:
            yield from _product(row, source, waiting)
    yield from _joined(waiting, orphans)


def _product(row: _rows.Row, source: Source, waiting: dict[str, _Waiting]) -> Iterator[Item]:
    title, number, sku = row.text(*NAME), row.text(*ID), row.text(*SKU)
    if not title:
        row.wrong(
            next((name for name in NAME if name in row.names), NAME[0]), "there is no name", "every product needs one"
        )
    variable = "variable" in row.text(*TYPE).lower()
    variant = _variant(row, source)
    lists = dict(_attribute_lists(row))
    variant.options = {}
    categories = _list(row.text(*CATEGORIES))
    product = Product(
        handle=sku or (f"id:{number}" if number else _values.fold(title)),
        title=title,
        line=row.line,
        variants=[] if variable else [variant],
        brand=row.text(*BRANDS),
        category=categories[0] if categories else "",
        tags=_list(row.text(*TAGS)),
        description="\n".join(filter(None, (_prose(row, SHORT), _prose(row, LONG)))),
        attributes={} if variable else lists,
        link=_values.address(row.text(*LINK)),
        image=_values.address(next(iter(_list(row.text(*IMAGES))), "")),
        visible=row.text(*PUBLISHED) in ("", "1", "1.0") and row.text(*SEEN).lower() not in ("hidden", "隐藏"),
    )
    product.attributes.update(_sizes(row))
    if row.problems:
        yield from row.problems
        product.handle = ""  # its variations still find it, so that only its own problem is told
    if not variable:
        if product.handle:
            yield product
        return
    entry = _Waiting(product, lists)
    waiting.update({name: entry for name in (sku, f"id:{number}" if number else "") if name})
    waiting.setdefault(f"line {row.line}", entry)


def _joined(waiting: dict[str, _Waiting], variations: list[tuple[str, Variant, Problem]]) -> Iterator[Item]:
    for parent, variant, problem in variations:
        if entry := waiting.get(parent):
            entry.product.variants.append(variant)
        else:
            yield problem
    for entry in {id(entry): entry for entry in waiting.values()}.values():
        used = {name for variant in entry.product.variants for name in variant.options}
        entry.product.attributes.update({name: value for name, value in entry.lists.items() if name not in used})
        if entry.product.handle:
            yield entry.product


def _variant(row: _rows.Row, source: Source) -> Variant:
    regular, sale, stock = row.price(*REGULAR), row.price(*SALE), row.count(*STOCK)
    reduced = sale is not None and _values.on_sale(row.text(*SALE_FROM), row.text(*SALE_TO), source.now)
    price = sale if reduced else regular
    word = row.text(*IN_STOCK)
    available = True if word.lower() == "backorder" else _values.truth(word)
    if available is None and word.isdigit():
        available = True
    oversells = _values.truth(row.text(*BACKORDERS)) is True or row.text(*BACKORDERS).lower() == "notify"
    if oversells and not stock:
        stock = None
    return Variant(
        price=price.amount if price else None,
        compare_at=regular.amount if reduced and regular else None,
        currency=price.currency if price else "",
        hint=price.hint if price else "",
        sku=row.text(*SKU),
        options=dict(_attribute_lists(row)),
        stock=stock,
        available=available if stock is None else None,
    )


def _attribute_lists(row: _rows.Row) -> Iterator[tuple[str, str]]:
    for column in row.cells:
        match = ATTRIBUTE.match(column)
        if match and not _values.is_cost(_values.fold(name := row.text(column))):
            number = match[1] or match[2]
            value = row.text(f"attribute{number}values", f"attribute{number}value", f"属性{number}值")
            if name and value:
                yield name, ", ".join(_list(value))


def _sizes(row: _rows.Row) -> Iterator[tuple[str, str]]:
    """`Weight (kg)` 0.5 -> Weight: 0.5 kg."""
    for column in row.cells:
        if column.startswith(SIZES) and (value := row.text(column)) and value.strip("0.,"):
            name, _, unit = row.names[column].replace("（", "(").partition("(")
            yield name.strip(), f"{value} {unit.strip(' )）')}".strip()


def _list(text: str) -> list[str]:
    return [part.strip().replace("\\,", ",") for part in COMMA.split(text) if part.strip()]


def _prose(row: _rows.Row, columns: tuple[str, ...]) -> str:
    """The exporter writes a line break as backslash and n, and an apostrophe before what a sheet would calculate."""
    value = str(row.first(*columns)[1]).replace("\\n", "\n")
    return _values.plain(re.sub(r"^'(?=[=+\-@])", "", value))
