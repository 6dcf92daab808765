// Opens pages of the console in Chromium, as people with different screens, colours and abilities see them, and
// prints what is wrong with them. Usage: node check.mjs FOLDER_OF_MODULES ADDRESS USER PICTURES PATH…
import { createRequire } from 'node:module';
import fs from 'node:fs';

const [modules, address, user, pictures, ...paths] = process.argv.slice(2);
const require = createRequire(`${modules}/node_modules/`);
const { chromium } = require('playwright-core');
const axe = fs.readFileSync(require.resolve('axe-core/axe.min.js'), 'utf8');

const GUIDELINES = ['wcag2a', 'wcag2aa', 'wcag21a', 'wcag21aa', 'wcag22aa'];
// One screen after the other: [script, colours, width]. `BROWSER_SIZE=full` tries all of them.
const SCREENS = process.env.BROWSER_SIZE === 'full'
  ? [true, false].flatMap(script => ['light', 'dark'].flatMap(colours =>
    [1200, 768, 360, 320].map(width => [script, colours, width])))
  : [[true, 'light', 1200], [true, 'dark', 360], [false, 'light', 320]];
const STOPS_MAX = 300;
const findings = [];

const browser = await chromium.launch({
  executablePath: process.env.CHROMIUM ?? '/usr/bin/chromium',
  args: ['--no-sandbox', '--disable-gpu', '--disable-background-networking', '--no-first-run',
    '--disable-component-update', '--disable-sync'],
});

function context(options) {
  return browser.newContext({ reducedMotion: 'reduce', extraHTTPHeaders: { 'x-user': user }, ...options });
}

// The page as it is drawn: nothing is wider than the screen, nothing failed to load, nothing was reported.
async function open(context, path, say) {
  const page = await context.newPage();
  page.on('console', message => say('console', message.text()));
  page.on('pageerror', error => say(error.message));
  page.on('requestfailed', request => say('failed', request.url(), request.failure()?.errorText));
  const answer = await page.goto(address + path);
  if (!answer.ok()) say('status', answer.status());
  if (!await page.locator('h1').first().isVisible()) say('no h1');
  if (await page.evaluate(() => document.documentElement.scrollWidth > innerWidth)) say('overflows');
  return page;
}

// With a script: accessibility, and what the content policy refused.
async function judge(page, width, say) {
  await page.evaluate(() => { for (const details of document.querySelectorAll('details')) details.open = true; });
  const height = await page.evaluate(() => document.documentElement.scrollHeight);
  await page.setViewportSize({ width, height });
  if (await page.evaluate(() => document.documentElement.scrollWidth > innerWidth)) say('overflows when opened');
  const { violations } = await page.evaluate(guidelines => axe.run(document, {
    runOnly: guidelines, rules: { 'target-size': { enabled: true } },
  }), GUIDELINES);
  for (const { id, nodes } of violations) say(id, nodes.map(node => `${node.target} ${node.html.slice(0, 120)}`).join('; '));
  for (const refused of await page.evaluate(() => window.refused)) say('content policy', refused);
}

// With the keyboard alone: every stop is seen, has an outline, and is not covered.
async function walk(page, width, say) {
  await page.setViewportSize({ width, height: 800 });
  await page.evaluate(() => { document.activeElement?.blur(); scrollTo(0, 0); });
  for (let stop = 0; stop < STOPS_MAX; stop++) {
    await page.keyboard.press('Tab');
    const seen = await page.evaluate(() => {
      const element = document.activeElement;
      if (element === document.body) return null;
      const box = element.getBoundingClientRect(), style = getComputedStyle(element);
      const line = element.getClientRects()[0] ?? box;
      const top = document.elementFromPoint(line.left + line.width / 2, line.top + line.height / 2);
      const isCovered = top && !element.contains(top) && !top.contains(element) && !element.labels?.[0]?.contains(top);
      return {
        name: element.outerHTML.slice(0, 80), isCovered,
        isSeen: style.outlineStyle !== 'none' && box.width > 0 && box.bottom > 0 && box.top < innerHeight,
      };
    });
    if (!seen) return;
    if (!seen.isSeen) say('focus is not seen', seen.name);
    if (seen.isCovered) say('focus is covered', seen.name);
  }
  say('the keyboard does not come round');
}

for (const [javaScriptEnabled, colorScheme, width] of SCREENS) {
  const screen = await context({ javaScriptEnabled, colorScheme, viewport: { width, height: 800 } });
  if (javaScriptEnabled) {
    await screen.addInitScript({ content: axe });
    await screen.addInitScript(() => {
      window.refused = [];
      document.addEventListener('securitypolicyviolation', event =>
        window.refused.push(`${event.effectiveDirective} ${event.blockedURI}`));
    });
  }
  for (const path of paths) {
    const say = (...words) =>
      findings.push([path, width, colorScheme, javaScriptEnabled ? '' : 'without script', ...words].join(' '));
    const page = await open(screen, path, say);
    if (javaScriptEnabled) {
      if (width === 1200 || width === 360) {
        const name = path.replace(/[^a-z]+/g, '-').replace(/^-|-$/g, '');
        await page.screenshot({ path: `${pictures}/${name}-${width}-${colorScheme}.png`, fullPage: true });
      }
      await judge(page, width, say);
      await walk(page, width, say);
    }
    await page.close();
  }
  await screen.close();
}

// Forced colours, and the text spacing of WCAG 1.4.12 by a stylesheet that the policy cannot refuse.
{
  const screen = await context({ forcedColors: 'active', viewport: { width: 1200, height: 800 } });
  for (const path of paths) {
    const say = (...words) => findings.push([path, 'forced colours, wide text', ...words].join(' '));
    const page = await open(screen, path, say);
    await page.evaluate(() => {
      const sheet = new CSSStyleSheet();
      sheet.replaceSync('*{line-height:1.5!important;letter-spacing:.12em!important;word-spacing:.16em!important}' +
        'p{margin-block-end:2em!important}');
      document.adoptedStyleSheets = [sheet];
    });
    if (await page.evaluate(() => document.documentElement.scrollWidth > innerWidth)) say('overflows');
    await page.close();
  }
  await screen.close();
}

await browser.close();
console.log(findings.length ? findings.join('\n') : `no findings on ${paths.length} pages`);
process.exit(findings.length ? 1 : 0);
