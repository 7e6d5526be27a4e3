// The review view: one question at a time, its pictures, its answers, and the keys.
"use strict";
(() => {
  const { Book, negated, saveFile, timeLeft } = answering;
  const { make } = drawn;
  const byId = (id) => document.getElementById(id);
  const data = JSON.parse(byId("questions").textContent);
  const file = `${data.sequence}_CORRECTIONS.csv`;
  const book = new Book(data.served ? "" : data.identity, data.earlier);
  const server = data.served ? new serving.Server(data.served) : null;
  if (server) book.adopt(data.served.answered, data.questions);
  let questions = data.questions;
  // `lit`: number of the answer that y takes; `shift`: large frames before (-1) or after (1);
  // `slice`: above (-1) or below (1); `taken`: labels that were picked; `since`: when it was shown.
  const state = { at: 0, lit: 1, shift: 0, slice: 0, other: false, taken: [], bare: false, since: 0 };
  const now = () => questions[state.at];
  const recordOf = (question) => book.records.get(question.key);

  // Which two frames are large.
  function large() {
    const { frames, left, right } = now();
    const places = [left, right].map((t) => frames.findIndex((frame) => frame.t === t));
    const [first, last] = places.map((place) => place + state.shift);
    if (!state.shift || first < 0 || last >= frames.length) return [...new Set(places)];
    return [...new Set([first, last])];
  }

  const viewOf = (frame) => {
    const middle = (frame.views.length - 1) / 2;
    return frame.views[Math.min(frame.views.length - 1, Math.max(0, middle + state.slice))];
  };
  // The large frame other than that of the question: where answers lie.
  const elsewhere = () => now().t === now().left ? now().right : now().left;

  function marks(frame, big) {
    const question = now();
    question.seen ??= drawn.rolesOf(question);
    question.tracks ??= drawn.tracksOf(question, question.seen.roles);
    const there = frame.t === elsewhere() && frame.t !== question.t;
    return {
      ...question.seen, tracks: question.tracks, lit: state.other || !big ? -1 : state.lit,
      taken: there ? state.taken : [], names: big && there && state.other,
      pick: big && there ? pick : null,
    };
  }

  function drawPictures() {
    const question = now(), { frames } = question, shown = large(), written = [];
    byId("large").classList.toggle("alone", shown.length < 2);
    byId("large").replaceChildren(...shown.map((place) => {
      const frame = frames[place], view = viewOf(frame);
      const { box, write } = drawn.picture(question, frame, view, data.units, marks(frame, true));
      written.push(write);
      const slice = question.place.length > 2 || frame.views.length > 1 ? `slice ${view.z}` : "";
      return make("figure", { role: "group", "aria-label": drawn.words(question, frame, view, question.seen.roles) },
        make("figcaption", {}, make("b", { text: `frame ${frame.t}` }),
          make("span", { text: [frame.t === question.t ? "in question" : "", slice].filter(Boolean).join(", ") })),
        box);
    }));
    byId("strip").replaceChildren(...frames.map((frame, place) => {
      const { box } = drawn.picture(question, frame, frame.views[(frame.views.length - 1) / 2], data.units, marks(frame, false));
      const button = make("button", { type: "button", class: shown.includes(place) ? "on" : "", "aria-pressed": String(shown.includes(place)) },
        box, `frame ${frame.t}`);
      button.addEventListener("click", () => turn(place < shown[0] ? -1 : place > shown.at(-1) ? 1 : 0));
      return button;
    }));
    written.forEach((write) => write());
    const deep = frames.some((frame) => frame.views.length > 1);
    byId("slicing").hidden = byId("slice-keys").hidden = !deep;
    byId("which-slice").textContent = ["slice above", "middle slice", "slice below"][state.slice + 1];
    byId("large").classList.toggle("bare", state.bare);
  }

  function drawAnswers() {
    const question = now(), record = recordOf(question);
    byId("answers").replaceChildren(...question.answers.map((answer, n) => {
      const percent = `${Math.round(100 * answer.probability)} %`;
      const chosen = record?.choice === n;
      const button = make("button", {
        type: "button", class: "choice", "aria-pressed": String(chosen), "aria-keyshortcuts": n < 9 ? n + 1 : undefined,
        style: `--role: var(${drawn.colourOf(n + 1)})`,
      },
      make("span", { class: "number", text: n + 1 }),
      make("span", { class: "text" }, make("b", { text: answer.text }), ...(n ? [] : [make("small", { text: "as the tool has it" })])),
      make("span", { class: "share", text: percent }));
      button.classList.toggle("lit", !record && n + 1 === state.lit);
      button.classList.toggle("not", !record && n + 1 < state.lit);
      button.addEventListener("click", () => choose(n));
      button.addEventListener("mouseenter", () => light(n + 1));
      button.addEventListener("focus", () => light(n + 1));
      return make("li", {}, button);
    }));
    byId("else").setAttribute("aria-pressed", String(record?.choice === -1));
    byId("else").classList.toggle("lit", !record && state.lit > question.answers.length);
    byId("choices").hidden = state.other;
    byId("other").hidden = !state.other;
    drawTaken();
  }

  function drawTaken() {
    const forward = elsewhere() >= now().t;
    byId("other-hint").textContent = `Click the right region in frame ${elsewhere()}, or type its label`
      + (forward ? "; two regions are a division." : ".");
    byId("picked").textContent = state.taken.length ? `Picked: ${state.taken.join(" and ")}` : "";
    const kinds = [["b", "begins here", "begins"], ["e", "ends here", "ends"], ["x", "is no cell", "no cell"], ["c", "is two cells", "two cells"]];
    byId("kinds").replaceChildren(...kinds.map(([key, words, kind]) => {
      const button = make("button", { type: "button", "aria-keyshortcuts": key }, words, make("kbd", { text: key }));
      button.addEventListener("click", () => decide(kind));
      return button;
    }));
  }

  function drawProgress() {
    const done = questions.filter(recordOf).length, left = questions.length - done;
    byId("count").textContent = `Question ${state.at + 1} of ${questions.length}`;
    byId("pace").textContent = [`${done} of ${questions.length} answered`, timeLeft(left, book.pace)].filter(Boolean).join(", ");
    byId("bar").setAttribute("aria-valuemax", questions.length);
    byId("bar").setAttribute("aria-valuenow", done);
    byId("bar").firstElementChild.style.width = `${100 * done / Math.max(1, questions.length)}%`;
    for (const badge of document.querySelectorAll("#tab-review .badge")) badge.textContent = left;
    byId("previous").disabled = state.at === 0;
    byId("next").disabled = state.at === questions.length - 1;
    byId("undo").disabled = book.records.size === 0;
    drawKept();
  }

  function drawKept() {
    const rows = book.rows.length;
    byId("save").textContent = `Save ${rows} ${rows === 1 ? "correction" : "corrections"}`;
    byId("save").disabled = rows === 0;
    byId("save").hidden = server !== null && !server.lost;
    byId("solve").hidden = server === null || server.lost;
    if (server) {
      byId("solve").disabled = server.busy;
      byId("kept").textContent = server.words;
    } else if (!book.keeps) {
      byId("kept").textContent = "This browser keeps nothing for this page: save before you close it.";
    } else {
      byId("kept").textContent = book.unsaved
        ? `Kept in this browser. Save them as ${file} beside the result; the next run obeys them.`
        : rows ? `Saved. Run sam4ct again with --overwrite: it obeys ${file} beside the result.`
          : "Answers are kept in this browser until you save them.";
    }
  }

  function say(words, warn = false) {
    byId("said").textContent = words;
    byId("said").classList.toggle("warn", warn);
  }

  function show(at, words = "") {
    state.at = Math.min(questions.length - 1, Math.max(0, at));
    Object.assign(state, { lit: 1, shift: 0, slice: 0, other: false, taken: [], since: performance.now() });
    byId("question").textContent = now().text;
    byId("labels").value = "";
    say(words);
    draw();
  }

  function draw() {
    drawPictures();
    drawAnswers();
    drawProgress();
  }

  function light(number) {
    if (state.lit === number || state.other) return;
    state.lit = number;
    drawPictures();
    [...byId("answers").querySelectorAll("button")].forEach((button, n) =>
      button.classList.toggle("lit", !recordOf(now()) && n + 1 === number));
  }

  function turn(shift) { state.shift = shift; drawPictures(); }

  // Record an answer and go on to the next question without one.
  function settle(choice, rows, words) {
    book.put(now().key, { choice, rows, ms: performance.now() - state.since });
    server?.send(now().key, rows, told);
    const later = [...questions.keys()].map((n) => (state.at + 1 + n) % questions.length);
    const next = later.find((n) => !recordOf(questions[n]));
    if (next === undefined) show(state.at, `${words} All questions are answered.`);
    else show(next, words);
    if (server?.due) solve();
  }

  function choose(n) {
    const answer = now().answers[n];
    if (answer) settle(n, answer.corrections, `Answered: ${answer.text}.`);
  }

  // Answers that were refused with n are written, too, where a correction can say that.
  function skip() {
    const refused = now().answers.slice(0, state.lit - 1).flatMap(negated);
    settle(null, refused, refused.length ? `Skipped; noted what it is not.` : "Skipped.");
  }

  function refuse() {
    if (state.other) return;
    state.lit = Math.min(state.lit + 1, now().answers.length + 1);
    if (state.lit > now().answers.length) open();
    else { drawPictures(); drawAnswers(); say(`Not that. ${state.lit}: ${now().answers[state.lit - 1].text}?`); }
  }

  function undo() {
    if (!book.records.size) return;
    const key = book.undo();
    server?.send(key, null, told);
    const at = questions.findIndex((question) => question.key === key);
    show(at < 0 ? state.at : at, at < 0 ? "An answer to an earlier question is taken back." : "Taken back.");
  }

  // Something else.
  function open() {
    Object.assign(state, { other: true, taken: [] });
    drawPictures();
    drawAnswers();
    byId("labels").focus();
  }

  function close() {
    const typing = byId("other").contains(document.activeElement);
    Object.assign(state, { other: false, lit: 1, taken: [] });
    byId("labels").value = "";
    drawPictures();
    drawAnswers();
    if (typing) byId("question").focus();
  }

  function pick(label) {
    if (!state.other) open();
    const { taken } = state;
    state.taken = taken.includes(label) ? taken.filter((one) => one !== label) : [...taken, label].slice(-2);
    byId("labels").value = state.taken.join(" ");
    drawPictures();
    drawTaken();
  }

  const placeOf = (t, label) => now().frames.find((frame) => frame.t === t)
    ?.views.flatMap((view) => view.cells).find(([other]) => other === label)?.[4] ?? "";
  const about = () => ({ t: now().t, label: now().label, place: now().label ? placeOf(now().t, now().label) : now().place.join(" ") });

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
    const t = elsewhere(), own = about();
    if (!labels.length || labels.some((label) => !Number.isInteger(label) || label < 1)) {
      say("Type the label of a region, a whole number, or click the region.", true);
    } else if (t === own.t || labels.length > 2 || new Set(labels).size < labels.length || (labels.length > 1 && t < own.t)) {
      say(t > own.t ? "One region is the same cell, two are its daughters; more cannot be." : "Give one region.", true);
    } else {
      const ends = labels.map((label) => ({ t, label, place: placeOf(t, label) }));
      const kind = ends.length > 1 ? "divides" : "same cell";
      settle(-1, [rowOf(kind, [own, ...ends].sort((a, b) => a.t - b.t))], `Answered: ${kind}, ${labels.join(" and ")}.`);
    }
  }

  // Saving, in a file or by the server.
  async function save() {
    const name = await saveFile(file, book.csv());
    if (!name) return;
    book.markSaved();
    say(`Saved as ${name}.`);
    drawKept();
  }

  function told(problem) {
    if (problem) say(problem, true);
    drawKept();
  }

  async function solve() {
    if (!server || server.busy) return;
    const before = server.solve();
    drawKept();
    const found = await before;
    if (found.questions) {
      // What was answered stays, to go back to, and what is on the screen; the rest is new.
      const shown = now();
      const kept = questions.filter((question) => recordOf(question) || question === shown);
      const keys = new Set(kept.map((question) => question.key));
      questions = [...kept, ...found.questions.filter((question) => !keys.has(question.key))];
      state.at = questions.indexOf(shown);
      if (recordOf(shown)) {
        const next = questions.findIndex((question) => !recordOf(question));
        if (next >= 0) show(next);
      }
    }
    say(found.words, Boolean(found.problem));
    drawProgress();
  }

  // Views and keys.
  const tabs = [...document.querySelectorAll(".views button")];
  function view(name) {
    const reviewing = name === "review";
    document.body.classList.toggle("reviewing", reviewing);
    byId("review-view").hidden = !reviewing;
    byId("overview").hidden = reviewing;
    for (const tab of tabs) {
      tab.setAttribute("aria-selected", String(tab.dataset.view === name));
      tab.tabIndex = tab.dataset.view === name ? 0 : -1;
    }
    if (reviewing) { state.since = performance.now(); draw(); }
  }

  const keys = {
    y: () => (state.lit <= now().answers.length ? choose(state.lit - 1) : open()),
    n: refuse, o: open, s: skip, u: undo, r: solve,
    ArrowLeft: () => show(state.at - 1), ArrowRight: () => show(state.at + 1),
    ArrowUp: () => slide(-1), ArrowDown: () => slide(1),
    ",": () => turn(state.shift > 0 ? 0 : -1), ".": () => turn(state.shift < 0 ? 0 : 1),
    h: () => { state.bare = !state.bare; drawPictures(); },
  };
  const others = { Escape: close, b: () => decide("begins"), e: () => decide("ends"), x: () => decide("no cell"), c: () => decide("two cells") };

  function slide(step) {
    state.slice = Math.min(1, Math.max(-1, state.slice + step));
    drawPictures();
  }

  document.addEventListener("keydown", (event) => {
    if (byId("review-view").hidden || event.ctrlKey || event.metaKey || event.altKey) return;
    if (event.target.closest?.(".views")) return;
    const typing = event.target === byId("labels");
    const key = event.key.length > 1 ? event.key : event.key.toLowerCase();
    const digit = /^[1-9]$/.test(key) ? () => choose(Number(key) - 1) : undefined;
    const typed = typing && (/^[\d\s,;]$/.test(key) || key.startsWith("Arrow"));
    const action = (state.other ? others[key] : digit) ?? (typed ? undefined : keys[key]);
    if (!action) return;
    event.preventDefault();
    action();
  });
  tabs.forEach((tab, n) => {
    tab.addEventListener("click", () => { view(tab.dataset.view); history.replaceState(null, "", `#${tab.dataset.view}`); });
    tab.addEventListener("keydown", (event) => {
      if (!["ArrowLeft", "ArrowRight"].includes(event.key)) return;
      tabs[1 - n].click();
      tabs[1 - n].focus();
    });
  });
  byId("else").addEventListener("click", open);
  byId("back").addEventListener("click", close);
  byId("other").addEventListener("submit", (event) => { event.preventDefault(); take(); });
  byId("labels").addEventListener("input", () => {
    state.taken = byId("labels").value.split(/[\s,;]+/).filter(Boolean).map(Number);
    drawPictures();
    drawTaken();
  });
  for (const [id, action] of Object.entries({
    previous: keys.ArrowLeft, next: keys.ArrowRight, skip, undo, save, solve, above: keys.ArrowUp, below: keys.ArrowDown,
  })) byId(id).addEventListener("click", action);
  addEventListener("beforeunload", (event) => { if (server ? server.pending.size : !book.keeps && book.unsaved) event.preventDefault(); });
  const first = questions.findIndex((question) => !recordOf(question));
  show(Math.max(0, first), book.records.size ? "Your earlier answers are still here." : "");
  view(location.hash === "#review" || (server && !location.hash) ? "review" : "overview");
})();
