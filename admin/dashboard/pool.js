// One pool: its nodes that are out of rotation as cards, all others as rows of a table.

import {Card, Facts, hrefOf, latencies} from './card.js';
import {arrange, button, el, Icon, Lines, setAttribute, setHidden, Text} from './dom.js';
import {ago, count, rate} from './format.js';
import * as model from './model.js';

const kUnseenEvery = 5;  // a row out of sight is brought up to date at each fifth of the figures
const kMostCards = 12;  // further nodes out of rotation are rows, the first ones of the table

const kColumns = [
  ['node', 'Node'],
  ['state', 'State'],
  ['health', 'Health'],
  ['dry', 'Dry'],
  ['users', 'Users'],
  ['click', 'Last click'],
  ['open', 'Open', 'open exchanges and WebSockets'],
  ['rate', 'Req/s', 'requests per second'],
  ['times', 'p50 / p99'],
  ['errors', 'Err/s', 'errors per second'],
  ['action', 'Action'],
];

const kRowAction = {active: 'bleed', bleeding: 'activate', dry: 'maintain', maintenance: 'activate'};

function openText(node) {
  const sockets = node.websockets_open > 0 ? ` + ${count(node.websockets_open)} ws` : '';
  return count(node.exchanges_open) + sockets;
}

class Row {
  #node = null;
  #facts = new Facts();
  #texts = {};
  #pending = new Text();
  #button;
  #buttonText = new Text();
  #action = '';
  #unseen = false;
  #turn = Math.floor(Math.random() * kUnseenEvery);

  constructor(node, onAction) {
    this.link = el('a', {class: 'node-link', href: hrefOf(node)}, node.name);
    this.#button = button([this.#buttonText, el('span', {class: 'visually-hidden'}, ' ' + node.name)],
        () => onAction(this.#action, this.#node), {class: 'small'});
    this.element = el('div', {class: 'row', role: 'row', 'data-node': model.keyOf(node)});
    const place = el('span', {class: 'address'}, this.#text('address'));
    this.#cell('node', this.link, place);
    for (const fact of ['state', 'health', 'dry']) this.#cell(fact, this.#facts[fact]);
    this.#cell('users', this.#text('users'), el('span', {class: 'muted'}, this.#pending));
    for (const name of ['click', 'open', 'rate', 'times', 'errors']) this.#cell(name, this.#text(name));
    this.#cell('action', this.#button);
    this.element.addEventListener('contentvisibilityautostatechange', (event) => {
      this.#unseen = event.skipped;
      if (!event.skipped && this.#node) this.#draw();
    });
  }

  #text(name) {
    return (this.#texts[name] = new Text());
  }

  #cell(name, ...content) {
    this.element.append(el('div', {class: 'cell cell-' + name, role: 'cell'}, ...content));
  }

  update(node) {
    this.#node = node;
    if (!this.#unseen || ++this.#turn % kUnseenEvery === 0) this.#draw();
  }

  #draw() {
    const node = this.#node;
    this.#facts.update(node);
    const forecast = node.state === 'bleeding' && !node.dry ? model.forecastText(node) : '';
    this.#texts.address.set(forecast || (node.group ? `${node.group} · ${node.address}` : node.address));
    this.#texts.users.set(count(model.users(node)));
    this.#pending.set(node.sessions.pending > 0 ? ` ${count(node.sessions.pending)} pending` : '');
    this.#texts.click.set(ago(node.last_exchange_age_s));
    this.#texts.open.set(openText(node));
    this.#texts.rate.set(rate(node.traffic?.requests_per_second));
    this.#texts.times.set(latencies(node));
    this.#texts.errors.set(rate(node.traffic?.errors_per_second));
    this.#action = kRowAction[model.phase(node)] ?? 'bleed';
    setAttribute(this.#button, 'data-command', this.#action);
    this.#buttonText.set(this.#action[0].toUpperCase() + this.#action.slice(1) + '…');
    this.element.classList.toggle('is-down', node.health === 'down');
    this.element.classList.toggle('has-errors', node.traffic?.errors_per_second > 0);
    this.element.classList.toggle('is-out', model.isOut(node));
  }

  focus() {
    this.link.focus();
  }
}

/** Names of the steps of a roll, as a sentence goes on after "alice is". */
function rollText(roll) {
  const done = roll.nodes.filter((node) => node.step === 'done').length;
  const busy = roll.nodes.find((node) => node.step !== 'done' && node.step !== 'waiting');
  const failed = roll.nodes.find((node) => node.failure);
  const parts = [`Roll: ${done} of ${roll.nodes.length} nodes done`];
  if (busy) parts.push(`${busy.name} is ${busy.step}`);
  if (failed) parts.push(`${failed.name} failed: ${failed.failure}`);
  if (roll.state !== 'unfinished') parts.push(roll.state);
  else parts.push(roll.held ? `run by ${roll.held.by}` : 'stopped; the same bonedryctl command goes on');
  return parts.join(' · ');
}

export class Pool {
  #cards = new Map();
  #rows = new Map();
  #onAction;
  #summary = new Text();
  #problems = new Lines(el('ul', {class: 'problem-lines'}));
  #cardList = el('ul', {class: 'cards'});
  #rowGroup = el('div', {role: 'rowgroup', class: 'rows'});
  #table;
  #empty = el('p', {class: 'empty'}, 'No node matches the filter.');
  #switch;
  #problemBox;
  #roll = {text: new Text(), bar: el('progress', {max: '1', value: '0', 'aria-label': 'Nodes rolled'})};
  #pool = null;

  constructor(name, {onAction, onSwitch}) {
    this.name = name;
    this.#onAction = onAction;
    const id = `pool-${name}`;
    this.#switch = button('Switch…', () => onSwitch(this.#pool));
    this.#roll.element = el('div', {class: 'roll', hidden: true}, this.#roll.bar, el('p', null, this.#roll.text));
    this.#problemBox = el('div', {class: 'problems'}, new Icon('warning'), this.#problems);
    const heads = kColumns.map(([key, text, more]) =>
        el('div', {class: `cell cell-${key}`, role: 'columnheader', 'aria-label': more}, text));
    this.#table = el('div', {class: 'table', role: 'table', 'aria-label': `Nodes of pool ${name}`},
        el('div', {role: 'rowgroup'}, el('div', {class: 'row row-head', role: 'row'}, ...heads)),
        this.#rowGroup);
    this.element = el('section', {class: 'pool', 'aria-labelledby': id},
        el('header', {class: 'pool-head'},
            el('div', null, el('h2', {id}, name), el('p', {class: 'summary'}, this.#summary)), this.#switch),
        this.#roll, this.#problemBox, this.#cardList, this.#table, this.#empty);
  }

  /** `shown`: those of the pool's nodes that the filter lets through. */
  update(pool, shown, roll) {
    this.#pool = pool;
    this.#summary.set(model.poolText(pool));
    this.#problems.set(pool.problems ?? []);
    setHidden(this.#problemBox, (pool.problems ?? []).length === 0);
    setHidden(this.#switch, model.groupsOf(pool).length < 2);
    this.#updateRoll(roll);
    const sorted = shown.map((node, at) => ({node, at, rank: model.rank(node)}))
                       .sort((a, b) => a.rank - b.rank || a.at - b.at).map(({node}) => node);
    const out = sorted.filter(model.isOut).slice(0, kMostCards);
    this.#place(this.#cardList, this.#cards, out, (node) => this.#newCard(node));
    const rest = sorted.slice(out.length);
    this.#place(this.#rowGroup, this.#rows, rest, (node) => new Row(node, this.#onAction));
    setAttribute(this.#cardList, 'data-count', String(Math.min(out.length, 3)));
    setHidden(this.#cardList, out.length === 0);
    setHidden(this.#table, rest.length === 0);
    setHidden(this.#empty, sorted.length > 0);
  }

  #newCard(node) {
    const card = new Card({onAction: this.#onAction}).name(node);
    card.item = el('li', null, card.element);
    return card;
  }

  #place(parent, views, nodes, make) {
    const keep = new Set(nodes.map((node) => node.name));
    for (const name of views.keys()) if (!keep.has(name)) views.delete(name);
    const elements = nodes.map((node) => {
      let view = views.get(node.name);
      if (!view) views.set(node.name, (view = make(node)));
      view.update(node);
      return view.item ?? view.element;
    });
    arrange(parent, elements);
  }

  #updateRoll(roll) {
    setHidden(this.#roll.element, !roll);
    if (!roll) return;
    this.#roll.text.set(rollText(roll));
    const done = roll.nodes.filter((node) => node.step === 'done').length;
    setAttribute(this.#roll.bar, 'max', String(Math.max(1, roll.nodes.length)));
    setAttribute(this.#roll.bar, 'value', String(done));
  }

  /** False: the node is not shown. */
  focusNode(name) {
    const view = this.#cards.get(name) ?? this.#rows.get(name);
    view?.focus();
    return view !== undefined;
  }
}
