// The script of the console: pages are complete without it.
'use strict';

// Shows instants in the visitor's own time zone, with UTC where the pointer rests.
for (const time of document.querySelectorAll('time[datetime*="T"]')) {
  const at = new Date(time.dateTime);
  time.title = time.textContent;
  const thisYear = at.getFullYear() === new Date().getFullYear();
  time.textContent = at.toLocaleString('en-GB', {
    weekday: thisYear ? 'short' : undefined, day: 'numeric', month: 'short', year: thisYear ? undefined : 'numeric',
    hour: '2-digit', minute: '2-digit', timeZoneName: 'short',
  }).replaceAll(',', '');
}
