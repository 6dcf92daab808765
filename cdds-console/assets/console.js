// The script of the console: pages are complete without it.
'use strict';

// Shows instants in the visitor's own time zone, with UTC where the pointer rests.
function localise(part) {
  for (const time of part.querySelectorAll('time[datetime*="T"]')) {
    const at = new Date(time.dateTime);
    const isOfThisYear = at.getFullYear() === new Date().getFullYear();
    time.title = time.textContent;
    time.textContent = at.toLocaleString('en-GB', time.classList.contains('clock') ? {
      hour: '2-digit', minute: '2-digit', second: '2-digit', timeZoneName: 'short',
    } : {
      weekday: isOfThisYear ? 'short' : undefined, day: 'numeric', month: 'short',
      year: isOfThisYear ? undefined : 'numeric', hour: '2-digit', minute: '2-digit', timeZoneName: 'short',
    }).replaceAll(',', '');
  }
}

// What screen readers are told of a part, by the words that announce it.
const said = part => new Set([...part.querySelectorAll('[data-say]')].map(element => element.dataset.say));

// Replaces the parts of the page that may change by those of a fresh page. A part in which somebody has ticked, typed
// or stands with the keyboard stays until they leave it.
async function refresh() {
  const answer = await fetch(location.href, { headers: { accept: 'text/html' } });
  if (answer.redirected || !answer.ok) return;
  const fresh = new DOMParser().parseFromString(await answer.text(), 'text/html');
  for (const part of document.querySelectorAll('[data-live]')) {
    const next = fresh.getElementById(part.id);
    const isInUse = part.contains(document.activeElement) || part.querySelector(':checked, :popover-open');
    if (!next || isInUse) continue;
    const before = said(part);
    part.replaceWith(next);
    localise(next);
    const news = [...said(next)].filter(words => !before.has(words));
    if (news.length) document.getElementById('said').textContent = news.slice(0, 3).join('. ');
  }
}

// Listens for changes while the page is looked at. Changes that come close together are one refresh.
function listen() {
  const of = document.querySelector('[data-live=workers]') ? '?of=workers' : '';
  const events = new EventSource(document.documentElement.dataset.root + 'live' + of);
  let timer = null, isBusy = false, isStale = false;
  const soon = () => {
    isStale = true;
    if (timer || isBusy || document.hidden) return;
    timer = setTimeout(async () => {
      timer = null;
      isBusy = true;
      isStale = false;
      try { await refresh(); } catch { /* The next event tries again. */ }
      isBusy = false;
      if (isStale) soon();
    }, 1000);
  };
  events.addEventListener('changed', soon);
  document.addEventListener('visibilitychange', () => { if (isStale) soon(); });
  addEventListener('pagehide', () => events.close());
  addEventListener('pageshow', event => { if (event.persisted) location.reload(); });
}

// Shows what a form would lead to while it is filled in: the parts that it names, of the answer to its preview.
function preview(form) {
  let timer = null, latest = 0;
  const ask = async () => {
    const number = ++latest;
    const body = new URLSearchParams(new FormData(form));
    body.append('do', 'preview');
    try {
      const answer = await fetch(form.action, { method: 'POST', body, headers: { accept: 'text/html' } });
      const fresh = new DOMParser().parseFromString(await answer.text(), 'text/html');
      const next = form.dataset.preview.split(' ').map(id => fresh.getElementById(id));
      // Without such parts it is another page, such as that for signing in; a newer answer is under way, too.
      if (next.includes(null) || number !== latest) return;
      for (const part of next) {
        document.getElementById(part.id).replaceWith(part);
        localise(part);
      }
    } catch { /* The next change tries again. */ }
  };
  // The answer has the whole form anew: boxes that are open stay open.
  form.addEventListener('formdata', event => {
    for (const { id } of form.querySelectorAll('details[open][id]')) event.formData.append('open', id);
  });
  form.addEventListener('input', () => {
    clearTimeout(timer);
    timer = setTimeout(ask, 600);
  });
}

localise(document);
for (const form of document.querySelectorAll('form[data-preview]')) preview(form);
if (document.querySelector('[data-live]')) listen();
