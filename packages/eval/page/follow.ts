/** Takes over what the server has newer: sections that changed, and the data; what the reader chose stays. */
export function follow(draw: () => Promise<void>): void {
  const say = (text: string): void => {
    // Looked up each time: it is replaced with its section.
    const status = document.getElementById('live');
    if (status === null) return;
    status.hidden = false;
    status.textContent = text;
  };
  const held = new Map<string, string>();
  say('Live: this page follows the run.');
  const events = new EventSource('events');
  let isBusy = false;
  let isStale = false;
  const update = async (): Promise<void> => {
    if (isBusy) {
      isStale = true;
      return;
    }
    isBusy = true;
    try {
      do {
        isStale = false;
        const response = await fetch('.', { cache: 'no-store' });
        if (!response.ok) throw new Error(await response.text());
        take(await response.text(), held);
        await draw();
        say('Live: this page follows the run.');
      } while (isStale);
    } catch {
      say('The newest state could not be read; this is an older one.');
    } finally {
      isBusy = false;
    }
  };
  events.addEventListener('changed', () => void update());
  events.addEventListener('error', () =>
    say('The server of this page has ended, or is out of reach; this is what it told last.'),
  );
}

/** Puts what differs in a newer page in the place of what is here; `held` is what was taken last. */
function take(text: string, held: Map<string, string>): void {
  const next = new DOMParser().parseFromString(text, 'text/html');
  const [focus, scroll] = [document.activeElement?.id, window.scrollY];
  const parts = [...next.querySelectorAll('main > *, #data')];
  const isSameShape = parts.every(({ id }) => id === '' || document.getElementById(id) !== null);
  if (!isSameShape) document.getElementById('main')?.replaceChildren(...parts.filter(({ id }) => id !== 'data'));
  for (const part of parts) {
    const here = part.id === '' ? null : document.getElementById(part.id);
    const markup = part.innerHTML;
    if (here === null || here === part || held.get(part.id) === markup) continue;
    held.set(part.id, markup);
    here.replaceChildren(...part.childNodes);
  }
  window.scrollTo(0, scroll);
  if (focus) document.getElementById(focus)?.focus({ preventScroll: true });
}
