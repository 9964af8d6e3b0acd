// The input: text, the message it replies to, sending.

import { Completion } from "./completion.js";
import { byId, el, icon } from "./dom.js";
import { colourOf, nameOf } from "./people.js";
import { t } from "./texts.js";

export class Composer {
  /** say(text, replyTo) sends; commands() are the ones to complete. */
  constructor({ say, commands }) {
    this.say = say;
    this.input = byId("text");
    this.replyTo = null;
    this.completion = new Completion(this.input, byId("popup"), commands);
    this.input.addEventListener("input", () => this.changed());
    this.input.addEventListener("keydown", (event) => this.key(event));
    byId("form").addEventListener("submit", (event) => {
      event.preventDefault();
      this.submit();
    });
    this.changed();
  }

  as(name) {
    this.input.placeholder = t("placeholder", { name });
  }

  changed() {
    this.input.style.height = "auto";
    this.input.style.height = `${Math.min(this.input.scrollHeight, 160)}px`;
    byId("send").disabled = !this.input.value.trim();
    this.completion.update();
  }

  key(event) {
    if (event.isComposing || event.keyCode === 229) return; // an input method is choosing characters
    if (this.completion.key(event)) event.preventDefault();
    else if (event.key === "Enter" && !event.shiftKey) {
      event.preventDefault();
      this.submit();
    } else if (event.key === "Escape") this.reply(null);
  }

  submit() {
    const text = this.input.value.trim();
    if (!text) return;
    this.say(text, this.replyTo?.id ?? "");
    this.input.value = "";
    this.reply(null);
    this.changed();
    this.completion.close();
    this.input.focus();
  }

  /** Reply to a message, or to none. */
  reply(message) {
    this.replyTo = message;
    const bar = byId("reply");
    bar.hidden = !message;
    if (!message) return bar.replaceChildren();
    const cancel = { type: "button", class: "ghost", "aria-label": t("cancelReply"), onclick: () => this.reply(null) };
    bar.replaceChildren(
      el(
        "div",
        { class: `quote ${colourOf(message.sender)}` },
        el("b", {}, t("replyTo", { name: nameOf(message.sender) })),
        el("span", {}, message.text.slice(0, 160)),
      ),
      el("button", cancel, icon("close")),
    );
    this.input.focus();
    return undefined;
  }
}
