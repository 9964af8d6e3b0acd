// The chats at the left; on a narrow page they slide in.

import { byId, el, icon, time } from "./dom.js";
import { allSeats, nameOf, seatOf } from "./people.js";
import { t } from "./texts.js";

export class Sidebar {
  constructor(store, open) {
    this.store = store;
    this.open = open;
    byId("open-chats").addEventListener("click", () => this.slide(true));
    byId("close-chats").addEventListener("click", () => this.slide(false));
    byId("scrim").addEventListener("click", () => this.slide(false));
    byId("sidebar").addEventListener("keydown", (event) => event.key === "Escape" && this.slide(false));
  }

  slide(out) {
    if (out === byId("app").classList.contains("chats-open")) return;
    byId("app").classList.toggle("chats-open", out);
    byId("open-chats").setAttribute("aria-expanded", String(out));
    (out ? byId("chats").querySelector("button") : byId("open-chats")).focus();
  }

  draw(shop, seat, chat) {
    byId("shop-name").textContent = shop.name;
    const name = seatOf(seat).name;
    const direct = chat !== "group";
    byId("title").textContent = direct ? t("direct") : shop.name;
    byId("subtitle").textContent = direct ? t("directFor", { name }) : t("group", { count: allSeats().length });
    document.title = `${direct ? t("direct") : shop.name} · Shopkeeper`;
    const initial = [...(shop.name || "S")][0].toUpperCase();
    const group = el("span", { class: "avatar group", "aria-hidden": "true" }, initial);
    const bot = el("span", { class: "avatar shop", "aria-hidden": "true" }, icon("shop"));
    byId("chats").replaceChildren(
      this.item("group", shop.name, t("group", { count: allSeats().length }), group, chat),
      this.item(`direct:${seat}`, t("direct"), t("directAs", { name }), bot, chat),
    );
    const missed = [...this.store.unread].filter(([id]) => id !== chat).reduce((sum, [, count]) => sum + count, 0);
    byId("elsewhere").hidden = missed === 0;
    byId("elsewhere").textContent = String(missed);
  }

  item(id, title, empty, picture, current) {
    const last = this.store.last(id);
    const missed = this.store.unread.get(id) ?? 0;
    const preview = last ? `${nameOf(last.sender)}: ${last.text || last.files?.join(", ") || "…"}` : empty;
    const choose = () => {
      this.slide(false);
      this.open(id);
    };
    const fresh = t("newMessages", { count: missed });
    const badge = missed ? el("span", { class: "badge", title: fresh }, String(missed)) : null;
    return el(
      "li",
      {},
      el(
        "button",
        { type: "button", class: "chat", "aria-current": id === current ? "true" : undefined, onclick: choose },
        picture,
        el("span", { class: "chat-title" }, title),
        last ? el("time", {}, time(last.at)) : null,
        el("span", { class: "preview" }, preview.slice(0, 120)),
        badge,
      ),
    );
  }
}
