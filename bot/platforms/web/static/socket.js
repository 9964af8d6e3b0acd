// The line to the server. What was said is kept until the server has it, over lost connections and reloads; the server
// counts the same id once.

const KEY = "unsent";
const token = () => sessionStorage.getItem("token") ?? "";

export class Connection {
  /** handlers: opened(), frame(frame), lost(). */
  constructor(handlers) {
    this.handlers = handlers;
    this.unsent = new Map(JSON.parse(sessionStorage.getItem(KEY) ?? "[]"));
    this.delay = 500;
    this.seated = false;
    window.addEventListener("online", () => this.open());
  }

  open() {
    if (this.socket && this.socket.readyState <= WebSocket.OPEN) return;
    clearTimeout(this.timer);
    const socket = new WebSocket(`ws://${location.host}/ws`);
    this.socket = socket;
    socket.onopen = () => {
      this.steady = setTimeout(() => (this.delay = 500), 5000);
      this.handlers.opened();
    };
    socket.onmessage = (event) => this.receive(JSON.parse(event.data));
    socket.onclose = () => {
      clearTimeout(this.steady);
      this.seated = false;
      this.handlers.lost();
      this.timer = setTimeout(() => this.open(), this.delay);
      this.delay = Math.min(this.delay * 2, 8000);
    };
  }

  receive(frame) {
    if (frame.type === "ack" || frame.type === "refused") this.forget(frame.id);
    const reseated = frame.type === "seated" && !this.seated;
    if (frame.type === "seated") this.seated = true;
    this.handlers.frame(frame);
    if (reseated) for (const waiting of this.unsent.values()) this.transmit(waiting);
  }

  takeSeat(seat) {
    this.transmit({ type: "seat", seat });
  }

  /** Send now, or as soon as there is a connection. Returns the frame with its id. */
  say(frame) {
    const whole = { ...frame, id: crypto.randomUUID() };
    this.unsent.set(whole.id, whole);
    this.save();
    if (this.seated) this.transmit(whole);
    return whole;
  }

  forget(id) {
    if (this.unsent.delete(id)) this.save();
  }

  save() {
    sessionStorage.setItem(KEY, JSON.stringify([...this.unsent]));
  }

  transmit(frame) {
    if (this.socket.readyState === WebSocket.OPEN) this.socket.send(JSON.stringify({ ...frame, token: token() }));
  }
}
