// The demo's chat: a page of plain JavaScript on the chat bundle, as any page could have it.
"use strict";

(() => {
  const EVENT = "application/vnd.amazonaws.connect.event.";
  /** How long somebody counts as typing without a further sign. */
  const TYPING_MS = 12_000;
  /** Pages of the transcript that are read to fill what was missed. */
  const MOST_PAGES = 10;

  const byId = (id) => document.getElementById(id);
  const chat = document.querySelector(".chat");
  const log = byId("log");
  let isAtEnd = true;
  const message = byId("message");

  /**
   * The session, who we are in it, what is shown and which Ids that are, and by their elements the texts that are
   * being sent; `null` when there is no chat.
   */
  let current = null;
  let typingTimer = 0;

  for (const place of document.querySelectorAll("[data-origin]")) place.textContent = location.origin;

  if (window.connect?.ChatSession) {
    connect.ChatSession.setGlobalConfig({ endpoint: location.origin });
    byId("start").disabled = false;
  } else {
    showProblem("The chat bundle is not built yet: run `cargo xtask web` in the source tree, then reload this page.");
  }

  byId("welcome").addEventListener("submit", async (event) => {
    event.preventDefault();
    const name = byId("name").value.trim();
    if (!name) return;
    byId("start").disabled = true;
    showProblem("");
    try {
      await start(name);
    } catch (error) {
      leaveChat();
      showProblem(`The chat could not be started: ${reason(error)}`);
    }
    byId("start").disabled = false;
  });

  byId("composer").addEventListener("submit", (event) => {
    event.preventDefault();
    const text = message.value.trim();
    if (!text || !current) return;
    message.value = "";
    message.focus();
    send(current, text);
  });

  log.addEventListener("scroll", () => {
    isAtEnd = log.scrollHeight - log.scrollTop - log.clientHeight < 80;
  });
  // What appears below or above the log makes it smaller.
  new ResizeObserver(stayAtEnd).observe(log);

  message.addEventListener("keydown", (event) => {
    if (event.key !== "Enter" || event.shiftKey || event.isComposing) return;
    event.preventDefault();
    byId("composer").requestSubmit();
  });

  message.addEventListener("input", () => {
    // The bundle sends one every ten seconds at most.
    if (message.value) current?.session.sendEvent({ contentType: `${EVENT}typing` }).catch(() => {});
  });

  byId("end").addEventListener("click", () => byId("leave").showModal());
  byId("leave").addEventListener("close", () => {
    if (byId("leave").returnValue === "leave") {
      current?.session
        .disconnectParticipant()
        .catch((error) => showBanner(`The chat could not be ended: ${reason(error)}`));
    }
    message.focus();
  });
  byId("reconnect").addEventListener("click", () => {
    showBanner("Connecting again…");
    current?.session.connect().catch((error) => showBanner(reason(error), true));
  });
  byId("again").addEventListener("click", () => {
    leaveChat();
    byId("name").focus();
  });

  /** Starts a chat and connects to it. */
  async function start(name) {
    const response = await fetch("/start-chat", {
      method: "POST",
      headers: { "Content-Type": "application/json" },
      body: JSON.stringify({ ParticipantDetails: { DisplayName: name } }),
    });
    const { data } = await response.json();
    if (!response.ok) throw data.Error;
    const chatDetails = data.startChatResult;
    const session = connect.ChatSession.create({ chatDetails, type: "CUSTOMER" });
    const started = { session, me: chatDetails.ParticipantId, entries: [], shown: new Set(), sending: new Map() };
    current = started;

    const whenCurrent = (handle) => (event) => current === started && handle(event);
    session.onMessage(whenCurrent(({ data: item }) => show(started, item)));
    session.onTyping(
      whenCurrent(({ data: item }) => item.ParticipantId !== started.me && showTyping(item.DisplayName)),
    );
    session.onConnectionLost(
      whenCurrent(() => {
        setState("waiting", "Reconnecting");
        hideTyping();
        showBanner("The connection is lost. It is being restored; you can go on reading.");
      }),
    );
    session.onConnectionEstablished(
      whenCurrent(({ data: bySocket }) => {
        // The first of the two at the beginning comes before there is a socket.
        if (!bySocket) return;
        setState("online", "Connected");
        showBanner("");
        catchUp(started).catch(() =>
          showBanner("Earlier messages could not be read; they are tried again with the next connection."),
        );
      }),
    );
    session.onConnectionBroken(
      whenCurrent(() => {
        setState("waiting", "Not connected");
        showBanner("The server refuses the connection.", true);
      }),
    );
    session.onEnded(whenCurrent(() => end()));

    setState("waiting", "Connecting");
    await session.connect();
    for (const id of ["log", "composer", "end"]) byId(id).hidden = false;
    byId("welcome").hidden = true;
    message.focus();
  }

  /** Shows what was said while no socket was open. */
  async function catchUp(started) {
    let nextToken;
    for (let page = 0; page < MOST_PAGES && current === started; page++) {
      const { data } = await started.session.getTranscript({ maxResults: 100, sortOrder: "DESCENDING", nextToken });
      const unknown = data.Transcript.filter((item) => show(started, item));
      nextToken = data.NextToken;
      if (!nextToken || unknown.length < data.Transcript.length) return;
    }
  }

  /** Sends a message and shows it at once. The same client token makes a second try harmless. */
  async function send(started, text) {
    const clientToken = crypto.randomUUID();
    const element = bubble("You", text, true, "");
    append(element);
    const attempt = async () => {
      started.sending.set(element, text);
      element.classList.replace("failed", "sending") || element.classList.add("sending");
      element.querySelector(".failure")?.remove();
      try {
        const { data } = await started.session.sendMessage({ message: text, contentType: "text/plain", clientToken });
        sent(started, element);
        show(started, {
          Id: data.Id,
          AbsoluteTime: data.AbsoluteTime,
          ContentType: "text/plain",
          Content: text,
          ParticipantId: started.me,
        });
      } catch (error) {
        // It came back over the socket after all.
        if (!started.sending.delete(element)) return;
        element.classList.replace("sending", "failed");
        const retry = make("button", "quiet", "Try again");
        retry.type = "button";
        retry.addEventListener("click", attempt);
        const failure = make("p", "failure", `Not sent: ${reason(error)}`);
        failure.setAttribute("role", "alert");
        failure.append(retry);
        element.append(failure);
        failure.scrollIntoView({ block: "nearest" });
      }
    };
    await attempt();
  }

  /** The item itself is shown from now on. */
  function sent(started, element) {
    started.sending.delete(element);
    element.remove();
  }

  /** Shows an item in its place, once; tells whether it was new. */
  function show(started, item) {
    if (!item.Id || started.shown.has(item.Id)) return false;
    started.shown.add(item.Id);
    const own = item.ParticipantId === started.me;
    const element = elementOf(item, own);
    if (!own) hideTyping();
    if (!element) return true;
    if (own) {
      // The item may be here before the answer to its sending.
      const [waiting] = [...started.sending].find(([, text]) => text === item.Content) ?? [];
      if (waiting) sent(started, waiting);
    }
    const place = { time: item.AbsoluteTime, id: item.Id, from: own ? "" : item.ParticipantId, element };
    const after = started.entries.findLastIndex(
      (entry) => entry.time < place.time || (entry.time === place.time && entry.id < place.id),
    );
    const next = started.entries[after + 1];
    started.entries.splice(after + 1, 0, place);
    if (next) log.insertBefore(element, next.element);
    else append(element, log.querySelector(".sending, .failed"));
    group(started.entries, after + 1);
    group(started.entries, after + 2);
    return true;
  }

  /** What stands for an item; nothing for events that say nothing to a customer. */
  function elementOf(item, own) {
    // The service calls its flows and bots names such as SYSTEM_MESSAGE.
    const name = item.ParticipantRole === "SYSTEM" ? "Assistant" : item.DisplayName || "Somebody";
    switch (item.ContentType) {
      case `${EVENT}participant.joined`:
        return own ? null : make("p", "notice", `${name} joined`);
      case `${EVENT}participant.left`:
        return own ? null : make("p", "notice", `${name} left`);
      case `${EVENT}transfer.succeeded`:
        return make("p", "notice", "You are being transferred");
      case `${EVENT}chat.ended`:
        return make("p", "notice", "The chat has ended");
      default:
        if (item.ContentType?.startsWith(EVENT) || typeof item.Content !== "string") return null;
        return bubble(own ? "You" : name, item.Content, own, item.AbsoluteTime);
    }
  }

  function bubble(from, text, own, time) {
    const element = make("div", own ? "message own" : "message");
    const line = make("p", "from", from);
    if (time) {
      const at = make("time", "", new Date(time).toLocaleTimeString([], { hour: "2-digit", minute: "2-digit" }));
      at.dateTime = time;
      line.append(", ", at);
    }
    element.append(line, make("div", "bubble", text));
    return element;
  }

  /** A message right after one of the same sender shows no name. */
  function group(entries, at) {
    const [before, entry] = [entries[at - 1], entries[at]];
    const isMessage = (other) => other !== undefined && other.element.classList.contains("message");
    entry?.element.classList.toggle("follows", isMessage(entry) && isMessage(before) && before.from === entry.from);
  }

  function append(element, before = null) {
    log.insertBefore(element, before);
    stayAtEnd();
  }

  /** Shows the newest line to whoever was at it; whoever reads further up is left where they are. */
  function stayAtEnd() {
    if (isAtEnd) log.scrollTop = log.scrollHeight;
  }

  function showTyping(name) {
    byId("typing").textContent = `${name || "Somebody"} is writing`;
    byId("typing").hidden = false;
    clearTimeout(typingTimer);
    typingTimer = setTimeout(hideTyping, TYPING_MS);
  }

  function hideTyping() {
    byId("typing").hidden = true;
    byId("typing").textContent = "";
  }

  function end() {
    setState("ended", "Ended");
    showBanner("");
    hideTyping();
    for (const id of ["composer", "end"]) byId(id).hidden = true;
    byId("over").hidden = false;
    byId("again").focus();
  }

  /** Back to the beginning. */
  function leaveChat() {
    current = null;
    log.replaceChildren();
    setState("welcome", "Not started");
    showBanner("");
    hideTyping();
    for (const id of ["log", "composer", "end", "over"]) byId(id).hidden = true;
    byId("welcome").hidden = false;
  }

  function setState(state, text) {
    chat.dataset.state = state;
    byId("state").textContent = text;
  }

  function showBanner(text, canRetry = false) {
    byId("banner-text").textContent = text;
    byId("reconnect").hidden = !canRetry;
    byId("banner").hidden = !text;
  }

  function showProblem(text) {
    byId("problem").textContent = text;
    byId("problem").hidden = !text;
  }

  /** What went wrong, for people: the bundle rejects with texts and with plain objects. */
  function reason(error) {
    if (typeof error === "string") return error;
    return error?.message || error?._debug?._debug?.message || "the server cannot be reached";
  }

  function make(tag, className, text = "") {
    const element = document.createElement(tag);
    element.className = className;
    // Text only, wherever it comes from.
    element.textContent = text;
    return element;
  }
})();
