// A terminal on the page: xterm.js, fetched when it is wanted, under a policy that allows no style in a document.
//
// Asks and tells: mayType(), onType(text or bytes), onPress() at what is typed by who may not, onLeave(),
// onLink(address, or none), onRoom() when there is more or less of it.

const base = 14;
const smallest = 7;
const lines = 5000;
const sheet = '/vendor/xterm.css';

/** A document whose elements carry styles by other ways than a policy forbids: sheets that a script made, and CSSOM. */
function styledDocument() {
  const styled = function setAttribute(name, value) {
    if (name === 'style') this.style.cssText = value; else Element.prototype.setAttribute.call(this, name, value);
  };
  const makes = {
    style() {
      const made = new CSSStyleSheet();
      document.adoptedStyleSheets = [...document.adoptedStyleSheets, made];
      const element = document.createElement('template');
      Object.defineProperty(element, 'textContent', { set: text => made.replaceSync(text), get: () => '' });
      element.remove = () => {
        document.adoptedStyleSheets = document.adoptedStyleSheets.filter(one => one !== made);
        Element.prototype.remove.call(element);
      };
      return element;
    },
    span() {
      const element = document.createElement('span');
      element.setAttribute = styled;
      return element;
    },
  };
  const createElement = name => (Object.hasOwn(makes, name) ? makes[name]() : document.createElement(name));
  return new Proxy(document, {
    get(target, name) {
      if (name === 'createElement') return createElement;
      const value = Reflect.get(target, name, target);
      return typeof value === 'function' ? value.bind(target) : value;
    },
    set: (target, name, value) => Reflect.set(target, name, value, target),
  });
}

function fetchSheet() {
  if (document.querySelector(`link[href="${sheet}"]`)) return null;
  return new Promise((done, failed) => {
    const link = document.createElement('link');
    Object.assign(link, { rel: 'stylesheet', href: sheet, onload: done });
    link.onerror = () => { link.remove(); failed(new Error('its style could not be fetched')); };
    document.head.append(link);
  });
}

const dark = [
  '#3b4252', '#ff8a80', '#7ddc9a', '#e5b567', '#7db7f5', '#d3a4f0', '#6fd3d8', '#d8dde6',
  '#8a94a6', '#ffb0a8', '#a4ecb8', '#f2d197', '#a9d0fa', '#e4c6f7', '#a0e4e8', '#ffffff',
];
const light = [
  '#1b2027', '#b3261e', '#1a7037', '#7a4b00', '#0b5cad', '#7b2fa8', '#0a6a70', '#5b6471',
  '#4a525e', '#c4352c', '#23803f', '#8a5300', '#1f6fc4', '#9140c0', '#117a81', '#2c323b',
];
const names = ['black', 'red', 'green', 'yellow', 'blue', 'magenta', 'cyan', 'white'];

/** The page's own colours behind and before, and sixteen that can be read on them. */
function theme(element) {
  const { backgroundColor, color } = getComputedStyle(element);
  const isDark = matchMedia('(prefers-color-scheme: dark)').matches;
  const sixteen = (isDark ? dark : light).map((value, index) => [
    index < 8 ? names[index] : `bright${names[index - 8][0].toUpperCase()}${names[index - 8].slice(1)}`, value,
  ]);
  return {
    background: backgroundColor, foreground: color, cursor: color, cursorAccent: backgroundColor,
    selectionBackground: isDark ? '#3d5a80' : '#b7d3f2', ...Object.fromEntries(sixteen),
  };
}

export class Emulator {
  #terminal = null;
  #element = null;
  #cell = null;
  #sizes = null;
  #scheme = matchMedia('(prefers-color-scheme: dark)');
  #leads = false;
  isGone = false;

  constructor(on) {
    this.on = on;
  }

  get isOpen() { return this.#terminal !== null; }

  async open(element, readsScreen) {
    const [{ Terminal, WebLinksAddon }] = await Promise.all([import('/vendor/xterm.js'), fetchSheet()]);
    if (this.isGone) throw new Error('nobody looks any more');
    this.#element = element;
    const follow = (event, address) => this.#follow(event, address);
    const documentOverride = styledDocument();
    const terminal = new Terminal({
      cols: 80, rows: 24, scrollback: lines, fontSize: base, documentOverride, theme: theme(element),
      fontFamily: getComputedStyle(element).fontFamily, minimumContrastRatio: 4.5, screenReaderMode: readsScreen,
      disableStdin: true, macOptionIsMeta: true,
      linkHandler: {
        activate: follow, hover: (_, address) => this.on.onLink(address), leave: () => this.on.onLink(''),
      },
    });
    terminal.loadAddon(new WebLinksAddon(follow, {
      hover: (_, address) => this.on.onLink(address), leave: () => this.on.onLink(''),
    }));
    terminal.attachCustomKeyEventHandler(event => this.#key(event));
    terminal.onData(text => this.on.onType(text));
    terminal.onBinary(text => this.on.onType(Uint8Array.from(text, letter => letter.charCodeAt(0))));
    terminal.open(element);
    // Where it draws rows it takes the document there is, whatever it was told.
    const rows = terminal._core?._renderService?._renderer?.value?._rowFactory;
    if (rows) rows._document = documentOverride;
    element.addEventListener('paste', () => { if (!this.on.mayType()) this.on.onPress(); }, true);
    this.#terminal = terminal;
    this.#measure();
    this.#sizes = new ResizeObserver(() => {
      this.#fit();
      this.on.onRoom();
    });
    this.#sizes.observe(element);
    this.#scheme.addEventListener('change', this.#recolour);
  }

  #recolour = () => { if (this.#terminal) this.#terminal.options.theme = theme(this.#element); };

  /** Of one character at the usual size. */
  #measure() {
    const screen = this.#element.querySelector('.xterm-screen');
    const [width, height] = [screen.offsetWidth / this.#terminal.cols, screen.offsetHeight / this.#terminal.rows];
    if (width > 0 && height > 0) this.#cell = { width, height };
  }

  /** {columns, rows}: what there is room for here. */
  room() {
    if (!this.#cell && this.#terminal) this.#measure();
    if (!this.#cell || !this.#element) return { columns: 80, rows: 24 };
    const style = getComputedStyle(this.#element.firstElementChild);
    const aside = (...names) => names.reduce((sum, name) => sum + (parseFloat(style[name]) || 0), 0);
    const { offsetWidth, offsetHeight, clientLeft, clientTop } = this.#element;
    const whole = (size, one) => Math.min(1000, Math.max(2, Math.floor(size / one)));
    return {
      columns: whole(offsetWidth - 2 * clientLeft - aside('paddingLeft', 'paddingRight'), this.#cell.width),
      rows: whole(offsetHeight - 2 * clientTop - aside('paddingTop', 'paddingBottom'), this.#cell.height),
    };
  }

  resize(columns, rows, leads) {
    if (this.#terminal.cols !== columns || this.#terminal.rows !== rows) this.#terminal.resize(columns, rows);
    this.lead(leads);
  }

  lead(leads) {
    this.#leads = leads;
    this.listen(leads);
    this.#fit();
  }

  /** Whether what is typed is taken. */
  listen(does) { if (this.#terminal) this.#terminal.options.disableStdin = !does; }

  /** Another's size is shown smaller, as far as it can be read; what still has no room is scrolled to. */
  #fit() {
    if (!this.#cell) return;
    const fits = Math.floor(base * this.room().columns / this.#terminal.cols);
    const size = this.#leads ? base : Math.max(smallest, Math.min(base, fits));
    if (this.#terminal.options.fontSize !== size) this.#terminal.options.fontSize = size;
  }

  reset() { this.#terminal.reset(); }
  write(bytes) { this.#terminal.write(bytes); }
  focus() { this.#terminal?.focus(); }
  readScreen(does) { if (this.#terminal) this.#terminal.options.screenReaderMode = does; }

  end() {
    if (!this.#terminal) return;
    this.#leads = false;
    this.#terminal.options.cursorBlink = false;
  }

  dispose() {
    this.isGone = true;
    this.#sizes?.disconnect();
    this.#scheme.removeEventListener('change', this.#recolour);
    this.#terminal?.dispose();
    this.#terminal = null;
  }

  /** What an arrow key says, which the agent may have changed. */
  arrow(letter, withControl) {
    if (withControl) return `\u001b[1;5${letter}`;
    return `\u001b${this.#terminal.modes.applicationCursorKeysMode ? 'O' : '['}${letter}`;
  }

  #follow(event, address) {
    if (!(event.ctrlKey || event.metaKey) || !/^https?:\/\//i.test(address)) return;
    window.open(address, '_blank', 'noopener,noreferrer');
  }

  /** Whether the terminal is to have the key. */
  #key(event) {
    const isOurs = event.ctrlKey && event.shiftKey && !event.altKey && !event.metaKey;
    if (isOurs && event.key === 'Escape') {
      if (event.type === 'keydown') this.on.onLeave();
      event.preventDefault();
      return false;
    }
    if (isOurs && event.code === 'KeyC') {
      if (event.type === 'keydown') this.#copy();
      event.preventDefault();
      return false;
    }
    // The browser pastes by itself.
    if (isOurs && event.code === 'KeyV') return false;
    if (this.on.mayType()) return true;
    // Who watches walks on with Tab, scrolls with Shift, and does nothing else with keys.
    const isModifier = ['Control', 'Shift', 'Alt', 'Meta', 'AltGraph'].includes(event.key);
    if (event.key === 'Tab') return false;
    if (event.type === 'keydown' && !isModifier) this.on.onPress();
    return event.shiftKey && event.key.startsWith('Page');
  }

  #copy() {
    const text = this.#terminal.getSelection();
    if (!text) return;
    if (navigator.clipboard) navigator.clipboard.writeText(text).catch(() => document.execCommand('copy'));
    else document.execCommand('copy');
  }
}
