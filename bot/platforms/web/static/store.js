// What the page knows of its chats: messages by id in the order they came, and what was not seen yet.

export class Store {
  constructor() {
    this.chats = new Map();
    this.unread = new Map();
  }

  clear() {
    this.chats.clear();
  }

  messages(chat) {
    return [...(this.chats.get(chat)?.values() ?? [])];
  }

  last(chat) {
    return this.messages(chat).at(-1);
  }

  get(chat, id) {
    return this.chats.get(chat)?.get(id);
  }

  /** Add a message or replace what it shows; it keeps its place, time and reactions. Returns whether it is new. */
  put(message) {
    if (!this.chats.has(message.chat)) this.chats.set(message.chat, new Map());
    const chat = this.chats.get(message.chat);
    const known = chat.get(message.id);
    const reactions = known ? [...known.reactions] : [];
    for (const one of message.reactions ?? []) {
      if (!reactions.some(([emoji, sender]) => emoji === one[0] && sender === one[1])) reactions.push(one);
    }
    chat.set(message.id, { ...message, at: known?.at ?? message.at, reactions });
    return !known;
  }

  /** Returns whether there is such a message and the reaction is new. */
  react(chat, id, emoji, sender) {
    const message = this.get(chat, id);
    if (!message || message.reactions.some(([one, who]) => one === emoji && who === sender)) return false;
    message.reactions.push([emoji, sender]);
    return true;
  }

  /** Returns whether there was such a message. */
  remove(chat, id) {
    return this.chats.get(chat)?.delete(id) ?? false;
  }

  miss(chat) {
    this.unread.set(chat, (this.unread.get(chat) ?? 0) + 1);
  }

  seen(chat) {
    this.unread.delete(chat);
  }
}
