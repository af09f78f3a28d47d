// The page: the streams of the proxy, and which view shows what came.

import {Actions} from './actions.js';
import {get} from './api.js';
import {Dialog} from './dialog.js';
import {arrange, el, setAttribute, setHidden, Text} from './dom.js';
import {Feed} from './feed.js';
import {duration} from './format.js';
import * as model from './model.js';
import {NodePage} from './node_page.js';
import {Overview} from './overview.js';

const kOld = 3000;          // ms after which figures are called old; they come each second
const kHiddenEvery = 5000;  // ms between two looks while nobody sees the page
const kRollEvery = 2000;    // ms between two looks at a roll
const kMostNews = 5;        // that are read out at once

const byId = (id) => document.getElementById(id);

class Dashboard {
  #status = null;
  #receivedAt = 0;
  #version;  // of the proxy that this page is from
  #shownAt = 0;  // since when somebody sees the page: before, figures are rare
  #connection = 'lost';
  #denied = null;
  #drawing = false;
  #view = null;
  #known = null;  // what was dry, down or wrong with the cluster when last looked; null: not yet
  #rolls = new Map();
  #focus = null;
  #main = byId('main');
  #texts = {};
  #poolLinks = new Map();
  #waiting = el('p', {class: 'waiting'}, 'Waiting for the first figures…');

  constructor() {
    for (const id of ['stale', 'announcer', 'notice-text', 'connection-text']) {
      this.#texts[id] = new Text();
      byId(id).replaceChildren(this.#texts[id].node);
    }
    const dialog = new Dialog(byId('dialog'));
    byId('dialog').addEventListener('close', () => this.#schedule());
    this.actions = new Actions({
      dialog,
      status: () => this.#status,
      notify: (message) => this.#notify(message),
      onDone: (pool, node) => { this.#focus = {pool, node, until: Date.now() + 3000}; },
      onToken: () => this.#retry(),
      alone: (send) => this.#withoutEvents(send),
      onDenied: () => setHidden(byId('token'), false),
    });
    this.overview = new Overview({actions: this.actions, announce: (text) => this.#announce(text), rolls: this.#rolls});
    this.status = new Feed('status', {
      onEvent: (event) => this.#received(JSON.parse(event.data)),
      onState: (state) => this.#connected(state),
    });
    this.events = new Feed('events', {silence: 60000, onEvent: (event) => this.#happened(JSON.parse(event.data))});
  }

  start() {
    window.addEventListener('hashchange', () => this.#route());
    document.addEventListener('visibilitychange', () => this.#visibility());
    byId('token').addEventListener('click',
        () => this.actions.askToken(this.#denied?.message ?? 'a command needs one'));
    byId('skip').addEventListener('click', () => this.#main.focus());
    byId('notice-close').addEventListener('click', () => setHidden(byId('notice'), true));
    setInterval(() => this.#tick(), 1000);
    setInterval(() => this.#pollRolls(), kRollEvery);
    setInterval(() => this.#pollHidden(), kHiddenEvery);
    this.#route();
    this.#visibility();
  }

  // Where we are

  /** Of the address: "#/node/shop/alice". */
  #place() {
    try {
      const [, kind = '', pool = '', node = ''] = location.hash.split('/').map(decodeURIComponent);
      return [kind, pool, node];
    } catch {
      return ['', '', ''];  // not an address of ours
    }
  }

  #route() {
    const [kind, pool, node] = this.#place();
    this.#view?.stop?.();
    this.#view = kind === 'node' && node ? new NodePage(pool, node, {actions: this.actions}) : this.overview;
    if (this.#view === this.overview) this.overview.show(kind === 'pool' ? pool : '');
    this.#view.start?.();
    this.#streamEvents();
    setHidden(byId('notice'), true);
    for (const [name, link] of this.#poolLinks) this.#mark(name, link);
    if (this.#status) this.#draw();
    const shown = this.#status ? this.#view.element : this.#waiting;
    const moved = shown !== this.#main.firstElementChild;
    arrange(this.#main, [shown]);
    if (moved && this.#status) {
      window.scrollTo(0, 0);
      this.#main.focus({preventScroll: true});
    }
  }

  #mark(name, link) {
    const [kind, pool] = this.#place();
    const here = kind === 'pool' ? name === pool : name === '' && kind === '';
    setAttribute(link, 'aria-current', here ? 'page' : null);
  }

  #drawPools() {
    const names = this.#status.pools.map((pool) => pool.name);
    const nav = byId('pools');
    setHidden(nav, names.length < 2);
    if (names.length < 2) return;
    const links = ['', ...names].map((name) => {
      if (!this.#poolLinks.has(name)) {
        const link = el('a', {href: name ? `#/pool/${encodeURIComponent(name)}` : '#/'}, name || 'All pools');
        this.#poolLinks.set(name, link);
        this.#mark(name, link);
      }
      return this.#poolLinks.get(name);
    });
    arrange(nav, links);
  }

  // What came

  #received(status) {
    for (const pool of status.pools) for (const node of pool.nodes) node.pool = pool.name;
    this.#status = status;
    this.#receivedAt = Date.now();
    this.#version ??= status.process?.version;
    this.#announceChanges(status);
    this.#schedule();
  }

  /** Only what an operator waits for, or has to know at once; not each figure. */
  #announceChanges(status) {
    const keys = (passes) => new Set(status.pools.flatMap((pool) => pool.nodes).filter(passes).map(model.keyOf));
    const now = {dry: keys((node) => model.phase(node) === 'dry'), down: keys((node) => node.health === 'down'),
      cluster: new Set(model.clusterTroubles(status.cluster))};
    const before = this.#known ?? now;
    const added = (kind) => [...now[kind]].filter((key) => !before[kind].has(key));
    const news = [...added('dry').map((key) => `${key} is bone dry. Update it now.`),
      ...added('down').map((key) => `${key} is down.`), ...added('cluster').map((text) => `${text}.`)];
    if (news.length > 0) this.#announce(news.slice(0, kMostNews).join(' '));
    this.#known = now;
    const title = model.titleOf(status.pools);
    if (document.title !== title) document.title = title;
  }

  #schedule() {
    if (this.#drawing || document.hidden || !this.#status) return;
    this.#drawing = true;
    requestAnimationFrame(() => {
      this.#drawing = false;
      this.#draw();
    });
  }

  #draw() {
    performance.mark('draw');  // what it takes is seen in the browser's tools, and in a test
    this.#drawPools();
    this.#view.update(this.#status);
    arrange(this.#main, [this.#view.element]);
    this.#tick();
    this.#restoreFocus();
    performance.clearMeasures('draw');
    performance.measure('draw', 'draw');
    performance.clearMarks('draw');
  }

  /** After a command its button may be gone: the focus goes to where the node is now. */
  #restoreFocus() {
    const wanted = this.#focus;
    if (!wanted || byId('dialog').open) return;
    const lost = document.activeElement === document.body || document.activeElement === null;
    if (lost && wanted.node) this.#view.focusNode?.(wanted.pool, wanted.node) || this.#main.focus();
    if (Date.now() > wanted.until) this.#focus = null;
  }

  #happened(event) {
    this.overview.events.add(event);
    if (event.kind === 'roll') this.#rollChanged(event);
  }

  // Rolls: asked for only where an event tells of one, for a pool that was never rolled has none

  #rollChanged(event) {
    const pool = event.node ? event.node.split('/')[0] : /roll of (\S+)/.exec(event.text)?.[1];
    if (pool) this.#askRoll(pool);
  }

  async #askRoll(pool) {
    try {
      const roll = await get('roll', {pool});
      if (roll.state === 'unfinished') this.#rolls.set(pool, roll);
      else this.#rolls.delete(pool);
    } catch {
      this.#rolls.delete(pool);
    }
    this.#schedule();
  }

  #pollRolls() {
    if (document.hidden || this.#connection !== 'live') return;
    for (const pool of this.#rolls.keys()) this.#askRoll(pool);
  }

  // The connection

  #connected(state) {
    if (state === 'live') {
      if (this.#connection !== 'live' && this.#status) this.#announce('Connected again: the figures are new.');
      this.#connection = 'live';
      this.#denied = null;
    } else {
      if (this.#connection === 'live') this.#announce('No connection to the proxy: the figures are old.');
      this.#connection = 'lost';
      this.#denied = typeof state === 'object' ? state : null;
      setHidden(byId('token'), !this.#denied);
      if (this.#denied?.status === 401) this.actions.askToken(this.#denied.message);
    }
    this.#tick();
  }

  #retry() {
    this.status.retry();
    this.events.retry();
  }

  /** A browser has six connections to a server for all its tabs: a hidden one keeps none. */
  #visibility() {
    if (document.hidden) {
      this.status.stop();
      this.#streamEvents();
      return;
    }
    this.#shownAt = Date.now();
    this.status.start();
    this.#streamEvents();
    this.#schedule();
  }

  /** Only where they are shown. */
  #streamEvents() {
    if (this.#view === this.overview && !document.hidden) this.events.start();
    else this.events.stop();
  }

  /** Three windows side by side have all six connections: a command would wait for ever. */
  async #withoutEvents(send) {
    this.events.stop();
    try {
      return await send();
    } finally {
      this.#streamEvents();
    }
  }

  async #pollHidden() {
    if (!document.hidden || this.#denied) return;
    try {
      this.#received(await get('status'));
    } catch {
      // The title keeps what it says; the page tells when it is seen again.
    }
  }

  #tick() {
    const age = Date.now() - this.#receivedAt;
    const old = this.#connection !== 'live' || age > kOld;
    const patient = Date.now() - this.#shownAt < kOld;
    const stale = byId('stale');
    const known = this.#status !== null;
    let text = '';
    if (this.#denied?.status === 403) text = `The proxy does not show its figures here: ${this.#denied.message}`;
    else if (this.#denied) text = `The proxy wants a token: ${this.#denied.message}`;
    else if (patient) text = '';
    else if (old && known && age > kOld) text = `Figures are ${duration(age / 1000)} old: no connection to the proxy.`;
    else if (old && !known) text = 'No connection to the proxy.';
    this.#texts.stale.set(text);
    setHidden(stale, text === '');
    document.body.classList.toggle('is-stale', text !== '');
    document.body.classList.toggle('is-live', !old);
    const process = this.#status?.process;
    this.#texts['connection-text'].set(old ? (this.#denied ? 'not allowed' : known ? 'reconnecting' : 'connecting') :
        process?.version === this.#version ? `live · bonedry ${this.#version ?? ''}` :
                                             `live · reload for bonedry ${process.version}`);
    setHidden(this.#waiting, text !== '');
  }

  // What is said

  #announce(text) {
    this.#texts.announcer.set('');
    this.#texts.announcer.set(text);
  }

  #notify(message) {
    this.#texts['notice-text'].set(message);
    setHidden(byId('notice'), false);
    this.#announce(message);
  }
}

new Dashboard().start();
