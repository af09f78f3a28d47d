// What the figures mean: pure functions of a node as `status json` has it.

import {clock, count, counted, duration, moment, roughly} from './format.js';

export const users = (node) => node.sessions.live + node.sessions.pending;
export const keyOf = (node) => `${node.pool}/${node.name}`;
export const isOut = (node) => node.state !== 'active';

/** How it is shown: its state, with "dry" for a bleeding node that is dry. */
export function phase(node) {
  return node.state === 'bleeding' && node.dry ? 'dry' : node.state;
}

const kRank = {dry: 0, bleeding: 1, maintenance: 2, active: 4};

/** Out of rotation first, those that wait for the operator at the top; then active ones that are down. */
export function rank(node) {
  return node.state === 'active' && node.health === 'down' ? 3 : kRank[phase(node)] ?? 4;
}

export const stateText = (node) => node.state[0].toUpperCase() + node.state.slice(1);

export const healthText = (node) =>
    ({up: 'Up', down: 'Down', unknown: 'Not checked'})[node.health] ?? node.health;

export function dryText(node) {
  if (node.dry) return 'Dry';
  return node.state === 'bleeding' ? 'Not dry' : 'In use';
}

export const dryIcon = (node) => node.dry ? 'dry' : node.state === 'bleeding' ? 'waiting' : 'unknown';

/** The answer to "may I go on?". */
export function verdict(node) {
  switch (phase(node)) {
    case 'dry':
      return `${keyOf(node)} is bone dry — update it now`;
    case 'maintenance':
      return `${keyOf(node)} is out of rotation`;
    default:
      return '';
  }
}

export function verdictDetail(node) {
  switch (phase(node)) {
    case 'dry':
      return 'Nobody is left on it, and nobody will come back to it.';
    case 'maintenance':
      return node.dry ? 'Nobody is on it; only a pass reaches it. Activate it when it is updated and tested.' :
                        'Its users were moved to other nodes; only a pass reaches it.';
    default:
      return '';
  }
}

/** "dry in about 4m". */
export function forecastText(node) {
  const seconds = node.bleeding?.forecast_s;
  if (typeof seconds !== 'number') return 'no forecast yet';
  return seconds <= 1 ? 'dry in a moment' : `dry in about ${roughly(seconds)}`;
}

/** "at about 14:32; 2m to 6m from now". */
export function forecastDetail(node) {
  const {forecast_s: likely, forecast_low_s: low, forecast_high_s: high} = node.bleeding ?? {};
  if (typeof likely !== 'number') return 'It takes a few sessions that end to tell.';
  const at = 'at about ' + clock(new Date(Date.now() + likely * 1000));
  return roughly(low) === roughly(high) ? at : `${at}; ${roughly(low)} to ${roughly(high)} from now`;
}

/** "bleeding for 12m by root: update 4.2". */
export function originText(node) {
  const {bleeding} = node;
  if (!bleeding) return '';
  const age = (Date.now() - Date.parse(bleeding.since)) / 1000;
  const what = node.state === 'maintenance' ? 'in maintenance' : 'bleeding';
  return `${what} for ${duration(age)}${bleeding.by ? ' by ' + bleeding.by : ''}` +
      (bleeding.reason ? `: ${bleeding.reason}` : '');
}

export function deadlineText(node) {
  const deadline = node.bleeding?.deadline;
  if (!deadline) return '';
  const left = (Date.parse(deadline) - Date.now()) / 1000;
  const at = moment(new Date(deadline));
  return left > 0 ? `Deadline at ${at}, in ${duration(left)}: who is left then is moved.` :
                    `The deadline was at ${at}: who is left is moved at the next request.`;
}

/** "2 of 3 nodes take new users; 142 users are left on 1 bleeding node; 12 requests per second". */
export function poolText(pool) {
  const active = pool.nodes.filter((node) => node.state === 'active' && node.health !== 'down').length;
  const bleeding = pool.nodes.filter((node) => phase(node) === 'bleeding');
  const all = counted(pool.nodes.length, 'node');
  const parts = [`${count(active)} of ${all} ${active === 1 ? 'takes' : 'take'} new users`];
  if (bleeding.length > 0) {
    const left = bleeding.reduce((sum, node) => sum + users(node), 0);
    parts.push(`${counted(left, 'user')} left on ${counted(bleeding.length, 'bleeding node')}`);
  }
  return parts.join(' · ');
}

export const groupsOf = (pool) => [...new Set(pool.nodes.map((node) => node.group).filter(Boolean))];

const silentOf = (cluster) => cluster.members.filter((member) => member.state === 'silent').map(({name}) => name);

/** What an operator has to know at once, as short lines: "p3 is silent". */
export function clusterTroubles(cluster) {
  if (!cluster) return [];
  if (cluster.store.state !== 'connected') return ['The store of the cluster is lost'];
  return silentOf(cluster).map((name) => `${name} is silent`);
}

const kCounted = {
  at_least: 'Users are at least those shown: not all members have told theirs.',
  at_most: 'Users are at most those shown: a silent member may have had some who have left.',
};

/** What is wrong with the cluster, and what that means. */
export function clusterNotes(cluster) {
  const {problem, waiting_for: waiting, store, counted} = cluster;
  const notes = [];
  if (problem) notes.push(`This member cannot join: ${problem}`);
  if (waiting && waiting !== problem) notes.push(`It serves nobody yet: it waits for ${waiting}.`);
  if (store.state !== 'connected') {
    notes.push('While the store is lost, no node becomes dry, and users are those of this member' +
        (store.why ? `: ${store.why}` : '.'));
    return notes;
  }
  const silent = silentOf(cluster);
  if (silent.length > 0) {
    const again = silent.length === 1 ? 'is heard again, or forgotten' : 'are heard again, or forgotten';
    notes.push(`No node becomes dry until ${silent.join(', ')} ${again} (bonedryctl member forget).`);
  }
  if (kCounted[counted]) notes.push(kCounted[counted]);
  return notes;
}

/** One line for the browser's tab: what the operator waits for. */
export function titleOf(pools) {
  const out = pools.flatMap((pool) => pool.nodes).filter((node) => node.state === 'bleeding');
  const dry = out.filter((node) => node.dry);
  if (dry.length === 1) return `${keyOf(dry[0])} is dry`;
  if (dry.length > 1) return `${dry.length} nodes are dry`;
  if (out.length === 0) return 'bonedry';
  const left = out.reduce((sum, node) => sum + users(node), 0);
  return `${count(left)} left · ${out.length === 1 ? out[0].name : out.length + ' nodes'}`;
}
