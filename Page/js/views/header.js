// Above everything: search and commands, whether the page is up to date, and new sessions. What was done last is said
// below it.

import { h, watch } from '/vendor/vue.js';
import { hush, outcome } from '/js/acts.js';
import { ask } from '/js/dialogs.js';
import { feed } from '/js/feed.js';
import { home, toPlace } from '/js/route.js';
import { Palette } from '/js/views/palette.js';

const states = {
  live: { shape: '●', word: 'live', tone: 'good' }, connecting: { shape: '◌', word: 'connecting', tone: 'calm' },
  lost: { shape: '✕', word: 'no answer', tone: 'bad' },
};

export const Header = {
  setup() {
    let timer;
    watch(() => outcome.at, () => {
      clearTimeout(timer);
      if (outcome.tone === 'good') timer = setTimeout(hush, 6000);
    });
    return () => {
      const state = states[feed.state];
      return h('header', { class: 'top' }, [
        h('a', { class: 'brand', href: home }, 'Apus'),
        h(Palette),
        h('span', { class: ['live', state.tone], role: 'status' }, [
          h('span', { 'aria-hidden': 'true' }, `${state.shape} `), state.word,
        ]),
        h('button', {
          type: 'button', class: 'quiet only-wide', 'aria-label': 'Keys and settings', onClick: () => ask('keys'),
        }, '?'),
        h('a', { class: 'button primary', href: toPlace('new'), role: 'button', 'aria-label': 'New session' }, [
          '+', h('span', { class: 'only-wide' }, ' New'),
        ]),
        outcome.text ? h('div', { class: ['outcome', outcome.tone],
          role: outcome.tone === 'bad' ? 'alert' : 'status' }, [
          h('span', [h('strong', outcome.text), outcome.hint ? ` — ${outcome.hint}` : '']),
          h('button', { type: 'button', class: 'quiet', 'aria-label': 'Close', onClick: hush }, '✕'),
        ]) : null,
      ]);
    };
  },
};
