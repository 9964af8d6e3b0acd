// The messages of the chat that is open: order, groups, days, scrolling, moving about by keyboard.

import { bubble } from "./bubble.js";
import { byId, day, el } from "./dom.js";
import { avatar, nameOf } from "./people.js";
import { t } from "./texts.js";

const GROUP_MS = 5 * 60 * 1000; // messages of one sender within this stand together
const NEAR = 80; // pixels from the end that still count as the end
const TYPING_MS = 8000;

export class Thread {
  /** deeds: {reply, react, press, ask, seen}. */
  constructor(store, deeds) {
    this.store = store;
    this.deeds = { ...deeds, jump: (id) => this.jump(id) };
    this.log = byId("log");
    this.lines = el("div", { class: "lines" });
    this.dots = el("div", { class: "message shop first typing", hidden: true });
    this.log.append(this.lines);
    this.announced = new Set();
    this.missed = 0;
    this.stuck = true; // to the end, while the reader is there
    this.log.addEventListener("scroll", () => this.scrolled());
    this.log.addEventListener("keydown", (event) => this.walk(event));
    this.lines.addEventListener("focusin", (event) => this.rove(event.target.closest(".message")));
    byId("to-end").addEventListener("click", () => this.toEnd("smooth"));
    new ResizeObserver(() => this.stuck && this.toEnd()).observe(this.log);
    new ResizeObserver(() => this.stuck && this.toEnd()).observe(this.lines);
  }

  /** Show a chat from the beginning, as a seat sees it. */
  show(chat, seat, questions) {
    this.chat = chat;
    this.seat = seat;
    this.questions = questions;
    this.lines.replaceChildren();
    const messages = this.store.messages(chat);
    messages.forEach((message, index) => {
      this.append(message, messages[index - 1]);
      if (message.done) this.announced.add(message.id);
    });
    this.dots.hidden = true;
    this.lines.append(this.dots);
    if (!messages.length) this.lines.prepend(this.welcome());
    this.rove(this.lines.querySelector(".message:last-of-type:not(.typing)"));
    this.toEnd();
  }

  /** Show a message that is new, or has changed. */
  put(message, fresh) {
    if (message.chat !== this.chat) return;
    if (message.sender === "bot") this.dots.hidden = true;
    const messages = this.store.messages(this.chat);
    const mine = message.sender === this.seat;
    if (!fresh) this.replace(message, messages);
    else {
      this.lines.querySelector(".welcome")?.remove();
      this.append(message, messages.at(-2));
      this.lines.append(this.dots);
      this.rove(this.dots.previousElementSibling);
      if (mine) this.toEnd();
      else if (!this.stuck) this.missed += 1;
    }
    if (this.stuck) this.toEnd();
    this.button();
    this.announce(message, mine);
  }

  typing(chat) {
    if (chat !== this.chat) return;
    const dots = el("span", { class: "dots" }, el("i"), el("i"), el("i"));
    const label = el("span", { class: "unseen" }, `${nameOf("bot")} ${t("writing")}`);
    const column = el("div", { class: "column" }, el("div", { class: "bubble" }, dots, label));
    this.dots.replaceChildren(avatar("bot"), column);
    this.dots.hidden = false;
    clearTimeout(this.typingTimer);
    this.typingTimer = setTimeout(() => (this.dots.hidden = true), TYPING_MS);
    if (this.stuck) this.toEnd();
  }

  append(message, before) {
    if (!before || day(before.at) !== day(message.at)) {
      this.lines.append(el("p", { class: "day" }, el("span", {}, day(message.at))));
    }
    this.lines.append(this.element(message, before));
  }

  replace(message, messages) {
    const old = this.find(message.id);
    const index = messages.findIndex((one) => one.id === message.id);
    const renewed = this.element(message, messages[index - 1]);
    const focused = old.contains(document.activeElement);
    renewed.tabIndex = old.tabIndex;
    old.replaceWith(renewed);
    if (focused) renewed.focus();
  }

  element(message, before) {
    const together =
      before &&
      before.sender === message.sender &&
      before.private_to === message.private_to &&
      day(before.at) === day(message.at) &&
      new Date(message.at) - new Date(before.at) < GROUP_MS;
    const place = {
      mine: message.sender === this.seat,
      first: !together,
      seat: this.seat,
      quoted: message.reply_to ? this.store.get(this.chat, message.reply_to) : undefined,
    };
    return bubble(message, place, this.deeds);
  }

  find(id) {
    return this.lines.querySelector(`[data-id="${CSS.escape(id)}"]`);
  }

  welcome() {
    const direct = this.chat !== "group";
    const chip = (text) => el("button", { class: "chip", type: "button", onclick: () => this.deeds.ask(text) }, text);
    return el(
      "div",
      { class: "welcome" },
      avatar("bot"),
      el("h3", {}, t("welcome")),
      el("p", {}, t(direct ? "welcomeDirect" : "welcomeText")),
      el("div", { class: "chips" }, ...this.questions.map(chip)),
    );
  }

  /** Read a message out once, when it is complete. */
  announce(message, mine) {
    if (!message.done || this.announced.has(message.id)) return;
    this.announced.add(message.id);
    if (!mine) byId("announcer").textContent = `${nameOf(message.sender)}: ${message.text}`;
  }

  jump(id) {
    const target = this.find(id);
    if (!target) return;
    target.scrollIntoView({ block: "center", behavior: "smooth" });
    target.focus({ preventScroll: true });
    target.classList.add("found");
    setTimeout(() => target.classList.remove("found"), 1600);
  }

  toEnd(behavior = "instant") {
    this.stuck = true;
    this.log.scrollTo({ top: this.log.scrollHeight, behavior });
    this.missed = 0;
    this.button();
    this.deeds.seen(this.chat);
  }

  scrolled() {
    const away = this.log.scrollHeight - this.log.scrollTop - this.log.clientHeight;
    this.stuck = away < NEAR;
    if (this.stuck) this.missed = 0;
    this.button();
  }

  button() {
    byId("to-end").hidden = this.stuck;
    const badge = byId("unread");
    badge.hidden = this.missed === 0;
    badge.textContent = String(this.missed);
    badge.title = t("newMessages", { count: this.missed });
  }

  /** Up, down, Home and End go from message to message; Tab goes on to what one can do with it. */
  walk(event) {
    const here = event.target.closest?.(".message");
    if (!here || event.target !== here) return;
    const all = [...this.lines.querySelectorAll(".message:not(.typing)")];
    const at = all.indexOf(here);
    const to = { ArrowUp: at - 1, ArrowDown: at + 1, Home: 0, End: all.length - 1 }[event.key];
    if (to === undefined || !all[to]) return;
    event.preventDefault();
    all[to].focus();
    all[to].scrollIntoView({ block: "nearest" });
  }

  /** Exactly one message can be reached by Tab. */
  rove(message) {
    if (!message || message === this.dots || !message.classList.contains("message")) return;
    this.lines.querySelector('.message[tabindex="0"]')?.setAttribute("tabindex", "-1");
    message.tabIndex = 0;
  }
}
