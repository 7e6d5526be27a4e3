// Draws the review view as its state says: pictures, answers, progress.
"use strict";
const desk = (() => {
  const { make } = drawn;
  const byId = (id) => document.getElementById(id);
  const OTHERS = [
    ["b", "begins here", "begins"], ["e", "ends here", "ends"], ["x", "is no cell", "no cell"],
    ["c", "is two cells", "two cells"],
  ];
  const SLICES = ["slice above", "middle slice", "slice below"];

  class Desk {
    // `state`: see review.js. `actions`: what the elements do: choose, light, pick, turn, decide.
    constructor(data, book, server, state, actions) {
      Object.assign(this, { data, book, server, state, actions });
      this.file = `${data.sequence}_CORRECTIONS.csv`;
    }

    get now() { return this.state.questions[this.state.at]; }

    recordOf(question) { return this.book.records.get(question.key); }

    // Which frames are large, by their places in the question: that in question and, in order of
    // time, that of the answer that is looked at; both moved where the user has moved them.
    get large() {
      const { t, other, frames } = this.now, { lit, shift } = this.state;
      const beside = drawn.frameOf(this.now, lit) ?? other;
      const places = [t, beside].sort((a, b) => a - b).map((each) => frames.findIndex((frame) => frame.t === each));
      const [first, last] = places.map((place) => place + shift);
      return [...new Set(first < 0 || last >= frames.length ? places : [first, last])];
    }

    // The large frame, other than that in question, in which a region can be picked.
    get elsewhere() {
      const { t, frames } = this.now;
      const away = (frame) => Math.abs(frame - t) || Infinity;
      return this.large.map((place) => frames[place].t).sort((a, b) => away(a) - away(b))[0];
    }

    viewOf(frame) {
      const { views } = frame;
      return views[views.length > 1 ? 1 + this.state.slice : 0];
    }

    marks(frame, big) {
      const question = this.now, { lit, other, taken } = this.state;
      question.seen ??= drawn.rolesOf(question);
      question.tracks ??= drawn.tracksOf(question, question.seen.roles);
      const there = big && frame.t === this.elsewhere && frame.t !== question.t;
      return {
        ...question.seen, tracks: question.tracks, lit: other || !big ? -1 : lit,
        taken: there ? taken : [], names: there && other,
        pick: there ? this.actions.pick : null,
      };
    }

    pictures() {
      const { now: question, large } = this, { units } = this.data, written = [];
      byId("large").classList.toggle("alone", large.length < 2);
      byId("large").classList.toggle("bare", this.state.bare);
      byId("large").replaceChildren(...large.map((place) => {
        const frame = question.frames[place], view = this.viewOf(frame);
        const { box, write } = drawn.picture(question, frame, view, units, this.marks(frame, true));
        written.push(write);
        const facts = [frame.t === question.t && "in question", question.place.length > 2 && `slice ${view.z}`];
        return make("figure", { role: "group", "aria-label": drawn.words(question, frame, view, question.seen.roles) },
          make("figcaption", {}, make("b", { text: `frame ${frame.t}` }), make("span", { text: facts.filter(Boolean).join(", ") })),
          box);
      }));
      this.strip(large);
      written.forEach((write) => write());
      const deep = question.frames.some((frame) => frame.views.length > 1);
      byId("slicing").hidden = byId("slice-keys").hidden = !deep;
      byId("which-slice").textContent = SLICES[this.state.slice + 1];
    }

    // All frames, small; those that are large are marked.
    strip(large) {
      const question = this.now;
      byId("strip").replaceChildren(...question.frames.map((frame, place) => {
        const middle = frame.views[(frame.views.length - 1) / 2], on = large.includes(place);
        const { box } = drawn.picture(question, frame, middle, this.data.units, this.marks(frame, false));
        const button = make("button", { type: "button", class: on ? "on" : "", "aria-pressed": String(on) }, box, `frame ${frame.t}`);
        button.addEventListener("click", () => this.actions.turn(place < large[0] ? -1 : place > large.at(-1) ? 1 : 0));
        return button;
      }));
    }

    answers() {
      const { now: question, state } = this, record = this.recordOf(question);
      byId("answers").replaceChildren(...question.answers.map((answer, n) => make("li", {}, this.answer(answer, n, record))));
      byId("else").setAttribute("aria-pressed", String(record?.choice === -1));
      this.light();
      byId("choices").hidden = state.other;
      byId("other").hidden = !state.other;
      this.taken();
    }

    answer({ text, probability }, n, record) {
      const button = make("button", {
        type: "button", class: "choice", "aria-pressed": String(record?.choice === n),
        "aria-keyshortcuts": n < 9 ? n + 1 : undefined, style: `--role: var(${drawn.colourOf(n + 1)})`,
      },
      make("span", { class: "number", text: n + 1 }),
      make("span", { class: "text" }, make("b", { text }), ...(n ? [] : [make("small", { text: "as the tool has it" })])),
      make("span", { class: "share", text: `${Math.round(100 * probability)} %` }));
      button.addEventListener("click", () => this.actions.choose(n));
      button.addEventListener("mouseenter", () => this.actions.light(n + 1));
      button.addEventListener("focus", () => this.actions.light(n + 1));
      return button;
    }

    // Mark the answer that y takes, and those that were refused.
    light() {
      const open = !this.recordOf(this.now), { lit } = this.state;
      byId("answers").querySelectorAll("button").forEach((button, n) => {
        button.classList.toggle("lit", open && n + 1 === lit);
        button.classList.toggle("not", open && n < this.state.refused);
        if (open && n + 1 === lit) button.scrollIntoView({ block: "nearest" });
      });
    }

    // What was picked in "something else".
    taken() {
      const { now: question, elsewhere } = this, { taken } = this.state;
      byId("other-hint").textContent = `Click the right region in frame ${elsewhere}, or type its label`
        + (elsewhere > question.t ? "; two regions are a division." : ".");
      byId("picked").textContent = taken.length ? `Picked: ${taken.join(" and ")}` : "";
      byId("kinds").replaceChildren(...OTHERS.map(([key, words, kind]) => {
        const button = make("button", { type: "button", "aria-keyshortcuts": key }, words, make("kbd", { text: key }));
        button.addEventListener("click", () => this.actions.decide(kind));
        return button;
      }));
    }

    progress() {
      const { book, state: { questions, at } } = this;
      const done = questions.filter((question) => this.recordOf(question)).length, left = questions.length - done;
      const time = answering.timeLeft(left, book.pace);
      byId("count").textContent = [`Question ${at + 1} of ${questions.length}`, time].filter(Boolean).join(", ");
      byId("pace").textContent = `${done} answered`;
      byId("bar").setAttribute("aria-valuemax", questions.length);
      byId("bar").setAttribute("aria-valuenow", done);
      byId("bar").firstElementChild.style.width = `${100 * done / questions.length}%`;
      document.querySelector("#tab-review .badge").textContent = left;
      byId("previous").disabled = at === 0;
      byId("next").disabled = at === questions.length - 1;
      byId("undo").disabled = book.records.size === 0;
      this.kept();
    }

    // Where the answers are.
    kept() {
      const { book, file, server } = this, rows = book.rows.length;
      byId("save").textContent = rows ? `Save ${rows} ${rows === 1 ? "correction" : "corrections"}` : "Save corrections";
      byId("save").disabled = rows === 0;
      byId("save").hidden = server !== null && !server.lost;
      byId("solve").hidden = server === null || server.lost;
      byId("solve").disabled = server?.busy;
      byId("kept").setAttribute("aria-busy", String(Boolean(server?.pending.size)));
      byId("kept").textContent = server ? server.words : !book.keeps
        ? "This browser keeps nothing for this page: save before you close it."
        : book.unsaved ? `Kept in this browser. Save them as ${file} beside the result; the next run obeys them.`
          : rows ? `Saved. Run sam4ct again: it obeys ${file} beside the result.`
            : "Answers are kept in this browser until you save them.";
    }

    all() {
      this.pictures();
      this.answers();
      this.progress();
    }
  }

  return { Desk };
})();
