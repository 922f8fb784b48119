// Times as people say them. One clock moves every relative time of the page.

import { shallowRef } from '/vendor/vue.js';

export const now = shallowRef(Date.now());

const move = () => { if (document.visibilityState === 'visible') now.value = Date.now(); };
setInterval(move, 5000);
document.addEventListener('visibilitychange', move);

/** A length of time in one unit: `12 s`, `4 min`, `3 h`, `2 d`. */
export function span(seconds) {
  if (!Number.isFinite(seconds)) return '';
  const whole = Math.max(0, Math.floor(seconds));
  if (whole < 60) return `${whole} s`;
  if (whole < 3600) return `${Math.floor(whole / 60)} min`;
  if (whole < 86400) return `${Math.floor(whole / 3600)} h`;
  return `${Math.floor(whole / 86400)} d`;
}

/** How old something is that was so old (seconds) at that moment (ms). */
export const aged = (age, seen) => span(age + Math.max(0, now.value - seen) / 1000);

/** How long ago that moment (ISO 8601) was. */
export const since = text => span((now.value - Date.parse(text)) / 1000);

const format = new Intl.DateTimeFormat(undefined, { dateStyle: 'medium', timeStyle: 'medium' });
const clock = new Intl.DateTimeFormat(undefined, { timeStyle: 'short' });

/** The moment in full, for a title. */
export function exact(text) {
  const moment = new Date(text);
  return Number.isNaN(moment.getTime()) ? '' : format.format(moment);
}

export function hour(text) {
  const moment = new Date(text);
  return Number.isNaN(moment.getTime()) ? '' : clock.format(moment);
}
