// Who one speaks as: the row of seats, and the question for the admin's token.

import { byId, el } from "./dom.js";
import { allSeats, avatar } from "./people.js";
import { t } from "./texts.js";

const KEY = "token";

/** A token in the address is kept for this tab and taken out of the address. */
export function tokenFromAddress() {
  const given = /^#admin=(.+)$/.exec(location.hash);
  if (!given) return;
  sessionStorage.setItem(KEY, decodeURIComponent(given[1]));
  history.replaceState(null, "", location.pathname);
}

export const hasToken = () => Boolean(sessionStorage.getItem(KEY));
export const forgetToken = () => sessionStorage.removeItem(KEY);

export class Seats {
  /** take(id) asks the server for a seat. */
  constructor(take) {
    this.take = take;
    this.dialog = byId("token-dialog");
    byId("token-cancel").addEventListener("click", () => this.dialog.close());
    this.dialog.addEventListener("close", () => this.check(this.seat));
    byId("token-form").addEventListener("submit", (event) => {
      event.preventDefault();
      sessionStorage.setItem(KEY, byId("token").value.trim());
      this.take(this.wanted);
    });
  }

  draw(seat) {
    const focused = byId("seats").contains(document.activeElement);
    byId("seats").replaceChildren(...allSeats().map((one) => this.label(one)));
    this.check(seat, focused);
  }

  label(seat) {
    const { id, name, admin } = seat;
    const choose = () => this.choose(seat);
    return el(
      "label",
      { class: "seat", title: admin ? `${name} (${t("admin")})` : name },
      el("input", { type: "radio", name: "seat", value: id, "aria-label": name, onchange: choose }),
      avatar(id),
      el("span", { class: "seat-name" }, name),
      admin ? el("span", { class: "mark" }, t("admin")) : null,
    );
  }

  /** Mark the seat that one has, as the server said. */
  check(seat, focused = byId("seats").contains(document.activeElement)) {
    this.seat = seat;
    const radio = document.querySelector(`input[name="seat"][value="${CSS.escape(seat ?? "")}"]`);
    if (!radio) return;
    radio.checked = true;
    if (focused) radio.focus();
  }

  choose(seat) {
    if (seat.admin && !hasToken()) this.ask(seat.id, false);
    else this.take(seat.id);
  }

  ask(seat, wrong) {
    this.wanted = seat;
    byId("token-error").hidden = !wrong;
    byId("token").value = "";
    if (!this.dialog.open) this.dialog.showModal();
    byId("token").focus();
  }

  taken(seat) {
    this.seat = seat;
    if (this.dialog.open) this.dialog.close();
    this.check(seat);
  }
}
