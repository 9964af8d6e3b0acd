// The page: puts its parts together and says what happens on each frame of the server's.

import { Composer } from "./composer.js";
import { byId } from "./dom.js";
import { allSeats, seatOf, setSeats } from "./people.js";
import { forgetToken, Seats, tokenFromAddress } from "./seats.js";
import { Sidebar } from "./sidebar.js";
import { Connection } from "./socket.js";
import { Store } from "./store.js";
import { language, setLanguage, t, translate } from "./texts.js";
import { Thread } from "./thread.js";
import { Uploads } from "./uploads.js";

class Page {
  constructor() {
    this.store = new Store();
    this.chat = "group";
    this.seat = "";
    this.thread = new Thread(this.store, {
      reply: (message) => this.composer.reply(message),
      react: (message, emoji) => this.react(message, emoji),
      press: (message, button) => this.say({ type: "press", command: button.command, message: message.id }),
      ask: (text) => this.write(this.chat === "group" ? `@${t("mention")} ${text}` : text, ""),
      seen: (chat) => this.store.seen(chat),
    });
    this.composer = new Composer({
      say: (text, replyTo) => this.write(text, replyTo),
      commands: () => this.commands?.[language()] ?? [],
    });
    this.seats = new Seats((seat) => this.take(seat));
    this.sidebar = new Sidebar(this.store, (chat) => this.openChat(chat));
    this.uploads = new Uploads(() => ({ chat: this.chat, seat: this.seat }), (text) => this.notice(text));
    this.connection = new Connection({
      opened: () => (byId("banner").hidden = true),
      frame: (frame) => this[`on_${frame.type}`]?.(frame),
      lost: () => (byId("banner").hidden = false),
    });
    byId("language").addEventListener("click", () => this.changeLanguage());
    byId("theme").addEventListener("click", () => this.changeTheme());
  }

  start() {
    tokenFromAddress();
    translate();
    this.drawTheme();
    byId("language").textContent = t("otherLanguage");
    this.connection.open();
  }

  take(seat) {
    this.wanted = seat;
    this.connection.takeSeat(seat);
  }

  on_hello({ shop, seats, commands }) {
    this.shop = shop;
    this.commands = commands;
    setSeats(seats);
    const kept = this.seat || sessionStorage.getItem("seat");
    this.take(seatOf(kept) ? kept : seats[0].id);
  }

  on_seated({ seat, messages }) {
    const moved = seat !== this.seat;
    if (moved && this.chat !== "group") this.chat = `direct:${seat}`;
    if (moved && this.seat) this.composer.reply(null);
    this.seat = seat;
    sessionStorage.setItem("seat", seat);
    this.store.clear();
    messages.forEach((message) => this.store.put(message));
    for (const frame of this.connection.unsent.values()) this.showUnsent(frame);
    this.draw();
    this.seats.taken(seat);
  }

  on_message({ message }) {
    const fresh = this.store.put(message);
    if (fresh && message.chat !== this.chat) this.store.miss(message.chat);
    this.thread.put(this.store.get(message.chat, message.id), fresh);
    this.drawChats();
  }

  on_reaction({ chat, message, emoji, sender }) {
    if (this.store.react(chat, message, emoji, sender)) this.thread.put(this.store.get(chat, message), false);
  }

  on_removed({ chat, message }) {
    if (!this.store.remove(chat, message)) return;
    if (chat === this.chat) this.draw();
    this.drawChats();
  }

  on_typing({ chat }) {
    this.thread.typing(chat);
  }

  on_refused({ id, reason }) {
    if (id) return this.showRefused(id, reason);
    if (reason !== "token") return this.notice(t("notSent", { reason: t(`refused_${reason}`) }));
    forgetToken();
    if (this.seat && this.wanted !== this.seat) return this.seats.ask(this.wanted, true);
    return this.take(allSeats()[0].id); // the token of before a restart, or of a wrong address
  }

  showRefused(id, reason) {
    const why = t("notSent", { reason: t(`refused_${reason}`) });
    const message = [...this.store.chats.values()].map((chat) => chat.get(id)).find(Boolean);
    if (!message) return this.notice(why);
    this.store.put({ ...message, state: "failed", error: why });
    return this.thread.put(this.store.get(message.chat, id), false);
  }

  write(text, replyTo) {
    this.showUnsent(this.say({ type: "say", text, reply_to: replyTo }));
    this.drawChats();
  }

  say(frame) {
    const said = { ...frame, chat: this.chat, seat: this.seat, language: language(), at: new Date().toISOString() };
    return this.connection.say(said);
  }

  react(message, emoji) {
    const had = message.reactions.some(([one, who]) => one === emoji && who === this.seat);
    if (!had) this.say({ type: "react", message: message.id, emoji });
  }

  /** Show what was said before the server has it. */
  showUnsent({ type, id, chat, seat, text, reply_to, at }) {
    if (type !== "say" || !["group", `direct:${this.seat}`].includes(chat) || this.store.get(chat, id)) return;
    this.store.put({ id, chat, sender: seat, text, reply_to, at, private_to: "", done: true, state: "sending" });
    this.thread.put(this.store.get(chat, id), true);
  }

  openChat(chat) {
    this.chat = chat;
    this.composer.reply(null);
    this.draw();
    byId("text").focus();
  }

  draw() {
    const { questions, language: own } = this.shop;
    this.store.seen(this.chat);
    this.thread.show(this.chat, this.seat, questions[language()] ?? questions[own] ?? []);
    this.seats.draw(this.seat);
    this.composer.as(seatOf(this.seat).name);
    this.drawChats();
  }

  drawChats() {
    this.sidebar.draw(this.shop, this.seat, this.chat);
  }

  notice(text) {
    const box = byId("notice");
    box.hidden = !text;
    box.textContent = text;
    clearTimeout(this.noticeTimer);
    if (text) this.noticeTimer = setTimeout(() => (box.hidden = true), 6000);
  }

  changeLanguage() {
    setLanguage(language() === "en" ? "zh" : "en");
    byId("language").textContent = t("otherLanguage");
    if (this.seat) this.draw();
  }

  isDark() {
    const chosen = document.documentElement.dataset.theme;
    return chosen ? chosen === "dark" : matchMedia("(prefers-color-scheme: dark)").matches;
  }

  changeTheme() {
    const theme = this.isDark() ? "light" : "dark";
    document.documentElement.dataset.theme = theme;
    localStorage.setItem("theme", theme);
    this.drawTheme();
  }

  drawTheme() {
    byId("theme").querySelector("use").setAttribute("href", this.isDark() ? "#i-sun" : "#i-moon");
  }
}

new Page().start();
