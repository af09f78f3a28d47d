// Elements, made and changed in place. Text from the proxy only ever becomes a text node.

const kSvg = 'http://www.w3.org/2000/svg';

function fill(element, attributes, children) {
  for (const [name, value] of Object.entries(attributes ?? {})) {
    if (name === 'on') for (const [event, handler] of Object.entries(value)) element.addEventListener(event, handler);
    else if (value === true) element.setAttribute(name, '');
    else if (value !== false && value !== null && value !== undefined) element.setAttribute(name, value);
  }
  for (const child of children) if (child) element.append(child.node ?? child.element ?? child);
  return element;
}

/** Children are elements, views that have one, Texts, or strings, which become text nodes. */
export function el(tag, attributes, ...children) {
  return fill(document.createElement(tag), attributes, children);
}

export function button(label, onClick, attributes) {
  return el('button', {type: 'button', on: {click: onClick}, ...attributes}, ...[label].flat());
}

export function svg(tag, attributes, ...children) {
  return fill(document.createElementNS(kSvg, tag), attributes, children);
}

// In a square of 16 by 16: the path, and the width of its line; 0: it is filled.
const kShapes = {
  active: ['M12.5 8a4.5 4.5 0 1 1-9 0 4.5 4.5 0 0 1 9 0z', 0],
  bleeding: ['M8 1c2.7 3.4 4.8 5.9 4.8 8.5a4.8 4.8 0 0 1-9.6 0C3.2 6.9 5.3 4.4 8 1z', 0],
  maintenance: ['M3 3h10v10H3zM6.5 6v4M9.5 6v4', 2],
  up: ['M2.5 8.5 6.3 12.2 13.5 4.2', 2.2],
  down: ['m3.5 3.5 9 9m0-9-9 9', 2.4],
  unknown: ['M3 8h10', 2],
  dry: ['M8 2.3c2.3 2.9 4 5 4 7.2a4 4 0 0 1-8 0c0-2.2 1.7-4.3 4-7.2zM2 14 14 2', 1.6],
  waiting: ['M3.5 2h9m-9 12h9M4.8 2c0 3 1.7 4.3 3.2 6 1.5-1.7 3.2-3 3.2-6' +
    'M4.8 14c0-3 1.7-4.3 3.2-6 1.5 1.7 3.2 3 3.2 6', 1.6],
  warning: ['M8 2 14.5 13.5h-13zM8 6.5v3.3M8 11v1.3', 1.8],
};

/** A shape; what it means is said in words beside it. */
export class Icon {
  #path = svg('path');
  #name = '';

  constructor(name = '') {
    this.element = svg('svg', {class: 'icon', viewBox: '0 0 16 16', 'aria-hidden': 'true'}, this.#path);
    if (name) this.set(name);
  }

  set(name) {
    if (name === this.#name) return;
    this.#name = name;
    const [shape, width] = kShapes[name] ?? kShapes.unknown;
    this.#path.setAttribute('d', shape);
    this.#path.setAttribute('fill', width ? 'none' : 'currentColor');
    this.#path.setAttribute('stroke', width ? 'currentColor' : 'none');
    this.#path.setAttribute('stroke-width', width);
  }
}

/** A text node that is touched only when its text changes. */
export class Text {
  #value = '';

  constructor(value = '') {
    this.node = document.createTextNode('');
    this.set(value);
  }

  set(value) {
    const next = String(value);
    if (next === this.#value) return;
    this.#value = next;
    this.node.data = next;
  }
}

export function setAttribute(element, name, value) {
  if (value === null) element.removeAttribute(name);
  else if (element.getAttribute(name) !== value) element.setAttribute(name, value);
}

export function setHidden(element, hidden) {
  if (element.hidden !== hidden) element.hidden = hidden;
}

/** Makes these the children, in this order, and moves as few as needed. The focus stays where it is. */
export function arrange(parent, wanted) {
  const keep = new Set(wanted);
  for (const child of [...parent.children]) if (!keep.has(child)) child.remove();
  let at = parent.firstElementChild;
  for (const child of wanted) {
    if (child === at) {
      at = at.nextElementSibling;
      continue;
    }
    const focused = child.contains(document.activeElement) ? document.activeElement : null;
    if (child.parentNode === parent && parent.moveBefore) parent.moveBefore(child, at);
    else parent.insertBefore(child, at);
    if (focused && focused !== document.activeElement) focused.focus({preventScroll: true});
  }
}

/** Labels with figures: rows of [label, function of what is shown]. */
export class Figures {
  #texts = [];

  constructor(name, rows) {
    this.element = el('dl', {class: name}, ...rows.map(([label, read]) => {
      const text = new Text();
      this.#texts.push({text, read});
      return el('div', null, el('dt', null, label), el('dd', null, text));
    }));
  }

  update(value) {
    for (const {text, read} of this.#texts) text.set(read(value));
  }
}

/** A list whose items are single lines of text, such as problems. */
export class Lines {
  #lines = [];

  constructor(element) {
    this.element = element;
  }

  set(lines) {
    while (this.#lines.length < lines.length) {
      const text = new Text();
      const item = el('li', null, text);
      this.#lines.push({text, item});
      this.element.append(item);
    }
    while (this.#lines.length > lines.length) this.#lines.pop().item.remove();
    lines.forEach((line, i) => this.#lines[i].text.set(line));
    setHidden(this.element, lines.length === 0);
  }
}
