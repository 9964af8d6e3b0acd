// A bot on grammY, which says in lines what it read: API_URL TOKEN.
const { Bot, GrammyError, InlineKeyboard, InputFile } = require("grammy");

const tell = (...what) => console.log(...what);
const bot = new Bot(process.argv[3], { client: { apiRoot: process.argv[2] } });

bot.on("message:document", async (ctx) => {
  const file = await ctx.getFile();
  const answer = await fetch(`${process.argv[2]}/file/bot${process.argv[3]}/${file.file_path}`);
  tell("file", ctx.message.document.file_name, (await answer.arrayBuffer()).byteLength);
});

bot.on("message:text", async (ctx) => {
  const text = ctx.message.text;
  try {
    if (text === "wait") return await ctx.reply("too early");
    if (text.startsWith("write ")) return await ctx.api.sendMessage(Number(text.split(" ")[1]), "hello");
  } catch (error) {
    if (!(error instanceof GrammyError)) throw error;
    if (error.error_code === 429) return tell("retry", error.parameters.retry_after);
    return tell("forbidden", error.description);
  }
  tell("message", text, ctx.chat.type, ctx.message.is_topic_message ? "True" : "False");
  if (ctx.chat.type === "private") {
    await ctx.api.raw.sendMessageDraft({ chat_id: ctx.chat.id, draft_id: 7, text: "Thinking about it" });
    return ctx.reply("between us");
  }
  const admins = await ctx.getChatAdministrators();
  tell("admins", ...admins.map((one) => one.user.username));
  const keyboard = new InlineKeyboard().text("Press", "pressed it");
  const answering = { reply_parameters: { message_id: ctx.message.message_id }, reply_markup: keyboard };
  if (ctx.message.is_topic_message) answering.message_thread_id = ctx.message.message_thread_id;
  const sent = await ctx.reply("pong", answering);
  try {
    await ctx.api.editMessageText(ctx.chat.id, sent.message_id, "pong", { reply_markup: keyboard });
  } catch (error) {
    tell("unmodified", error.description);
  }
  await ctx.api.editMessageText(ctx.chat.id, sent.message_id, "pong!", { reply_markup: keyboard });
  const picture = Buffer.from("89504e470d0a1a0a", "hex");
  const thread = answering.message_thread_id ? { message_thread_id: answering.message_thread_id } : {};
  await ctx.replyWithPhoto(new InputFile(picture, "a.png"), { caption: "a picture", ...thread });
});

bot.on("callback_query:data", async (ctx) => {
  tell("pressed", ctx.callbackQuery.data, ctx.callbackQuery.message.text);
  await ctx.answerCallbackQuery("done");
});
bot.on("message_reaction", (ctx) => tell("reaction", ...ctx.messageReaction.new_reaction.map((one) => one.emoji)));
bot.on("chat_member", (ctx) => {
  tell("member", ctx.chatMember.new_chat_member.user.username, ctx.chatMember.new_chat_member.status);
});
bot.catch((error) => tell("Error", error.message));

(async () => {
  await bot.init();
  tell("started", bot.botInfo.username);
  const scope = { type: "all_chat_administrators" };
  await bot.api.setMyCommands([{ command: "help", description: "Helps" }], { scope, language_code: "zh" });
  tell("commands", (await bot.api.getMyCommands({ scope, language_code: "zh" })).length);
  await bot.start({ allowed_updates: ["message", "callback_query", "message_reaction", "chat_member"], timeout: 5 });
})();
