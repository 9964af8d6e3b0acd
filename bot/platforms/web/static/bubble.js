// One message as an element.

import { day, el, icon, link, rich, time, webAddress } from "./dom.js";
import { avatar, colourOf, nameOf, seatOf } from "./people.js";
import { t } from "./texts.js";

// thumbs up, thumbs down, heart, laughing, party
const EMOJI = ["\u{1F44D}", "\u{1F44E}", "\u2764\uFE0F", "\u{1F604}", "\u{1F389}"];

/** place: {mine, first, seat, quoted}; deeds: {reply, react, press, jump}. */
export function bubble(message, place, deeds) {
  const { mine, first } = place;
  const label = `${nameOf(message.sender)}, ${day(message.at)} ${time(message.at)}`;
  const names = ["message", colourOf(message.sender)];
  if (mine) names.push("mine");
  if (first) names.push("first");
  if (message.private_to) names.push("private");
  if (message.state) names.push(message.state);
  if (!message.done) names.push("open");
  const busy = String(!message.done);
  return el(
    "article",
    { class: names.join(" "), "data-id": message.id, tabindex: "-1", "aria-label": label, "aria-busy": busy },
    mine ? null : first ? avatar(message.sender) : el("span", { class: "avatar-room" }),
    el(
      "div",
      { class: "column" },
      el(
        "div",
        { class: "bubble" },
        first && !mine ? who(message) : null,
        message.private_to ? only(message.private_to) : null,
        message.reply_to ? quote(place.quoted, () => deeds.jump(message.reply_to)) : null,
        message.files?.length ? files(message.files) : null,
        body(message, mine),
      ),
      message.document?.length ? saved(message.document) : null,
      message.cards?.length ? cards(message.cards) : null,
      message.buttons?.length && message.done ? buttons(message, deeds) : null,
      message.reactions.length ? reactions(message, place.seat, deeds) : null,
      message.error ? el("p", { class: "failed-why" }, icon("alert"), message.error) : null,
      tools(message, deeds),
    ),
  );
}

function who({ sender }) {
  const mark = sender === "bot" ? t("botMark") : seatOf(sender)?.admin ? t("admin") : null;
  return el("p", { class: "who" }, nameOf(sender), mark ? el("span", { class: "mark" }, mark) : null);
}

function only(member) {
  return el("p", { class: "only" }, icon("eye"), t("onlyYou", { name: nameOf(member) }));
}

function body(message, mine) {
  const writing = message.done ? null : el("span", { class: message.text ? "caret" : "dots", "aria-hidden": "true" });
  if (writing && !message.text) writing.append(el("i"), el("i"), el("i"));
  const state = message.state === "sending" ? "wait" : message.state === "failed" ? "alert" : "check";
  const title = { wait: t("sending"), check: t("sent") }[state];
  const tick = mine ? el("span", { class: "tick", title }, icon(state)) : null;
  const meta = el("span", { class: "meta" }, el("time", { datetime: message.at }, time(message.at)), tick);
  return el("div", { class: "text" }, ...rich(message.text), writing, meta);
}

function quote(quoted, jump) {
  const of = quoted ? nameOf(quoted.sender) : "";
  const text = quoted ? quoted.text || quoted.files?.join(", ") || "" : t("gone");
  const names = `quote ${quoted ? colourOf(quoted.sender) : ""}`;
  return el(
    "button",
    { class: names, type: "button", onclick: jump, disabled: !quoted },
    of ? el("b", {}, of) : null,
    el("span", {}, text.slice(0, 160)),
  );
}

function files(names) {
  return el("ul", { class: "files" }, ...names.map((name) => el("li", {}, icon("file"), name)));
}

/** A file that came with the message: it is on this page alone, and gone with it. */
function saved([name, text]) {
  const address = URL.createObjectURL(new Blob([text], { type: "application/json" }));
  const link = el("a", { href: address, download: name }, icon("file"), name);
  return el("ul", { class: "files" }, el("li", {}, link));
}

function cards(list) {
  return el("div", { class: "cards" }, ...list.map(card));
}

function card(one) {
  const address = webAddress(one.link);
  const words = [
    one.title ? el("h3", {}, one.title) : null,
    one.subtitle ? el("p", { class: "price" }, one.subtitle) : null,
    one.text ? el("p", { class: "card-text" }, one.text) : null,
    address ? link(address, t("view")) : null,
  ].filter(Boolean);
  return el(
    "section",
    { class: "card", "aria-label": one.title },
    picture(one.picture || one.image),
    words.length ? el("div", { class: "card-words" }, ...words) : null,
  );
}

/** A card's picture by https, as data or of the bot's own; one that can't be loaded goes away. */
function picture(address) {
  if (!/^(https:\/\/|data:image\/|\/pictures\/)/i.test(address)) return null;
  const ours = address.startsWith("/pictures/"); // drawn to be read, so nothing of it is cut off
  const image = el("img", { class: ours ? "whole" : "", alt: "", loading: "lazy", referrerpolicy: "no-referrer" });
  image.addEventListener("error", () => image.remove());
  image.src = address;
  return image;
}

function buttons(message, deeds) {
  const press = (event, button) => {
    const pressed = event.currentTarget;
    pressed.disabled = true; // a double click is one press
    setTimeout(() => (pressed.disabled = false), 1500);
    deeds.press(message, button);
  };
  const button = (one) => {
    const quiet = one.command.startsWith("/source"); // it stands under most answers
    const shape = { type: "button", class: quiet ? "quiet" : "", onclick: (event) => press(event, one) };
    return el("button", shape, quiet ? icon("file") : null, one.label);
  };
  return el("div", { class: "buttons" }, ...message.buttons.map(button));
}

function reactions(message, seat, deeds) {
  const senders = new Map();
  for (const [emoji, sender] of message.reactions) senders.set(emoji, [...(senders.get(emoji) ?? []), sender]);
  const pill = ([emoji, who]) => {
    const label = t("reactedBy", { emoji, names: who.map(nameOf).join(", ") });
    const own = who.includes(seat);
    const count = who.length > 1 ? el("span", { class: "count" }, String(who.length)) : null;
    const named = { class: own ? "own" : "", title: label, "aria-label": label, "aria-pressed": String(own) };
    return el("button", { type: "button", ...named, onclick: () => deeds.react(message, emoji) }, emoji, count);
  };
  return el("div", { class: "reactions" }, ...[...senders].map(pill));
}

function tools(message, deeds) {
  if (!message.done || message.state) return null;
  const tool = (label, act, inside) => el("button", { type: "button", "aria-label": label, onclick: act }, inside);
  const react = (emoji) => tool(t("react", { emoji }), () => deeds.react(message, emoji), emoji);
  const reply = tool(t("replyTo", { name: nameOf(message.sender) }), () => deeds.reply(message), icon("reply"));
  return el("div", { class: "tools" }, ...EMOJI.map(react), reply);
}
