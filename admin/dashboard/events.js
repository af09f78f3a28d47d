// What has happened, newest first.

import {el, setHidden} from './dom.js';
import {clock, moment} from './format.js';

const kMost = 100;

function nodeLink(name) {
  const [pool, node] = name.split('/');
  return el('a', {href: `#/node/${encodeURIComponent(pool)}/${encodeURIComponent(node ?? '')}`}, name);
}

function item(event) {
  const at = new Date(event.at);
  const who = [event.by && `by ${event.by}`, event.reason && `“${event.reason}”`].filter(Boolean).join(', ');
  const mentions = event.node && !event.text.startsWith(event.node);
  return el('li', {class: 'event event-' + event.kind.replace(/[^a-z_-]/g, '')},
      el('time', {datetime: event.at, title: moment(at)}, clock(at, 'seconds')),
      el('span', {class: 'event-kind'}, event.kind), el('p', {class: 'event-text'},
          mentions ? nodeLink(event.node) : null, mentions ? ' ' : null, event.text,
          who && !event.text.includes(' by ') ? el('span', {class: 'muted'}, ' ' + who) : null));
}

export class Events {
  #list = el('ol', {class: 'event-list', reversed: true});
  #none = el('p', {class: 'empty'}, 'Nothing yet.');

  constructor(title = 'Events') {
    this.element = el('aside', {class: 'events', 'aria-labelledby': 'events-title'},
        el('h2', {id: 'events-title'}, title), this.#none, this.#list);
    setHidden(this.#list, true);
  }

  add(event) {
    this.#list.prepend(item(event));
    while (this.#list.children.length > kMost) this.#list.lastElementChild.remove();
    this.#filled();
  }

  /** Oldest first; replaces all. */
  set(events) {
    this.#list.replaceChildren(...events.slice(-kMost).reverse().map(item));
    this.#filled();
  }

  #filled() {
    const empty = this.#list.children.length === 0;
    setHidden(this.#list, empty);
    setHidden(this.#none, !empty);
  }
}
