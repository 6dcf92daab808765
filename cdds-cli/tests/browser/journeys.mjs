// Does in Chromium what administrators do, from signing in to deleting, on every screen and in every way of working.
// Usage: node journeys.mjs FOLDER_OF_MODULES ADDRESS FOLDER; the folder holds certificates and takes downloads.
// `BROWSER_SIZE=full` tries all ways. Leaves a picture there, console.png, of the first.
import fs from 'node:fs';
import { execFileSync } from 'node:child_process';
import { browserOf, Person } from './person.mjs';

const [modules, address, folder] = process.argv.slice(2);
// [script, keyboard alone, colours, width]
const WAYS = process.env.BROWSER_SIZE === 'full'
  ? [true, false].flatMap(script => [true, false].flatMap(keyboard => [
    [script, keyboard, 'light', 1200], [script, keyboard, 'dark', 768], [script, keyboard, 'light', 360]]))
  : [[true, true, 'light', 1200], [false, false, 'dark', 360]];
const findings = [];

function holds(is, words) {
  if (!is) throw new Error(words);
}

async function signIn(person) {
  const { page } = person;
  await person.open('jobs');
  await person.type(person.field('Name'), 'ada');
  await person.type(person.field('Password'), 'guess');
  await person.press(person.button('Sign in'));
  await page.getByRole('alert').first().waitFor();
  await person.type(person.field('Name'), 'ada');
  await person.type(person.field('Password'), 'correct horse');
  await person.press(person.button('Sign in'));
  await page.getByRole('heading', { name: 'Jobs', exact: true }).waitFor();
  holds(page.url().endsWith('/jobs'), 'after signing in, the page that was asked for');
}

// Adds a certificate, a wrong one first.
async function addRecipient(person, name) {
  const { page } = person;
  await person.go('Recipients');
  await person.type(person.field('Name'), name);
  const pasted = person.page.getByLabel(/^Or text/);
  await person.type(pasted, 'not a certificate');
  await person.press(person.button('Add a recipient'));
  await page.locator('[aria-invalid=true]').first().waitFor();
  await person.type(pasted, fs.readFileSync(`${folder}/certificate.pem`, 'utf8'));
  await person.press(person.button('Add a recipient'));
  await page.getByRole('heading', { name, exact: true }).waitFor();
}

// Renews a certificate by a file, and removes one that no job uses.
async function renew(person, name) {
  const { page } = person;
  await person.go('Recipients');
  await person.press(person.link(`Renew: ${name}`));
  await page.getByLabel('File').setInputFiles(`${folder}/renewed.pem`);
  await person.press(person.button('Renew'));
  await page.getByText(/renewed|replaced/i).first().waitFor();
  await page.getByText('CN=renewed').first().waitFor();
}

// Fills in the form of a weekly job for one category, after a look at what it would do.
async function addJob(person, title, recipient, isLive) {
  const { page } = person;
  await person.open('jobs');
  await person.press(person.link('Add a job'));
  await person.type(person.field('Title'), title);
  await person.type(person.field('Description (optional)'), 'For the weekly review');
  await person.tick(page.getByRole('radio', { name: 'Only these' }));
  await person.tick(page.getByRole('checkbox', { name: 'voice' }));
  await person.tick(page.getByRole('radio', { name: 'Weekly' }));
  await person.choose(person.field('Day of week'), 'Sunday');
  await person.type(page.locator('#weekly-at'), '23:30');
  await person.tick(page.getByRole('radio', { name: 'Everything' }));
  // What is wrong is named at the top and beside its field, and nothing that was typed is lost.
  await person.press(person.button('Save job'));
  const refusals = page.getByRole('region', { name: /^Not saved/ });
  await person.press(refusals.getByRole('link'));
  holds(await page.evaluate(() => document.activeElement !== document.body), 'a refusal leads to its field');
  holds(await person.field('Title').inputValue() === title, 'what was typed stays');
  await person.tick(page.getByRole('checkbox', { name: recipient }));
  // With a script the preview follows by itself.
  if (!isLive) await person.press(person.button('Update preview'));
  const runs = page.getByRole('complementary', { name: 'Next ten runs' });
  await runs.locator('time[datetime$="T23:30:00Z"]').first().waitFor();
  holds(await runs.getByRole('listitem').count() === 10, 'ten runs');
  await person.press(person.button('Save job'));
  await page.getByRole('heading', { name: title, exact: true }).waitFor();
}

// Runs it, watches it, and opens what it gave by the lines of its page.
async function runAndOpen(person, title, script) {
  const { page } = person;
  await person.press(person.button('Run now'));
  await person.until('Finished', script);
  await person.go('History');
  await person.press(person.row(title).getByRole('link', { name: title }));
  await person.press(page.getByRole('link', { name: /^Open the set: / }));
  await page.getByRole('heading', { name: 'Open the files' }).waitFor();
  const place = fs.mkdtempSync(`${folder}/set-`);
  fs.copyFileSync(`${folder}/key.pem`, `${place}/key.pem`);
  for (const name of await page.getByRole('link', { name: /\.smime$/ }).allTextContents()) {
    await person.download(person.link(name), place);
  }
  await person.download(person.link('Manifest'), place);
  const lines = await page.getByLabel('With OpenSSL and unzip, Linux').textContent();
  execFileSync('bash', ['-euc', lines], { cwd: place, stdio: 'pipe' });
  const records = execFileSync('bash', ['-c', 'find records -type f -exec cat {} + | wc -l'], { cwd: place });
  holds(Number(records) > 50, `the set holds records, not ${records}`);
  const others = execFileSync('bash', ['-c', `find records -type f -exec cat {} + | grep -vc '"voice"' || true`],
    { cwd: place });
  holds(Number(others) === 0, 'records of other categories were left out');
  return page.url();
}

// Keeps files, lets them go, and deletes one by the list.
async function keepAndDelete(person, set) {
  const { page } = person;
  await person.press(person.button('Hold'));
  await page.getByText('On hold').first().waitFor();
  await person.press(person.button('Release…'));
  await person.press(person.button('Release it'));
  await person.button('Hold').waitFor();
  await person.press(person.button('Delete…'));
  await person.press(person.button('Keep it'));
  await person.open('artifacts');
  await person.tick(page.locator('tbody').getByRole('checkbox'));
  await person.press(page.getByRole('button', { name: /^Delete/ }));
  await person.press(page.getByRole('button', { name: /^Delete/ }));
  await page.getByText('The files were deleted.').waitFor();
  await person.open(set.slice(address.length).replace('sets', 'history'));
  await page.getByText(/None is left/).waitFor();
}

// Suspends, resumes, changes, clones, and deletes.
async function lookAfter(person, title) {
  const { page } = person;
  await person.open('jobs');
  await person.press(page.getByRole('link', { name: title, exact: true }));
  await person.press(person.button('Suspend'));
  await person.button('Resume').first().waitFor();
  await person.press(person.button('Resume'));
  await person.button('Suspend').waitFor();
  await person.press(person.link('Edit'));
  await person.type(page.locator('#weekly-at'), '22:15');
  await person.press(person.button('Save job'));
  await page.getByText('22:15').first().waitFor();
  await person.press(person.link('Clone'));
  await person.type(person.field('Title'), `${title}, again`);
  await person.press(person.button('Save job'));
  await page.getByRole('heading', { name: `${title}, again`, exact: true }).waitFor();
  await person.press(person.button('Delete…'));
  await person.press(person.button('Delete job'));
  await page.getByRole('heading', { name: 'Jobs', exact: true }).waitFor();
  holds(await page.getByRole('link', { name: `${title}, again`, exact: true }).count() === 0, 'the clone is deleted');
}

// Finds, sorts and changes many by the list.
async function byTheList(person, title) {
  const { page } = person;
  await person.open('jobs');
  await person.type(page.getByRole('searchbox', { name: 'Title' }), title);
  await person.press(person.button('Search'));
  if (page.viewportSize().width > 960) {
    await person.press(page.getByRole('columnheader').getByRole('link', { name: 'Title' }));
  } else {
    // Small screens show no heads of columns.
    await person.press(page.locator('summary').filter({ hasText: 'Filter' }));
    await person.choose(person.field('Sorted by'), 'Title');
    await person.press(person.button('Apply'));
  }
  await page.waitForURL(/sort=title/);
  await person.open('jobs');
  if (!fs.existsSync(`${folder}/console.png`)) await page.screenshot({ path: `${folder}/console.png` });
  await person.open(`jobs?search=${encodeURIComponent(title)}`);
  await person.press(person.row(title).getByRole('switch'));
  await person.tick(person.row(title).getByRole('checkbox'));
  await person.press(person.button('Resume'));
  await page.getByRole('heading', { name: 'Jobs', exact: true }).waitFor();
}

// Finds out by the history why a run was skipped.
async function whySkipped(person) {
  const { page } = person;
  await person.go('History');
  await person.press(page.locator('summary').filter({ hasText: 'Filter' }));
  await person.choose(person.field('Status'), 'Skipped');
  await person.press(person.button('Apply'));
  await person.press(page.locator('tbody').getByRole('link', { name: 'Interactions of the week' }));
  const why = page.getByRole('region', { name: 'Why it did not run' });
  await why.getByText(/suspended/).first().waitFor();
  await person.press(why.getByRole('link', { name: 'Go to the job' }));
  await page.getByRole('heading', { name: 'Interactions of the week', exact: true }).waitFor();
}

// Finds out why a run failed, and asks for it again.
async function whyFailed(person, isLive) {
  const { page } = person;
  await person.open('jobs');
  await person.press(person.link('Tickets'));
  await person.press(person.button('Run now'));
  await page.getByText('A run was queued.').waitFor();
  await person.press(page.getByRole('table', { name: 'Executions' }).getByRole('link'));
  await person.until(/line 2 of tickets\.jsonl/, isLive);
  await person.press(person.button('Run again'));
  await page.getByText('Queued again.').waitFor();
}

// Exports days of the past.
async function fill(person) {
  const { page } = person;
  await person.open('jobs');
  await person.press(person.link('Interactions of the week'));
  await person.press(page.locator('summary').filter({ hasText: 'Export a range of the past' }));
  const day = ago => new Date(Date.now() - ago * 86_400_000).toISOString().slice(0, 10);
  await person.date(person.field('From'), day(4));
  await person.date(person.field('To'), day(2));
  await person.press(person.button('Queue these runs'));
  await page.getByText('2 runs were queued.').waitFor();
}

// Puts a request of somebody on record, whose identifiers are never shown, and refuses it in the end.
async function answer(person, number) {
  const { page } = person;
  const identifier = `customer-id=confidential-${number}`;
  await person.go('Data subjects');
  await person.press(person.link('New request'));
  await person.tick(page.getByRole('radio', { name: 'That their records are erased' }));
  await person.type(person.field('Identifiers of the person'), `confidential-${number}`);
  await person.press(person.button('Put it on record'));
  await page.locator('[aria-invalid=true]').first().waitFor();
  holds(await person.field('Identifiers of the person').inputValue() === '', 'identifiers are not sent back');
  holds(await page.getByRole('radio', { name: 'That their records are erased' }).isChecked(), 'the rest stays');
  await person.type(person.field('Identifiers of the person'), identifier);
  await person.press(person.button('Put it on record'));
  await page.getByText('The request is on record.').waitFor();
  await person.press(person.link('Record that the identity was checked'));
  await person.type(person.field('Who has checked it'), 'The front desk');
  await person.type(person.field('How'), 'Passport shown');
  await person.press(person.button('Record it'));
  await page.getByText('somebody else has to approve').waitFor();
  await person.press(person.link('Find the copies'));
  await page.getByRole('heading', { name: 'Exports that may hold this person' }).waitFor();
  await page.goBack();
  await person.press(person.link('Refuse…'));
  await page.getByRole('table', { name: 'What the erasure would do' }).waitFor();
  await person.type(person.field('Reason'), 'No customer of ours');
  await person.press(person.button('Refuse it'));
  await page.getByText('The request was refused, and its identifiers are destroyed.').waitFor();
  holds(!(await page.content()).includes('confidential'), 'no page shows an identifier');
  await person.go('Data subjects');
  await page.getByRole('cell', { name: 'Refused' }).first().waitFor();
}

async function journey(way, browser) {
  const [javaScriptEnabled, isOnKeyboard, colorScheme, width] = way;
  const context = await browser.newContext({
    javaScriptEnabled, colorScheme, viewport: { width, height: 700 }, locale: 'en-GB', reducedMotion: 'reduce',
    timezoneId: 'Europe/Berlin',
  });
  const page = await context.newPage();
  const say = (...words) => findings.push([...way, page.url(), ...words].join(' '));
  page.on('console', message => { if (!/status of 4(03|12|22)/.test(message.text())) say('console', message.text()); });
  page.on('pageerror', error => say(error.message));
  const person = new Person(page, address, isOnKeyboard);
  const name = `r-${WAYS.indexOf(way)}`, title = `Voice of the week ${WAYS.indexOf(way)}`;
  try {
    await signIn(person);
    await addRecipient(person, name);
    await addJob(person, title, name, javaScriptEnabled);
    const set = await runAndOpen(person, title, javaScriptEnabled);
    await keepAndDelete(person, set);
    await renew(person, name);
    await lookAfter(person, title);
    await byTheList(person, title);
    await whySkipped(person);
    await whyFailed(person, javaScriptEnabled);
    await fill(person);
    await answer(person, WAYS.indexOf(way));
    await person.go('Audit');
    await page.getByRole('main').getByText('ada').first().waitFor();
    await person.fromMenu(person.button('Sign out'));
    await person.button('Sign in').waitFor();
  } catch (error) {
    say(error.stack);
    await page.screenshot({ path: `${folder}/failed-${WAYS.indexOf(way)}.png`, fullPage: true });
  }
  await context.close();
}

const browser = await browserOf(modules);
for (const way of WAYS) await journey(way, browser);
await browser.close();
console.log(findings.length ? findings.join('\n') : `no findings in ${WAYS.length} ways`);
process.exit(findings.length ? 1 : 0);
