// Building elements. Text only ever becomes a text node: nothing that a member or the bot wrote is read as HTML.

import { language, t } from "./texts.js";

const SVG = "http://www.w3.org/2000/svg";

export const byId = (id) => document.getElementById(id);

/** An element; `on...` properties are listeners, null children are left out. */
export function el(tag, properties = {}, ...children) {
  const node = document.createElement(tag);
  for (const [name, value] of Object.entries(properties)) {
    if (value === undefined || value === false) continue;
    if (name.startsWith("on")) node.addEventListener(name.slice(2), value);
    else node.setAttribute(name, value === true ? "" : value);
  }
  node.append(...children.filter((child) => child !== null && child !== undefined));
  return node;
}

export function icon(name) {
  const svg = document.createElementNS(SVG, "svg");
  const use = document.createElementNS(SVG, "use");
  svg.setAttribute("class", "icon");
  svg.setAttribute("aria-hidden", "true");
  use.setAttribute("href", `#i-${name}`);
  svg.append(use);
  return svg;
}

/** An http(s) address as an absolute URL, or null. */
export function webAddress(text) {
  try {
    const url = new URL(text);
    return url.protocol === "http:" || url.protocol === "https:" ? url.href : null;
  } catch {
    return null;
  }
}

export function link(address, ...children) {
  return el("a", { href: address, target: "_blank", rel: "noopener noreferrer" }, ...children);
}

/** Text with its links and mentions marked, as nodes. */
export function rich(text) {
  const nodes = [];
  let end = 0;
  for (const match of text.matchAll(/https?:\/\/[^\s<>"'()（）,。]+|(?<![\w.+-])@[\p{L}\p{N}_]+/gu)) {
    const found = match[0].replace(/[.,;:!?]+$/, "");
    const address = found.startsWith("@") ? null : webAddress(found);
    if (!found.startsWith("@") && !address) continue;
    nodes.push(text.slice(end, match.index));
    nodes.push(address ? link(address, found) : el("span", { class: "mention" }, found));
    end = match.index + found.length;
  }
  nodes.push(text.slice(end));
  return nodes;
}

function locale() {
  if (language() === "zh") return "zh-CN";
  return navigator.language.startsWith("en") ? navigator.language : "en";
}

export function time(at) {
  return new Intl.DateTimeFormat(locale(), { hour: "2-digit", minute: "2-digit" }).format(new Date(at));
}

/** The day of a moment in words, relative to today. */
export function day(at) {
  const date = new Date(at);
  const days = Math.round((new Date().setHours(0, 0, 0, 0) - new Date(at).setHours(0, 0, 0, 0)) / 86_400_000);
  if (days === 0) return t("today");
  if (days === 1) return t("yesterday");
  const year = date.getFullYear() === new Date().getFullYear() ? undefined : "numeric";
  return new Intl.DateTimeFormat(locale(), { weekday: "long", month: "long", day: "numeric", year }).format(date);
}
