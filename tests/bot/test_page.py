"""The page in a real browser: what somebody in front of it sees and can do."""

import os
from collections.abc import AsyncIterator
from pathlib import Path

import pytest
from playwright.async_api import Browser, Page, async_playwright, expect

from bot.messages import Button, Card, Chat, Kind, Outgoing, Role
from tests.bot.web_shop import TOKEN, SmallShop, open_shop

pytestmark = pytest.mark.long

CHROMIUM = Path("/usr/bin/chromium")
GROUP = Chat("web", "group", "Alder & Reed")


@pytest.fixture
async def browser() -> AsyncIterator[Browser]:
    if not CHROMIUM.exists():
        reason = f"no browser at {CHROMIUM}; Debian's package chromium brings it"
        if os.environ.get("CI") == "true":
            pytest.fail(reason)
        pytest.skip(reason)
    async with async_playwright() as playwright:
        # no sandbox: the tests may run as root in a container, and open nothing but the page
        browser = await playwright.chromium.launch(executable_path=CHROMIUM, args=["--no-sandbox"])
        yield browser
        await browser.close()


@pytest.fixture
async def shop(tmp_path: Path) -> AsyncIterator[SmallShop]:
    async with open_shop(tmp_path / "uploads") as shop:
        yield shop


@pytest.fixture
async def page(browser: Browser, shop: SmallShop) -> AsyncIterator[Page]:
    page = await browser.new_page(locale="en-GB", viewport={"width": 1200, "height": 800})
    wrong: list[str] = []
    page.on("pageerror", lambda error: wrong.append(str(error)))
    page.on("console", lambda entry: wrong.append(entry.text) if entry.type == "error" else None)
    await page.goto(shop.web.url)
    await expect(page.get_by_role("radio", name="Maya")).to_be_checked()
    yield page
    assert [one for one in wrong if "ERR_CONNECTION_REFUSED" not in one] == []


async def speak(page: Page, seat: str, text: str) -> None:
    await page.get_by_role("radio", name=seat).check(force=True)
    await expect(page.get_by_placeholder(f"Message as {seat}")).to_be_visible()
    await page.get_by_label("Write a message").fill(text)
    await page.keyboard.press("Enter")


async def test_two_members_talk_and_a_reply_streams(page: Page, shop: SmallShop) -> None:
    await speak(page, "Maya", "morning all")
    await speak(page, "Tom", "@shopkeeper how much is the teapot?")
    morning, question = await shop.received.get(), await shop.received.get()
    assert (morning.sender.name, morning.addressed) == ("Maya", False)
    assert (question.sender.name, question.addressed) == ("Tom", True)

    reply = page.locator('[data-id="reply:2"]')
    await shop.say(GROUP, Outgoing("The teapot", reply_to=question.id, done=False), "reply:2")
    await expect(reply).to_have_attribute("aria-busy", "true")
    whole = Outgoing(
        "The teapot is £68.00.",
        reply_to=question.id,
        buttons=(Button("Delivery", "/ask delivery"),),
        cards=(Card("Zisha Teapot", "£68.00 · 6 in stock", link="https://alder.example/teapot"),),
    )
    await shop.edit(GROUP, "reply:2", whole)
    await expect(reply).to_have_attribute("aria-busy", "false")
    await expect(reply).to_contain_text("The teapot is £68.00.")
    await expect(reply.locator(".quote")).to_contain_text("Tom")
    await expect(page.locator(".message:not(.typing)")).to_have_count(3)
    await expect(page.locator("#announcer")).to_have_text("Shopkeeper: The teapot is £68.00.")
    await expect(reply.get_by_role("link", name="View product")).to_have_attribute("rel", "noopener noreferrer")

    await reply.get_by_role("button", name="Delivery").click()
    pressed = await shop.received.get()
    assert (pressed.kind, pressed.text, pressed.sender.name) == (Kind.BUTTON, "/ask delivery", "Tom")
    await reply.hover()
    await reply.get_by_role("button", name="React with \U0001f44d").click()
    await expect(reply.locator(".reactions button")).to_have_attribute("aria-pressed", "true")
    reaction = await shop.received.get()
    assert (reaction.kind, reaction.reply_to) == (Kind.REACTION, "reply:2")

    await reply.get_by_role("button", name="Reply to Shopkeeper").click()
    await page.keyboard.type("and the red one?")
    await page.keyboard.press("Enter")
    again = await shop.received.get()
    assert (again.reply_to, again.addressed) == ("reply:2", True)


async def test_commands_are_completed_by_keyboard(page: Page, shop: SmallShop) -> None:
    text = page.get_by_label("Write a message")
    await text.focus()
    await page.keyboard.type("/")
    options = page.get_by_role("option")
    await expect(options).to_have_count(4)
    await expect(options.nth(3)).to_contain_text("admin")
    await page.keyboard.press("ArrowDown")
    await expect(options.nth(1)).to_have_attribute("aria-selected", "true")
    await page.keyboard.press("Tab")
    await expect(text).to_have_value("/product ")
    await expect(page.locator("#popup")).to_contain_text("NAME")
    await page.keyboard.type("teapot")
    await page.keyboard.press("Enter")
    assert (await shop.received.get()).text == "/product teapot"
    await page.keyboard.type("/he")
    await page.keyboard.press("Enter")
    await expect(text).to_have_value("/help ")
    await page.keyboard.press("Enter")
    assert (await shop.received.get()).text == "/help"
    await page.keyboard.type("@sh")
    await page.keyboard.press("Enter")
    await expect(text).to_have_value("@shopkeeper ")


async def test_everything_can_be_reached_without_a_mouse(page: Page, shop: SmallShop) -> None:
    await shop.say(GROUP, Outgoing("first"), "post:1")
    await shop.say(GROUP, Outgoing("second"), "post:2")
    await page.get_by_role("radio", name="Maya").focus()
    await page.keyboard.press("ArrowRight")
    await expect(page.get_by_placeholder("Message as Tom")).to_be_visible()
    await expect(page.get_by_role("radio", name="Tom")).to_be_focused()
    await page.keyboard.press("Shift+Tab")  # the newest message, or what one can do with it
    await page.locator('[data-id="post:2"]').focus()
    await page.keyboard.press("ArrowUp")
    await expect(page.locator('[data-id="post:1"]')).to_be_focused()
    await page.keyboard.press("Tab")
    await page.keyboard.press("Enter")
    reaction = await shop.received.get()
    assert (reaction.sender.name, reaction.reply_to, reaction.text) == ("Tom", "post:1", "\U0001f44d")


async def test_the_admin_seat_asks_for_the_token(page: Page, shop: SmallShop) -> None:
    await page.get_by_role("radio", name="Alex").click()
    dialog = page.get_by_role("dialog")
    await dialog.get_by_label("Admin token").fill("a guess")
    await page.keyboard.press("Enter")
    await expect(dialog.get_by_role("alert")).to_be_visible()
    await dialog.get_by_role("button", name="Cancel").click()
    await expect(page.get_by_role("radio", name="Maya")).to_be_checked()
    await page.goto(f"{shop.web.url}/#admin={TOKEN}")
    await page.reload()
    await expect(page).to_have_url(f"{shop.web.url}/")
    await page.get_by_role("radio", name="Alex").click()
    await expect(page.get_by_placeholder("Message as Alex")).to_be_visible()
    await page.locator("#files").set_input_files(
        {"name": "shop.csv", "mimeType": "text/csv", "buffer": b"title\nTea\n"}
    )
    await expect(page.locator(".files")).to_have_text("shop.csv")
    message = await shop.received.get()
    assert (message.text, message.sender.role, message.files[0].size) == ("/import", Role.ADMIN, 10)


async def test_what_is_written_stays_text(page: Page, shop: SmallShop) -> None:
    evil = "<img src=x onerror=\"document.title='owned'\"><script>document.title='owned'</script>"
    await speak(page, "Maya", evil)
    bad = Outgoing(
        evil,
        buttons=(Button(evil, "/help"),),
        cards=(Card(evil, evil, evil, "javascript:alert(1)", "javascript:alert(1)"),),
        reply_to=(await shop.received.get()).id,
    )
    await shop.say(GROUP, bad, "reply:1")
    await expect(page.locator('[data-id="reply:1"] .text')).to_contain_text(evil)
    await expect(page.locator("#log img, #log script, #log a, #sidebar img")).to_have_count(0)
    await expect(page).not_to_have_title("owned")
    await shop.say(GROUP, Outgoing("see https://alder.example/a?b=1. or javascript:alert(1)"), "reply:2")
    await expect(page.locator('[data-id="reply:2"] a')).to_have_attribute("href", "https://alder.example/a?b=1")


async def test_private_and_direct_words_follow_the_seat(page: Page, shop: SmallShop) -> None:
    await shop.say(GROUP, Outgoing("only for Maya", private_to="maya"), "reply:1")
    await shop.say(Chat("web", "direct:maya", direct=True), Outgoing("between us"), "reply:2")
    await expect(page.locator('[data-id="reply:1"]')).to_contain_text("Only Maya sees this")
    await expect(page.locator(".chat").nth(1).locator(".badge")).to_have_text("1")
    await page.locator(".chat").nth(1).click()
    await expect(page.locator('[data-id="reply:2"]')).to_be_visible()
    await page.get_by_role("radio", name="Tom").check(force=True)
    await expect(page.get_by_placeholder("Message as Tom")).to_be_visible()
    await expect(page.locator(".message:not(.typing)")).to_have_count(0)
    await page.locator(".chat").nth(0).click()
    await expect(page.locator(".message:not(.typing)")).to_have_count(0)


async def test_what_is_written_while_the_server_is_away_is_sent_when_it_is_back(
    browser: Browser, tmp_path: Path
) -> None:
    page = await browser.new_page(locale="en-GB")
    async with open_shop(tmp_path) as shop:
        port = int(shop.web.url.rpartition(":")[2])
        await page.goto(shop.web.url)
        await speak(page, "Tom", "before")
        await shop.received.get()
    await expect(page.get_by_text("Connection lost")).to_be_visible()
    await speak(page, "Tom", "meanwhile")
    async with open_shop(tmp_path, port) as shop:
        message = await shop.received.get()
        assert (message.text, message.sender.name) == ("meanwhile", "Tom")
        await expect(page.get_by_text("Connection lost")).to_be_hidden()
        await expect(page.locator(".message.sending")).to_have_count(0)
        await expect(page.locator(".message:not(.typing)")).to_have_count(1)  # what this shop's history has


async def test_a_message_of_before_a_reload_is_sent_once(page: Page, shop: SmallShop) -> None:
    shop.committing.clear()
    await speak(page, "Maya", "is anybody there?")
    await expect(page.locator(".message.sending")).to_have_count(1)
    await shop.arrived.get()
    await page.reload()  # the commit was never confirmed
    shop.committing.set()
    await expect(page.locator(".message:not(.typing)")).to_have_count(1)
    await expect(page.locator(".message.sending")).to_have_count(0)
    assert [message.text for message in shop.inbox.values()] == ["is anybody there?"]


async def test_suggested_questions_in_the_reader_s_language(browser: Browser, page: Page, shop: SmallShop) -> None:
    chinese = await browser.new_page(locale="zh-CN")
    await chinese.goto(shop.web.url)
    await expect(chinese.get_by_role("button", name="满多少包邮?")).to_be_visible()
    await chinese.get_by_role("button", name="English").click()
    await chinese.get_by_role("button", name="When is delivery free?").click()
    message = await shop.received.get()
    assert (message.text, message.addressed) == ("@shopkeeper When is delivery free?", True)
    assert message.sender.language == "en", "what was chosen on the page, not what the browser has"
    await expect(chinese.locator(".chip")).to_have_count(0)
    await expect(page.locator(".chip")).to_have_count(0)


async def test_dark_by_the_system_and_by_choice(browser: Browser, shop: SmallShop) -> None:
    page = await browser.new_page(color_scheme="dark", locale="en-GB")
    await page.goto(shop.web.url)
    dark, light = "rgb(16, 21, 23)", "rgb(238, 241, 238)"
    await expect(page.locator("body")).to_have_css("background-color", dark)
    await page.get_by_role("button", name="Light or dark").click()
    await expect(page.locator("body")).to_have_css("background-color", light)
    await page.reload()
    await expect(page.locator("body")).to_have_css("background-color", light)


@pytest.mark.parametrize("width", [360, 390, 760])
async def test_a_phone_s_width_is_enough(browser: Browser, shop: SmallShop, width: int) -> None:
    page = await browser.new_page(viewport={"width": width, "height": 740}, locale="en-GB", has_touch=True)
    await page.goto(shop.web.url)
    cards = tuple(Card("A long product title " * 4, "£68.00", "x" * 200, link="https://alder.example") for _ in "123")
    await shop.say(GROUP, Outgoing("y" * 300, cards=cards, buttons=(Button("z" * 60, "/help"),) * 3), "reply:1")
    await expect(page.locator('[data-id="reply:1"]')).to_be_visible()
    for selector in ("html", "#log", ".composer"):
        widths = await page.locator(selector).evaluate("node => [node.scrollWidth, node.clientWidth]")
        assert widths[0] <= widths[1], selector
    await expect(page.get_by_role("button", name="Direct chat as Maya")).to_be_hidden()
    await page.get_by_role("button", name="Open the chat list").click()
    await page.get_by_role("button", name="Direct chat as Maya").click()
    await expect(page.get_by_role("heading", name="Shopkeeper")).to_be_visible()
    await expect(page.get_by_role("button", name="Direct chat as Maya")).to_be_hidden()
