// What things are called on the page: the same words everywhere. No status is told by its colour alone.

import { group } from '/js/store.js';

export const groupNames = { 'needs-you': 'Needs you', working: 'Working', idle: 'Idle', ended: 'Ended' };

const marks = {
  'needs-you': { shape: '▲', tone: 'warn' }, working: { shape: '●', tone: 'work' }, idle: { shape: '○', tone: 'calm' },
  ended: { shape: '□', tone: 'calm' },
};

const words = {
  starting: 'starting', queued: 'queued', lost: 'lost', archived: 'archived', ended: 'ended',
};

/** {word, shape, tone, title}: of a session. */
export function status(session) {
  const name = group(session);
  const activity = { 'needs-you': 'needs you', unknown: 'running' }[session.activity] || session.activity;
  const word = session.state === 'running' ? activity : words[session.state] || session.state;
  const tone = session.state === 'lost' || session.problem ? 'bad' : marks[name].tone;
  const shape = session.state === 'lost' ? '✕' : marks[name].shape;
  return { word, shape, tone };
}

/** What a session is at, in one line. */
export function doing(session) {
  if (session.queue) return `${place(session.queue.place)} in the queue: ${session.queue.reason}`;
  if (session.needsWhat) return session.needsWhat;
  if (session.waitsFor) return `waits for ${session.waitsFor}`;
  if (session.problem) return session.problem.summary;
  if (group(session) === 'ended') return verdict(session).title || verdict(session).word;
  return session.doing || '';
}

const reasons = {
  metadata_not_found: 'nothing is known of its conversation', no_working_directory: 'its directory is not known',
  working_directory_missing: 'its directory is gone', session_file_missing: 'its conversation is gone',
  session_file_too_small: 'its conversation lost something', no_conversation: 'nothing was said yet',
  not_started: 'it never started', live_elsewhere: 'its conversation is open in another process',
  permission_denied: 'its conversation may not be read', timed_out: 'its disk did not answer in time',
};
const warnings = {
  tail_truncated: 'its last line is cut', lines_unreadable: 'some lines cannot be read', history_gap: 'with a gap',
};

/** {word, tone, title}: whether it would resume. */
export function verdict(session) {
  const { resumable, reason, warnings: found = [], expiresInDays } = session.verdict || {};
  if (!resumable) return { word: 'not resumable', tone: 'bad', title: reasons[reason] || reason || '' };
  const kept = expiresInDays === null || expiresInDays === undefined ? '' : `kept for ${expiresInDays} days`;
  if (!found.length) return { word: 'resumable', tone: 'good', title: kept };
  return { word: 'resumable ⚠', tone: 'warn', title: found.map(name => warnings[name] || name).join(', ') };
}

export const place = number => {
  const tens = number % 100;
  const ending = tens > 10 && tens < 14 ? 'th' : ['th', 'st', 'nd', 'rd'][number % 10] || 'th';
  return `${number}${ending}`;
};

export const count = (number, one, many = `${one}s`) => `${number} ${number === 1 ? one : many}`;

export function bytes(number) {
  if (!(number >= 0)) return '';
  for (const [unit, size] of [['GB', 1e9], ['MB', 1e6], ['kB', 1e3]]) {
    if (number >= size) return `${(number / size).toFixed(number < 10 * size ? 1 : 0)} ${unit}`;
  }
  return `${number} B`;
}

export const money = number => (number >= 0.005 ? `$${number.toFixed(2)}` : '');

/** `↑2 ↓1 ⚠`: commits before and behind the base, and what is not committed. */
export function drift(session) {
  const signs = [];
  if (session.ahead) signs.push(`↑${session.ahead}`);
  if (session.behind) signs.push(`↓${session.behind}`);
  if (session.conflicts?.length) signs.push('⚠');
  return signs.join(' ');
}

export function driftTitle(session) {
  const base = session.base || 'its base';
  return [
    session.ahead ? `${count(session.ahead, 'commit')} before ${base}` : '',
    session.behind ? `${count(session.behind, 'commit')} behind ${base}` : '',
    session.conflicts?.length ? `would conflict with ${session.conflicts.join(', ')}` : '',
    session.dirty ? 'with changes that are not committed' : '',
  ].filter(Boolean).join('; ');
}

/** Characters that turn or hide text are shown as what they are. */
export const plain = text => String(text ?? '').replace(
  /[\u0000-\u0008\u000b-\u001f\u007f-\u009f\u061c\u200b-\u200f\u2028-\u202e\u2060-\u2069\ufeff]/gu,
  character => (character === '\r' ? '' : `\\u{${character.codePointAt(0).toString(16)}}`));
