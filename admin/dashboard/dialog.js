// Questions to the operator: what will happen, a refusal in words, and force only by another choice.

import {ApiError} from './api.js';
import {button, el, setHidden, Text} from './dom.js';

const kOverridable = new Set(['guard_refused', 'not_ready']);
const kNoAnswer = 'No answer: there is no connection to the proxy. Look at the node before you try again.';
let ids = 0;

function field({name, label, hint, ...attributes}) {
  const id = `field-${++ids}`;
  const hintId = hint ? id + '-hint' : null;
  const box = attributes.type === 'checkbox';
  const input = attributes.options ?
      el('select', {id, name}, ...attributes.options.map((value) => el('option', {value}, value))) :
      el('input', {id, name, autocomplete: 'off', 'aria-describedby': hintId, ...attributes});
  const text = el('label', {for: id}, label);
  return el('div', {class: box ? 'field check' : 'field'}, ...(box ? [input, text] : [text, input]),
      hint ? el('p', {class: 'hint', id: hintId}, hint) : null);
}

function read(form) {
  const values = {};
  for (const input of form.querySelectorAll('input[name], select[name]')) {
    values[input.name] = input.type === 'checkbox' ? input.checked : input.value.trim();
  }
  return values;
}

export class Dialog {
  #dialog;
  #open = 0;  // counts the questions: an answer to an older one changes nothing

  constructor(dialog) {
    this.#dialog = dialog;
    dialog.addEventListener('pointerdown', (event) => {
      if (event.target === dialog) dialog.close();  // outside of the form
    });
  }

  /**
   * question: {title, lines, fields, confirm, danger, forceText, submit(values, force), done(result, values)}.
   * `done` may return another question.
   */
  ask(question) {
    const turn = ++this.#open;
    const refusal = {text: new Text()};
    refusal.element = el('div', {class: 'refusal', role: 'alert', hidden: true}, el('p', null, refusal.text));
    const force = el('input', {type: 'checkbox', id: 'force'});
    const forceBox = el('div', {class: 'field check force', hidden: true}, force,
        el('label', {for: 'force'}, question.forceText ?? 'Do it all the same. This is logged.'));
    const label = new Text(question.confirm);
    const confirm = el('button', {type: 'submit', class: question.danger ? 'danger' : 'primary'}, label);
    const cancel = button(question.cancel ?? 'Cancel', () => this.#dialog.close());
    const form = el('form', {novalidate: true}, el('h2', {id: 'dialog-title'}, question.title),
        ...(question.lines ?? []).map((line) => el('p', null, line)),
        ...(question.fields ?? []).map((each) => each instanceof Element ? each : field(each)),
        refusal.element, forceBox,
        el('div', {class: 'buttons'}, cancel, question.confirm ? confirm : null));
    const blocked = () => !forceBox.hidden && !force.checked;
    force.addEventListener('change', () => {
      confirm.classList.toggle('danger', force.checked);
      label.set(force.checked ? `Force: ${question.confirm}` : question.confirm);
    });
    form.addEventListener('submit', async (event) => {
      event.preventDefault();
      if (confirm.getAttribute('aria-busy') === 'true') return;
      if (blocked()) return force.focus();
      confirm.setAttribute('aria-busy', 'true');
      try {
        const values = read(form);
        const result = await question.submit(values, force.checked);
        if (turn !== this.#open) return;
        const next = question.done?.(result, values);
        if (next) this.ask(next);
        else this.#dialog.close();
      } catch (error) {
        if (turn !== this.#open) return;
        refusal.text.set(error instanceof ApiError ? this.#words(error) : kNoAnswer);
        setHidden(refusal.element, false);
        setHidden(forceBox, !kOverridable.has(error.code));
      } finally {
        confirm.removeAttribute('aria-busy');
      }
    });
    this.#dialog.replaceChildren(form);
    if (!this.#dialog.open) this.#dialog.showModal();
    (form.querySelector('input:not([type=checkbox]), select') ?? (question.confirm ? confirm : cancel)).focus();
  }

  #words(error) {
    if (error.status === 401) return `${error.message}. “Token…” at the top of the page takes one.`;
    const begin = kOverridable.has(error.code) ? 'Refused: ' : error.status === 403 ? 'Not allowed: ' : 'Not done: ';
    return begin + error.message;
  }

  get open() {
    return this.#dialog.open;
  }

  close() {
    ++this.#open;
    this.#dialog.close();
  }
}
