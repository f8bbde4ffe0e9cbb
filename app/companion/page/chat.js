// The chat page: a client of the companion's API like any other. Text from the server is only ever set as text.

const at = (id) => document.getElementById(id);
const KEY = "companion-token";
const state = {
  conversation: null,
  opened: 0, // grows when another conversation is opened: what was asked for before belongs elsewhere
  messages: new Map(),
  recalled: new Map(),
  sending: null, // what was sent and is not known to be stored
  lastSeen: null,
  socket: null,
  retry: 500,
};

class Refused extends Error {
  constructor(problem) {
    super(problem.detail ?? "Something went wrong.");
    this.problem = problem;
  }
}

function made(tag, text, attributes = {}) {
  const element = document.createElement(tag);
  if (text !== undefined) element.textContent = text;
  for (const [name, value] of Object.entries(attributes)) element.setAttribute(name, value);
  return element;
}

async function call(method, path, body, headers = {}) {
  const token = sessionStorage.getItem(KEY);
  const answer = await fetch(path, {
    method,
    headers: {
      authorization: `Bearer ${token}`,
      ...(body === undefined ? {} : { "content-type": "application/json" }),
      ...headers,
    },
    body: body === undefined ? undefined : JSON.stringify(body),
  });
  if (token !== sessionStorage.getItem(KEY)) return new Promise(() => {}); // whoever asked has gone
  if (answer.ok) return answer;
  if (answer.status === 401) signedOut();
  throw new Refused(await answer.json().catch(() => ({})));
}

const get = async (path) => (await call("GET", path)).json();

// --- signing in ------------------------------------------------------------------------------------------------------

at("sign-in-form").addEventListener("submit", async (event) => {
  event.preventDefault();
  const body = new URLSearchParams({ username: at("username").value, password: at("password").value });
  const answer = await fetch("/token", { method: "POST", body });
  const said = await answer.json();
  if (!answer.ok) {
    at("sign-in-problem").textContent = said.detail;
    return;
  }
  at("password").value = "";
  at("sign-in-problem").textContent = "";
  sessionStorage.setItem(KEY, said.access_token);
  signedIn();
});

at("sign-out").addEventListener("click", async () => {
  await call("POST", "/logout").catch(() => {});
  signedOut();
});

async function signedIn() {
  at("sign-in").hidden = true;
  at("room").hidden = false;
  state.lastSeen = null;
  await Promise.all([listCompanions(), listConversations()]).catch(shown);
  connect();
}

function signedOut() {
  sessionStorage.removeItem(KEY);
  state.socket?.close();
  state.socket = null;
  clear(null);
  for (const list of ["conversations", "companions", "memories"]) at(list).replaceChildren();
  at("message").value = at("search").value = "";
  at("room").hidden = true;
  at("sign-in").hidden = false;
  at("username").focus();
}

function shown(error) {
  at("problem").textContent = error.message;
}

// --- conversations ---------------------------------------------------------------------------------------------------

async function listCompanions() {
  const { items } = await get("/api/v1/companions/?limit=200");
  at("companions").replaceChildren(...items.map((each) => made("option", each.name, { value: each.id })));
  at("companions").parentElement.hidden = items.length === 0;
}

async function listConversations() {
  const words = at("search").value.trim();
  const query = new URLSearchParams({ limit: "50", ...(words ? { q: words } : {}) });
  const { items } = await get(`/api/v1/conversations/?${query}`);
  at("conversations").replaceChildren(...items.map(conversationItem));
  const open = items.find((talk) => talk.id === state.conversation);
  if (open) at("title").textContent = open.title;
}

function conversationItem(talk) {
  const item = made("li");
  const open = made("button", talk.title);
  if (talk.id === state.conversation) open.setAttribute("aria-current", "true");
  open.addEventListener("click", () => openConversation(talk).catch(shown));
  const remove = made("button", "×", { class: "icon", "aria-label": `Delete ${talk.title}` });
  remove.addEventListener("click", () => call("DELETE", `/api/v1/conversations/${talk.id}`).catch(shown));
  item.append(open, remove);
  return item;
}

function clear(talk) {
  state.conversation = talk?.id ?? null;
  state.messages.clear();
  state.recalled.clear();
  showSending(null);
  at("messages").replaceChildren();
  at("title").textContent = talk?.title ?? "New conversation";
  at("problem").textContent = "";
  return ++state.opened;
}

async function openConversation(talk) {
  const mine = clear(talk);
  if (talk) {
    const { items } = await get(`/api/v1/conversations/${talk.id}/messages?order=newest&limit=200`);
    if (mine !== state.opened) return;
    items.reverse().forEach(showMessage);
  }
  await listConversations();
  at("message").focus();
}

at("new").addEventListener("click", () => openConversation(null).catch(shown));

let searching;
at("search").addEventListener("input", () => {
  clearTimeout(searching);
  searching = setTimeout(() => listConversations().catch(shown), 200);
});

// --- messages --------------------------------------------------------------------------------------------------------

const NOTES = { pending: "…", unanswered: "not answered", partial: "cut off" };

function showMessage(message) {
  const key = message.reply_to_id ?? message.id;
  const slot = message.role === "user" ? `user ${key}` : `reply ${key}`;
  if (message.role === "user" && message.content === state.sending?.firstChild.textContent) showSending(null);
  let item = state.messages.get(slot);
  if (!item) {
    item = made("li", undefined, { class: message.role });
    state.messages.set(slot, item);
    at("messages").append(item);
  }
  item.dataset.whole = "yes";
  item.replaceChildren(made("span", message.content), ...notes(message).map((note) => made("small", note)));
  item.scrollIntoView({ block: "nearest" });
}

function showSending(message) {
  state.sending?.remove();
  state.sending = null;
  if (message === null) return;
  state.sending = made("li", undefined, { class: "user" });
  state.sending.append(made("span", message), made("small", NOTES.pending));
  at("messages").append(state.sending);
  state.sending.scrollIntoView({ block: "nearest" });
}

function notes(message) {
  const recalled = state.recalled.get(message.reply_to_id) ?? [];
  return [
    NOTES[message.status],
    message.usage && `${message.usage.total_tokens} tokens`,
    recalled.length > 0 && `remembered ${recalled.map((each) => `“${each.content}”`).join(", ")}`,
  ].filter(Boolean);
}

// The answer and the socket both bring the text, in other pieces: of each, what is not there yet. Offsets count characters.
function showToken(replyTo, text, offset) {
  const slot = `reply ${replyTo}`;
  let item = state.messages.get(slot);
  if (!item) {
    item = made("li", "", { class: "assistant" });
    state.messages.set(slot, item);
    at("messages").append(item);
  }
  const there = [...item.textContent].length - offset;
  if (item.dataset.whole || there < 0) return;
  item.textContent += [...text].slice(there).join("");
  item.scrollIntoView({ block: "nearest" });
}

at("message").addEventListener("keydown", (event) => {
  if (event.key === "Enter" && !event.shiftKey) {
    event.preventDefault();
    at("ask").requestSubmit();
  }
});

at("ask").addEventListener("submit", async (event) => {
  event.preventDefault();
  const message = at("message").value.trim();
  if (!message || at("send").disabled) return;
  at("problem").textContent = "";
  at("send").disabled = true;
  try {
    await ask(message);
  } catch (error) {
    const stored = error.problem?.conversation_id;
    if (!stored && state.sending) at("message").value ||= message;
    else if (stored && !state.conversation) await openConversation({ id: stored, title: message }).catch(shown);
    shown(error);
  } finally {
    showSending(null);
    at("send").disabled = false;
    await listConversations().catch(shown);
  }
});

async function ask(message) {
  const where = state.conversation
    ? { conversation_id: state.conversation }
    : { companion_id: at("companions").value || undefined };
  const mine = state.opened;
  at("message").value = "";
  showSending(message);
  const answer = await call("POST", "/api/chat", { message, stream: true, ...where }, {
    "idempotency-key": crypto.randomUUID(),
  });
  let question;
  let offset = 0;
  for await (const [name, data] of events(answer.body)) {
    if (mine !== state.opened) continue; // its conversation is no longer the one that is shown
    if (name === "start") {
      question = data.message;
      if (!state.conversation) listCompanions().catch(shown);
      state.conversation = question.conversation_id;
      showMessage(question);
    } else if (name === "token") {
      showToken(question.id, data.text, offset);
      offset += [...data.text].length;
    } else if (name === "done") {
      state.recalled.set(question.id, data.recalled);
      showMessage(data.message);
      showMessage(data.reply);
    } else {
      if (data.reply) showMessage(data.reply);
      throw new Refused(data);
    }
  }
}

async function* events(body) {
  const reader = body.pipeThrough(new TextDecoderStream()).getReader();
  let text = "";
  for (;;) {
    const { value, done } = await reader.read();
    if (done) return;
    text += value;
    let end;
    while ((end = text.indexOf("\n\n")) >= 0) {
      const lines = text.slice(0, end).split("\n").filter((line) => !line.startsWith(":"));
      text = text.slice(end + 2);
      const field = (name) => lines.find((line) => line.startsWith(`${name}: `))?.slice(name.length + 2);
      if (field("event")) yield [field("event"), JSON.parse(field("data"))];
    }
  }
}

// --- memory ----------------------------------------------------------------------------------------------------------

at("show-memory").addEventListener("click", async () => {
  at("memory").hidden = !at("memory").hidden;
  at("show-memory").setAttribute("aria-expanded", String(!at("memory").hidden));
  await listMemories().catch(shown);
});

at("forget-all").addEventListener("click", () => call("DELETE", "/api/v1/memories/").then(listMemories).catch(shown));

async function listMemories() {
  if (at("memory").hidden) return;
  const { items, total } = await get("/api/v1/memories/?limit=100");
  at("memories").replaceChildren(...items.map(memoryItem), ...(total ? [] : [made("li", "Nothing.")]));
}

function memoryItem(memory) {
  const item = made("li", memory.content);
  const forget = made("button", "Forget", { class: "icon", "aria-label": `Forget ${memory.content}` });
  forget.addEventListener("click", () => call("DELETE", `/api/v1/memories/${memory.id}`).then(listMemories).catch(shown));
  item.append(made("br"), made("small", memory.role === "user" ? "you said" : "it said"), forget);
  return item;
}

// --- other devices ---------------------------------------------------------------------------------------------------

function connect() {
  const socket = new WebSocket(`${location.origin.replace(/^http/, "ws")}/api/v1/ws`);
  state.socket = socket;
  socket.addEventListener("open", () => {
    socket.send(JSON.stringify({ type: "auth", token: sessionStorage.getItem(KEY), last_seen: state.lastSeen }));
  });
  socket.addEventListener("message", (event) => socket === state.socket && told(socket, JSON.parse(event.data)));
  socket.addEventListener("close", () => {
    if (socket !== state.socket) return;
    at("link").textContent = "offline";
    setTimeout(() => socket === state.socket && connect(), state.retry);
    state.retry = Math.min(state.retry * 2, 30_000);
  });
}

async function told(socket, message) {
  if (message.type === "ping") socket.send(JSON.stringify({ type: "pong" }));
  else if (message.type === "welcome") {
    state.retry = 500;
    state.lastSeen = message.last_seen;
    at("link").textContent = "in step";
  } else if (message.type === "token") {
    if (message.conversation_id === state.conversation) showToken(message.reply_to_id, message.text, message.offset);
  } else if (message.type === "event") {
    state.lastSeen = message.number;
    await happened(message).catch(shown);
  } else if (message.type === "resync") {
    state.lastSeen = message.last_seen;
    const again = state.conversation ? openConversation({ id: state.conversation, title: at("title").textContent }) : null;
    await Promise.all([again ?? listConversations(), listMemories()]).catch(shown);
  }
}

async function happened({ kind, data }) {
  if (kind.startsWith("message.") && data.conversation_id === state.conversation) showMessage(data);
  if (kind === "conversation.deleted" && data.id === state.conversation) await openConversation(null);
  else if (kind.startsWith("conversation.")) await listConversations();
  if (kind === "memory.forgotten" || (kind === "message.created" && data.role === "assistant")) await listMemories();
}

if (sessionStorage.getItem(KEY)) signedIn();
else signedOut();
