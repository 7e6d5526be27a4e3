// The review view: one question at a time, what its keys and buttons do.
"use strict";
(() => {
  const { Book, negated, saveFile } = answering;
  const byId = (id) => document.getElementById(id);
  const data = JSON.parse(byId("questions").textContent);
  const book = new Book(data.served ? "" : data.identity, data.earlier);
  const server = data.served ? new serving.Server(data.served) : null;
  if (server) book.adopt(data.served.answered, data.questions);
  // `lit`: number of the answer that y takes; `refused`: how many answers are not it; `shift`: large
  // frames before (-1) or after (1); `slice`: above (-1) or below (1); `other`: whether "something
  // else" is open, with `taken`: labels that were picked; `bare`: no outlines; `since`: when the
  // question was shown.
  const state = {
    questions: data.questions, at: 0, lit: 1, refused: 0, shift: 0, slice: 0, other: false, taken: [], bare: false,
    since: 0,
  };
  const view = new desk.Desk(data, book, server, state, { choose, decide, light, pick, turn });

  function say(words, warn = false) {
    byId("said").textContent = words;
    byId("said").classList.toggle("warn", warn);
  }

  function show(at, words = "") {
    state.at = Math.min(state.questions.length - 1, Math.max(0, at));
    Object.assign(state, { lit: 1, refused: 0, shift: 0, slice: 0, other: false, taken: [], since: performance.now() });
    byId("question").textContent = view.now.text;
    byId("labels").value = "";
    say(words);
    view.all();
  }

  function light(number) {
    if (state.lit === number || state.other) return;
    state.lit = number;
    view.pictures();
    view.light();
  }

  function turn(shift) {
    state.shift = shift;
    view.pictures();
  }

  function slide(step) {
    state.slice = Math.min(1, Math.max(-1, state.slice + step));
    view.pictures();
  }

  // Record an answer and go on to the next question without one.
  function settle(choice, rows, words) {
    const { questions, at } = state, { key } = view.now;
    book.put(key, { choice, rows, ms: performance.now() - state.since });
    server?.send(key, rows, told);
    const later = [...questions.keys()].map((n) => (at + 1 + n) % questions.length);
    const next = later.find((n) => !view.recordOf(questions[n]));
    if (next === undefined) show(at, `${words} All questions are answered.`);
    else show(next, words);
    if (book.clashes(key)) say("That contradicts another answer. Press u to take it back.", true);
    if (server?.due) solve();
  }

  function choose(n) {
    const answer = view.now.answers[n];
    if (answer) settle(n, answer.corrections, `Answered: ${answer.text}.`);
  }

  // Answers that were refused with n are written, too, where a correction can say that.
  function skip() {
    const refused = view.now.answers.slice(0, state.refused).flatMap(negated);
    settle(null, refused, refused.length ? "Skipped; noted what it is not." : "Skipped.");
  }

  function refuse() {
    if (state.other) return;
    const { answers } = view.now;
    state.refused = Math.min(answers.length, Math.max(state.refused, state.lit));
    state.lit = state.refused + 1;
    if (state.lit > answers.length) {
      open();
    } else {
      view.pictures();
      view.light();
      say(`Not that. ${state.lit}: ${answers[state.lit - 1].text}?`);
    }
  }

  function undo() {
    if (!book.records.size) return;
    const key = book.undo();
    server?.send(key, null, told);
    const at = state.questions.findIndex((question) => question.key === key);
    show(at < 0 ? state.at : at, at < 0 ? "An answer to an earlier question is taken back." : "Taken back.");
  }

  // Something else.
  function open() {
    Object.assign(state, { other: true, taken: [] });
    view.pictures();
    view.answers();
    byId("labels").focus();
  }

  function close() {
    const typing = byId("other").contains(document.activeElement);
    Object.assign(state, { other: false, lit: 1, taken: [] });
    byId("labels").value = "";
    view.pictures();
    view.answers();
    if (typing) byId("question").focus();
  }

  function pick(label) {
    if (!state.other) open();
    const { taken } = state;
    state.taken = taken.includes(label) ? taken.filter((one) => one !== label) : [...taken, label].slice(-2);
    byId("labels").value = state.taken.join(" ");
    view.pictures();
    view.taken();
  }

  function typed() {
    state.taken = byId("labels").value.split(/[\s,;]+/).filter(Boolean).map(Number);
    view.pictures();
    view.taken();
  }

  const placeOf = (t, label) => view.now.frames.find((frame) => frame.t === t)
    ?.views.flatMap((each) => each.cells).find(([other]) => other === label)?.[4] ?? "";

  function about() {
    const { t, label, place } = view.now;
    return { t, label, place: (label && placeOf(t, label)) || place.join(" ") };
  }

  function rowOf(kind, ends) {
    const row = { kind };
    ends.forEach(({ t, label, place }, n) => {
      const number = n ? n + 1 : "";
      if (n < 2) row[`t${number}`] = t;
      Object.assign(row, { [`label${number}`]: label, [`place${number}`]: place });
    });
    return row;
  }

  function decide(kind) { settle(-1, [rowOf(kind, [about()])], `Answered: ${kind}.`); }

  function take() {
    const labels = byId("labels").value.split(/[\s,;]+/).filter(Boolean).map(Number);
    const own = about(), t = view.elsewhere, most = t > own.t ? 2 : 1;
    if (!labels.length || labels.some((label) => !Number.isInteger(label) || label < 1)) {
      say("Type the label of a region, a whole number, or click the region.", true);
    } else if (t === own.t || labels.length > most || new Set(labels).size < labels.length) {
      say(most > 1 ? "Give one region, or the two daughters." : "Give one region.", true);
    } else {
      const ends = labels.map((label) => ({ t, label, place: placeOf(t, label) }));
      const kind = ends.length > 1 ? "divides" : "same cell";
      settle(-1, [rowOf(kind, [own, ...ends].sort((a, b) => a.t - b.t))], `Answered: ${kind}, ${labels.join(" and ")}.`);
    }
  }

  // Saving, in a file or by the server.
  async function save() {
    const name = await saveFile(view.file, book.csv());
    if (!name) return;
    book.markSaved();
    say(`Saved as ${name}.`);
    view.kept();
  }

  function told(problem) {
    if (problem) say(problem, true);
    view.kept();
  }

  async function solve() {
    if (!server || server.busy) return;
    const solving = server.solve();
    view.kept();
    const found = await solving;
    if (found.questions) renew(found.questions);
    say(found.words, Boolean(found.problem));
    view.progress();
  }

  // What was answered stays, to go back to, and what is on the screen; the rest is new.
  function renew(questions) {
    const shown = view.now;
    const kept = state.questions.filter((question) => view.recordOf(question) || question === shown);
    const keys = new Set(kept.map((question) => question.key));
    state.questions = [...kept, ...questions.filter((question) => !keys.has(question.key))];
    state.at = state.questions.indexOf(shown);
    const next = state.questions.findIndex((question) => !view.recordOf(question));
    if (view.recordOf(shown) && next >= 0) show(next);
  }

  // Views and keys.
  const tabs = [...document.querySelectorAll(".views button")];
  function turnTo(name) {
    const reviewing = name === "review";
    document.body.classList.toggle("reviewing", reviewing);
    byId("review-view").hidden = !reviewing;
    byId("overview").hidden = reviewing;
    for (const tab of tabs) {
      tab.setAttribute("aria-selected", String(tab.dataset.view === name));
      tab.tabIndex = tab.dataset.view === name ? 0 : -1;
    }
    if (!reviewing) return;
    state.since = performance.now();
    view.all();
  }

  const keys = {
    y: () => (state.lit <= view.now.answers.length ? choose(state.lit - 1) : open()),
    n: refuse, o: open, s: skip, u: undo, r: solve,
    ArrowLeft: () => show(state.at - 1), ArrowRight: () => show(state.at + 1),
    ArrowUp: () => slide(-1), ArrowDown: () => slide(1),
    ",": () => turn(state.shift > 0 ? 0 : -1), ".": () => turn(state.shift < 0 ? 0 : 1),
    h: () => { state.bare = !state.bare; view.pictures(); },
  };
  const others = {
    Escape: close, b: () => decide("begins"), e: () => decide("ends"), x: () => decide("no cell"),
    c: () => decide("two cells"),
  };

  document.addEventListener("keydown", (event) => {
    if (byId("review-view").hidden || event.ctrlKey || event.metaKey || event.altKey) return;
    if (event.target.closest?.(".views")) return;
    const key = event.key.length > 1 ? event.key : event.key.toLowerCase();
    const editing = event.target === byId("labels") && (/^[\d\s,;]$/.test(key) || key.startsWith("Arrow"));
    const digit = /^[1-9]$/.test(key) ? () => choose(Number(key) - 1) : undefined;
    const action = (state.other ? others[key] : digit) ?? (editing ? undefined : keys[key]);
    if (!action) return;
    event.preventDefault();
    action();
  });
  tabs.forEach((tab, n) => {
    tab.addEventListener("click", () => {
      turnTo(tab.dataset.view);
      history.replaceState(null, "", `#${tab.dataset.view}`);
    });
    tab.addEventListener("keydown", (event) => {
      if (!["ArrowLeft", "ArrowRight"].includes(event.key)) return;
      tabs[1 - n].click();
      tabs[1 - n].focus();
    });
  });
  byId("else").addEventListener("click", open);
  byId("back").addEventListener("click", close);
  byId("other").addEventListener("submit", (event) => { event.preventDefault(); take(); });
  byId("labels").addEventListener("input", typed);
  for (const [id, action] of Object.entries({
    previous: keys.ArrowLeft, next: keys.ArrowRight, skip, undo, save, solve, above: keys.ArrowUp, below: keys.ArrowDown,
  })) byId(id).addEventListener("click", action);
  addEventListener("beforeunload", (event) => {
    if (server ? server.pending.size : !book.keeps && book.unsaved) event.preventDefault();
  });
  const first = state.questions.findIndex((question) => !view.recordOf(question));
  show(Math.max(0, first), book.records.size ? "Your earlier answers are still here." : "");
  turnTo(location.hash === "#review" || (server && !location.hash) ? "review" : "overview");
})();
