// telegram-test-api, with what clients of the Bot API rely on and it lacks: polls that wait and confirm by their offset,
// whole users and messages, errors in the API's form, and a few more methods. It prints its address.
const http = require("http");
const TelegramServer = require("telegram-test-api");

const PAUSE = 50; // milliseconds between two looks for updates
const FORM = "application/x-www-form-urlencoded";
const MORE = { getChatAdministrators: [], sendChatAction: true, sendMessageDraft: true, setMyCommands: true };
const package_ = new TelegramServer({ storeTimeout: 3600 }).webServer;
const unconfirmed = new Map();
let address;

function listen(server) {
  server.keepAliveTimeout = 0; // else a connection that is idle for five seconds is cut, maybe under a request
  const told = () => `http://127.0.0.1:${server.address().port}`;
  return new Promise((done) => server.listen(0, "127.0.0.1", () => done(told())));
}

/** What the package itself answers. */
async function ask(path, body = "", type = FORM) {
  const answer = await fetch(address + path, { method: "POST", body, headers: { "content-type": type } });
  return { status: answer.status, told: await answer.json() };
}

async function poll(path, values) {
  const until = Date.now() + 1000 * Number(values.get("timeout"));
  for (const id of [...unconfirmed.keys()]) if (id < Number(values.get("offset"))) unconfirmed.delete(id);
  for (;;) {
    for (const one of (await ask(path)).told.result) unconfirmed.set(one.update_id, one);
    for (const one of unconfirmed.values()) if (one.callback_query) one.callback_query.chat_instance = "1";
    if (unconfirmed.size || Date.now() >= until) return [...unconfirmed.values()];
    await new Promise((done) => setTimeout(done, PAUSE));
  }
}

function message({ message_id, date, text, chat: { id } }) {
  const chat = id < 0 ? { id, type: "supergroup", title: "Shop" } : { id, type: "private", first_name: "Ann" };
  return { message_id, date: Math.floor(date / 1000), text, chat };
}

async function answer(path, body, type) {
  const method = /^\/bot[^/]+\/(\w+)$/.exec(path)?.[1];
  const done = (result) => ({ status: 200, told: { ok: true, result } });
  if (method === "getUpdates") return done(await poll(path, new URLSearchParams(String(body))));
  if (method in MORE) return done(MORE[method]);
  const { status, told } = await ask(path, body, type);
  if (method && !told.ok) return { status: 404, told: { ok: false, error_code: 404, description: told.message } };
  if (method === "getMe") Object.assign(told.result, { is_bot: true, can_read_all_group_messages: true });
  if (method === "sendMessage") told.result = message(told.result);
  if (method?.startsWith("edit") || method === "answerCallbackQuery") told.result = true;
  return { status, told };
}

const front = http.createServer(async (request, response) => {
  const parts = [];
  for await (const part of request) parts.push(part);
  const { status, told } = await answer(request.url, Buffer.concat(parts), request.headers["content-type"]);
  response.writeHead(status, { "content-type": "application/json" }).end(JSON.stringify(told));
});

(async () => {
  address = await listen(http.createServer(package_));
  console.log(await listen(front));
})();
