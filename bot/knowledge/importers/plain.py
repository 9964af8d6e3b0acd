"""Any other table, JSON list or JSON lines file of products: common column names are known, `--columns` maps the rest.

What no field takes becomes an attribute, unless it is an id, a rating, a picture or what the merchant pays.
"""

import re
from collections.abc import Iterator, Mapping
from typing import Any

from bot.knowledge.importers import _rows, _values
from bot.knowledge.importers.base import PRODUCTS, Head, Item, Problem, Product, Source, Variant

KIND = PRODUCTS

FIELDS: Mapping[str, tuple[str, ...]] = {
    "handle": ("handle", "slug", "id", "productid", "itemid", "uuid", "编号", "商品编号", "产品编号", "商品id", "货号"),
    "title": ("title", "name", "productname", "producttitle", "itemname", "item", "product", "displayname", "标题",
              "名称", "商品名称", "产品名称", "商品名", "产品名", "品名", "商品标题", "商品"),
    "price": ("price", "saleprice", "sellingprice", "unitprice", "retailprice", "currentprice", "amount", "售价",
              "价格", "单价", "销售价", "现价", "零售价", "价钱", "促销价"),
    "compare_at": ("compareatprice", "compareat", "regularprice", "originalprice", "listprice", "msrp", "rrp",
                   "oldprice", "原价", "市场价", "划线价", "吊牌价"),
    "currency": ("currency", "currencycode", "pricecurrency", "币种", "货币"),
    "stock": ("stock", "currentstock", "inventory", "quantity", "qty", "stockquantity", "stocklevel", "stockqty",
              "instockquantity", "inventoryquantity", "onhand", "库存", "库存数量", "数量", "现有库存"),
    "available": ("availability", "available", "instock", "isavailable", "stockstatus", "是否有货", "有货", "库存状态"),
    "sku": ("sku", "skucode", "itemnumber", "articlenumber", "productcode", "partnumber", "sku编码", "商品编码",
            "型号"),
    "brand": ("brand", "vendor", "manufacturer", "maker", "brandname", "品牌", "厂商", "制造商"),
    "category": ("category", "producttype", "type", "categories", "department", "productcategory", "分类", "类别",
                 "类目", "商品分类", "产品分类", "品类"),
    "tags": ("tags", "keywords", "labels", "aliases", "标签", "关键词", "别名"),
    "description": ("description", "body", "bodyhtml", "details", "productdescription", "longdescription", "summary",
                    "desc", "shortdescription", "描述", "商品描述", "产品描述", "详情", "简介", "介绍", "说明"),
    "link": ("link", "url", "producturl", "permalink", "href", "链接", "商品链接", "网址"),
    "image": ("image", "imageurl", "imagelink", "images", "thumbnail", "picture", "photo", "imagesrc", "图片",
              "图片链接", "主图"),
    "visible": ("visible", "published", "active", "status", "isactive", "enabled", "状态", "上架",
                "是否上架", "上架状态"),
}  # fmt: skip
VARIANTS = ("variants", "skus", "variations", "规格列表")
NO_ATTRIBUTE = re.compile(
    r"id$|^id|uuid|guid|barcode|gtin|^ean$|^upc$|rating|review|score|评分|评价|销量|url|link|image|photo|picture|thumbnail"
    r"|license|password|token|email|phone|createdat|updatedat|^date|supplier|供应商|internal|内部|^wherevisible$"
)
LONGEST = 300


def sniff(head: Head) -> float:
    if head.mapping and any(_values.fold(column) in head.columns for column in head.mapping.values()):
        return 1.0
    titled, priced = (any(map(head.has, FIELDS[field])) for field in ("title", "price"))
    if _rows.is_json(head):
        return 0.7 if titled and (priced or head.has("variants")) else 0.0
    if len(head.columns) < 2 or head.text.lstrip().startswith("<"):
        return 0.0
    return 0.7 if titled and priced else 0.3 if _even(head) and (titled or priced) else 0.0


def _even(head: Head) -> bool:
    """Whether the lines look like a table's: the separator stands in each of the first few."""
    lines = [line for line in head.text.splitlines() if line.strip()][:5]
    delimiter = _rows.delimiter_of(lines[0])
    return len(lines) > 1 and all(line.count(delimiter) >= lines[0].count(delimiter) for line in lines)


def read(source: Source) -> Iterator[Item]:
    fields = dict(FIELDS) | {field: (_values.fold(column),) for field, column in source.mapping.items()}
    known = {name for names in FIELDS.values() for name in names} | {
        name for names in fields.values() for name in names
    }
    checked = False
    for row in _rows.rows(source):
        if isinstance(row, Problem):
            yield row
            continue
        if not checked:
            checked = True
            missing = [problem for problem in _missing(row, fields, source) if problem]
            yield from missing
            if missing:
                return
        product = _product(row, fields, known)
        if row.problems:
            yield from row.problems
        else:
            yield product


def _missing(row: _rows.Row, fields: Mapping[str, tuple[str, ...]], source: Source) -> Iterator[Problem]:
    """A mapped column, or the title's or price's in a table, that the file doesn't have."""
    have = ", ".join(dict.fromkeys(row.names.values()))
    for field, column in source.mapping.items():
        if _values.fold(column) not in row.names:
            yield source.problem(column, f"the file has no such column for {field}", f"one of {have} would be right", 1)
    for field in ("title", "price"):
        named = field in source.mapping or any(name in row.names for name in fields[field])
        if not named and not any(name in row.names for name in VARIANTS):
            right = f'name it in a --columns file: {field} = "…", one of {have}'
            yield source.problem("", f"no column is the {field}", right, 1)


def _product(row: _rows.Row, fields: Mapping[str, tuple[str, ...]], known: set[str]) -> Product:
    title = row.text(*fields["title"])
    if not title:
        column = next((name for name in fields["title"] if name in row.names), "title")
        row.wrong(column, "there is no title", "every product needs one")
    sku = row.text(*fields["sku"])
    image = row.first(*fields["image"])[1]
    image = image[0] if isinstance(image, list) and image else image
    nested = row.first(*VARIANTS)[1]
    taken = known | set(VARIANTS)
    own = _variant(row, fields)
    return Product(
        handle=row.text(*fields["handle"]) or sku or title,
        title=title,
        line=row.line,
        variants=_nested(row, nested, own, fields, known) if isinstance(nested, list) and nested else [own],
        brand=row.text(*fields["brand"]),
        category=row.text(*fields["category"]),
        tags=_tags(row.first(*fields["tags"])[1]),
        description=row.plain(*fields["description"]),
        attributes=dict(_attributes(row, taken | {name for name in row.cells if _values.is_cost(name)})),
        link=_values.address(row.text(*fields["link"])),
        image=_values.address(str(image)),
        visible=_values.truth(row.text(*fields["visible"])) is not False,
    )


def _variant(row: _rows.Row, fields: Mapping[str, tuple[str, ...]]) -> Variant:
    price, compare_at = _price(row, fields["price"]), _price(row, fields["compare_at"])
    stock = row.count(*fields["stock"])
    return Variant(
        price=price.amount if price else None,
        compare_at=compare_at.amount if price and compare_at and compare_at.amount > price.amount else None,
        currency=row.currency(*fields["currency"]) or (price.currency if price else ""),
        hint=price.hint if price else "",
        sku=row.text(*fields["sku"]),
        stock=stock,
        available=_values.truth(row.text(*fields["available"])) if stock is None else None,
    )


def _price(row: _rows.Row, columns: tuple[str, ...]) -> _values.Price | None:
    """A price, which in JSON may be an object of amount and currency."""
    column, value = row.first(*columns)
    if not isinstance(value, dict):
        return row.price(*columns)
    inner = _rows.row_of(row.file, row.line, value, {})
    price = inner.price("amount", "value", "price")
    currency = inner.currency("currency", "currencycode")
    for problem in inner.problems:
        row.wrong(column, problem.what, problem.right)
    return _values.Price(price.amount, currency or price.currency, price.hint) if price else None


def _nested(
    row: _rows.Row, entries: list[Any], own: Variant, fields: Mapping[str, tuple[str, ...]], known: set[str]
) -> list[Variant]:
    """The variants that a JSON product lists; what they don't say is the product's."""
    found = []
    for number, entry in enumerate(entries, 1):
        if not isinstance(entry, dict):
            row.wrong(
                VARIANTS[0],
                f"variant {number} is no object",
                'an object such as {"size": "M", "price": 20} would be right',
            )
            continue
        inner = _rows.row_of(row.file, row.line, entry, {})
        variant = _variant(inner, fields)
        row.problems += inner.problems
        if variant.price is None:
            variant.price, variant.compare_at = own.price, own.compare_at
        variant.currency, variant.hint = variant.currency or own.currency, variant.hint or own.hint
        options = inner.first("options")[1]
        pairs = options.items() if isinstance(options, dict) else _attributes(inner, known)
        variant.options = {_values.one_line(str(name)): _values.one_line(str(value)) for name, value in pairs}
        if not variant.options and (title := inner.text(*fields["title"])):
            variant.options = {"Option": title}
        found.append(variant)
    return found


def _tags(value: Any) -> list[str]:
    parts = value if isinstance(value, list) else re.split(r"[,;|，、；]", str(value))
    return [tag for part in parts if not isinstance(part, dict | list) and (tag := _values.one_line(str(part)))]


def _attributes(row: _rows.Row, taken: set[str]) -> Iterator[tuple[str, str]]:
    """Label and value of each plain cell that no field takes."""
    for column, value in row.cells.items():
        if column in taken or not column or NO_ATTRIBUTE.search(column) or _values.is_cost(column):
            continue
        if isinstance(value, list | dict) or value is None or value is False:
            continue
        text = "yes" if value is True else _values.one_line(str(value))
        if text and len(text) <= LONGEST:
            yield label(row.names[column]), text


def label(column: str) -> str:
    """`gender_affinity` -> Gender affinity."""
    words = re.sub(r"(?<=[a-z])(?=[A-Z])", " ", column).replace("_", " ").replace("-", " ").split()
    text = " ".join(words)
    return text[:1].upper() + (text[1:].lower() if text.islower() or "_" in column else text[1:])
