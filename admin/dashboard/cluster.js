// The members of the cluster and their store, in one line; nothing where the proxy is alone.

import {Badge} from './card.js';
import {arrange, el, Lines, setHidden} from './dom.js';
import {duration} from './format.js';
import * as model from './model.js';

function memberText(member) {
  if (member.state === 'here') return `${member.name} (this one)`;
  if (member.state !== 'silent') return `${member.name} ${member.state}`;
  const age = member.heard_s_ago;
  return member.name + (age === null ? ' not heard since the start' : ` silent for ${duration(age)}`);
}

function storeText({state, since, address}) {
  const age = since ? ` for ${duration((Date.now() - Date.parse(since)) / 1000)}` : '';
  return ['store', address, state === 'connected' ? 'connected' : 'lost' + age].filter(Boolean).join(' ');
}

export class Cluster {
  #members = new Map();
  #list = el('ul', {class: 'facts'});
  #store = new Badge('store', 'li', '');
  #notes = new Lines(el('ul', {class: 'cluster-notes'}));

  constructor() {
    this.element = el('section', {class: 'cluster', 'aria-labelledby': 'cluster-title'},
        el('h2', {id: 'cluster-title'}, 'Cluster'), this.#list, this.#notes);
    setHidden(this.element, true);
  }

  update(cluster) {
    setHidden(this.element, !cluster);
    if (!cluster) return;
    const lost = cluster.store.state !== 'connected';
    const names = new Set(cluster.members.map((member) => member.name));
    for (const name of this.#members.keys()) if (!names.has(name)) this.#members.delete(name);
    const badges = cluster.members.map((member) => {
      if (!this.#members.has(member.name)) this.#members.set(member.name, new Badge('member', 'li', ''));
      const badge = this.#members.get(member.name);
      // Without the store nobody is heard, and it is not they who are silent.
      const sign = member.state !== 'silent' ? 'up' : lost ? 'unknown' : 'down';
      badge.set(sign, sign, memberText(member));
      return badge.element;
    });
    this.#store.set(lost ? 'down' : 'up', lost ? 'down' : 'up', storeText(cluster.store));
    arrange(this.#list, [...badges, this.#store.element]);
    this.#notes.set(model.clusterNotes(cluster));
  }
}
