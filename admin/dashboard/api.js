// The JSON API under /v1/: one answer, or a stream of server-sent events. fetch() instead of EventSource,
// which cannot send a token.

const kTokenKey = 'bonedry-token';

/** What the door answered instead, in words for people. */
export class ApiError extends Error {
  constructor(status, problem) {
    super(problem.detail || problem.title || `the proxy answered with status ${status}`);
    this.status = status;
    this.code = problem.code ?? '';
  }
}

export function setToken(token) {
  sessionStorage.setItem(kTokenKey, token);
}

function headers(more) {
  const token = sessionStorage.getItem(kTokenKey);
  return token ? {...more, Authorization: `Bearer ${token}`} : more;
}

async function checked(response) {
  if (response.ok) return response;
  let problem = {};
  try {
    problem = await response.json();
  } catch {
    // Not from the door itself, for example from a proxy before it.
  }
  throw new ApiError(response.status, problem);
}

function target(path, query) {
  const words = new URLSearchParams(Object.entries(query ?? {}).filter(([, value]) => value !== ''));
  return `/v1/${path}${words.size > 0 ? '?' + words : ''}`;
}

const kSame = {credentials: 'same-origin', cache: 'no-store', redirect: 'error'};

export async function get(path, query, signal) {
  const response = await fetch(target(path, query), {...kSame, signal, headers: headers({Accept: 'application/json'})});
  return (await checked(response)).json();
}

export async function post(path, body) {
  const response = await fetch(target(path), {
    ...kSame,
    method: 'POST',
    headers: headers({'Content-Type': 'application/json', Accept: 'application/json'}),
    body: JSON.stringify(body),
  });
  return (await checked(response)).json();
}

function parseEvent(block) {
  const event = {name: 'message', id: '', data: ''};
  for (const line of block.split('\n')) {
    const colon = line.indexOf(':');
    if (colon <= 0) continue;
    const value = line.slice(line[colon + 1] === ' ' ? colon + 2 : colon + 1);
    const field = line.slice(0, colon);
    if (field === 'data') event.data += event.data ? '\n' + value : value;
    else if (field === 'event') event.name = value;
    else if (field === 'id') event.id = value;
  }
  return event;
}

/** Calls onEvent for each event until the stream ends, and onBytes whenever anything comes. */
export async function stream(path, {lastId, signal, onEvent, onBytes}) {
  const own = {Accept: 'text/event-stream', ...(lastId ? {'Last-Event-ID': lastId} : {})};
  const response = await checked(await fetch(target(path), {...kSame, signal, headers: headers(own)}));
  const reader = response.body.pipeThrough(new TextDecoderStream()).getReader();
  let parts = [];  // of an event whose end has not come; joined once, for it may be a megabyte
  let last = '';
  for (;;) {
    const {value, done} = await reader.read();
    if (done) return;
    onBytes();
    parts.push(value);
    const ends = value.includes('\n\n') || (last.endsWith('\n') && value.startsWith('\n'));
    last = value;
    if (!ends) continue;
    const text = parts.join('');
    let begin = 0;
    for (let end = text.indexOf('\n\n'); end >= 0; end = text.indexOf('\n\n', begin)) {
      const event = parseEvent(text.slice(begin, end));
      begin = end + 2;
      if (event.data) onEvent(event);
    }
    parts = [text.slice(begin)];
  }
}
