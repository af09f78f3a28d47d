// The curve of the users who are left, with the forecast drawn on.

import {count, clock, roughly} from './format.js';
import {setAttribute, setHidden, svg, Text, el} from './dom.js';

const kMargin = {top: 14, right: 14, bottom: 24, left: 40};
const kFarthest = 1.6;  // a range that ends later than this times the forecast runs out of the picture

const kCurves = new WeakMap();  // element of a Curve -> the Curve
const kResized = new ResizeObserver((entries) => {
  for (const {target, contentRect} of entries) kCurves.get(target)?.resized(contentRect);
});

/** 1, 2 or 5 times a power of ten, or four times one: the end of an axis. */
function niceCeiling(value) {
  const power = 10 ** Math.floor(Math.log10(Math.max(1, value)));
  return [1, 2, 4, 5, 8, 10].map((step) => step * power).find((step) => step >= value);
}

function horizon(now, forecast) {
  if (forecast === null) return Math.max(now, 1);
  const farthest = Math.min(forecast.high, Math.max(forecast.likely * kFarthest, now * 0.25));
  return Math.max(now + farthest, now + forecast.likely * 1.06, 1);
}

export class Curve {
  #plot = svg('g');
  #line = svg('path', {class: 'curve-line'});
  #area = svg('path', {class: 'curve-area'});
  #band = svg('path', {class: 'curve-band'});
  #forecast = svg('path', {class: 'curve-forecast'});
  #grid = svg('path', {class: 'curve-grid'});
  #deadline = svg('path', {class: 'curve-deadline'});
  #dot = svg('circle', {class: 'curve-dot', r: 5});
  #target = svg('circle', {class: 'curve-target', r: 5});
  #labels = {};
  #image;
  #size = {width: 0, height: 0};
  #drawn = '';
  #last = null;

  constructor() {
    for (const name of ['top', 'middle', 'zero', 'begin', 'now', 'dry']) {
      const text = new Text();
      const element = svg('text', {class: 'curve-label curve-label-' + name}, text);
      this.#labels[name] = {text, element};
    }
    this.#plot.append(this.#grid, this.#band, this.#area, this.#line, this.#forecast, this.#deadline,
        this.#target, this.#dot, ...Object.values(this.#labels).map((label) => label.element));
    this.#image = svg('svg', {role: 'img', 'aria-label': 'Users left'}, this.#plot);
    this.element = el('div', {class: 'curve'}, this.#image);
    kCurves.set(this.element, this);
    kResized.observe(this.element);
  }

  resized({width, height}) {
    this.#size = {width, height};
    this.#drawn = '';
    this.#draw();
  }

  /** `bleeding` of a node, or null. Nothing is drawn where nobody was. */
  update(bleeding) {
    const points = Array.isArray(bleeding?.curve) ? bleeding.curve : [];
    this.#last = points.some(([, users]) => users > 0) ? {bleeding, points} : null;
    setHidden(this.element, this.#last === null);
    this.#draw();
  }

  #draw() {
    if (!this.#last || this.#size.width < 40) return;
    const {bleeding, points} = this.#last;
    const [now, left] = points.at(-1);
    const likely = bleeding.forecast_s;
    const forecast = typeof likely === 'number' && left > 0 ?
        {likely, low: bleeding.forecast_low_s ?? likely, high: bleeding.forecast_high_s ?? likely} : null;
    const signature = `${points.length} ${now} ${left} ${likely} ${forecast?.low} ${forecast?.high}`;
    if (signature === this.#drawn) return;
    this.#drawn = signature;

    const {width, height} = this.#size;
    const top = niceCeiling(points.reduce((most, [, users]) => Math.max(most, users), 1));
    const end = horizon(now, forecast);
    const x = (t) => kMargin.left + (width - kMargin.left - kMargin.right) * Math.min(t, end) / end;
    const y = (users) => kMargin.top + (height - kMargin.top - kMargin.bottom) * (1 - users / top);
    setAttribute(this.#image, 'viewBox', `0 0 ${width} ${height}`);
    this.#drawGrid(x, y, top, end);
    this.#drawCurve(points, x, y);
    this.#drawForecast(forecast, {now, left, end, x, y});
    this.#drawDeadline(bleeding, {end, x, y, top});
    this.#label(bleeding, forecast, {now, top, x, y, width, height});
    setAttribute(this.#image, 'aria-label', this.#words(points, forecast));
  }

  #drawGrid(x, y, top, end) {
    const lines = [0, top / 2, top].map((users) => `M${x(0)} ${y(users).toFixed(1)}H${x(end)}`);
    setAttribute(this.#grid, 'd', lines.join(''));
  }

  #drawCurve(points, x, y) {
    const line = points.map(([t, users]) => `${x(t).toFixed(1)} ${y(users).toFixed(1)}`).join('L');
    setAttribute(this.#line, 'd', 'M' + line);
    setAttribute(this.#area, 'd', `M${x(points[0][0])} ${y(0)}L${line}V${y(0)}Z`);
    const [now, left] = points.at(-1);
    setAttribute(this.#dot, 'cx', x(now).toFixed(1));
    setAttribute(this.#dot, 'cy', y(left).toFixed(1));
  }

  #drawForecast(forecast, {now, left, end, x, y}) {
    for (const part of [this.#band, this.#forecast, this.#target]) {
      part.classList.toggle('gone', forecast === null);
    }
    if (!forecast) return;
    /** A straight line to zero, as far as the picture goes. */
    const to = (seconds) => {
      const t = Math.min(now + seconds, end);
      const users = seconds > 0 ? left * Math.max(0, 1 - (t - now) / seconds) : 0;
      return `${x(t).toFixed(1)} ${y(users).toFixed(1)}`;
    };
    const start = `${x(now).toFixed(1)} ${y(left).toFixed(1)}`;
    const corner = now + forecast.high > end ? `L${x(end)} ${y(0)}` : '';
    setAttribute(this.#band, 'd', `M${start}L${to(forecast.high)}${corner}L${to(forecast.low)}Z`);
    setAttribute(this.#forecast, 'd', `M${start}L${to(forecast.likely)}`);
    setAttribute(this.#target, 'cx', x(now + forecast.likely).toFixed(1));
    setAttribute(this.#target, 'cy', y(0).toFixed(1));
  }

  #drawDeadline(bleeding, {end, x, y, top}) {
    const at = bleeding.deadline ? (Date.parse(bleeding.deadline) - Date.parse(bleeding.since)) / 1000 : Infinity;
    this.#deadline.classList.toggle('gone', at > end);
    if (at <= end) setAttribute(this.#deadline, 'd', `M${x(at).toFixed(1)} ${y(0)}V${y(top)}`);
  }

  #label(bleeding, forecast, {now, top, x, y, width, height}) {
    const since = Date.parse(bleeding.since);
    const at = (seconds) => clock(new Date(since + seconds * 1000));
    const bottom = height - 7;
    const right = width - kMargin.right;
    const put = (name, text, atX, atY, anchor) => {
      const {element, text: node} = this.#labels[name];
      element.classList.toggle('gone', text === '');
      node.set(text);
      setAttribute(element, 'x', atX.toFixed(1));
      setAttribute(element, 'y', atY.toFixed(1));
      setAttribute(element, 'text-anchor', anchor);
    };
    put('top', count(top), kMargin.left - 7, y(top) + 4, 'end');
    put('middle', top >= 4 ? count(top / 2) : '', kMargin.left - 7, y(top / 2) + 4, 'end');
    put('zero', '0', kMargin.left - 7, y(0) + 4, 'end');
    put('begin', at(0), kMargin.left, bottom, 'start');
    const dryX = forecast ? x(now + forecast.likely) : Infinity;
    const dry = forecast ? `dry about ${at(now + forecast.likely)}` : '';
    const dryAnchor = dryX > right - 44 ? 'end' : 'middle';
    const dryLeft = dryAnchor === 'end' ? right - 92 : dryX - 46;
    const dryAt = dryAnchor === 'end' ? right : dryX;
    put('dry', dryLeft > kMargin.left + 40 ? dry : '', dryAt, bottom, dryAnchor);
    const fits = x(now) > kMargin.left + 58 && x(now) < dryLeft - 18 && x(now) < right - 10;
    put('now', fits ? 'now' : '', x(now), bottom, 'middle');
  }

  #words(points, forecast) {
    const [, first] = points[0];
    const [, left] = points.at(-1);
    const ends = forecast ? `; at this pace dry in about ${roughly(forecast.likely)}` : '';
    return `Users left: ${count(first)} when the bleed began, ${count(left)} now${ends}`;
  }
}
