// Every word of the page, and which language it is in.

const texts = {
  en: {
    chats: "Chats",
    closeChats: "Close the chat list",
    openChats: "Open the chat list",
    local: "Only on this computer",
    sidebarHint: "Speak as several members, and see what each of them would see.",
    direct: "Shopkeeper",
    directAs: "Direct chat as {name}",
    directFor: "{name} and the shopkeeper",
    group: "{count} members and the shopkeeper",
    otherLanguage: "中文",
    theme: "Light or dark",
    lost: "Connection lost. Trying again; what you write is sent as soon as it is back.",
    messages: "Messages",
    toEnd: "To the newest message",
    newMessages: "{count} new",
    drop: "Drop files to import them",
    speakAs: "Speak as",
    admin: "admin",
    attach: "Import files",
    write: "Write a message",
    placeholder: "Message as {name}, / for commands",
    send: "Send",
    tokenTitle: "The admin seat",
    tokenHelp: "Alex runs the shop. To speak as Alex, enter the token that was printed when the shop started.",
    tokenLabel: "Admin token",
    tokenWrong: "That is not the token. It is printed in the window where the shop was started.",
    cancel: "Cancel",
    takeSeat: "Speak as Alex",
    bot: "Shopkeeper",
    botMark: "bot",
    mention: "shopkeeper",
    onlyYou: "Only {name} sees this",
    reply: "Reply",
    replyTo: "Reply to {name}",
    cancelReply: "Don't reply to it",
    react: "React with {emoji}",
    reactedBy: "{emoji} by {names}",
    gone: "An earlier message",
    today: "Today",
    yesterday: "Yesterday",
    sending: "Sending",
    sent: "Sent",
    writing: "is writing",
    welcome: "Ask the shop something",
    welcomeText: "Members talk, the shopkeeper answers from the catalogue. Begin with one of these, or write your own.",
    welcomeDirect: "Nobody else sees this chat. Everything you write here is for the shopkeeper.",
    view: "View product",
    commands: "Commands",
    usage: "Usage",
    people: "Mention",
    notSent: "Not sent: {reason}",
    refused_token: "the admin seat needs the token",
    refused_long: "too long",
    refused_chat: "this seat is not in that chat",
    refused_seat: "no such seat",
    refused_bad: "the page and the server disagree; reload the page",
    refused_lost: "the connection was lost",
    importAdmin: "Only the admin can import files. Speak as Alex first.",
    uploading: "Uploading {names}",
  },
  zh: {
    chats: "聊天",
    closeChats: "收起聊天列表",
    openChats: "打开聊天列表",
    local: "仅在这台电脑上",
    sidebarHint: "可以换不同成员的身份发言，看到每个人会看到的内容。",
    direct: "店小二",
    directAs: "以 {name} 的身份私聊",
    directFor: "{name} 与店小二的私聊",
    group: "{count} 位成员和店小二",
    otherLanguage: "English",
    theme: "浅色或深色",
    lost: "连接已断开，正在重连；您写的消息会在恢复后自动发送。",
    messages: "消息",
    toEnd: "跳到最新消息",
    newMessages: "{count} 条新消息",
    drop: "松开即可导入文件",
    speakAs: "发言身份",
    admin: "管理员",
    attach: "导入文件",
    write: "写消息",
    placeholder: "以 {name} 的身份发言，输入 / 查看命令",
    send: "发送",
    tokenTitle: "管理员身份",
    tokenHelp: "Alex 是店主。要以 Alex 的身份发言，请输入启动时打印的令牌。",
    tokenLabel: "管理员令牌",
    tokenWrong: "令牌不对。它打印在启动程序的窗口里。",
    cancel: "取消",
    takeSeat: "以 Alex 发言",
    bot: "店小二",
    botMark: "机器人",
    mention: "店小二",
    onlyYou: "仅 {name} 可见",
    reply: "回复",
    replyTo: "回复 {name}",
    cancelReply: "取消回复",
    react: "用 {emoji} 回应",
    reactedBy: "{names} 回应了 {emoji}",
    gone: "较早的消息",
    today: "今天",
    yesterday: "昨天",
    sending: "发送中",
    sent: "已发送",
    writing: "正在输入",
    welcome: "问问这家店",
    welcomeText: "成员们聊天，店小二根据商品目录回答。可以从下面的问题开始，也可以自己写。",
    welcomeDirect: "这个聊天别人看不到，您写的内容只有店小二会看到。",
    view: "查看商品",
    commands: "命令",
    usage: "用法",
    people: "提及",
    notSent: "未发送：{reason}",
    refused_token: "管理员身份需要令牌",
    refused_long: "内容太长",
    refused_chat: "该成员不在这个聊天里",
    refused_seat: "没有这个成员",
    refused_bad: "页面与服务器版本不一致，请刷新页面",
    refused_lost: "连接已断开",
    importAdmin: "只有管理员可以导入文件，请先切换到 Alex。",
    uploading: "正在上传 {names}",
  },
};

const preferred = navigator.languages.find((name) => /^(en|zh)/i.test(name)) ?? "en";
let current = localStorage.getItem("language") ?? preferred.slice(0, 2).toLowerCase();
if (!(current in texts)) current = "en";

export function language() {
  return current;
}

export function setLanguage(name) {
  current = name;
  localStorage.setItem("language", name);
  translate();
}

/** A text in the page's language; {name} in it is replaced by values.name. */
export function t(key, values = {}) {
  return texts[current][key].replace(/\{(\w+)\}/g, (whole, name) => values[name] ?? whole);
}

/** Put the texts of what stands in index.html. */
export function translate() {
  document.documentElement.lang = current === "zh" ? "zh-CN" : "en";
  for (const node of document.querySelectorAll("[data-text]")) node.textContent = t(node.dataset.text);
  for (const node of document.querySelectorAll("[data-label]")) {
    node.setAttribute("aria-label", t(node.dataset.label));
    if (node.tagName === "BUTTON") node.title = t(node.dataset.label);
  }
}
