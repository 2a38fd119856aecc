// Uses the explorer as a person would, in Debian's Chromium: reads the page, types a query, runs it, reads the answer, asks as
// somebody else, opens the documentation. Every name but the server's own is unknown to the browser. Prints one JSON object: what
// was read, every address that was asked for, and every message of the console. The test that starts this decides what is right.
//   node run.mjs ADDRESS [SCREENSHOT]

import { chromium } from 'playwright-core';

const [address, screenshot] = process.argv.slice(2);
const host = new URL(address).hostname;
const browser = await chromium.launch({
  executablePath: process.env.TENANTRY_CHROMIUM ?? '/usr/bin/chromium',
  args: ['--no-sandbox', `--host-resolver-rules=MAP * ~NOTFOUND, EXCLUDE ${host}`],
});
const read = { addresses: [], console: [] };
try {
  const context = await browser.newContext({ viewport: { width: 1400, height: 900 } });
  context.on('request', (request) => read.addresses.push(request.url()));
  const page = await context.newPage();
  page.on('console', (message) => read.console.push(`${message.type()}: ${message.text()}`));
  page.on('pageerror', (error) => read.console.push(`error: ${error.message}`));
  await page.goto(address);
  await page.waitForSelector('.graphiql-editor .view-lines', { timeout: 30_000 });

  const run = async () => {
    // The editor reads the schema by itself, at any time.
    const isOurs = (response) => response.request().postData()?.includes('__schema') === false;
    const answer = page.waitForResponse((response) => response.url().endsWith('/graphql') && isOurs(response));
    await page.keyboard.press('Control+Enter');
    const body = await (await answer).json();
    await page.waitForFunction(
      (text) => document.querySelector('.result-window .view-lines')?.textContent.includes(text),
      'data',
    );
    return body;
  };
  const editor = '.graphiql-query-editor .view-lines';
  const holds = (text) =>
    page.waitForFunction(
      ([where, wanted]) => document.querySelector(where).textContent.replaceAll('\u00a0', ' ').includes(wanted),
      [editor, text],
    );
  await holds('organization');
  await page.click(editor);
  read.first = await run();

  // A query of one's own, in place of the first one.
  await page.click(editor);
  await page.keyboard.press('Control+A');
  await page.keyboard.type('{ viewer { role member { name ', { delay: 10 });
  // Closes the suggestions.
  await page.keyboard.press('Escape');
  await holds('{ viewer { role member { name');
  read.typed = await run();
  read.shown = (await page.textContent('.result-window .view-lines')).replaceAll('\u00a0', ' ');

  // What goes on: a change that is made meanwhile is shown.
  await page.click(editor);
  await page.keyboard.press('Control+A');
  await page.keyboard.type('subscription { changes { activity { entityName ', { delay: 10 });
  await page.keyboard.press('Escape');
  await holds('subscription { changes');
  await page.keyboard.press('Control+Enter');
  await page.waitForSelector('button[aria-label^="Stop query"]');
  await page.evaluate(async () => {
    const { people } = await (await fetch('/explorer/session.json')).json();
    const headers = { 'content-type': 'application/json', authorization: `Bearer ${people[0].token}` };
    const query = 'mutation { createClient(input: { name: "Heard of" }) { client { id } } }';
    // Until the subscription is open, nothing is told; so it is tried more than once.
    for (let n = 0; n < 40 && !document.querySelector('.result-window').textContent.includes('Heard'); n += 1) {
      await fetch('/graphql', { method: 'POST', headers, body: JSON.stringify({ query }) });
      await new Promise((wait) => setTimeout(wait, 250));
    }
  });
  read.heard = (await page.textContent('.result-window .view-lines')).replaceAll('\u00a0', ' ');
  await page.keyboard.press('Control+Enter');
  await page.waitForSelector('button[aria-label^="Execute query"]');
  await page.click(editor);
  await page.keyboard.press('Control+A');
  await page.keyboard.type('{ viewer { role member { name ', { delay: 10 });
  await page.keyboard.press('Escape');
  await holds('{ viewer { role member { name');

  await page.selectOption('header select', { index: 1 });
  await page.click(editor);
  read.other = await run();

  await page.click('button[aria-label="Show Documentation Explorer"]');
  await page.waitForSelector('.graphiql-doc-explorer');
  await page.click('.graphiql-doc-explorer a:has-text("Query")');
  await page.waitForSelector('.graphiql-doc-explorer a:has-text("clients")');
  read.documentation = await page.textContent('.graphiql-doc-explorer');
  if (screenshot) await page.screenshot({ path: screenshot });
} finally {
  await browser.close();
}
console.log(JSON.stringify(read));
