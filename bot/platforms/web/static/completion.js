// The list over the input: slash commands at the beginning of a message, people after an @.

import { el } from "./dom.js";
import { allSeats } from "./people.js";
import { t } from "./texts.js";

const SHOWN = 8;

/** What could stand at the caret: {start, title, items} or null. */
function offers(text, caret, commands) {
  const before = text.slice(0, caret);
  const slash = /^\/(\S*)$/.exec(before);
  if (slash) {
    const typed = slash[1].toLowerCase();
    const items = commands.filter((one) => one.name.toLowerCase().startsWith(typed));
    return { start: 0, title: t("commands"), items: items.map((one) => ({ ...one, insert: `/${one.name}` })) };
  }
  const called = /^\/(\S+)\s+\S*$/.exec(before);
  const known = called && commands.find((one) => one.name === called[1]);
  if (known?.usage) return { hint: true, title: t("usage"), items: [{ ...known, insert: `/${known.name}` }] };
  const at = /(?:^|[\s(])@([\p{L}\p{N}_]*)$/u.exec(before);
  if (!at) return null;
  const names = [t("mention"), ...allSeats().map((seat) => seat.name)];
  const items = names.filter((name) => name.toLowerCase().startsWith(at[1].toLowerCase()));
  return { start: caret - at[1].length - 1, title: t("people"), items: items.map((name) => ({ insert: `@${name}` })) };
}

export class Completion {
  constructor(input, popup, commands) {
    this.input = input;
    this.popup = popup;
    this.commands = commands;
    this.close();
    input.addEventListener("blur", () => this.close());
  }

  get open() {
    return !this.popup.hidden && !this.offer.hint;
  }

  update() {
    this.offer = offers(this.input.value, this.input.selectionStart, this.commands());
    if (!this.offer?.items.length) return this.close();
    this.at = 0;
    this.draw();
    return undefined;
  }

  close() {
    this.popup.hidden = true;
    this.popup.replaceChildren();
    this.input.removeAttribute("aria-activedescendant");
  }

  draw() {
    const { title, items, hint } = this.offer;
    const list = el("div", { role: hint ? "note" : "listbox", "aria-label": title, class: hint ? "hints" : "list" });
    items.forEach((item, index) => list.append(this.row(item, index, hint)));
    this.popup.replaceChildren(list);
    this.popup.style.setProperty("--rows", String(SHOWN));
    this.popup.hidden = false;
    if (hint) return this.input.removeAttribute("aria-activedescendant");
    this.input.setAttribute("aria-activedescendant", `option-${this.at}`);
    list.children[this.at].scrollIntoView({ block: "nearest" });
    return undefined;
  }

  row(item, index, hint) {
    const choose = (event) => {
      event.preventDefault(); // the input keeps the focus
      if (!hint) this.choose(index);
    };
    return el(
      "div",
      {
        role: hint ? undefined : "option",
        id: `option-${index}`,
        class: "option",
        "aria-selected": hint ? undefined : String(index === this.at),
        onpointerdown: choose,
      },
      el("b", {}, item.insert),
      item.usage ? el("code", {}, item.usage) : null,
      item.admin ? el("span", { class: "mark" }, t("admin")) : null,
      item.help ? el("span", { class: "help" }, item.help) : null,
    );
  }

  choose(index) {
    const { start } = this.offer;
    const rest = this.input.value.slice(this.input.selectionStart).replace(/^ /, "");
    const chosen = `${this.input.value.slice(0, start)}${this.offer.items[index].insert} `;
    this.input.value = chosen + rest;
    this.input.setSelectionRange(chosen.length, chosen.length);
    this.input.dispatchEvent(new Event("input"));
  }

  /** Returns whether the key was for the list. */
  key(event) {
    if (event.key === "Escape" && !this.popup.hidden) {
      this.close();
      return true;
    }
    if (!this.open) return false;
    const count = this.offer.items.length;
    if (event.key === "ArrowDown" || event.key === "ArrowUp") {
      this.at = (this.at + (event.key === "ArrowDown" ? 1 : count - 1)) % count;
      this.draw();
      return true;
    }
    const typedOut = this.input.value.trim() === this.offer.items[this.at].insert;
    if ((event.key === "Enter" && !event.shiftKey && !typedOut) || event.key === "Tab") {
      this.choose(this.at);
      return true;
    }
    return false;
  }
}
