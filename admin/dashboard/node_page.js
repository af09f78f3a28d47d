// One node: its card, who is left on it, its details, and what has happened to it.

import {get} from './api.js';
import {Card} from './card.js';
import {arrange, button, el, Figures, Lines, setAttribute, setHidden, Text} from './dom.js';
import {Events} from './events.js';
import {ago, count, counted, duration, moment} from './format.js';
import * as model from './model.js';

const kPerPage = 50;
const kEvery = 2000;  // ms between two looks at the sessions

const kColumns = [
  ['id', 'Session', (one) => one.id],
  ['state', 'State', (one) => one.state],
  ['age', 'Age', (one) => duration(one.age_s)],
  ['idle', 'Last click', (one) => ago(one.idle_s)],
  ['exchanges', 'Exchanges', (one) => count(one.exchanges)],
  ['open', 'Open', (one) => [one.exchanges_open > 0 && counted(one.exchanges_open, 'exchange'),
    one.websockets_open > 0 && counted(one.websockets_open, 'WebSocket')].filter(Boolean).join(', ') || '–'],
  ['ends', 'Ends in', (one) => duration(one.ends_in_s)],
  ['client', 'Client', (one) => one.client ?? '–'],
  ['path', 'Last path', (one) => one.last_path ?? '–'],
];
const kSorts = new Set(['idle', 'age', 'exchanges']);

class SessionRow {
  #texts = kColumns.map(() => new Text());

  constructor() {
    this.element = el('tr', null, ...kColumns.map(([name], i) => el(i === 0 ? 'th' : 'td',
        {class: 'col-' + name, scope: i === 0 ? 'row' : null}, this.#texts[i])));
  }

  update(session) {
    kColumns.forEach(([, , read], i) => this.#texts[i].set(read(session)));
  }
}

class Sessions {
  #key;
  #rows = [];
  #body = el('tbody');
  #heads = new Map();
  #sort = 'idle';
  #page = 1;
  #title = new Text('Who is left');
  #range = new Text();
  #error = new Text();
  #parts = {};
  #busy = false;

  constructor(key) {
    this.#key = key;
    this.#parts.previous = button('Previous', () => this.#turn(-1));
    this.#parts.next = button('Next', () => this.#turn(1));
    this.#parts.none = el('p', {class: 'empty', hidden: true}, 'Nobody: no session is on this node.');
    this.#parts.error = el('p', {class: 'refusal', hidden: true}, this.#error);
    const head = el('tr', null, ...kColumns.map(([name, label]) => this.#head(name, label)));
    const caption = el('caption', {class: 'visually-hidden'}, `Sessions on ${key}`);
    this.#parts.table = el('div', {class: 'scroll', tabindex: '0', role: 'region', 'aria-label': 'Sessions'},
        el('table', {class: 'sessions'}, caption, el('thead', null, head), this.#body));
    this.#parts.paging = el('nav', {class: 'paging', 'aria-label': 'Pages of sessions'}, this.#parts.previous,
        el('span', null, this.#range), this.#parts.next);
    this.element = el('section', {class: 'panel', 'aria-labelledby': 'who-left'},
        el('h2', {id: 'who-left'}, this.#title), this.#parts.error, this.#parts.none, this.#parts.table,
        this.#parts.paging);
  }

  #head(name, label) {
    if (!kSorts.has(name)) return el('th', {scope: 'col', class: 'col-' + name}, label);
    const sort = button(label, () => this.#order(name), {class: 'sort'});
    const head = el('th', {scope: 'col', class: 'col-' + name}, sort);
    this.#heads.set(name, head);
    setAttribute(head, 'aria-sort', name === this.#sort ? 'descending' : null);
    return head;
  }

  #order(name) {
    this.#sort = name;
    this.#page = 1;
    for (const [each, head] of this.#heads) setAttribute(head, 'aria-sort', each === name ? 'descending' : null);
    this.refresh();
  }

  #turn(by) {
    this.#page = Math.max(1, this.#page + by);
    this.refresh();
  }

  async refresh() {
    if (this.#busy) return;
    this.#busy = true;
    const asked = `${this.#sort} ${this.#page}`;
    try {
      this.#show(await get('sessions', {node: this.#key, limit: kPerPage, sort: this.#sort, page: this.#page}));
      setHidden(this.#parts.error, true);
    } catch (error) {
      if (error.status) this.#error.set(error.message);
      setHidden(this.#parts.error, !error.status);
    } finally {
      this.#busy = false;
    }
    if (asked !== `${this.#sort} ${this.#page}`) this.refresh();  // clicked meanwhile
  }

  #show(answer) {
    const {sessions, total, offset} = answer;
    if (sessions.length === 0 && total > 0 && this.#page > 1) {
      this.#page = Math.max(1, Math.ceil(total / kPerPage));
      return;
    }
    while (this.#rows.length < sessions.length) this.#rows.push(new SessionRow());
    this.#rows.length = sessions.length;
    sessions.forEach((session, i) => this.#rows[i].update(session));
    arrange(this.#body, this.#rows.map((row) => row.element));
    this.#body.parentElement.classList.toggle('no-clients', !sessions.some((one) => one.client || one.last_path));
    const who = `: ${counted(answer.live, 'live session')}, ${count(answer.pending)} pending`;
    this.#title.set('Who is left' + (total === 0 ? '' : who));
    this.#range.set(total === 0 ? '' : `${count(offset + 1)} to ${count(offset + sessions.length)} of ${count(total)}`);
    setHidden(this.#parts.none, total > 0);
    setHidden(this.#parts.table, total === 0);
    setHidden(this.#parts.paging, total <= kPerPage);
    this.#disable(this.#parts.previous, this.#page <= 1);
    this.#disable(this.#parts.next, offset + sessions.length >= total);
  }

  /** Not `disabled`, which would take the focus away. */
  #disable(button, off) {
    setAttribute(button, 'aria-disabled', off ? 'true' : null);
  }
}

const kDetails = [
  ['Address', (node) => node.address],
  ['Group', (node) => node.group ?? '–'],
  ['Weight', (node) => count(node.weight)],
  ['Sessions at most', (node) => node.max_sessions > 0 ? count(node.max_sessions) : 'no limit'],
  ['Last check', ({last_check: check}) => check ? `${check.request}: ${check.found}, ${ago(check.age_s)}` : '–'],
  ['Bleeding since', (node) => node.bleeding ? moment(new Date(node.bleeding.since)) : '–'],
  ['By', (node) => node.bleeding?.by || '–'],
  ['Reason', (node) => node.bleeding?.reason || '–'],
  ['Deadline', (node) => node.bleeding?.deadline ? moment(new Date(node.bleeding.deadline)) : '–'],
  ['Moved, rescued, late', ({counters: of}) => [of.moved, of.rescued, of.late].map(count).join(', ')],
  ['Passes', (node) => node.passes?.last_used_age_s == null ? 'not used' : `used ${ago(node.passes.last_used_age_s)}`],
];

export class NodePage {
  #pool;
  #name;
  #card;
  #sessions;
  #details = new Figures('details', kDetails);
  #why = new Lines(el('ul', {class: 'why'}));
  #events = new Events('Events of this node');
  #gone = el('p', {class: 'refusal', hidden: true}, 'There is no such node.');
  #timer = 0;
  #beat = 0;

  constructor(pool, name, {actions}) {
    this.#pool = pool;
    this.#name = name;
    const key = `${pool}/${name}`;
    this.#card = new Card({onAction: (command, node) => actions.run(command, node), level: 'h1'}).name({pool, name});
    this.#sessions = new Sessions(key);
    this.element = el('div', {class: 'overview node-page'}, el('div', {class: 'column'},
        el('a', {class: 'back', href: '#/'}, '← All nodes'), this.#gone, this.#card, this.#sessions,
        el('section', {class: 'panel', 'aria-labelledby': 'details'}, el('h2', {id: 'details'}, 'Details'),
            this.#details, this.#why)),
        this.#events);
  }

  update(status) {
    const node = status.pools.find((pool) => pool.name === this.#pool)?.nodes.find((one) => one.name === this.#name);
    setHidden(this.#gone, node !== undefined);
    setHidden(this.#card.element, node === undefined);
    if (!node) return;
    this.#card.update(node);
    this.#details.update(node);
  }

  start() {
    const tick = () => {
      if (!document.hidden) this.#refresh();
    };
    tick();
    this.#timer = setInterval(tick, kEvery);
  }

  stop() {
    clearInterval(this.#timer);
  }

  async #refresh() {
    this.#sessions.refresh();
    if (this.#beat++ % 2 === 1) return;
    const node = `${this.#pool}/${this.#name}`;
    try {
      const [{explanation}, {events}] = await Promise.all([get('why', {node}), get('events', {node})]);
      this.#why.set(explanation.filter((line) => !line.startsWith('  ') && !line.endsWith(':')));
      this.#events.set(events);
    } catch {
      // The sessions above say what is wrong.
    }
  }

  focusNode() {
    this.#card.focus();
    return true;
  }
}
