"""book.py ROOT OUT: the workbook as static pages that open from file://.

The prose is that of the READMEs, the code and its comments are those of the sources;
nothing is written twice. lesson.py turns a README into HTML, source.py a C file; here
is which pages there are, and what stands around the text.
"""
import functools
import html
import json
import re
import shutil
import sys
from pathlib import Path

from jinja2 import Environment, FileSystemLoader

from exercise import Exercise
from glossary import Glossary
from lesson import Lesson
from picture import Picture
from source import Book, File, anchor_of, highlighted, link_words, render, slug

HERE = Path(__file__).resolve().parent
SECOND = 'more'  # what reading.txt calls the second reading


class Site:
    def __init__(self, root, out):
        self.book, self.out = Book(root), Path(out)
        self.pages, self.index, self.ambiguous = [], [], []
        self.template = Environment(loader=FileSystemLoader(HERE), trim_blocks=True,
                                    lstrip_blocks=True).get_template('page.html')
        self.lessons = {c: Lesson(self, self.book.root / c / 'README.md', c) for c in self.book.chapters}
        self.exercises = {c: [Exercise(p.parent) for p in sorted((self.book.root / c).glob('exercises/?/start.c'))]
                          for c in self.book.chapters}
        self.rows = [line.split() for line in self.book.rows('scripts/pictures.txt')]
        self.glossary = Glossary(HERE / 'glossary.txt', self.lessons)

    # ---- Addresses, written as from the top: '@/' becomes the way back to it ----

    def link(self, file, anchor=None):
        return f'@/{file.chapter}/{file.stem}.html#{anchor or file.name}'

    def address(self, href, folder):
        """Of what a README in that folder links to."""
        if re.match(r'[a-z]+:|#', href):
            return href
        path, _, anchor = href.partition('#')
        name = str((folder / path).resolve().relative_to(self.book.root.resolve()))
        if name.endswith('.md'):
            name = self.markdown[name]
        elif name == 'LICENSE':
            name = 'license.html'
        else:
            sys.exit(f'book: {folder.name}: {href} has no page')
        return f'@/{name}' + (f'#{anchor}' if anchor else '')

    @functools.cached_property
    def markdown(self):
        pages = {'README.md': 'index.html', 'CONTRIBUTING.md': 'contributing.html', 'tests/README.md': 'tests.html'}
        return pages | {f'{c}/README.md': f'{c}/index.html' for c in self.book.chapters}

    # ---- What the chapters play ----

    @functools.cache
    def acts(self, chapter):
        """act -> what it does, from the table in the chapter's program"""
        text = ''.join((self.book.root / chapter / n).read_text() for n in self.book.names(chapter) if n.endswith('.c'))
        return dict(re.findall(r'\{"([a-z][\w-]*)",\s+"([^"]+)"', text))

    def acts_in(self, chapter, pictures):
        """The acts that these pictures of a chapter show."""
        rows = [[act.split(':')[0] for act in acts] for c, *acts in self.rows if c == chapter]
        return {act for acts in rows if '-'.join(acts) in pictures for act in acts}

    def plays(self, transcript, chapter):
        """[(chapter, act)] of the commands in a transcript."""
        for number, act in re.findall(r'^\$ make .*(?:run|demo)-(\d\d).* ACT=([\w-]+)', transcript, re.M):
            yield next(c for c in self.book.chapters if c.startswith(number)), act
        if chapter:
            for act in re.findall(rf'^\$ .*\./{self.book.programs[chapter]} ([\w-]+)', transcript, re.M):
                yield chapter, act

    # ---- The pages, in the order in which Next leads through them ----

    def build(self):
        shutil.rmtree(self.out, ignore_errors=True)
        for c in self.book.chapters:
            (self.out / c).mkdir(parents=True)
            shutil.copytree(self.book.root / c / 'pictures', self.out / c / 'pictures')
            if (self.book.root / c / 'diagrams').exists():
                shutil.copytree(self.book.root / c / 'diagrams', self.out / c / 'diagrams', ignore=shutil.ignore_patterns('*.dot'))
        for name in ('book.css', 'book.js'):
            shutil.copy(HERE / name, self.out)
        home = Lesson(self, self.book.root / 'README.md')
        self.add('index.html', home.title, self.home(home), kind='home')
        self.enter(home, 'index.html', '')
        for c in self.book.chapters:
            self.add_lesson(c)
            for stem in self.modules(c):
                self.add_module(c, stem)
            for exercise in self.exercises[c]:
                self.add_exercise(c, exercise)
            self.add_pictures(c)
        self.add_questions(home)
        self.add_glossary()
        self.add_names()
        for name, title in (('CONTRIBUTING.md', 'Contributing'), ('tests/README.md', 'Tests')):
            page = Lesson(self, self.book.root / name)
            self.add(self.markdown[name], title, page.html(), kind='lesson', toc=page.headings, ring=False)
        licence = html.escape((self.book.root / 'LICENSE').read_text())
        self.add('license.html', 'Licence', f'<h1>Licence</h1><pre class="text" tabindex="0">{licence}</pre>', kind='lesson', ring=False)
        self.refuse_ambiguous()
        self.write()

    def add(self, path, title, body, **more):
        self.pages.append({'path': path, 'title': title, 'body': body, 'ring': True, 'toc': [], **more})

    def write(self):
        ring = [p for p in self.pages if p['ring']]
        for p in self.pages:
            at = ring.index(p) if p['ring'] else len(ring)
            up = '../' * p['path'].count('/')
            text = self.template.render(
                up=up, page=p, site=self,
                before=ring[at - 1] if 0 < at < len(ring) else None,
                next=ring[at + 1] if at + 1 < len(ring) else None)
            text = re.sub(r'<p>\s*</p>\n?', '', re.sub(r'(?<=")@/', up, text))
            (self.out / p['path']).write_text(text)
        words = json.dumps(self.index, ensure_ascii=False, separators=(',', ':'))
        (self.out / 'index.js').write_text(f'bookIndex={words}\n')

    def refuse_ambiguous(self):
        for chapter, name, files in dict.fromkeys((c, n, ' '.join(f)) for c, n, f in self.ambiguous):
            print(f'book: {chapter}/README.md: `{name}` is in {files}; name one beside it', file=sys.stderr)
        if self.ambiguous:
            sys.exit(1)

    def enter(self, lesson, path, lead):
        """A lesson's sections, to be searched."""
        for part in re.split(r'^## ', lesson.text, flags=re.M):
            name, _, text = part.partition('\n')
            at = '' if name.startswith('# ') else '#' + slug(name)
            plain = re.sub(r'</?\w+>|[*`|#]|---', '', text)
            self.index.append([path + at, lead + name.lstrip('# '), ' '.join(plain.split())])

    # ---- Home and lessons ----

    def home(self, home):
        """The README; its table of chapters becomes seven cards."""
        body = home.html()
        row = r'^\| `make run-(\d\d)` \| \[(.*?)\]\((.*?)\) \| (.*?) \| (.*?) \| (\d+) \| (\d+) \|$'
        cards = ''.join(
            f'<li><a href="{self.address(href, self.book.root)}"><b>{n}</b><span><strong>{name}</strong> '
            f'<small>{html.escape(shows)}</small></span><i>{lines} lines</i></a></li>'
            for n, name, href, shows, _, lines, _ in re.findall(row, home.text, re.M))
        table = re.compile(r'<table.*?</table>', re.S)
        return table.sub(f'<nav aria-label="The seven chapters"><ol class="map">{cards}</ol></nav>', body, count=1)

    def modules(self, chapter):
        return list(dict.fromkeys(f.stem for f in self.book.own(chapter)))

    def strip(self, chapter):
        """[(name of a part, [(page, its short name)])]: the chapter in reading order."""
        seen, parts = set(), [('', [('index', 'Lesson')])]
        sittings = self.book.sittings[chapter]
        is_one = [s for s, _ in sittings if s != SECOND] == ['1']
        for sitting, files in sittings:
            stems = [s for s in dict.fromkeys(f.stem for f in files) if s not in seen]
            seen.update(stems)
            name = 'Second reading' if sitting == SECOND else 'Sources' if is_one else f'Sitting {sitting}'
            parts.append((name, [(s, s) for s in stems]))
        parts.append(('Exercises', [(e.id, e.id) for e in self.exercises[chapter]]))
        parts.append(('', [('pictures', 'Pictures')]))
        return [p for p in parts if p[1]]

    def add_lesson(self, c):
        lesson = self.lessons[c]
        body = self.glossary.link(lesson.html(), c)
        for e in self.exercises[c]:  # the list of them leads to their pages
            body = re.sub(rf'<strong>({e.id} [^<]*)</strong>', rf'<strong><a href="@/{c}/{e.id}.html">\1</a></strong>', body, count=1)
        self.add(f'{c}/index.html', lesson.title, body + self.sources_of(c), kind='lesson', chapter=c, stem='index',
                 toc=lesson.headings + [('the-sources', 'The sources')])
        self.enter(lesson, f'{c}/index.html', f'{c[:2]} · ')

    def sources_of(self, c):
        """At the end of a lesson: what is new, in order, and what was taken over."""
        body = '<h2 id="the-sources">The sources</h2><p>New in this chapter, in reading order:</p>'
        seen = set()
        for sitting, files in self.book.sittings[c]:
            rows = ''
            for stem in dict.fromkeys(f.stem for f in files if f.stem not in seen):
                seen.add(stem)
                rows += self.source_row(c, stem)
            if rows:
                body += f'<h3>{"Second reading" if sitting == SECOND else f"Sitting {sitting}"}</h3><ul class="files">{rows}</ul>'
        old = {}
        for name in self.book.names(c):
            if (c, name) in self.book.origin:
                file = self.book.file(c, name)
                old.setdefault(file.chapter, []).append(f'<a href="{self.link(file)}"><code>{name}</code></a>')
        for first, names in old.items():
            body += (f'<details><summary>{len(names)} files are as in chapter {first[:2]}, to the letter</summary>'
                     f'<p>{", ".join(names)}</p></details>')
        return body

    def source_row(self, c, stem):
        files = [f for f in self.book.own(c) if f.stem == stem]
        names = ' and '.join(f'<code>{f.name}</code>' for f in sorted(files, key=lambda f: f.name, reverse=True))
        lines = sum(len(f.lines) for f in files)
        changed = [f.fresh[0] for f in files if f.fresh]
        note = f', written anew after <a href="@/{changed[0]}/{stem}.html">chapter {changed[0][:2]}</a>' if changed else ''
        return f'<li><a href="@/{c}/{stem}.html">{names}</a>, {lines} lines{note}</li>'

    # ---- Sources ----

    def add_module(self, c, stem):
        here = f'{c}/{stem}.html'

        def link(file, anchor=None):
            page = '' if (file.chapter, file.stem) == (c, stem) else f'@/{file.chapter}/{file.stem}.html'
            return f'{page}#{anchor or file.name}'

        body, toc = '', []
        for file in sorted((f for f in self.book.own(c) if f.stem == stem), key=lambda f: f.name.endswith('.c')):
            body += f'<section class="file"><h2 id="{file.name}"><code>{file.name}</code></h2>{self.facts(file)}'
            toc.append((file.name, file.name))
            for head, rows in file.parts(link):
                if head:
                    at = slug(f'{file.name} {head}')
                    body += f'<h3 id="{at}">{html.escape(head)}</h3>'
                    toc.append((at, head))
                body += rows
            body += '</section>'
            self.enter_names(file, here, body)
        self.add(here, f'{c[:2]} · {stem}',
                 f'<h1><small>{self.lessons[c].title}</small> {stem}</h1>' + self.glossary.link(body, None),
                 kind='source', chapter=c, stem=stem, toc=toc)

    def facts(self, file):
        later = [chapter[:2] for (chapter, name), first in self.book.origin.items()
                 if name == file.name and first == file.chapter]
        said = [f'The same file, to the letter, is in chapters {", ".join(later)}.'] if len(later) > 1 else \
               [f'The same file, to the letter, is in chapter {later[0]}.'] if later else []
        if file.fresh:
            before = file.fresh[0]
            said.append(f'<span class="new">Lines with a bar are not in the <a href="@/{before}/{file.stem}.html#{file.name}">'
                        f'{file.name} of chapter {before[:2]}</a>.</span>')
        return f'<p class="fact">{" ".join(said)}</p>' if said else ''

    def enter_names(self, file, page, body):
        for (kind, name), tag in file.defined.items():
            anchor = anchor_of(tag)
            if kind in 'fsgdt' and f'id="{anchor}"' in body:  # ctags sees an enum too many
                word = {'s': 'struct ', 'g': 'enum '}.get(kind, '') + name
                self.index.append([f'{page}#{anchor}', word, f'{file.chapter[:2]} {file.name}:{tag["line"]}'])

    # ---- Exercises and pictures ----

    def add_exercise(self, c, e):
        near = File(self.book, c, self.book.root / c / 'exercises' / e.id[2] / 'start.c')
        task = link_words(render(e.task), near, self.link)
        task = re.sub(r'<p>Exercise \w+: .*?\.\s+', '<p>', task, count=1)  # the title says it
        task = re.sub(r'(<p>By hand, [^:]*: )(.*?)</p>', r'\1<code>\2</code></p>', task)
        listing = ''
        for kind, code in (('', e.before), (' part', e.part), ('', e.after)):
            if code:
                listing += f'<span class="piece{kind}">{highlighted(code)}\n</span>'
        hints = ''.join(f'<details><summary>{word} hint</summary><p>{html.escape(" ".join(h.split()))}</p></details>'
                        for word, h in zip(('First', 'Second', 'Third'), e.hints))
        predict = f'<p><b>Before you run it:</b> {html.escape(e.predict)}</p>' if e.predict else ''
        body = (f'<h1><small>Exercise {e.id} · {e.minutes} minutes</small> {html.escape(e.title)}</h1>{task}{predict}'
                f'<h2 id="the-start">Where you begin</h2><p>The part with the bar is yours: <code>make try-{e.id}</code> makes '
                f'<code>{c}/exercises/{e.id}.c</code> of this, runs it and says what happened.</p>'
                f'<pre class="code exercise" tabindex="0" role="region" aria-label="Where you begin">{listing}</pre>'
                + (f'<h2 id="exercise-h"><code>exercise.h</code></h2><pre class="code exercise" tabindex="0" role="region" aria-label="exercise.h">'
                   f'<span class="piece">{highlighted(e.header)}\n</span></pre>' if e.header else '') +
                f'<h2 id="hints">Hints</h2>{hints}<p><a href="@/{c}/index.html#exercises">All exercises of chapter {c[:2]}</a></p>')
        self.add(f'{c}/{e.id}.html', f'{e.id} · {e.title}', body, kind='exercise', chapter=c, stem=e.id)
        self.index.append([f'{c}/{e.id}.html', f'{e.id} · {e.title}', f'Exercise, {e.minutes} minutes. ' + ' '.join(e.task)])

    def add_pictures(self, c):
        rows = [[act.split(':')[0] for act in acts] for chapter, *acts in self.rows if chapter == c]
        compared = {act for acts in rows if len(acts) > 1 for act in acts}
        body = (f'<h1><small>{self.lessons[c].title}</small> Pictures</h1><p>Each is drawn from a run of ours, and '
                f'<code>make pictures</code> draws them anew from runs of yours. Acts that compare share one axis. '
                f'<span class="js">Point at a bar, or go from bar to bar with the arrow keys, to read what it is.</span></p>')
        toc = []
        for acts in rows:
            if len(acts) == 1 and acts[0] in compared:
                continue
            name = ', '.join(acts)
            said = '; '.join(f'<b>{act}</b>: {html.escape(self.acts(c).get(act, ""))}' for act in acts)
            picture = Picture(self.book.root / c / 'pictures' / f'{"-".join(acts)}.svg')
            body += f'<h2 id="{slug(name)}">{name}</h2><p>{said}.</p>{picture.figure("Timeline of " + name, c)}'
            toc.append((slug(name), name))
        self.add(f'{c}/pictures.html', f'{c[:2]} · Pictures', body, kind='pictures', chapter=c, stem='pictures', toc=toc)

    # ---- Questions, glossary, names ----

    def add_questions(self, home):
        asked = re.findall(r'^\d\. (.*\?)$', home.text, re.M)
        body = '<h1>Five questions</h1><p>Who can answer these has understood the workbook. Try first, then look.</p>'
        toc = []
        for n, question in enumerate(asked, 1):
            answers = ''
            for c in self.book.chapters:
                said = self.answer(c, question)
                if said:
                    lesson = self.lessons[c]
                    answers += (f'<details><summary>What chapter {c[:2]}, {lesson.title[3:]}, answers</summary>'
                                f'{lesson.html(said)}<p><a href="@/{c}/index.html">Read chapter {c[:2]}</a></p></details>')
            if not answers:
                sys.exit(f'book: no chapter answers "{question}"')
            body += f'<h2 id="question-{n}">{n}. {question}</h2>{answers}'
            toc.append((f'question-{n}', f'{n}. {question}'))
        self.add('questions.html', 'Five questions', body, kind='lesson', toc=toc)

    def answer(self, chapter, question):
        """What follows the question in the chapter's README, up to the next one."""
        said = None
        for block in self.lessons[chapter].part('The questions? it answers').strip().split('\n\n'):
            match = re.match(r'\*([^*]+\?)\*\s*(.*)', ' '.join(block.split()))
            if match and match[1] == question:
                said = [match[2]]
            elif match:
                if said:
                    break
            elif said:
                said.append(block)
        return said and '\n\n'.join(said)

    def add_glossary(self):
        body = '<h1>Glossary</h1><p>Each entry is the sentence in which a chapter says it.</p><dl class="glossary">'
        for t in self.glossary.terms:
            said = re.sub(r'^<p>|</p>\s*$', '', self.lessons[t.chapter].html(t.said))
            body += f'<dt id="{slug(t.term)}">{t.term}</dt><dd>{said} <a class="from" href="@/{t.chapter}/index.html">chapter {t.chapter[:2]}</a></dd>'
            self.index.append([f'glossary.html#{slug(t.term)}', t.term, re.sub(r'[*`]', '', t.said)])
        self.add('glossary.html', 'Glossary', body + '</dl>', kind='lesson')

    def add_names(self):
        entries = sorted((e for e in self.index if re.match(r'\d\d \S+:\d+$', e[2])), key=lambda e: (e[1].split()[-1].lower(), e[2]))
        body = '<h1>All names</h1><p>Every function, struct, enum and macro, and where it is defined.</p><ul class="names">' + ''.join(
            f'<li><a href="@/{href}"><code>{name}</code></a> <small>{where}</small></li>' for href, name, where in entries) + '</ul>'
        self.add('names.html', 'All names', body, kind='names')


if __name__ == '__main__':
    site = Site(*sys.argv[1:3])
    site.build()
    print(f'{len(site.pages)} pages. Open {site.out}/index.html')
