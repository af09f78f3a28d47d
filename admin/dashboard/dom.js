// Elements, made and changed in place. Text from the proxy only ever becomes a text node.

const kSvg = 'http://www.w3.org/2000/svg';

function fill(element, attributes, children) {
  for (const [name, value] of Object.entries(attributes ?? {})) {
    if (name === 'on') for (const [event, handler] of Object.entries(value)) element.addEventListener(event, handler);
    else if (value === true) element.setAttribute(name, '');
    else if (value !== false && value !== null && value !== undefined) element.setAttribute(name, value);
  }
  for (const child of children) if (child !== null && child !== undefined) element.append(child);
  return element;
}

/** A string among the children becomes a text node. */
export function el(tag, attributes, ...children) {
  return fill(document.createElement(tag), attributes, children);
}

export function svg(tag, attributes, ...children) {
  return fill(document.createElementNS(kSvg, tag), attributes, children);
}

/** One of the shapes in index.html; what it means is said in words beside it. */
export class Icon {
  #use = svg('use');
  #name = '';

  constructor(name = '') {
    this.element = svg('svg', {class: 'icon', 'aria-hidden': 'true', focusable: 'false'}, this.#use);
    if (name) this.set(name);
  }

  set(name) {
    if (name === this.#name) return;
    this.#name = name;
    this.#use.setAttribute('href', '#i-' + name);
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

/** A list whose items are single lines of text, such as problems. */
export class Lines {
  #lines = [];

  constructor(element) {
    this.element = element;
  }

  set(lines) {
    while (this.#lines.length < lines.length) {
      const text = new Text();
      const item = el('li', null, text.node);
      this.#lines.push({text, item});
      this.element.append(item);
    }
    while (this.#lines.length > lines.length) this.#lines.pop().item.remove();
    lines.forEach((line, i) => this.#lines[i].text.set(line));
    setHidden(this.element, lines.length === 0);
  }
}
