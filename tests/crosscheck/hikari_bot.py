"""A small bot on hikari, a strictly typed client that nobody here wrote: it prints what it understood, a line each.

python hikari_bot.py API_URL TOKEN
"""

import asyncio
import sys

import hikari


def say(*words: object) -> None:
    print(*words, flush=True)


class Bot:
    """Its methods are listeners, by the events that they take."""

    def __init__(self, url: str, token: str) -> None:
        intents = hikari.Intents.ALL_UNPRIVILEGED | hikari.Intents.ALL_PRIVILEGED
        self.bot = hikari.GatewayBot(token, rest_url=url, intents=intents, banner=None)
        told = (self.started, self.guild, self.message, self.reaction, self.joined, self.thread, self.used)
        for one in told:
            self.bot.listen()(one)

    async def started(self, event: hikari.StartedEvent) -> None:
        application = await self.bot.rest.fetch_application()
        command = self.bot.rest.slash_command_builder("ask", "Asks.")
        kind = hikari.OptionType.STRING
        command.add_option(hikari.CommandOption(type=kind, name="question", description="What?", is_required=True))
        await self.bot.rest.set_application_commands(application.id, [command])
        say("started", application.name)

    async def guild(self, event: hikari.GuildAvailableEvent) -> None:
        say("guild", event.guild.name, len(event.channels), len(event.roles))

    async def message(self, event: hikari.MessageCreateEvent) -> None:
        if event.is_bot:
            return
        say("message", event.content, len(event.message.attachments))
        answer = await event.message.respond("pong", reply=True, nonce="one")
        await answer.edit("pong!")
        say("history", len(await self.bot.rest.fetch_messages(event.channel_id)))

    async def reaction(self, event: hikari.ReactionAddEvent) -> None:
        say("reaction", event.emoji_name)

    async def joined(self, event: hikari.MemberCreateEvent) -> None:
        say("joined", event.user.username)

    async def thread(self, event: hikari.GuildThreadCreateEvent) -> None:
        say("thread", event.thread.name)

    async def used(self, event: hikari.InteractionCreateEvent) -> None:
        used = event.interaction
        if isinstance(used, hikari.CommandInteraction):
            say("command", used.command_name, used.options[0].value if used.options else "")
            await used.create_initial_response(hikari.ResponseType.DEFERRED_MESSAGE_CREATE)
            row = self.bot.rest.build_message_action_row()
            row.add_interactive_button(hikari.ButtonStyle.PRIMARY, "press", label="Press")
            await used.edit_initial_response("answered", component=row)
        elif isinstance(used, hikari.ComponentInteraction):
            say("pressed", used.custom_id)
            kind = hikari.ResponseType.MESSAGE_CREATE
            await used.create_initial_response(kind, "for you", flags=hikari.MessageFlag.EPHEMERAL)
            await used.execute("and more")


if __name__ == "__main__":
    asyncio.set_event_loop(asyncio.new_event_loop())
    Bot(*sys.argv[1:]).bot.run(check_for_updates=False)
