// The connection of the review view with `sam4ct review`; a page in a file has none.
"use strict";
const serving = (() => {
  const SAVED = "Every answer is saved at once.";

  class Server {
    constructor({ batch }) {
      // `pending`: answers that are not saved yet, rows by key; `since`: answers since the last
      // solution; `lost`: whether nobody answers.
      Object.assign(this, { batch, busy: false, lost: false, since: 0, words: SAVED });
      this.pending = new Map();
      this.sending = Promise.resolve();
    }

    async post(what, content) {
      const answer = await fetch(what, {
        method: "POST", headers: { "Content-Type": "application/json" }, body: JSON.stringify(content),
        keepalive: true, // arrives also if the page is left meanwhile
      });
      const found = await answer.json();
      if (!answer.ok) throw new Error(found.problem);
      return found;
    }

    // Whether enough was answered for a new solution.
    get due() { return !this.busy && this.since >= this.batch; }

    // Save an answer, or take it back (rows are null), after those that are not saved yet.
    // `told` is called with what is wrong, or "".
    send(key, rows, told) {
      this.since += rows ? 1 : 0;
      this.pending.delete(key);
      this.pending.set(key, rows);
      this.sending = this.sending.then(() => this.flush(told));
    }

    async flush(told) {
      try {
        for (const [key, rows] of [...this.pending]) {
          const found = await this.post("answer", { key, rows });
          if (this.pending.get(key) === rows) this.pending.delete(key);
          this.words = found.words;
          this.lost = false;
          told(found.problem ?? "");
        }
      } catch (error) {
        this.lost = error instanceof TypeError; // of fetch: nobody answers
        this.words = `${this.pending.size} of your answers are on this page only.`;
        told(this.lost ? "sam4ct review has ended. Save your answers here, and start it again." : `Not saved: ${error.message}`);
      }
    }

    // Solve again; return { questions, words, problem }.
    async solve() {
      Object.assign(this, { busy: true, since: 0, words: "Solving again …" });
      await this.sending;
      try {
        return await this.post("solve", {});
      } catch (error) {
        return { words: `Not solved again: ${error.message}`, problem: error.message };
      } finally {
        Object.assign(this, { busy: false, words: SAVED });
      }
    }
  }

  return { Server };
})();
