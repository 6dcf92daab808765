// A person at the console, with a pointer or with the keyboard alone, who finds things by what they are called.
import { createRequire } from 'node:module';

const STOPS_MAX = 300;

export function browserOf(modules) {
  const { chromium } = createRequire(`${modules}/node_modules/`)('playwright-core');
  return chromium.launch({
    executablePath: process.env.CHROMIUM ?? '/usr/bin/chromium',
    args: ['--no-sandbox', '--disable-gpu', '--disable-background-networking', '--no-first-run',
      '--disable-component-update', '--disable-sync', '--lang=en-US'],
  });
}

export class Person {
  constructor(page, address, isOnKeyboard) {
    Object.assign(this, { page, address, isOnKeyboard });
    page.setDefaultTimeout(Number(process.env.PATIENCE ?? 20_000));
  }

  // Opens a page as from the address bar.
  async open(path) {
    await this.page.goto(this.address + path);
  }

  link(name) { return this.page.getByRole('link', { name, exact: true }); }
  button(name) { return this.page.getByRole('button', { name, exact: true }); }
  field(label) { return this.page.getByLabel(label, { exact: true }); }
  row(title) { return this.page.getByRole('row').filter({ hasText: title }).first(); }

  // Puts the keyboard on something, by the keys that are there for it.
  async reach(target) {
    await target.waitFor();
    for (let stop = 0; stop < STOPS_MAX; stop++) {
      const key = await target.evaluate(element => {
        const active = document.activeElement;
        if (active === element) return null;
        const isSibling = active.type === 'radio' && element.type === 'radio' && active.name === element.name;
        return isSibling ? 'ArrowDown' : 'Tab';
      });
      if (!key) return;
      await this.page.keyboard.press(key);
    }
    throw new Error(`the keyboard does not reach ${await target.evaluate(element => element.outerHTML.slice(0, 120))}`);
  }

  async press(target) {
    const one = target.first();
    if (!this.isOnKeyboard) return one.click();
    await this.reach(one);
    const isLink = await one.evaluate(element => element.tagName === 'A');
    await this.page.keyboard.press(isLink ? 'Enter' : 'Space');
  }

  // Presses an entry of the menu, which small screens fold.
  async fromMenu(entry) {
    if (!await entry.isVisible()) await this.press(this.button('Menu'));
    await this.press(entry);
  }

  // Goes to a page of the menu.
  async go(name) {
    await this.fromMenu(this.page.getByRole('navigation', { name: 'Main' }).getByRole('link', { name, exact: true }));
    await this.page.getByRole('heading', { name, exact: true, level: 1 }).waitFor();
  }

  async tick(target) {
    const one = target.first();
    if (!this.isOnKeyboard) return one.check();
    await this.reach(one);
    if (!await one.isChecked()) await this.page.keyboard.press('Space');
  }

  async type(target, words) {
    const one = target.first();
    if (!this.isOnKeyboard) return one.fill(words);
    await this.reach(one);
    await this.page.keyboard.press('ControlOrMeta+A');
    await this.page.keyboard.insertText(words);
  }

  async choose(target, words) {
    const one = target.first();
    if (!this.isOnKeyboard) return void await one.selectOption({ label: words });
    await this.reach(one);
    await this.page.keyboard.type(words);
    await this.page.keyboard.press('Tab');
  }

  // Enters a day, `2026-11-29`, as its field takes it.
  async date(target, day) {
    if (!this.isOnKeyboard) return target.fill(day);
    await this.reach(target);
    const [year, month, date] = day.split('-');
    await this.page.keyboard.type(month + date + year);
  }

  // Downloads by a link, and returns the file's name and path.
  async download(target, folder) {
    const waiting = this.page.waitForEvent('download');
    await this.press(target);
    const file = await waiting;
    const path = `${folder}/${file.suggestedFilename()}`;
    await file.saveAs(path);
    return path;
  }

  // Waits until the page says something. Without a script people reload.
  async until(words, isLive) {
    const said = this.page.getByText(words).first();
    for (let again = 0; again < 40; again++) {
      const patience = isLive ? 20_000 : 500;
      try { return await said.waitFor({ timeout: patience }); } catch (error) { if (isLive) throw error; }
      await this.page.reload();
    }
    throw new Error(`${this.page.url()} never says ${words}`);
  }
}
