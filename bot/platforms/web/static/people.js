// Who is who: names, colours and avatars.

import { el, icon } from "./dom.js";
import { t } from "./texts.js";

const seats = new Map();

export function setSeats(list) {
  seats.clear();
  list.forEach((seat, index) => seats.set(seat.id, { ...seat, colour: `c${index % 6}` }));
}

export const allSeats = () => [...seats.values()];
export const seatOf = (id) => seats.get(id);

export function nameOf(sender) {
  return sender === "bot" ? t("bot") : (seats.get(sender)?.name ?? sender);
}

export const colourOf = (sender) => (sender === "bot" ? "shop" : (seats.get(sender)?.colour ?? "c0"));

export function avatar(sender) {
  const inside = sender === "bot" ? icon("shop") : [...nameOf(sender)][0].toUpperCase();
  return el("span", { class: `avatar ${colourOf(sender)}`, "aria-hidden": "true" }, inside);
}
