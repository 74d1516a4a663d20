// check.js ROOT BOOK [--all]: what must be true of the book, each with a line of its
// own. A check gives back all that is wrong.
const fs = require('fs'), path = require('path');
const { chromium } = require('playwright-core');
const { Book, files } = require('./book');

const [root, out, all] = process.argv.slice(2);
const book = new Book(root, out);
const axe = fs.readFileSync(require.resolve('axe-core/axe.min.js'), 'utf8');
const desk = { width: 1280, height: 900 }, phone = { width: 360, height: 740 };

let browser;
// A page in a window of its own.
async function open(options, use) {
  const context = await browser.newContext({ viewport: desk, colorScheme: 'light', ...options });
  try {
    return await use(await context.newPage(), context);
  } finally {
    await context.close();
  }
}
const go = (tab, name) => tab.goto('file://' + path.join(out, name));

const checks = [];
const check = (what, find) => checks.push([what, find]);

// ---- Files ----

check('no link leads nowhere, and no id is there twice', () => book.pages.flatMap(page => {
  const twice = page.ids.filter((id, i) => page.ids.indexOf(id) !== i);
  const broken = page.links.filter(href => {
    const [file, fragment] = page.follow(href);
    const target = book.page[path.relative(out, file)];
    return !fs.existsSync(file) || fs.statSync(file).isDirectory() || (fragment && target && !target.ids.includes(fragment));
  });
  return [...twice.map(id => `${page.name}: #${id} twice`), ...broken.map(href => `${page.name}: ${href}`)];
}));

check('Next leads from home through every lesson, module and exercise, once', () => {
  const seen = [];
  for (let page = book.page['index.html']; page; page = page.next && book.page[path.relative(out, page.follow(page.next)[0])]) {
    if (seen.includes(page.name)) return [`${page.name} comes again`];
    seen.push(page.name);
  }
  return book.pages.filter(p => p.chapter && !seen.includes(p.name)).map(p => `${p.name} is not reached`);
});

check("each lesson's exercises lead to their pages", () => book.chapters.flatMap(chapter => {
  const lesson = book.page[`${chapter}/index.html`].text.split('<h2 id="exercises">')[1] ?? '';
  return ['a', 'b', 'c', 'd'].map(x => chapter.slice(0, 2) + x).filter(id => !lesson.split('<h2')[0].includes(`/${id}.html"`)).map(id => `${chapter}: ${id}`);
}));

check('every picture and every diagram stands on a page', () => {
  const shown = new Set(book.pages.flatMap(p => p.links.filter(l => l.endsWith('.svg')).map(l => p.follow(l)[0])));
  const drawn = files(out, '.svg');
  const rows = fs.readFileSync(path.join(root, 'scripts/pictures.txt'), 'utf8').split('\n').filter(l => l && l[0] !== '#');
  const wanted = rows.length + book.chapters.flatMap(c => files(path.join(root, c), '.dot')).length;
  return drawn.length !== wanted ? [`${drawn.length} are there, not ${wanted}`] : drawn.filter(f => !shown.has(f)).map(f => path.relative(out, f));
});

check('each line of each source is on one page, to the byte', async () => {
  const wrong = [];
  await open({}, async tab => {
    for (const chapter of book.chapters) for (const source of book.sources(chapter)) {
      const name = path.basename(source), stem = name.replace(/\.[ch]$/, '');
      if (book.origin(chapter, name) !== chapter) continue;
      await go(tab, `${chapter}/${stem}.html`);
      // A line of code says all of itself; a line of prose has a mark where it was.
      const got = await tab.evaluate(name => Object.fromEntries([...document.querySelectorAll(`[id^="${name}:"]`)]
        .map(e => [e.id.split(':')[1], e.classList.contains('line') ? e.textContent.replace(/\n$/, '') : null])), name);
      fs.readFileSync(source, 'utf8').split('\n').forEach((line, i) => {
        const there = got[i + 1];
        const isProse = there === null && /^\/\//.test(line);
        if (line.trim() && !isProse && there !== line) wrong.push(`${chapter}/${name}:${i + 1}`);
      });
      // And the words of the prose are there.
      const notes = (await tab.$$eval('.note', l => l.map(e => e.textContent).join(' ')) + await tab.$$eval('h3', l => l.map(e => e.textContent).join(' '))).replace(/\s+/g, '');
      fs.readFileSync(source, 'utf8').split('\n').forEach((line, i) => {
        const prose = got[i + 1] === null ? line.replace(/^\/\/ ?/, '').replace(/^(- |\d+\. |---- | *)|( ----)$/g, '').replace(/[`\\\s]/g, '') : '';
        if (prose && !notes.includes(prose)) wrong.push(`${chapter}/${name}:${i + 1}: its prose is not there: ${prose}`);
      });
    }
  });
  return wrong;
});

// ---- Names ----

check('what a link to a name says is the name that it leads to', async () => {
  const wrong = [];
  await open({}, async tab => {
    for (const page of book.pages.filter(p => p.kind === 'source' || p.kind === 'lesson' || p.kind === 'exercise')) {
      await go(tab, page.name);
      const links = await tab.$$eval('.line a:not(.ln), main a:has(> code)', l => l.map(a => [a.textContent, decodeURIComponent(a.hash.slice(1))]));
      for (const [text, anchor] of links) {
        const name = text.replace(/["()]/g, '').replace(/^(struct|enum) /, '');
        const file = name.split(' and ');
        if (!file.some(f => anchor.replace(/^(struct|enum)-/, '') === f) && anchor) wrong.push(`${page.name}: "${text}" leads to #${anchor}`);
      }
    }
  });
  return wrong;
});

check("a lesson's code that names a symbol of its chapter links to it", async () => {
  const wrong = [];
  const index = JSON.parse(fs.readFileSync(path.join(out, 'index.js'), 'utf8').replace(/^bookIndex=/, ''));
  await open({}, async tab => {
    for (const chapter of book.chapters) {
      const files = book.sources(chapter).map(f => path.basename(f));
      // In the index a name is followed by where it is: "03 task.c:120".
      const here = new Set(files.map(f => `${book.origin(chapter, f).slice(0, 2)} ${f}`));
      const names = new Set([...files, ...index.filter(([, , where]) => here.has(where.replace(/:\d+$/, ''))).map(([, name]) => name)]);
      await go(tab, `${chapter}/pictures.html`);
      const acts = (await tab.$$eval('h2', l => l.map(h => h.textContent))).flatMap(h => h.split(', '));
      await go(tab, `${chapter}/index.html`);
      const loose = await tab.$$eval('main code', l => l.filter(c => !c.closest('pre, a, h1, h2, h3')).map(c => c.textContent.replace(/\(\)$/, '')));
      wrong.push(...loose.filter(name => names.has(name) && !acts.includes(name)).map(name => `${chapter}: ${name}`));
    }
  });
  return wrong;
});

// ---- In the browser ----

check('every page opens from a file, asks for nothing else, and is as wide as the window', async () => {
  const wrong = [];
  for (const viewport of [desk, phone]) await open({ viewport }, async tab => {
    let name;
    tab.on('console', m => m.type() === 'error' && wrong.push(`${name}: ${m.text()}`));
    tab.on('pageerror', e => wrong.push(`${name}: ${e.message}`));
    tab.on('request', r => /^(file|data):/.test(r.url()) || wrong.push(`${name}: asks for ${r.url()}`));
    for (const page of all || viewport === desk ? book.pages : book.samples) {
      name = page.name;
      await go(tab, name);
      const over = await tab.evaluate(() => document.documentElement.scrollWidth - innerWidth);
      if (over > 0) wrong.push(`${name}: ${over} pixels wider than ${viewport.width}`);
      const loaded = await tab.$$eval('img', l => l.filter(i => !(i.complete && i.naturalWidth)).map(i => i.src));
      wrong.push(...loaded.map(src => `${name}: ${src} does not show`));
    }
  });
  return wrong;
});

check('axe finds nothing, on light and dark pages and on a phone', async () => {
  const wrong = [];
  for (const options of [{}, { colorScheme: 'dark' }, { viewport: phone }]) await open(options, async tab => {
    for (const page of all ? book.pages : book.samples) {
      await go(tab, page.name);
      await tab.evaluate(axe);
      const found = await tab.evaluate(() => axe.run(document, { preload: false, resultTypes: ['violations'] }));
      wrong.push(...found.violations.map(v => `${page.name} ${JSON.stringify(options)}: ${v.id}: ${v.nodes[0].html.slice(0, 140)}`));
    }
  });
  return wrong;
});

check('every answer and hint is shut at first, and every question and term has its answer', async () => {
  const wrong = book.pages.filter(p => /<details[^>]* open/.test(p.text)).map(p => `${p.name}: open`);
  await open({}, async tab => {
    await go(tab, 'questions.html');
    const asked = await tab.$$eval('h2', l => l.map(h => [h.textContent, h.nextElementSibling?.textContent.length ?? 0]));
    if (asked.length !== 5) wrong.push(`${asked.length} questions`);
    wrong.push(...asked.filter(([, length]) => length < 100).map(([q]) => `no answer: ${q}`));
    await go(tab, 'glossary.html');
    const terms = await tab.$$eval('dt', l => l.map(t => [t.textContent, t.nextElementSibling.textContent]));
    if (terms.length < 30) wrong.push(`${terms.length} terms`);
    wrong.push(...terms.filter(([, said]) => said.split(' ').length < 6).map(([t]) => `says nothing: ${t}`));
    for (const chapter of book.chapters) {
      await go(tab, `${chapter}/index.html`);
      const tries = await tab.evaluate(() => {
        const list = document.getElementById('what-to-try');
        const items = [];
        for (let e = list?.nextElementSibling; e && e.tagName !== 'H2'; e = e.nextElementSibling) items.push(...e.querySelectorAll(':scope > li'));
        return items.map(li => [li.firstElementChild?.textContent ?? li.textContent, !!li.querySelector('details')]);
      });
      if (!tries.length) wrong.push(`${chapter}: nothing to try`);
      wrong.push(...tries.filter(([, answered]) => !answered).map(([what]) => `${chapter}: no answer: ${what.slice(0, 60)}`));
    }
  });
  return wrong;
});

check('copied code has no line numbers', () => open({}, async tab => {
  await go(tab, '02-futures/executor.html');
  const copied = await tab.evaluate(() => [...document.querySelectorAll('.code')].map(e => { getSelection().selectAllChildren(e); return getSelection().toString(); }));
  return copied.filter(text => /^\s*\d+\s/.test(text));
}));

check('search finds a definition and a phrase', () => open({}, async tab => {
  const wrong = [];
  await go(tab, '03-task-queue/index.html');
  await tab.keyboard.press('Control+k');
  await tab.keyboard.type('task_run');
  await tab.waitForSelector('.search li');
  await tab.keyboard.press('Enter');
  await tab.waitForURL(/task\.html#task_run$/, { timeout: 5000 }).catch(() => wrong.push(`task_run leads to ${tab.url()}`));
  const top = await tab.$eval('#task_run', e => e.getBoundingClientRect().top);
  if (!(top >= 0 && top < desk.height)) wrong.push(`task_run is at ${top}, out of view`);
  await tab.fill('.search input', 'somebody calls the future\'s poll function');
  await tab.waitForSelector('.search li');
  const first = await tab.$eval('.search li a', a => a.href);
  if (!/02-futures\/index\.html#the-idea$/.test(first)) wrong.push(`a phrase of chapter 02 leads to ${first}`);
  await tab.keyboard.press('Escape');
  if (await tab.$('.search li')) wrong.push('Escape does not end a search');
  return wrong;
}));

check('without JavaScript: all text, all links, no dead control', async () => {
  const wrong = [];
  const text = tab => tab.evaluate(() => [document.querySelectorAll('a[href]').length, [...document.querySelectorAll('main')].map(m => {
    const copy = m.cloneNode(true);
    copy.querySelectorAll('.says, .js').forEach(e => e.remove());
    return copy.textContent;
  }).join('')]);
  for (const page of book.samples) {
    const [links, said] = await open({}, async tab => { await go(tab, page.name); return text(tab); });
    await open({ javaScriptEnabled: false }, async tab => {
      await go(tab, page.name);
      const [here, plain] = await text(tab);
      if (here !== links || plain !== said) wrong.push(`${page.name}: another text, or other links`);
      if (await tab.$('input, button, .says')) wrong.push(`${page.name}: a dead control`);
      if (await tab.$$eval('.js', l => l.some(e => e.checkVisibility()))) wrong.push(`${page.name}: promises what is not there`);
    });
  }
  return wrong;
});

check('the chosen scheme survives the next page, and pictures follow it', () => open({}, async tab => {
  const wrong = [];
  // How light the corner of an element is drawn, from 0 to 255.
  const light = async selector => {
    const shot = await (await tab.$(selector)).screenshot();
    return tab.evaluate(data => new Promise(done => {
      const image = new Image();
      image.onload = () => {
        const context = Object.assign(document.createElement('canvas'), { width: image.width, height: image.height }).getContext('2d');
        context.drawImage(image, 0, 0);
        done(context.getImageData(4, 4, 1, 1).data[0]);
      };
      image.src = data;
    }), 'data:image/png;base64,' + shot.toString('base64'));
  };
  await go(tab, '02-futures/index.html');
  if (await light('.picture img') < 200) wrong.push('a picture is dark on a light page');
  await tab.click('.scheme');
  await tab.click('.scheme');
  await go(tab, '02-futures/pictures.html');
  const [scheme, page] = await tab.evaluate(() => [document.documentElement.style.colorScheme, getComputedStyle(document.body).backgroundColor]);
  if (scheme !== 'dark' || page !== 'rgb(21, 25, 31)') wrong.push(`the next page is ${scheme}, ${page}`);
  if (await light('.picture img') > 60) wrong.push('a picture stays light on a dark page');
  return wrong;
}));

check('a picture can be looked into, with the pointer and with the keyboard', () => open({}, async tab => {
  const wrong = [];
  await go(tab, '02-futures/index.html');
  const figure = await tab.$('.picture[data-things]:has(img[src*="two-blocking"])');
  const says = () => figure.$eval('.says', e => e.textContent);
  const things = JSON.parse(await figure.getAttribute('data-things'));
  const desc = fs.readFileSync(path.join(out, '02-futures/pictures/two-blocking.svg'), 'utf8');
  wrong.push(...things.filter(t => !desc.includes(t[4])).map(t => `not in the picture: ${t[4]}`));
  const worker = things.find(t => /worker slept inside task 2/.test(t[4]));
  const image = await figure.$('img');
  await image.scrollIntoViewIfNeeded();
  const box = await image.boundingBox(), s = box.width / await image.getAttribute('width');
  await tab.mouse.move(box.x + (worker[0] + worker[2] / 2) * s, box.y + (worker[1] + worker[3] / 2) * s);
  if (!/^worker slept inside task 2 from 2\.00 s to 4\.00 s/.test(await says())) wrong.push(`the pointer says: ${await says()}`);
  await (await figure.$('.scroll')).focus();
  await tab.keyboard.press('ArrowLeft');
  const before = await says();
  await tab.keyboard.press('ArrowUp');
  const above = await says();
  if (!/^worker /.test(before)) wrong.push(`ArrowLeft says: ${before}`);
  if (!/^main /.test(above)) wrong.push(`ArrowUp says: ${above}`);
  return wrong;
}));

check('on paper the code stands beside its prose, and nothing is cut', () => open({ viewport: { width: 718, height: 1000 } }, async tab => {
  const wrong = [];
  await tab.emulateMedia({ media: 'print' });
  for (const page of book.samples.filter(p => p.kind === 'source' || p.kind === 'lesson')) {
    await go(tab, page.name);
    wrong.push(...(await tab.evaluate(() => [
      ...[...document.querySelectorAll('.row:not(.lead):not(.bare)')].filter(r => r.children.length === 2 &&
        r.children[1].getBoundingClientRect().left < r.children[0].getBoundingClientRect().right).map(r => 'not beside: ' + r.textContent.slice(0, 50)),
      ...[...document.querySelectorAll('pre')].filter(e => e.checkVisibility() && e.scrollWidth > e.clientWidth + 1).map(e => 'cut: ' + e.textContent.slice(0, 50)),
    ])).map(what => `${page.name}: ${what}`));
  }
  return wrong;
}));

// ---- All of them ----

(async () => {
  // On a machine of two cores and no display, with nothing to tell anybody.
  browser = await chromium.launch({ executablePath: process.env.CHROMIUM, args: ['--no-sandbox', '--disable-gpu', '--disable-quic', '--no-first-run', '--disable-background-networking', '--disable-component-update', '--disable-sync'] });
  let failed = 0;
  for (const [what, find] of checks) {
    const start = Date.now();
    const wrong = await Promise.resolve().then(find).catch(e => [e.stack]);
    console.log(`${wrong.length ? 'FAILED ' : 'ok     '} ${what}${process.env.TIMES ? `, ${(Date.now() - start) / 1000} s` : ''}`);
    wrong.slice(0, 8).forEach(w => console.log(`          ${w}`));
    if (wrong.length > 8) console.log(`          and ${wrong.length - 8} more`);
    failed += wrong.length > 0;
  }
  await browser.close();
  console.log(`${book.pages.length} pages: ${checks.length - failed} passed, ${failed} failed`);
  process.exit(failed ? 1 : 0);
})();
