import { once } from 'node:events';
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import type { Browser, Page } from 'playwright-core';
import { afterAll, afterEach, beforeAll, describe, expect, test } from 'vitest';
import { readWebhook } from '../../src/adapters/wassenger/webhook.ts';
import type { Incoming } from '../../src/core/incoming.ts';
import { parseFaults } from '../../src/sandbox/faults.ts';
import { type RunningSandbox, startSandbox } from '../../src/sandbox/sandbox-server.ts';
import { memorySandboxStore } from '../../src/sandbox/store.ts';
import { page as pageReply } from '../../src/sandbox/web-page.ts';
import { startBrowser } from '../support/browser.ts';
import { browserProgram } from '../support/env.ts';

const PHONE = '+22997000017';
const NASTY = '<script>document.title="caught"</script><img src=x onerror="document.title=\'caught\'"> & "quotes"';

test('the page loads nothing, runs no script but its own, and stands in no frame', () => {
  const { body, headers } = pageReply();
  const policy = headers?.['content-security-policy'] ?? '';
  expect(policy).toMatch(/default-src 'none'; script-src 'sha256-[^' ]+'; style-src 'sha256-[^' ]+';.*frame-ancestors 'none'/);
  expect(policy).not.toContain('unsafe');
  expect(body).not.toMatch(/(src|href)="(?!data:,)|@import|url\(|\/\* page\./);
  for (const part of ['<!doctype html>', '--ground: ', 'EVERY_MS = ']) expect(body).toContain(part);
});

if (browserProgram !== undefined) {
  describe('in a browser', () => {
    let browser: Browser;
    const closers: (() => unknown)[] = [];
    beforeAll(async () => {
      browser = await startBrowser(browserProgram as string);
    });
    afterEach(async () => {
      for (const close of closers.splice(0).reverse()) await close();
    });
    afterAll(() => browser.close());

    async function scene({ width = 1_000, path = '' } = {}) {
      const facts: Incoming[] = [];
      const listener = createServer((request, response) => {
        let body = '';
        request.on('data', (chunk) => {
          body += chunk;
        });
        request.on('end', () => {
          facts.push(...readWebhook(JSON.parse(body), Date.now()));
          response.end();
        });
      }).listen(0, '127.0.0.1');
      await once(listener, 'listening');
      closers.push(() => listener.close());
      const webhook = `http://127.0.0.1:${(listener.address() as AddressInfo).port}/webhook`;
      const at = await startSandbox({ port: 0, store: memorySandboxStore(), clock: { now: Date.now }, faults: parseFaults({}), webhook });
      closers.push(() => at.close());
      const context = await browser.newContext({ viewport: { width, height: 700 } });
      closers.push(() => context.close());
      const page = await context.newPage();
      const errors: string[] = [];
      page.on('pageerror', ({ message }) => errors.push(message));
      page.on('console', (line) => line.type() === 'error' && errors.push(line.text()));
      await page.goto(`${at.controlUrl}/${path}`);
      return { at, page, facts, errors };
    }

    async function send({ url }: RunningSandbox, message: string, phone = PHONE): Promise<{ id: string; waId: string }> {
      const body = JSON.stringify({ phone, message, reference: `r-${message.slice(0, 20)}` });
      const answer = await fetch(`${url}/messages`, { method: 'POST', headers: { token: 'x' }, body });
      return (await answer.json()) as { id: string; waId: string };
    }

    const entries = (page: Page) => page.locator('#log li');

    test('a message appears in its chat, the reply reaches the webhook, and Message 2 appears live', async () => {
      const { at, page, facts, errors } = await scene();
      await page.getByText('Nothing was sent yet').waitFor();
      const first = await send(at, 'Message 1');
      await page.getByRole('button', { name: PHONE }).click();
      await page.getByText('✓ sent').waitFor();
      await page.getByLabel('Answer as the contact').fill('Yes, tell me more');
      await page.keyboard.press('Enter');
      await page.getByText('✓✓ read').waitFor();
      await expect
        .poll(() => facts.map((fact) => (fact.kind === 'delivery' ? fact.state : fact.kind)))
        .toEqual(['sent', 'delivered', 'read', 'reply']);
      expect(facts.at(-1)).toMatchObject({ kind: 'reply', phone: PHONE, text: 'Yes, tell me more', device: at.device });
      expect(facts[0]).toMatchObject({ ids: { waId: first.waId } });
      await send(at, 'Message 2');
      await page.getByText('Message 2').first().waitFor();
      expect(await page.locator('#log .text').allTextContents()).toEqual(['Message 1', 'Yes, tell me more', 'Message 2']);
      expect(await page.getByLabel('Answer as the contact').inputValue()).toBe('');
      expect(errors).toEqual([]);
    });

    test('whatever a text holds is shown as text', async () => {
      const { at, page, errors } = await scene({ path: `#${encodeURIComponent(PHONE)}` });
      await send(at, NASTY);
      await entries(page).first().waitFor();
      await page.getByLabel('Answer as the contact').fill(NASTY);
      await page.getByRole('button', { name: 'Send' }).click();
      await expect.poll(() => page.locator('#log .text').allTextContents()).toEqual([NASTY, NASTY]);
      expect(await page.locator('.said').textContent()).toBe(`↩ ${NASTY}`);
      expect(await page.title()).toBe('wsend sandbox');
      expect(await page.locator('img, #log script').count()).toBe(0);
      expect(errors).toEqual([]);
    });

    test('an emoji is put on a message and taken back, and the webhook is told of both', async () => {
      const { at, page, facts } = await scene({ path: `#${encodeURIComponent(PHONE)}` });
      const { waId } = await send(at, 'Hello');
      const heart = page.getByRole('button', { name: 'React with heart' });
      for (const [pressed, emoji] of [
        ['true', '❤️'],
        ['false', ''],
      ] as const) {
        await heart.click();
        await page.locator(`button[aria-label="React with heart"][aria-pressed="${pressed}"]`).waitFor();
        await expect.poll(() => facts.at(-1)).toMatchObject({ kind: 'reaction', phone: PHONE, target: waId, emoji });
      }
    });

    test('it is used by keyboard alone', async () => {
      const { at, page, facts } = await scene();
      await send(at, 'Hello');
      await page.getByRole('button', { name: PHONE }).waitFor();
      await page.keyboard.press('Tab');
      await page.keyboard.press('Tab');
      await page.keyboard.press('Tab');
      await page.keyboard.press('Enter');
      await expect.poll(() => page.evaluate('document.activeElement.id')).toBe('text');
      await page.keyboard.type('one');
      await page.keyboard.press('Shift+Enter');
      await page.keyboard.type('two');
      await page.keyboard.press('Enter');
      await expect.poll(() => facts.at(-1)).toMatchObject({ kind: 'reply', text: 'one\ntwo' });
    });

    test('somebody who was never written to can write, too', async () => {
      const { page, facts } = await scene();
      await page.getByLabel('Number').fill('what?');
      await page.getByRole('button', { name: 'Open' }).click();
      await page.getByText('7 to 15 digits').waitFor();
      await page.getByLabel('Number').fill('229 97 00 00 99');
      await page.getByRole('button', { name: 'Open' }).click();
      await page.getByLabel('Answer as the contact').fill('STOP');
      await page.keyboard.press('Enter');
      await expect.poll(() => facts).toMatchObject([{ kind: 'reply', phone: '+22997000099', text: 'STOP' }]);
    });

    test('how the provider words it can be chosen: a button, from a contact without a number, in the nested shape', async () => {
      const { at, page, facts } = await scene();
      const { waId } = await send(at, 'Message 1');
      await page.getByRole('button', { name: PHONE }).click();
      await page.getByText('How the provider words it').click();
      const choices = { Calls: 'nested', Contact: 'hidden', Answer: 'button', Quotes: 'ours' };
      for (const [label, value] of Object.entries(choices)) await page.getByLabel(label, { exact: true }).selectOption(value);
      await page.getByLabel('Answer as the contact').fill('STOP');
      await page.keyboard.press('Enter');
      await expect.poll(() => facts.at(-1)).toMatchObject({ kind: 'reply', phone: null, text: 'STOP', quoted: waId });
    });

    test('a narrow window shows the list or the chat, and nothing sticks out', async () => {
      const { at, page } = await scene({ width: 340 });
      await send(at, `Hello ${'x'.repeat(300)}`);
      const chat = page.getByRole('button', { name: PHONE });
      await chat.click();
      await entries(page).first().waitFor();
      expect(await chat.isVisible()).toBe(false);
      expect(await page.evaluate('document.documentElement.scrollWidth - innerWidth')).toBe(0);
      await page.getByRole('button', { name: 'Chats' }).click();
      await chat.waitFor();
      expect(await entries(page).first().isVisible()).toBe(false);
    });

    test('it says when the sandbox has gone', async () => {
      const { at, page } = await scene();
      await page.getByText('No chats yet').waitFor();
      await at.close();
      await page.getByText('The sandbox does not answer').waitFor();
    });

    test('a page of another site can neither read it nor act as the contact', async () => {
      const { at, page, facts } = await scene();
      await send(at, 'Hello');
      const stranger = createServer((_, response) => response.setHeader('content-type', 'text/html').end('<title>x</title>')).listen(
        0,
        '127.0.0.1',
      );
      await once(stranger, 'listening');
      closers.push(() => stranger.close());
      await page.goto(`http://127.0.0.1:${(stranger.address() as AddressInfo).port}/`);
      const call = (what: string) => page.evaluate(`fetch(${what}).then((answer) => answer.type + answer.status, () => 'refused')`);
      expect(await call(`'${at.controlUrl}/sandbox/chats'`)).toBe('refused');
      const simple = `'${at.controlUrl}/sandbox/reply', { method: 'POST', mode: 'no-cors', body: '{"phone":"${PHONE}","text":"STOP"}' }`;
      expect(await call(simple)).toBe('opaque0');
      const stats = (await (await fetch(`${at.controlUrl}/sandbox/stats`)).json()) as { statuses: Record<string, number> };
      expect(stats.statuses[403]).toBe(2);
      expect(facts.filter(({ kind }) => kind === 'reply')).toEqual([]);
    });
  });
}
