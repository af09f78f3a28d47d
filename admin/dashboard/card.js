// One node at full size: what the operator wants to know of a bleed, and what can be done next.

import {Curve} from './chart.js';
import {arrange, button, el, Figures, Icon, Lines, setHidden, Text} from './dom.js';
import {ago, count, kNone, latency, rate} from './format.js';
import * as model from './model.js';

export const hrefOf = (node) => `#/node/${encodeURIComponent(node.pool)}/${encodeURIComponent(node.name)}`;

/** A fact with a shape and a word. `said`: what is only read out, before the word. */
export class Badge {
  #icon = new Icon();
  #text = new Text();
  #kind = '';

  constructor(fact, tag = 'span', said = fact + ': ') {
    this.element = el(tag, {class: `badge ${fact}`}, said && el('span', {class: 'visually-hidden'}, said),
        this.#icon, this.#text);
  }

  set(kind, icon, text) {
    if (kind !== this.#kind) {
      if (this.#kind) this.element.classList.remove('is-' + this.#kind);
      this.element.classList.add('is-' + kind);
      this.#kind = kind;
    }
    this.#icon.set(icon);
    this.#text.set(text);
  }
}

/** State, health and dry: three facts, never merged. */
export class Facts {
  state = new Badge('state');
  health = new Badge('health');
  dry = new Badge('dry');

  update(node) {
    this.state.set(node.state, node.state, model.stateText(node));
    this.health.set(node.health, node.health, model.healthText(node));
    this.dry.set(node.dry ? 'dry' : node.state === 'bleeding' ? 'waiting' : 'in-use', model.dryIcon(node),
        model.dryText(node));
  }
}

export function latencies(node) {
  const {p50_s: half = null, p99_s: most = null} = node.traffic ?? {};
  return half === null && most === null ? kNone : `${latency(half)} / ${latency(most)}`;
}

const kFigures = [
  ['Live', (node) => count(node.sessions.live)],
  ['Pending', (node) => count(node.sessions.pending)],
  ['Last click', (node) => ago(node.last_exchange_age_s)],
  ['Open exchanges', (node) => count(node.exchanges_open)],
  ['WebSockets', (node) => count(node.websockets_open)],
  ['Requests/s', (node) => rate(node.traffic?.requests_per_second)],
  ['p50 / p99', latencies],
  ['Errors/s', (node) => rate(node.traffic?.errors_per_second)],
];

const kActions = {
  dry: ['maintain', 'activate', 'pass'],
  bleeding: ['activate', 'bleed', 'pass', 'maintain'],
  maintenance: ['activate', 'pass'],
  active: ['bleed', 'pass', 'maintain'],
};
const kNext = {dry: 'maintain', maintenance: 'activate'};  // what usually comes next
const kActionNames = {activate: 'Activate…', bleed: 'Bleed…', maintain: 'Maintain…', pass: 'Pass…'};

export class Card {
  #node = null;
  #facts = new Facts();
  #name = new Text();
  #verdict = {text: new Text(), detail: new Text()};
  #users = {count: new Text(), word: new Text()};
  #forecast = {text: new Text(), detail: new Text()};
  #blocked;
  #curve = new Curve();
  #figures = new Figures('figures', kFigures);
  #origin = new Text();
  #deadline = new Text();
  #whoText = new Text();
  #bleedName = new Text(kActionNames.bleed);
  #buttons = {};
  #parts = {};
  #phase = '';

  /** onAction(name of a command, node) */
  constructor({onAction, level = 'h3'}) {
    const name = el('span', {class: 'node-name'}, this.#name);
    this.link = level === 'h3' ? el('a', {class: 'node-link'}, name) : el('span', null, name);
    this.#parts.verdict = el('div', {class: 'verdict'}, el('p', {class: 'verdict-text'}, this.#verdict.text),
        el('p', {class: 'verdict-detail'}, this.#verdict.detail));
    this.#parts.users = el('p', {class: 'users-left'}, el('span', {class: 'big'}, this.#users.count), ' ',
        el('span', {class: 'big-word'}, this.#users.word));
    this.#parts.forecast = el('p', {class: 'forecast'},
        el('span', {class: 'forecast-text'}, this.#forecast.text),
        el('span', {class: 'forecast-detail'}, this.#forecast.detail));
    this.#blocked = new Lines(el('ul', {class: 'blocked-lines'}));
    this.#parts.blocked = el('div', {class: 'blocked'}, el('p', {class: 'blocked-title'}, 'Not dry, because of'),
        this.#blocked);
    this.#parts.origin = el('p', {class: 'origin'}, this.#origin);
    this.#parts.deadline = el('p', {class: 'deadline'}, this.#deadline);
    this.#parts.who = el('a', {class: 'button'}, this.#whoText);
    this.element = el('article', {class: 'card'},
        el('header', {class: 'card-head'}, el(level, {class: 'card-title'}, this.link),
            el('p', {class: 'facts'}, this.#facts.state, this.#facts.health, this.#facts.dry)),
        el('div', {class: 'card-body'},
            el('div', {class: 'card-answer'}, this.#parts.verdict, this.#parts.users, this.#parts.forecast,
                this.#parts.blocked),
            this.#curve),
        this.#figures,
        el('div', {class: 'card-foot'}, el('div', {class: 'card-notes'}, this.#parts.origin, this.#parts.deadline),
            this.#makeActions(onAction)));
    this.#parts.who.hidden = level !== 'h3';
  }

  #makeActions(onAction) {
    const row = el('div', {class: 'actions'}, this.#parts.who);
    for (const [command, label] of Object.entries(kActionNames)) {
      const name = command === 'bleed' ? this.#bleedName : label;
      this.#buttons[command] = button(name, () => onAction(command, this.#node), {'data-command': command});
      row.append(this.#buttons[command]);
    }
    this.#parts.actions = row;
    return row;
  }

  update(node) {
    this.#node = node;
    this.#facts.update(node);
    this.#name.set(this.link.tagName === 'A' ? node.name : model.keyOf(node));
    this.#setPhase(model.phase(node));
    this.#verdict.text.set(model.verdict(node));
    this.#verdict.detail.set(model.verdictDetail(node));
    const left = model.users(node);
    this.#users.count.set(count(left));
    this.#users.word.set(`${left === 1 ? 'user' : 'users'} ${node.state === 'active' ? 'on it' : 'left'}`);
    this.#forecast.text.set(model.forecastText(node));
    this.#forecast.detail.set(model.forecastDetail(node));
    this.#blocked.set(node.dry_blocked_by ?? []);
    setHidden(this.#parts.blocked, (node.dry_blocked_by ?? []).length === 0);
    this.#figures.update(node);
    const removed = node.removed ? 'No longer in the config; kept until its users are gone. ' : '';
    this.#origin.set(removed + model.originText(node));
    this.#deadline.set(model.deadlineText(node));
    setHidden(this.#parts.deadline, !node.bleeding?.deadline || node.dry);
    this.element.classList.toggle('is-down', node.health === 'down');
    this.#curve.update(node.state === 'bleeding' ? node.bleeding : null);
  }

  #setPhase(phase) {
    if (phase === this.#phase) return;
    if (this.#phase) this.element.classList.remove('phase-' + this.#phase);
    this.element.classList.add('phase-' + phase);
    this.#phase = phase;
    const answered = phase === 'dry' || phase === 'maintenance';
    setHidden(this.#parts.verdict, !answered);
    setHidden(this.#parts.users, answered);
    setHidden(this.#parts.forecast, phase !== 'bleeding');
    const shown = kActions[phase] ?? [];
    const focused = this.element.contains(document.activeElement) ? document.activeElement : null;
    for (const [command, each] of Object.entries(this.#buttons)) {
      setHidden(each, !shown.includes(command));
      each.classList.toggle('primary', kNext[phase] === command);
    }
    this.#whoText.set(phase === 'bleeding' ? 'Who is left' : 'Details');
    this.#bleedName.set(phase === 'bleeding' ? 'Deadline…' : kActionNames.bleed);
    const rest = Object.keys(this.#buttons).filter((command) => !shown.includes(command));
    arrange(this.#parts.actions, [this.#parts.who, ...[...shown, ...rest].map((command) => this.#buttons[command])]);
    if (focused?.hidden) this.#buttons[shown[0]]?.focus({preventScroll: true});
  }

  /** Once: its address on this page. */
  name(node) {
    this.element.setAttribute('data-node', model.keyOf(node));
    if (this.link.tagName === 'A') this.link.setAttribute('href', hrefOf(node));
    this.#parts.who.setAttribute('href', hrefOf(node));
    for (const [command, each] of Object.entries(this.#buttons)) {
      each.setAttribute('aria-description', `${command} ${model.keyOf(node)}`);
    }
    return this;
  }

  focus() {
    (this.link.tagName === 'A' ? this.link : this.#buttons[kActions[this.#phase]?.[0]])?.focus();
  }
}
