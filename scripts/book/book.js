// All that needs JavaScript: search, the choice of light or dark, and looking into a
// picture. Without it the book reads the same. No module and no fetch, for a page
// that was opened from a file may use neither.
(() => {
  const up = document.body.dataset.up;
  const nav = document.querySelector('header nav');
  const make = (tag, more) => Object.assign(document.createElement(tag), more);

  // On a phone the strip scrolls; where we are should be in sight.
  const here = document.querySelector('.steps [aria-current]');
  if (here) here.closest('.steps').scrollLeft = here.offsetLeft - innerWidth / 3;

  // What scrolls can be scrolled with the keyboard; what does not is no stop for it.
  const code = [...document.querySelectorAll('.row .code')];
  const reach = () => {
    const scrolls = code.map(e => e.scrollWidth > e.clientWidth);
    code.forEach((e, i) => {
      if (scrolls[i]) e.setAttribute('tabindex', 0); else e.removeAttribute('tabindex');
    });
  };
  reach();
  addEventListener('resize', reach);

  // ---- Search ----

  const form = make('form', { className: 'search', role: 'search' });
  const field = make('input', { type: 'search', placeholder: 'Search (Ctrl K)', ariaLabel: 'Search the book', autocomplete: 'off' });
  const found = make('ul', { ariaLabel: 'Found' });
  form.append(field, found);
  nav.append(form);

  // The index is a script, loaded at the first search.
  let index;
  const load = () => index ??= new Promise(done =>
    document.body.append(make('script', { src: up + 'index.js', onload: () => done(bookIndex) })));

  // A word in the title weighs more than one in the text; each must be there.
  const score = (words, [, title, text]) => words.reduce((sum, word) => {
    const name = title.toLowerCase(), at = name.indexOf(word);
    if (name === word || name.endsWith(' ' + word)) return sum + 9;
    if (at >= 0) return sum + (at === 0 ? 5 : 4);
    return sum + (text.toLowerCase().includes(word) ? 1 : -99);
  }, 0);

  const entry = (words, [href, title, text]) => {
    const at = Math.max(0, text.toLowerCase().indexOf(words[0]) - 40);
    const a = make('a', { href: up + href, textContent: title });
    a.append(make('small', { textContent: (at ? '…' : '') + text.slice(at, at + 110) }));
    a.onclick = () => found.replaceChildren(); // it may lead to where we are
    const li = make('li');
    li.append(a);
    return li;
  };

  const search = async () => {
    const entries = await load();
    const words = field.value.toLowerCase().split(/\s+/).filter(Boolean);
    // A phrase that stands there word for word comes first.
    const phrase = words.join(' ');
    const weight = e => score(words, e) + (words.length > 1 && e[2].toLowerCase().includes(phrase) ? 20 : 0);
    const hits = words.length ? entries.map(e => [weight(e), e]).filter(h => h[0] > 0) : [];
    hits.sort((a, b) => b[0] - a[0]);
    found.replaceChildren(...hits.slice(0, 12).map(h => entry(words, h[1])));
  };
  field.oninput = search;
  form.onsubmit = async e => {
    e.preventDefault();
    await search();
    found.querySelector('a')?.click();
  };
  addEventListener('keydown', e => {
    if (e.key === 'k' && (e.ctrlKey || e.metaKey)) { e.preventDefault(); field.focus(); }
    if (e.key === 'Escape') { field.value = ''; found.replaceChildren(); }
  });

  // ---- Light or dark ----

  const schemes = { '': 'Auto', light: 'Light', dark: 'Dark' };
  const kept = () => { try { return localStorage.getItem('scheme') || ''; } catch { return ''; } };
  let scheme = kept();
  const button = make('button', { className: 'scheme', type: 'button' });
  const show = () => {
    document.documentElement.style.colorScheme = scheme;
    button.textContent = schemes[scheme];
    button.ariaLabel = 'Colours: ' + schemes[scheme];
  };
  button.onclick = () => {
    const names = Object.keys(schemes);
    scheme = names[(names.indexOf(scheme) + 1) % names.length];
    try { localStorage.setItem('scheme', scheme); } catch { /* then for this page only */ }
    show();
  };
  show();
  nav.append(button);

  // ---- To look into a picture ----

  // Its things are [x, y, width, height, words] in the picture's own units.
  const lookInto = figure => {
    const things = JSON.parse(figure.dataset.things);
    const scroll = figure.querySelector('.scroll'), canvas = figure.querySelector('.canvas');
    const image = figure.querySelector('img');
    const says = make('p', { className: 'says', textContent: 'Point at a bar, or use the arrow keys.' });
    says.setAttribute('aria-live', 'polite');
    const frame = make('div', { className: 'here', hidden: true });
    canvas.append(frame);
    scroll.after(says);
    scroll.ariaLabel = 'Picture; the arrow keys go from bar to bar';
    const scale = () => image.clientWidth / image.getAttribute('width');
    let at = -1;

    const look = (n, follow) => {
      at = n;
      frame.hidden = n < 0;
      if (n < 0) return;
      const [x, y, wide, high, words] = things[n], s = scale();
      Object.assign(frame.style, { left: x * s - 2 + 'px', top: y * s - 2 + 'px', width: wide * s + 4 + 'px', height: high * s + 4 + 'px' });
      says.textContent = words;
      says.classList.add('found');
      if (follow) scroll.scrollLeft = x * s - scroll.clientWidth / 3;
    };
    // Of two that lie over each other the later, which is drawn on top. A thin one
    // is met a little beside it too.
    const under = e => {
      const box = image.getBoundingClientRect(), s = scale();
      const px = (e.clientX - box.left) / s, py = (e.clientY - box.top) / s;
      return things.findLastIndex(([x, y, wide, high]) => {
        const more = Math.max(0, (6 - wide) / 2);
        return px >= x - more && px <= x + wide + more && py >= y - 3 && py <= y + high + 3;
      });
    };
    const inLane = n => things.map((t, i) => [t, i]).filter(([t]) => Math.abs(t[1] + t[3] / 2 - things[n][1] - things[n][3] / 2) < 8);
    const middle = n => things[n][1] + things[n][3] / 2;
    // Along the lane in the order of time.
    const along = step => {
      const lane = inLane(at).sort((a, b) => a[0][0] - b[0][0]);
      const next = lane[lane.findIndex(([, i]) => i === at) + step];
      return next ? next[1] : at;
    };
    // To the lane above or below, at the same time if there is something.
    const across = step => {
      const lanes = [...new Set(things.map((_, i) => Math.round(middle(i))))].sort((a, b) => a - b);
      const y = lanes[lanes.findIndex(l => Math.abs(l - middle(at)) < 2) + step];
      if (y === undefined) return at;
      const x = things[at][0] + things[at][2] / 2;
      const distance = ([tx, , wide]) => Math.max(tx - x, x - tx - wide, 0);
      return things.map((t, i) => [t, i]).filter(([, i]) => Math.abs(middle(i) - y) < 2)
        .sort((a, b) => distance(a[0]) - distance(b[0]))[0][1];
    };

    image.onpointermove = e => { const n = under(e); if (n >= 0) look(n); };
    image.onclick = image.onpointermove;
    scroll.onkeydown = e => {
      const moves = { ArrowRight: () => along(1), ArrowLeft: () => along(-1), ArrowDown: () => across(1), ArrowUp: () => across(-1) };
      if (e.key === 'Escape') look(-1);
      if (!moves[e.key] || e.ctrlKey || e.altKey || e.metaKey) return;
      e.preventDefault();
      look(at < 0 ? 0 : moves[e.key](), true);
    };
    new ResizeObserver(() => look(at)).observe(image);
  };
  document.querySelectorAll('.picture[data-things]').forEach(lookInto);
})();
