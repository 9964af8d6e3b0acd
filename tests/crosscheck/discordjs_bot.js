// A small bot on discord.js that prints what it understood, a line each: node discordjs_bot.js API_URL TOKEN
const path = require("path");
const root = path.join(__dirname, "..", "..", ".crosscheck", "node_modules", "discord.js");
const { Client, GatewayIntentBits, Partials, ActionRowBuilder, ButtonBuilder, ButtonStyle, MessageFlags } = require(root);

const [url, token] = process.argv.slice(2);
const say = (...words) => console.log(...words);
const client = new Client({
  intents: Object.values(GatewayIntentBits).filter((one) => typeof one === "number"),
  partials: [Partials.Channel, Partials.Message, Partials.Reaction],
  rest: { api: url.replace(/\/v10$/, ""), version: "10" },
});

client.on("error", (error) => say("Error", error));
client.on("guildCreate", (guild) => say("guild", guild.name));
client.on("messageReactionAdd", (reaction) => say("reaction", reaction.emoji.name));
client.on("guildMemberAdd", (member) => say("joined", member.user.username));
client.on("threadCreate", (thread) => say("thread", thread.name));

client.once("clientReady", async () => {
  const option = { type: 3, name: "question", description: "What?", required: true };
  await client.application.commands.set([{ name: "ask", description: "Asks.", options: [option] }]);
  const guild = client.guilds.cache.first();
  say("guild", guild.name, guild.channels.cache.size, guild.roles.cache.size);
  say("started", client.user.username);
});

client.on("messageCreate", async (message) => {
  if (message.author.bot) return;
  say("message", message.content, message.attachments.size);
  const answer = await message.reply("pong");
  await answer.edit("pong!");
  say("history", (await message.channel.messages.fetch({ limit: 50 })).size);
});

client.on("interactionCreate", async (used) => {
  if (used.isChatInputCommand()) {
    say("command", used.commandName, used.options.getString("question"));
    await used.deferReply();
    const button = new ButtonBuilder().setCustomId("press").setLabel("Press").setStyle(ButtonStyle.Primary);
    await used.editReply({ content: "answered", components: [new ActionRowBuilder().addComponents(button)] });
  } else if (used.isButton()) {
    say("pressed", used.customId);
    await used.reply({ content: "for you", flags: MessageFlags.Ephemeral });
    await used.followUp("and more");
  }
});

client.login(token);
