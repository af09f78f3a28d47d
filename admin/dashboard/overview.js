// The first screen: a filter, all pools or one of them, and what has happened.

import {Cluster} from './cluster.js';
import {arrange, button, el, setAttribute, setHidden, Text} from './dom.js';
import {Events} from './events.js';
import {count, counted} from './format.js';
import * as model from './model.js';
import {Pool} from './pool.js';

const kFilters = [
  ['all', 'All', () => true],
  ['out', 'Out of rotation', model.isOut],
  ['dry', 'Dry', (node) => node.dry],
  ['down', 'Down', (node) => node.health === 'down'],
  ['active', 'Active', (node) => node.state === 'active'],
];
const kSayAfter = 700;  // ms without another key
const kFewNodes = 8;  // so few need no filter

export class Overview {
  #pools = new Map();
  #actions;
  #list = el('div', {class: 'pool-list'});
  #search = el('input', {type: 'search', id: 'filter', placeholder: 'name, address or group', autocomplete: 'off',
    spellcheck: 'false'});
  #chips = new Map();
  #found = new Text();
  #cluster = new Cluster();
  #filterBox;
  #state = 'all';
  #status = null;
  #only = '';
  #announce;
  #saying = 0;

  constructor({actions, announce, rolls}) {
    this.#actions = actions;
    this.#announce = announce;
    this.rolls = rolls;
    this.events = new Events();
    this.#search.addEventListener('input', () => this.#refilter());
    const chips = el('div', {class: 'chips', role: 'group', 'aria-label': 'Which nodes'});
    for (const [key, label] of kFilters) {
      const number = new Text();
      const chip = button([label, ' ', el('span', {class: 'chip-count'}, number)], () => this.#choose(key),
          {class: 'chip', 'aria-pressed': String(key === this.#state)});
      this.#chips.set(key, {chip, number});
      chips.append(chip);
    }
    this.#filterBox = el('form', {class: 'filter', role: 'search', on: {submit: (event) => event.preventDefault()}},
        el('label', {for: 'filter'}, 'Filter nodes'), this.#search, chips, el('p', {class: 'found'}, this.#found));
    this.element = el('div', {class: 'overview'}, el('h1', {class: 'visually-hidden'}, 'Nodes'),
        el('div', {class: 'column'}, this.#cluster, this.#filterBox, this.#list), this.events);
  }

  #choose(key) {
    this.#state = key;
    for (const [name, {chip}] of this.#chips) setAttribute(chip, 'aria-pressed', String(name === key));
    this.#refilter();
  }

  #refilter() {
    if (!this.#status) return;
    this.update(this.#status);
    clearTimeout(this.#saying);
    this.#saying = setTimeout(() => this.#announce(this.#found.node.data), kSayAfter);
  }

  /** Shows one pool; '': all of them. */
  show(pool) {
    this.#only = pool;
    if (this.#status) this.update(this.#status);
  }

  /** What the filter lets through, as a function of a node. */
  #filter() {
    const words = this.#search.value.trim().toLowerCase();
    const [, , passes] = kFilters.find(([key]) => key === this.#state);
    if (words === '') return passes;
    const texts = (node) => [model.keyOf(node), node.address, node.group ?? '', node.state];
    return (node) => passes(node) && texts(node).some((text) => text.toLowerCase().includes(words));
  }

  update(status) {
    this.#status = status;
    this.#cluster.update(status.cluster);
    const matches = this.#filter();
    const pools = status.pools.filter((pool) => !this.#only || pool.name === this.#only);
    const names = new Set(pools.map((pool) => pool.name));
    for (const name of this.#pools.keys()) if (!names.has(name)) this.#pools.delete(name);
    let total = 0;
    let found = 0;
    const elements = pools.map((pool) => {
      const shown = pool.nodes.filter(matches);
      total += pool.nodes.length;
      found += shown.length;
      const view = this.#view(pool.name);
      view.update(pool, shown, this.rolls.get(pool.name));
      return view.element;
    });
    arrange(this.#list, elements);
    const nodes = pools.flatMap((pool) => pool.nodes);
    for (const [key, , passes] of kFilters) this.#chips.get(key).number.set(count(nodes.filter(passes).length));
    this.#found.set(found === total ? counted(total, 'node') : `${count(found)} of ${counted(total, 'node')}`);
    setHidden(this.#filterBox, total < kFewNodes && found === total && this.#state === 'all' && !this.#search.value);
  }

  #view(name) {
    let view = this.#pools.get(name);
    if (!view) {
      view = new Pool(name, {
        onAction: (command, node) => this.#actions.run(command, node),
        onSwitch: (pool) => this.#actions.switchGroup(pool),
      });
      this.#pools.set(name, view);
    }
    return view;
  }

  focusNode(pool, name) {
    return this.#pools.get(pool)?.focusNode(name) ?? false;
  }
}
