// A stream that keeps itself going over restarts of the proxy and of the network.

import {stream} from './api.js';

const kFirstPause = 300;   // ms until the first new attempt; then it doubles
const kLongestPause = 4000;
const kSilence = 5000;     // status comes each second, so this long without a byte is a broken connection

/**
 * onEvent gets each event; onState 'live', 'lost' (it goes on trying) or an ApiError with status 401 or
 * 403, after which it waits for `retry`.
 */
export class Feed {
  #path;
  #silence;
  #on;
  #lastId = '';
  #controller = null;
  #wake = () => {};
  #turn = 0;  // counts the starts: a loop of an earlier one ends
  #running = false;

  constructor(path, {silence = kSilence, onEvent, onState = () => {}}) {
    this.#path = path;
    this.#silence = silence;
    this.#on = {event: onEvent, state: onState};
  }

  start() {
    if (this.#running) return;
    this.#running = true;
    this.#run(++this.#turn);
  }

  stop() {
    this.#running = false;
    this.#controller?.abort();
    this.#wake();
  }

  /** Tries again now. */
  retry() {
    this.#wake();
  }

  async #run(turn) {
    const current = () => this.#running && turn === this.#turn;
    let pause = kFirstPause;
    while (current()) {
      let denied = null;
      try {
        await this.#once(() => { pause = kFirstPause; });
      } catch (error) {
        if (error.status === 401 || error.status === 403) denied = error;
      }
      if (!current()) return;
      this.#on.state(denied ?? 'lost');
      await this.#pause(denied ? Infinity : pause * (0.8 + 0.4 * Math.random()));
      pause = Math.min(pause * 2, kLongestPause);
    }
  }

  #pause(ms) {
    return new Promise((resolve) => {
      const timer = ms === Infinity ? 0 : setTimeout(resolve, ms);
      this.#wake = () => {
        clearTimeout(timer);
        resolve();
      };
    });
  }

  async #once(onLive) {
    const controller = new AbortController();
    this.#controller = controller;
    let timer = 0;
    const heard = () => {
      clearTimeout(timer);
      timer = setTimeout(() => controller.abort(), this.#silence);
    };
    heard();
    try {
      await stream(this.#path, {
        lastId: this.#lastId,
        signal: controller.signal,
        onBytes: heard,
        onEvent: (event) => {
          onLive();
          if (event.id) this.#lastId = event.id;
          this.#on.state('live');
          this.#on.event(event);
        },
      });
    } finally {
      clearTimeout(timer);
    }
  }
}
