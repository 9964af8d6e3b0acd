"""A bot on aiogram, which says in lines what it read: API_URL TOKEN. It is run by a Python that has nothing of ours."""

import asyncio
import sys

from aiogram import Bot, Dispatcher, F
from aiogram.client.session.aiohttp import AiohttpSession
from aiogram.client.telegram import TelegramAPIServer
from aiogram.exceptions import TelegramBadRequest, TelegramForbiddenError, TelegramRetryAfter
from aiogram.types import (
    BotCommand,
    BotCommandScopeAllChatAdministrators,
    BufferedInputFile,
    CallbackQuery,
    ChatMemberUpdated,
    InlineKeyboardButton,
    InlineKeyboardMarkup,
    Message,
    MessageReactionUpdated,
)

dispatcher = Dispatcher()


def tell(*what: object) -> None:
    print(*what, flush=True)


@dispatcher.message(F.new_chat_members | F.left_chat_member | F.migrate_to_chat_id | F.migrate_from_chat_id)
async def service(message: Message) -> None:
    tell("service", message.content_type)


@dispatcher.message(F.document)
async def document(message: Message, bot: Bot) -> None:
    file = await bot.download(message.document)
    tell("file", message.document.file_name, len(file.read()))


@dispatcher.message(F.text == "wait")
async def wait(message: Message) -> None:
    try:
        await message.answer("too early")
    except TelegramRetryAfter as error:
        tell("retry", error.retry_after)


@dispatcher.message(F.text.startswith("write "))
async def write(message: Message, bot: Bot) -> None:
    try:
        await bot.send_message(int(message.text.split()[1]), "hello")
    except TelegramForbiddenError as error:
        tell("forbidden", error.message)


@dispatcher.message()
async def said(message: Message, bot: Bot) -> None:
    tell("message", message.text, message.chat.type, message.is_topic_message or False)
    if message.chat.type == "private":
        await bot.send_message_draft(chat_id=message.chat.id, draft_id=7, text="Thinking about it")
        await message.answer("between us")
        return
    admins = await bot.get_chat_administrators(message.chat.id)
    tell("admins", *(one.user.username for one in admins))
    button = InlineKeyboardButton(text="Press", callback_data="pressed it")
    sent = await message.reply("pong", reply_markup=InlineKeyboardMarkup(inline_keyboard=[[button]]))
    try:
        await sent.edit_text("pong", reply_markup=sent.reply_markup)
    except TelegramBadRequest as error:
        tell("unmodified", error.message)
    await sent.edit_text("pong!", reply_markup=sent.reply_markup)
    await message.answer_photo(BufferedInputFile(b"\x89PNG\r\n\x1a\n", "a.png"), caption="a picture")


@dispatcher.callback_query()
async def pressed(query: CallbackQuery) -> None:
    tell("pressed", query.data, query.message.text)
    await query.answer("done")


@dispatcher.message_reaction()
async def reacted(changed: MessageReactionUpdated) -> None:
    tell("reaction", *(one.emoji for one in changed.new_reaction))


@dispatcher.chat_member()
async def moved(changed: ChatMemberUpdated) -> None:
    tell("member", changed.new_chat_member.user.username, changed.new_chat_member.status)


async def main(url: str, token: str) -> None:
    bot = Bot(token, session=AiohttpSession(api=TelegramAPIServer.from_base(url)))
    tell("started", (await bot.get_me()).username)
    scope = BotCommandScopeAllChatAdministrators()
    await bot.set_my_commands([BotCommand(command="help", description="Helps")], scope=scope, language_code="zh")
    tell("commands", len(await bot.get_my_commands(scope=scope, language_code="zh")))
    await dispatcher.start_polling(bot, handle_signals=False, polling_timeout=5)


asyncio.run(main(*sys.argv[1:3]))
