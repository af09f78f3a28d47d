// Figures as people read them.

const kCount = new Intl.NumberFormat('en');
const kClock = new Intl.DateTimeFormat([], {hour: '2-digit', minute: '2-digit', hourCycle: 'h23'});
const kClockWithSeconds = new Intl.DateTimeFormat(
    [], {hour: '2-digit', minute: '2-digit', second: '2-digit', hourCycle: 'h23'});
const kDay = new Intl.DateTimeFormat([], {day: 'numeric', month: 'short'});
export const kNone = '–';

export function count(value) {
  return value === null || value === undefined ? kNone : kCount.format(value);
}

export function counted(value, one, many = one + 's') {
  return `${count(value)} ${value === 1 ? one : many}`;
}

/** "45s", "4m 10s", "1h 5m", "3d 2h". */
export function duration(seconds) {
  if (seconds === null || seconds === undefined) return kNone;
  const whole = Math.max(0, Math.round(seconds));
  const units = [[86400, 'd'], [3600, 'h'], [60, 'm'], [1, 's']];
  const first = units.findIndex(([size]) => whole >= size);
  if (first < 0) return '0s';
  const [size, unit] = units[first];
  const text = Math.floor(whole / size) + unit;
  const next = units[first + 1];
  const rest = next ? Math.floor((whole % size) / next[0]) : 0;
  return rest > 0 ? `${text} ${rest}${next[1]}` : text;
}

/** For forecasts, which are not known to the second: "25s", "4m", "1h 10m". */
export function roughly(seconds) {
  if (seconds === null || seconds === undefined) return kNone;
  if (seconds < 10) return duration(Math.ceil(seconds));
  if (seconds < 60) return duration(Math.ceil(seconds / 5) * 5);
  if (seconds < 600) return duration(Math.ceil(seconds / 30) * 30);
  return duration(Math.ceil(seconds / 60) * 60);
}

export function ago(seconds) {
  if (seconds === null || seconds === undefined) return 'never';
  return seconds < 2 ? 'just now' : duration(seconds) + ' ago';
}

export function rate(value) {
  if (value === null || value === undefined) return kNone;
  return value > 0 && value < 9.95 ? value.toFixed(1) : count(Math.round(value));
}

/** "2.1 ms", "31 ms", "1.2 s". */
export function latency(seconds) {
  if (seconds === null || seconds === undefined) return kNone;
  const [value, unit] = seconds < 1 ? [seconds * 1000, 'ms'] : [seconds, 's'];
  return `${value < 9.95 ? value.toFixed(1) : Math.round(value)} ${unit}`;
}

export function clock(date, precision = 'minutes') {
  return (precision === 'seconds' ? kClockWithSeconds : kClock).format(date);
}

/** The time, and the day unless it is today. */
export function moment(date) {
  const today = date.toDateString() === new Date().toDateString();
  return today ? clock(date) : `${kDay.format(date)}, ${clock(date)}`;
}
