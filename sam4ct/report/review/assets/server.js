// The connection of the review view with `sam4ct review`; a page in a file has none.
"use strict";
const serving = (() => {
  class Server {
    constructor({ batch }) {
      Object.assign(this, { batch, busy: false, since: 0, waiting: Promise.resolve(), words: "Every answer is saved at once." });
    }

    async post(what, content) {
      const answer = await fetch(what, {
        method: "POST", headers: { "Content-Type": "application/json" }, body: JSON.stringify(content),
      });
      const found = await answer.json();
      if (!answer.ok) throw new Error(found.problem);
      return found;
    }

    // Whether enough was answered since the last solution.
    get due() { return !this.busy && this.since >= this.batch; }

    // One after the other, so that the last answer of a question is the one that counts.
    // `told` is called with what is wrong, or "".
    send(key, rows, told) {
      this.since += rows ? 1 : 0;
      this.waiting = this.waiting.then(async () => {
        try {
          const found = await this.post("answer", { key, rows });
          this.words = found.words;
          told(found.problem ?? "");
        } catch (error) {
          this.words = "The last answers are kept in this browser only.";
          told(`Not saved: ${error.message || "sam4ct review has ended"}. Start it again and reload this page.`);
        }
      });
    }

    // Solve again; return { questions, words, problem }.
    async solve() {
      Object.assign(this, { busy: true, since: 0, words: "Solving again …" });
      await this.waiting;
      try {
        const found = await this.post("solve", {});
        this.words = "Every answer is saved at once.";
        return found;
      } catch (error) {
        this.words = "Every answer is saved at once.";
        return { words: `Not solved again: ${error.message}`, problem: error.message };
      } finally {
        this.busy = false;
      }
    }
  }

  return { Server };
})();
