// Files for /import: dropped anywhere on the page or chosen by the paper clip, from the admin seat.

import { byId } from "./dom.js";
import { seatOf } from "./people.js";
import { t } from "./texts.js";

export class Uploads {
  /** where() is {chat, seat}; notice(text) tells the reader. */
  constructor(where, notice) {
    this.where = where;
    this.notice = notice;
    this.depth = 0; // dragenter and dragleave come for every element below the pointer
    byId("attach").addEventListener("click", () => {
      if (this.allowed()) byId("files").click();
      else this.notice(t("importAdmin"));
    });
    byId("files").addEventListener("change", (event) => this.send([...event.target.files]));
    for (const name of ["dragenter", "dragover", "dragleave", "drop"]) {
      document.addEventListener(name, (event) => this.drag(event));
    }
  }

  allowed() {
    return seatOf(this.where().seat)?.admin;
  }

  drag(event) {
    if (![...event.dataTransfer.types].includes("Files")) return;
    event.preventDefault();
    this.depth += { dragenter: 1, dragleave: -1 }[event.type] ?? 0;
    if (event.type === "drop") {
      this.depth = 0;
      this.send([...event.dataTransfer.files]);
    }
    byId("drop").hidden = this.depth === 0;
  }

  async send(files) {
    if (!files.length) return;
    if (!this.allowed()) return this.notice(t("importAdmin"));
    const form = new FormData();
    for (const file of files) form.append("file", file, file.name);
    const query = new URLSearchParams({ ...this.where(), id: crypto.randomUUID() });
    const headers = { Authorization: `Bearer ${sessionStorage.getItem("token") ?? ""}` };
    this.notice(t("uploading", { names: files.map((file) => file.name).join(", ") }));
    try {
      const response = await fetch(`/upload?${query}`, { method: "POST", headers, body: form });
      const failed = response.ok ? "" : ((await response.json().catch(() => ({}))).text ?? response.statusText);
      this.notice(failed && t("notSent", { reason: failed }));
    } catch {
      this.notice(t("notSent", { reason: t("refused_lost") }));
    }
    byId("files").value = "";
    return undefined;
  }
}
