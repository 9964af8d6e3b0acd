"""Orders from the shop's system: read whole or not at all, and nobody's until a member enters the code of one.

Of who bought, nothing is kept: no name, no address. What the shop puts on the order or mails is a one-time code, of
which the tables hold a digest; whoever enters it in a direct chat is taken to be the buyer. A code on several orders is
for all of them, also of later imports. Exports of Shopify and WooCommerce are read, and plain tables.
"""

import csv
import hashlib
import re
import secrets
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime
from decimal import Decimal
from pathlib import Path
from typing import Any

from bot.knowledge.importers import BadImport, Problem, _files, _rows
from bot.knowledge.importers.base import Source
from bot.members.traits import Traits
from storage import purchases
from storage.database import Transaction

ORDER = ("ordernumber", "orderid", "order", "订单号", "订单编号")
TITLE = ("lineitemname", "itemname", "product", "title", "item", "商品", "商品名称")
NUMBER = ("lineitemsku", "sku", "货号", "商品编码")
QUANTITY = ("lineitemquantity", "quantityrefund", "quantity", "qty", "数量")
PRICE = ("lineitemprice", "itemcost", "price", "unitprice", "单价", "价格")
AT = ("paidat", "createdat", "orderdate", "date", "下单时间", "日期")
CURRENCY = ("currency", "ordercurrency", "币种")
STATUS = ("financialstatus", "orderstatus", "status", "状态")
CANCELLED = ("cancelledat",)
CODE = ("code", "claimcode", "ordercode", "领取码")
NOTES = ("noteattributes", "tags", "notes", "note", "customernote", "备注")
CUSTOMER = ("email", "emailbilling", "billingemail", "customerid", "customer", "客户")
VOID = frozenset("refunded voided cancelled canceled failed trash pending 已退款 已取消 待付款".split())  # noqa: SIM905
CODED = re.compile(r"(?<![0-9A-Za-z])[0-9A-Z]{5}-[0-9A-Z]{5}(?![0-9A-Za-z])")
PIECES = re.compile(r"\d{1,6}(?:\.0*)?")
LETTERS = "ABCDEFGHJKMNPQRSTVWXYZ0123456789"  # without I, L, O and U, which are misread
SPOKEN = str.maketrans("ILOU", "110V")
LEAST, HALF = 8, 5  # letters of a code, and of each half of one that is made here
MOST, SHOWN = 200_000, 50  # lines of a file, problems that are listed
WHOLE_NUMBERS = "a whole number above 0 would be right"


def letters(code: str) -> str:
    """A code as it counts: however it is written."""
    return "".join(sign for sign in code.upper() if sign.isalnum()).translate(SPOKEN)


def digest(code: str) -> str:
    """What the tables keep of a code."""
    return hashlib.sha256(f"order:{letters(code)}".encode()).hexdigest()


@dataclass(slots=True)
class Line:
    """One product of an order. `amount` is of all its pieces."""

    number: str
    title: str
    quantity: int
    amount: Decimal
    currency: str


@dataclass(slots=True)
class Order:
    """`code` is empty where the file holds none; `customer` is looked at while codes are made, and kept nowhere."""

    name: str
    at: datetime
    line: int
    code: str
    customer: str
    void: bool
    lines: list[Line] = field(default_factory=list)


@dataclass(slots=True)
class Imported:
    """Lines of orders that came in, changed, stayed, and left; and the codes that were made: order, code."""

    added: int = 0
    changed: int = 0
    unchanged: int = 0
    withdrawn: int = 0
    codes: list[tuple[str, str]] = field(default_factory=list)


def read(path: Path, now: datetime, currency: str) -> list[Order]:
    """The orders of a file. `currency` is the shop's, for files without one. Raises BadImport."""
    name = str(path)
    try:
        source = Source(path, name, _files.encoding_of(path), now, {})
        found = _gathered(source, currency)
    except _files.NotText as error:
        raise BadImport((Problem(name, 1, "", f"the file {error.what}", error.right),)) from None
    except (OSError, UnicodeError) as error:
        raise BadImport((Problem(name, 1, "", f"the file can't be read ({error})", "a CSV file is right"),)) from None
    return found


def _gathered(source: Source, currency: str) -> list[Order]:
    orders: dict[str, Order] = {}
    problems: list[Problem] = []
    count = 0
    for row in _rows.table(source):
        if isinstance(row, Problem):
            problems.append(row)
            continue
        count += 1
        if count > MOST:
            raise BadImport((source.problem("", f"there are more than {MOST:,} lines", "split the file"),))
        if count == 1 and (missing := _missing(source, row)):
            raise BadImport(tuple(missing))
        _take(source, orders, row, currency)
        problems += row.problems
    if not count and not problems:
        problems.append(
            source.problem("", "there is no order in it", "an export with a line for each product is right")
        )
    if problems:
        raise BadImport(tuple(problems[:SHOWN]), max(0, len(problems) - SHOWN))
    return list(orders.values())


def _order_column(row: _rows.Row) -> tuple[str, ...]:
    """Shopify calls the order's own column `Name`."""
    return ("name", *ORDER) if "lineitemname" in row.names else ORDER


def _called(row: _rows.Row, columns: Sequence[str]) -> str:
    """The one of these columns that the file has."""
    return next((one for one in columns if one in row.names), columns[0])


def _missing(source: Source, row: _rows.Row) -> list[Problem]:
    wanted = {"the order's number": _order_column(row), "the product": TITLE, "the price": PRICE, "the date": AT}
    return [
        source.problem("", f"no column holds {what}", f"a column called {columns[0]} would be right", 1)
        for what, columns in wanted.items()
        if not any(column in row.names for column in columns)
    ]


def _take(source: Source, orders: dict[str, Order], row: _rows.Row, currency: str) -> None:
    """One line of a file. What an order's first line says of the order holds for its others."""
    column = _order_column(row)
    name = row.text(*column)
    if not name:
        row.wrong(_called(row, column), "there is no order number", "a number or name would be right")
        return
    if name not in orders:
        found = _begun(row, name)
        if found is None:
            return
        orders[name] = found
    order = orders[name]
    title, price = row.text(*TITLE), row.price(*PRICE)
    pieces = row.text(*QUANTITY) or "1"
    quantity = int(float(pieces)) if PIECES.fullmatch(pieces) else 0
    if not title:
        row.wrong(_called(row, TITLE), "there is no product", "its name would be right")
    if price is None and not row.problems:
        row.wrong(_called(row, PRICE), "there is no price", "a number such as 12.50 would be right")
    if quantity < 1:
        row.wrong(_called(row, QUANTITY), f"“{pieces[:20]}” pieces can't be bought", WHOLE_NUMBERS)
    if row.problems or price is None:
        return
    paid = row.currency(*CURRENCY) or (order.lines[0].currency if order.lines else "") or price.currency or currency
    order.lines.append(Line(row.text(*NUMBER), title, quantity, price.amount * quantity, paid))


def _begun(row: _rows.Row, name: str) -> Order | None:
    text = row.text(*AT)
    at = _moment(text)
    if at is None:
        row.wrong(_called(row, AT), f"“{text[:40]}” is no date", "one such as 2026-03-01 14:30 would be right")
        return None
    status, code = row.text(*STATUS).casefold(), row.text(*CODE)
    if code and len(letters(code)) < LEAST:
        row.wrong(_called(row, CODE), "the code is too short", f"{LEAST} letters and digits or more would be right")
    if not code:
        found = CODED.search(" ".join(row.text(one) for one in NOTES))
        code = found[0] if found else ""
    void = status in VOID or bool(row.text(*CANCELLED))
    return Order(name, at, row.line, code, row.text(*CUSTOMER).casefold(), void)


def _moment(text: str) -> datetime | None:
    """A date and time as exports write it; UTC where it names no zone."""
    plain = re.sub(r"\s+([+-]\d\d):?(\d\d)$", r"\1:\2", text.strip()).replace("/", "-").removesuffix(" UTC")
    plain = re.sub(r"^(\d{4})-(\d)(?=-)", r"\1-0\2", plain)
    plain = re.sub(r"^(\d{4}-\d\d)-(\d)(?!\d)", r"\1-0\2", plain)
    try:
        found = datetime.fromisoformat(plain)
    except ValueError:
        return None
    return found if found.tzinfo else found.replace(tzinfo=UTC)


class Orders:
    """Imports orders, and gives them to who enters their code."""

    def __init__(self, traits: Traits) -> None:
        self._traits, self._shop_id = traits, traits.shop_id

    async def take_in(self, tx: Transaction, orders: Sequence[Order], file: str, *, make_codes: bool) -> Imported:
        """All of them or none: what is there already is compared, line by line. Raises BadImport where a new order has
        no code and none may be made."""
        known: dict[str, dict[int, Any]] = {}
        for row in await purchases.of_orders(tx, self._shop_id, [one.name for one in orders]):
            known.setdefault(row.order_name, {})[row.position] = row
        hashes, done = self._codes(orders, known, file, make_codes)
        owners = await purchases.owners(tx, self._shop_id)
        numbers, titles = await purchases.products(tx, self._shop_id)
        for order in orders:
            lines = [] if order.void else order.lines
            held = known.get(order.name, {})
            for position, line in enumerate(lines):
                product = numbers.get(line.number) or _titled(line.title, titles)
                values: dict[str, Any] = {"title": line.title, "product_id": product, "quantity": line.quantity}
                values |= {"amount": line.amount, "currency": line.currency, "at": order.at}
                if position in held:
                    await self._compare(tx, held[position], values, done)
                    continue
                place = {"order_name": order.name, "position": position, "hash": hashes[order.name]}
                owner = owners.get(hashes[order.name])
                new = await purchases.add(tx, self._shop_id, **place, **values)
                done.added += 1
                if owner:
                    await purchases.change(tx, new, member_id=owner[0], chat_id=owner[1])
                    await self._bought(tx, owner, values, first=position == 0)
            for position, row in held.items():
                if position >= len(lines):
                    await purchases.drop(tx, row.id)
                    await self._amend(tx, row, -row.amount)
                    done.withdrawn += 1
        return done

    def _codes(
        self, orders: Sequence[Order], known: Mapping[str, Mapping[int, Any]], file: str, make: bool
    ) -> tuple[dict[str, str], Imported]:
        """Order -> the digest of its code. One code is made for all new orders of a customer."""
        hashes, made, done = dict[str, str](), dict[str, str](), Imported()
        problems: list[Problem] = []
        for order in orders:
            if order.code:
                hashes[order.name] = digest(order.code)
            elif order.name in known:
                hashes[order.name] = next(iter(known[order.name].values())).hash
            elif not order.void and not make:
                right = "put one into a column called code, or have codes made: --codes FILE.csv"
                problems.append(Problem(file, order.line, "code", f"order {order.name} has no code", right))
            elif not order.void:
                customer = order.customer or f"order {order.name}"
                code = made.setdefault(customer, _new_code())
                hashes[order.name] = digest(code)
                done.codes.append((order.name, code))
        if problems:
            raise BadImport(tuple(problems[:SHOWN]), max(0, len(problems) - SHOWN))
        return hashes, done

    async def _compare(self, tx: Transaction, row: Any, values: dict[str, Any], done: Imported) -> None:
        if all(getattr(row, name) == value for name, value in values.items()):
            done.unchanged += 1
            return
        await purchases.change(tx, row.id, **values)
        await self._amend(tx, row, values["amount"] - row.amount)
        done.changed += 1

    async def claim(self, tx: Transaction, member_id: int, chat_id: int, code: str, now: datetime) -> list[Any] | None:
        """Give a code's orders to a member: their lines, newest last; None where no order of nobody's has this code."""
        found = await purchases.by_hash(tx, self._shop_id, digest(code))
        if not found or any(row.member_id not in (None, member_id) for row in found):
            return None
        orders: set[str] = set()
        for row in found:
            if row.member_id is None:
                await purchases.change(tx, row.id, member_id=member_id, chat_id=chat_id)
                values: dict[str, Any] = {
                    "product_id": row.product_id,
                    "amount": row.amount,
                    "currency": row.currency,
                    "at": row.at,
                }
                await self._bought(tx, (member_id, chat_id), values, first=row.order_name not in orders)
            orders.add(row.order_name)
        return found

    async def _bought(self, tx: Transaction, owner: tuple[int, int], values: Mapping[str, Any], *, first: bool) -> None:
        data = {"amount": f"{values['amount']:f}", "currency": values["currency"], "orders": int(first)}
        await self._traits.record(tx, *owner, "bought", values["at"], product_id=values["product_id"], data=data)

    async def _amend(self, tx: Transaction, row: Any, difference: Decimal) -> None:
        """What an order that has an owner came to cost more or less."""
        if row.member_id is not None and difference:
            data = {"amount": f"{difference:f}", "currency": row.currency}
            await self._traits.record(tx, row.member_id, row.chat_id, "amended", row.at, data=data)


def _titled(title: str, titles: Mapping[str, int]) -> int | None:
    """The product of this title; exports put the variant behind it: `Gripstone Tire - 29"`."""
    low = title.lower()
    return titles.get(low) or titles.get(low.rpartition(" - ")[0])


def _new_code() -> str:
    signs = "".join(secrets.choice(LETTERS) for _ in range(2 * HALF))
    return f"{signs[:HALF]}-{signs[HALF:]}"


def write_codes(path: Path, codes: Sequence[tuple[str, str]]) -> None:
    """The codes as a table for the shop to mail. Raises FileExistsError."""
    with path.open("x", encoding="utf-8", newline="") as file:
        writer = csv.writer(file)
        writer.writerow(("order", "code"))
        writer.writerows(codes)
