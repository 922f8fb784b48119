// A session's terminal, as `apus attach` shows it: its size is its lead's, keys are for the lead alone. It is taken up
// again when the connection goes, for as long as the run lives.

import { h, nextTick, onBeforeUnmount, onMounted, ref, shallowReactive, watch } from '/vendor/vue.js';
import { part, post, socket } from '/js/api.js';
import { visible } from '/js/diff.js';
import { take } from '/js/store.js';
import { Emulator } from '/js/views/emulator.js';

const pauses = [300, 1000, 2000, 4000, 8000, 15_000];
const slot = 'apus-screen-reader';
const encoder = new TextEncoder();
/** What is typed before the terminal is there is kept for it: so many pieces of text. */
const mostAhead = 4096;
const onlyWatch = 'You only watch: keys are for who leads. “Take the lead” makes that you.';
const unsent = 'Not sent: the terminal is not attached. Type again once it is.';

const isLive = session => ['queued', 'starting', 'running'].includes(session.state);
const sits = session => session.terminal && ['starting', 'running'].includes(session.state);

/** How it ended, in a sentence: of a message `ended`. */
function ending({ exit, signal, error }) {
  if (signal !== undefined) return `The run ended: killed by signal ${signal}.`;
  if (error !== undefined) return `The run never started (error ${error}).`;
  return exit === 0 ? 'The run ended.' : `The run ended with exit code ${exit}.`;
}

/** One attachment after another, until it is told to stop or the run ended. */
function useLine(emulator, state, session) {
  let line = null;
  let tries = 0;
  let timer = 0;
  let told = '';
  let ahead = [];

  function hear(message) {
    if (message.type === 'viewing') {
      tries = 0;
      Object.assign(state, { phase: 'attached', leads: message.leads, ended: '', trouble: '' });
      emulator.resize(message.columns, message.rows, message.leads);
      tellSize();
      const typed = ahead;
      ahead = [];
      if (message.leads) typed.forEach(type); else if (typed.length > 0) state.notice = onlyWatch;
    } else if (message.type === 'reset') emulator.reset();
    else if (message.type === 'leads') {
      state.leads = message.leads;
      emulator.lead(message.leads);
    } else if (message.type === 'sized') emulator.resize(message.columns, message.rows, state.leads);
    else if (message.type === 'ended') Object.assign(state, { phase: 'ended', leads: false, ended: ending(message) });
  }

  function closed(mine, event) {
    if (mine !== line) return;
    line = null;
    state.leads = false;
    emulator.listen(false);
    const isLost = ahead.length > 0;
    ahead = [];
    if (state.phase === 'ended' || !sits(session())) {
      Object.assign(state, { phase: 'ended', ended: state.ended || 'The run ended.' });
      emulator.end();
      return;
    }
    state.phase = 'away';
    if (isLost) state.notice = unsent;
    state.trouble = event.code === 1008 ? event.reason : '';
    // What was refused is not asked for again by itself.
    if (event.code === 1008) return;
    timer = setTimeout(attach, pauses[Math.min(tries, pauses.length - 1)]);
    tries += 1;
  }

  function attach() {
    stop();
    const { columns, rows } = emulator.room();
    told = `${columns} ${rows}`;
    state.phase = state.phase === 'away' ? 'away' : 'attaching';
    const mine = socket(`/v1/sessions/${part(session().id)}/terminal?wish=follow&columns=${columns}&rows=${rows}`);
    line = mine;
    mine.binaryType = 'arraybuffer';
    mine.onmessage = ({ data }) => {
      if (mine !== line) return;
      if (typeof data === 'string') hear(JSON.parse(data)); else emulator.write(new Uint8Array(data));
    };
    mine.onclose = event => closed(mine, event);
  }

  function stop() {
    clearTimeout(timer);
    const mine = line;
    line = null;
    mine?.close();
  }

  function type(text) {
    if (state.phase === 'attaching' && ahead.length < mostAhead) ahead.push(text);
    else if (state.leads && line?.readyState === 1) line.send(typeof text === 'string' ? encoder.encode(text) : text);
  }

  const say = message => { if (line?.readyState === 1) line.send(JSON.stringify(message)); };

  /** Who does not lead tells its size as well: it is what the terminal gets when it does. */
  function tellSize() {
    const { columns, rows } = emulator.room();
    if (told === `${columns} ${rows}` || line?.readyState !== 1) return;
    told = `${columns} ${rows}`;
    say({ type: 'size', columns, rows });
  }

  return {
    attach, stop, tellSize, type,
    lead: () => say({ type: 'lead' }),
    /** Somebody heard of the session: no need to wait any longer. */
    hurry() { if (state.phase === 'away' && !state.trouble && !line) attach(); },
  };
}

const keys = [
  ['Esc', 'Escape'], ['Tab', 'Tab'], ['Ctrl', 'Ctrl'], ['↑', 'Up', 'A'], ['↓', 'Down', 'B'], ['←', 'Left', 'D'],
  ['→', 'Right', 'C'], ['Enter', 'Enter'],
];

export const TerminalView = {
  props: ['session'],
  setup(props) {
    const state = shallowReactive({
      phase: 'none', leads: false, ended: '', trouble: '', notice: '', problem: null,
      isResuming: false, holdsCtrl: false, readsScreen: false, isThere: false,
    });
    try { state.readsScreen = localStorage.getItem(slot) === 'on'; } catch { /* Not kept, then. */ }
    /** Whoever resumed it here is to type next. */
    let isAsked = false;
    const room = ref(null);
    const first = ref(null);
    const session = () => props.session;
    /** Who is not there yet may lead once there: nothing of what is typed meanwhile is lost. */
    const mayType = () => state.leads || state.phase === 'attaching';
    const emulator = new Emulator({
      onType: text => line.type(control(text)),
      onPress: () => {
        if (state.phase === 'attached') state.notice = onlyWatch;
        else if (state.phase === 'away') state.notice = unsent;
      },
      onLeave: () => first.value?.focus(),
      onLink: address => { state.notice = address ? `Ctrl-click opens ${visible(address)}` : ''; },
      onRoom: () => line.tellSize(),
      mayType,
    });
    const line = useLine(emulator, state, session);

    /** A letter typed after Ctrl was pressed on the screen. */
    function control(text) {
      if (!state.holdsCtrl || typeof text !== 'string' || text.length !== 1) return text;
      state.holdsCtrl = false;
      const code = text.toUpperCase().charCodeAt(0);
      return code >= 63 && code < 96 ? String.fromCharCode(code === 63 ? 127 : code & 31) : text;
    }

    function press([, name, arrow]) {
      emulator.focus();
      if (!mayType()) return emulator.on.onPress();
      if (name === 'Ctrl') { state.holdsCtrl = !state.holdsCtrl; return undefined; }
      const text = { Escape: '\u001b', Tab: '\t', Enter: '\r' }[name] ?? emulator.arrow(arrow, state.holdsCtrl);
      state.holdsCtrl = false;
      return line.type(text);
    }

    async function begin() {
      if (!sits(session()) || state.phase === 'fetching') return;
      state.problem = null;
      if (!emulator.isOpen) {
        state.phase = 'fetching';
        state.isThere = true;
        await nextTick();
        try { await emulator.open(room.value, state.readsScreen); } catch (error) {
          if (!emulator.isGone) Object.assign(state, { phase: 'none', isThere: false, problem: error });
          return;
        }
      }
      if (!emulator.isGone && sits(session())) {
        state.phase = 'attaching';
        emulator.listen(true);
        line.attach();
        if (isAsked) emulator.focus();
        isAsked = false;
      }
    }

    async function resume() {
      Object.assign(state, { isResuming: true, problem: null });
      isAsked = true;
      try {
        const terminal = emulator.isOpen ? emulator.room() : { columns: 100, rows: 30 };
        await take(post(`/v1/sessions/${part(session().id)}/resume`, { terminal }));
      } catch (problem) { state.problem = problem; }
      state.isResuming = false;
    }

    const lead = () => { line.lead(); emulator.focus(); state.notice = ''; };

    function read(event) {
      state.readsScreen = event.target.checked;
      try { localStorage.setItem(slot, state.readsScreen ? 'on' : 'off'); } catch { /* Not kept, then. */ }
      emulator.readScreen(state.readsScreen);
    }

    onMounted(begin);
    onBeforeUnmount(() => { line.stop(); emulator.dispose(); });
    // Another run is another terminal.
    watch(() => `${props.session.run} ${sits(props.session)}`, begin);
    watch(() => props.session, () => line.hurry());
    watch(() => state.leads, () => { state.notice = ''; state.holdsCtrl = false; });

    function words() {
      if (state.phase === 'fetching' || state.phase === 'attaching') return 'Attaching …';
      if (state.phase === 'away' && state.trouble) return `It was refused: ${visible(state.trouble)}.`;
      if (state.phase === 'away') return 'The connection is gone; it is taken up again …';
      if (state.phase === 'ended') return state.ended;
      if (state.phase !== 'attached') return '';
      return state.leads ? 'You lead: keys go to the agent, and the terminal has your size.'
        : 'Another leads, and the terminal has its size. You watch.';
    }

    function offer() {
      const { session: { state: at }, session } = props;
      const name = visible(session.name);
      const resumed = h('code', `apus resume ${name} --terminal`);
      if (sits(session)) return null;
      const box = { key: 'offer', class: 'terminal-offer' };
      if (at === 'queued') return h('p', box, `${name} waits for its turn to run.`);
      if (isLive(session)) {
        return h('p', box, [
          `${name} runs without a terminal: it is talked to under Conversation. For a terminal, end the run with `,
          h('code', `apus stop ${name}`), ', then resume it here or with ', resumed, '.',
        ]);
      }
      return h('div', box, [
        h('p', [`${name} does not run. Its conversation goes on in a terminal with `, resumed, ', or here:']),
        h('button', { type: 'button', class: 'primary', disabled: state.isResuming, onClick: resume },
          state.isResuming ? 'Resuming …' : 'Resume in a terminal'),
      ]);
    }

    const problem = () => state.problem && h('p', { key: 'problem', class: 'problem', role: 'alert' }, [
      h('strong', visible(state.problem.title || 'The terminal could not be fetched')),
      state.problem.hint ? ` — ${visible(state.problem.hint)}` : '',
      sits(props.session) ? [' ', h('button', { type: 'button', onClick: begin }, 'Try again')] : null,
    ]);

    const top = () => h('div', { key: 'top', class: 'terminal-top' }, [
      h('p', { role: 'status' }, words()),
      state.phase === 'attached' && !state.leads
        ? h('button', { type: 'button', class: 'primary', onClick: lead }, 'Take the lead') : null,
      state.phase === 'away' && state.trouble ? h('button', { type: 'button', onClick: begin }, 'Try again') : null,
      h('label', [
        h('input', { ref: first, type: 'checkbox', checked: state.readsScreen, onChange: read }), ' Screen reader',
      ]),
      h('span', { class: 'dim keys-hint' }, 'Ctrl-Shift-Escape leaves the terminal'),
    ]);

    const key = one => h('button', {
      type: 'button', key: one[1], 'aria-label': one[1],
      'aria-pressed': one[1] === 'Ctrl' ? state.holdsCtrl : undefined,
      // The keyboard on the screen stays where it is.
      onPointerdown: event => event.preventDefault(), onClick: () => press(one),
    }, one[0]);
    const touch = () => h('div', {
      key: 'keys', class: 'terminal-keys', role: 'group', 'aria-label': 'Keys',
    }, keys.map(key));
    const notice = () => h('p', { key: 'notice', class: 'terminal-notice', role: 'status' }, [
      state.notice ? h('span', state.notice) : null,
    ]);

    // The keys keep the room, and the terminal in it, whatever comes and goes beside it.
    return () => h('section', { class: 'terminal-view', 'aria-label': 'Terminal' }, [
      state.isThere ? top() : null, problem(), offer(), notice(),
      state.isThere ? h('div', { key: 'room', class: 'terminal-room', ref: room }) : null,
      state.isThere && state.phase !== 'ended' ? touch() : null,
    ]);
  },
};
