// What an operator can do from here. Each is a question first; the proxy decides, by the same rules as for
// bonedryctl.

import {post, setToken} from './api.js';
import {button, el} from './dom.js';
import {counted} from './format.js';
import * as model from './model.js';

const kDeadline = {name: 'deadline', label: 'Deadline (optional)', placeholder: 'none', spellcheck: 'false', size: '10',
  hint: 'Such as 90s, 30m or 2h. Who is left then is moved to another node, and gets a new session there. ' +
      'Without one nobody is ever moved.'};
const kReason = {name: 'reason', label: 'Reason (optional)', placeholder: 'update 4.2', maxlength: '200'};

function given(values) {
  return Object.fromEntries(Object.entries(values).filter(([, value]) => value !== '' && value !== false));
}

function others(node, status) {
  const pool = status?.pools.find((one) => one.name === node.pool);
  const open = (one) => one.name !== node.name && one.state === 'active' && one.health !== 'down';
  return (pool?.nodes ?? []).filter(open).map((one) => one.name);
}

function named(names) {
  if (names.length === 0) return 'no other node: none is active and up';
  return names.length <= 3 ? names.join(' and ') : `${names.slice(0, 2).join(', ')} and ${names.length - 2} others`;
}

export class Actions {
  #dialog;
  #status;
  #notify;
  #onDone;
  #onToken;
  #onDenied;
  #alone;

  /** status(): the newest figures; onDone(pool, node): something was changed; alone(f): with a connection to spare. */
  constructor({dialog, status, notify, onDone, onToken, onDenied, alone}) {
    this.#dialog = dialog;
    this.#status = status;
    this.#notify = notify;
    this.#onDone = onDone;
    this.#onToken = onToken;
    this.#onDenied = onDenied;
    this.#alone = alone;
  }

  run(command, node) {
    if (command === 'bleed') this.#bleed(node);
    if (command === 'activate') this.#activate(node);
    if (command === 'maintain') this.#maintain(node);
    if (command === 'pass') this.#pass(node);
  }

  #ask(node, command, question) {
    const key = model.keyOf(node);
    this.#dialog.ask({
      ...question,
      submit: (values, force) => this.#post(command, {node: key, ...values, force}),
      done: (result) => {
        this.#notify(result.message);
        this.#onDone(node.pool, node.name);
      },
    });
  }

  async #post(command, values) {
    try {
      return await this.#alone(() => post(command, given(values)));
    } catch (error) {
      if (error.status === 401 || error.status === 403) this.#onDenied();
      throw error;
    }
  }

  #bleed(node) {
    const key = model.keyOf(node);
    const again = node.state === 'bleeding';
    const left = counted(model.users(node), 'user');
    this.#ask(node, 'bleed', {
      title: again ? `Change the bleed of ${key}?` : `Bleed ${key}?`,
      lines: again ? [`${key} goes on bleeding. A field that is empty changes nothing.`] :
          [`No new user gets to ${key}: they go to ${named(others(node, this.#status()))}.`,
            `The ${left} on it now stay until they leave. When the last one has left, it is dry.`],
      fields: [{...kReason, value: again ? node.bleeding?.reason ?? '' : ''}, kDeadline],
      confirm: again ? 'Change the bleed' : `Bleed ${node.name}`,
    });
  }

  #activate(node) {
    const key = model.keyOf(node);
    const unfinished = node.state === 'bleeding' && !node.dry;
    this.#ask(node, 'activate', {
      title: `Activate ${key}?`,
      lines: [
        unfinished ? `The bleed of ${key} ends before it is dry: it gets new users again.` :
                     `${key} is put back into rotation and gets new users again.`,
        unfinished ? `The ${counted(model.users(node), 'user')} on it stay.` : '',
        node.health === 'down' ? 'It is down at the moment: users are sent to it when it is up.' : '',
      ].filter(Boolean),
      confirm: `Activate ${node.name}`,
    });
  }

  #maintain(node) {
    const key = model.keyOf(node);
    const left = model.users(node);
    this.#ask(node, 'maintain', {
      title: `Take ${key} out of rotation?`,
      lines: node.dry ? [`${key} is dry: nobody notices. Only a pass reaches it until it is activated.`] :
          [`${key} is not dry: ${counted(left, 'user')} ${left === 1 ? 'is' : 'are'} on it. The proxy will ` +
            'refuse this; forced, it moves them to other nodes, where they begin a new session.'],
      forceText: `Take it out all the same, and move its users to other nodes. This is logged.`,
      confirm: `Maintain ${node.name}`,
      danger: !node.dry,
    });
  }

  #pass(node) {
    const key = model.keyOf(node);
    this.#dialog.ask({
      title: `Make a pass for ${key}?`,
      lines: [`A link takes whoever opens it to ${key}, whatever its state. It is no user, and keeps ` +
          'the node from nothing.'],
      fields: [{name: 'ttl', label: 'Valid for', value: '15m', size: '8', hint: '1s to 24h'}],
      confirm: 'Make a pass',
      submit: (values) => this.#post('pass', {node: key, ...values}),
      done: (result) => this.#showPass(node, result),
    });
  }

  #showPass(node, pass) {
    const listener = this.#status()?.listeners?.find((one) => one.pool === node.pool);
    const query = pass.query ?? pass.message ?? '';
    const value = (listener ? this.#address(listener) + '/?' : '?') + query;
    const input = el('input', {id: 'pass-link', readonly: true, value, on: {focus: () => input.select()}});
    const copy = button('Copy', async () => {
      input.select();
      await navigator.clipboard?.writeText(input.value).catch(() => {});
      copy.textContent = 'Copied';
    });
    return {
      title: `A pass for ${model.keyOf(node)}`,
      lines: ['Open this address in the browser that tests. bonedry-pass=off in an address ends it.'],
      fields: [el('div', {class: 'field copy'}, el('label', {for: 'pass-link'}, 'Address'), input, copy)],
      confirm: '',
      cancel: 'Close',
      submit: async () => ({}),
    };
  }

  #address(listener) {
    const host = listener.address.replace(/^(0\.0\.0\.0|\[::\])(?=:)/, location.hostname);
    return `${listener.tls ? 'https' : 'http'}://${host}`;
  }

  switchGroup(pool) {
    const groups = model.groupsOf(pool);
    const active = (group) => pool.nodes.filter((node) => node.group === group && node.state === 'active').length;
    const options = [...groups].sort((a, b) => active(a) - active(b));
    this.#dialog.ask({
      title: `Switch pool ${pool.name} to a group?`,
      lines: ['The nodes of the group are activated and get all new users. All other nodes of the pool ' +
          'bleed: their users stay until they leave.'],
      fields: [{name: 'group', label: 'Group', options}, kReason, kDeadline,
        {name: 'cut', type: 'checkbox', 
          label: 'Cut: move all users now, each at the next request. They get a new session.'}],
      confirm: 'Switch',
      submit: (values, force) => this.#post('switch', {pool: pool.name, ...values, force}),
      done: (result) => {
        this.#notify(result.message);
        this.#onDone(pool.name, '');
      },
    });
  }

  /** For a door that wants one. */
  askToken(why) {
    if (this.#dialog.open) return;
    this.#dialog.ask({
      title: 'A token, please',
      lines: [`The proxy says: ${why}.`],
      fields: [{name: 'token', label: 'Token', type: 'password', hint: 'Kept in this tab only, until it is closed.'}],
      confirm: 'Use it',
      submit: async ({token}) => setToken(token),
      done: () => {
        this.#onToken();
      },
    });
  }
}
