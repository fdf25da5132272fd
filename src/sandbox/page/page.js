// Shows the sandbox's chats and acts as the contact. Everything that comes from outside is put into the page as text, never as HTML.

const EVERY_MS = 700;
const EMOJIS = [
  ['👍', 'thumbs up'],
  ['❤️', 'heart'],
  ['😂', 'laughter'],
];
const STATES = { queued: '… on its way', sent: '✓ sent', delivered: '✓✓ delivered', read: '✓✓ read', failed: '✗ failed' };

const at = (id) => document.getElementById(id);
const [main, status, chats, log, text, number] = [document.querySelector('main'), ...['status', 'chats', 'log', 'text', 'number'].map(at)];
const clock = new Intl.DateTimeFormat(undefined, { hour: '2-digit', minute: '2-digit' });
let shown = '';
let asked = 0;
/** Show the end of the chat once there is something new in it. */
let toEnd = true;

const openPhone = () => decodeURIComponent(location.hash.slice(1)) || null;

async function refresh() {
  const phone = openPhone();
  const mine = ++asked;
  try {
    const answer = await fetch(`/sandbox/chats${phone === null ? '' : `?phone=${encodeURIComponent(phone)}`}`);
    if (!answer.ok) throw new Error(`it answered ${answer.status}`);
    const seen = await answer.json();
    // An answer that was overtaken by a newer question shows what is no longer open.
    if (mine === asked) show(seen, phone);
  } catch (error) {
    say(`The sandbox does not answer (${error.message}). Is it still running?`, true);
    shown = '';
  }
}

function show({ now: _, ...seen }, phone) {
  const known = JSON.stringify([seen, phone]);
  if (known === shown) return;
  shown = known;
  const count = seen.chats.length;
  say(count === 0 ? 'No chats yet' : `${count === 200 ? 'The newest 200' : count} ${count === 1 ? 'chat' : 'chats'}, live`);
  main.classList.toggle('open', phone !== null);
  at('nobody').hidden = count > 0;
  at('none').hidden = phone !== null;
  for (const id of ['bar', 'log', 'wording', 'write']) at(id).hidden = phone === null;
  arrange(
    chats,
    seen.chats,
    ({ phone }) => phone,
    newChat,
    (item, chat) => fillChat(item, chat, phone),
  );
  if (at('name').textContent !== (phone ?? '')) log.replaceChildren();
  at('name').textContent = phone ?? '';
  const isAtEnd = toEnd || log.scrollHeight - log.scrollTop - log.clientHeight < 80;
  const grew = arrange(log, seen.chat?.entries ?? [], ({ id }) => id, newEntry, fillEntry);
  if (!grew) return;
  if (isAtEnd) log.scrollTop = log.scrollHeight;
  toEnd = false;
}

/** Makes the children of a list those of the entries, by key, touching only what changed, so that focus and selection stay. */
function arrange(list, entries, keyOf, make, fill) {
  const known = new Map([...list.children].map((item) => [item.dataset.key, item]));
  let grew = false;
  entries.forEach((entry, i) => {
    const key = keyOf(entry);
    let item = known.get(key);
    if (item === undefined) {
      item = make(entry);
      item.dataset.key = key;
      grew = true;
    }
    known.delete(key);
    fill(item, entry);
    if (list.children[i] === item) return;
    const focused = item.contains(document.activeElement) ? document.activeElement : null;
    list.insertBefore(item, list.children[i] ?? null);
    focused?.focus();
  });
  for (const item of known.values()) item.remove();
  return grew;
}

function newChat({ phone }) {
  const button = element('button', 'chat', { type: 'button' });
  button.append(element('span', 'phone'), element('time', ''), element('span', 'said', { dir: 'auto' }));
  button.addEventListener('click', () => openChat(phone));
  const item = document.createElement('li');
  item.append(button);
  return item;
}

function fillChat(item, chat, phone) {
  const [button] = item.children;
  const [name, time, said] = button.children;
  button.setAttribute('aria-current', String(chat.phone === phone));
  write(name, chat.phone);
  write(time, clock.format(chat.at));
  write(said, `${chat.from === 'contact' ? '↩ ' : ''}${chat.text}`);
}

function newEntry({ from, id, at: writtenAt }) {
  const item = element('li', from);
  const foot = element('div', 'foot');
  foot.append(element('time', '', { datetime: new Date(writtenAt).toISOString() }));
  if (from === 'line') foot.append(element('span', 'state'), emojis(id), element('span', 'other'));
  item.append(element('div', 'text', { dir: 'auto' }), foot);
  return item;
}

function fillEntry(item, entry) {
  const [words, { children }] = item.children;
  const [time, state, group, other] = children;
  write(words, entry.text);
  write(time, clock.format(entry.at));
  if (state === undefined) return;
  state.className = `state ${entry.state}`;
  write(state, STATES[entry.state]);
  for (const button of group.children) button.setAttribute('aria-pressed', String(button.textContent === entry.emoji));
  write(other, EMOJIS.some(([emoji]) => emoji === entry.emoji) ? '' : entry.emoji);
}

function emojis(message) {
  const group = element('span', 'emojis', { role: 'group', 'aria-label': 'React' });
  for (const [emoji, name] of EMOJIS) {
    const button = element('button', 'emoji', { type: 'button', 'aria-label': `React with ${name}`, title: name });
    button.textContent = emoji;
    button.addEventListener('click', () => {
      const isTakenBack = button.getAttribute('aria-pressed') === 'true';
      act('react', { message, emoji: isTakenBack ? '' : emoji });
    });
    group.append(button);
  }
  return group;
}

async function act(what, given) {
  try {
    const headers = { 'content-type': 'application/json' };
    const answer = await fetch(`/sandbox/${what}`, { method: 'POST', headers, body: JSON.stringify(given) });
    if (!answer.ok) throw new Error((await answer.json()).message);
  } catch (error) {
    say(error.message, true);
    return false;
  }
  await refresh();
  return true;
}

function openChat(phone) {
  location.hash = encodeURIComponent(phone);
}

function say(words, isBad = false) {
  write(status, words);
  status.classList.toggle('bad', isBad);
}

function write(node, words) {
  if (node.textContent !== words) node.textContent = words;
}

function element(name, className, attributes = {}) {
  const made = document.createElement(name);
  if (className !== '') made.className = className;
  for (const [key, value] of Object.entries(attributes)) made.setAttribute(key, value);
  return made;
}

at('write').addEventListener('submit', async (event) => {
  event.preventDefault();
  const words = text.value;
  if (words.trim() === '') return;
  text.value = '';
  toEnd = true;
  if (!(await act('reply', { phone: openPhone(), text: words }))) text.value ||= words;
});
text.addEventListener('keydown', (event) => {
  if (event.key !== 'Enter' || event.shiftKey || event.isComposing) return;
  event.preventDefault();
  at('write').requestSubmit();
});
at('find').addEventListener('submit', (event) => {
  event.preventDefault();
  const digits = number.value.replace(/^\s*(\+|00)/, '').replace(/[\s().-]/g, '');
  if (!/^[1-9]\d{6,14}$/.test(digits)) return say('A number has 7 to 15 digits and begins with its country code.', true);
  number.value = '';
  openChat(`+${digits}`);
});
const wording = at('wording');
wording.addEventListener('toggle', async () => {
  if (!wording.open) return;
  const faults = await (await fetch('/sandbox/faults')).json();
  for (const select of wording.querySelectorAll('select')) select.value = faults[select.name];
});
wording.addEventListener('change', ({ target }) => act('faults', { [target.name]: target.value }));
at('read').addEventListener('click', () => act('read', { phone: openPhone() }));
at('back').addEventListener('click', () => {
  location.hash = '';
});
addEventListener('hashchange', async () => {
  toEnd = true;
  await refresh();
  if (openPhone() === null) chats.querySelector('button')?.focus();
  else text.focus();
});
document.addEventListener('visibilitychange', refresh);

// What scrolls must be reached by keyboard.
log.tabIndex = 0;
for (;;) {
  if (!document.hidden) await refresh();
  await new Promise((resolve) => setTimeout(resolve, EVERY_MS));
}
