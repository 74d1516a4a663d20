"""The chapters' C files: their symbols, their comments, their HTML.

Knows nothing of pages. ctags finds the names, Pygments the tokens, and
markdown-it the paragraphs of the comments.
"""
import difflib
import functools
import html
import json
import re
import subprocess
from functools import cached_property
from pathlib import Path

from markdown_it import MarkdownIt
from pygments.lexers import CLexer
from pygments.token import STANDARD_TYPES, Comment, Name, Text

COMMENT = re.compile(r'^// ?(.*)$')  # one inside a function stays in the code
HEADING = re.compile(r'^---- (.*) ----$')
FILE = re.compile(r'^[\w-]+\.[ch]$')
WORD = re.compile(r'\b(?:struct |enum )?[A-Za-z_]\w*\b(?:\.[ch]\b)?(?:\(\))?')

# What ctags calls a kind, in a letter, and in the order in which a name without
# struct or enum before it is looked up.
KINDS = {'function': 'f', 'macro': 'd', 'variable': 'v', 'typedef': 't',
         'prototype': 'p', 'enumerator': 'e', 'struct': 's', 'enum': 'g'}
SPACES = {'': 'fdvtpe', 'struct': 's', 'enum': 'g'}

# '*' and '_' are C in a comment, not emphasis.
prose = MarkdownIt('commonmark', {'html': False}).disable(['emphasis', 'lheading', 'heading'])


def slug(text):
    return re.sub(r'\W+', '-', text.lower()).strip('-')


def anchor_of(tag):
    """struct and enum have a name space of their own."""
    prefix = {'struct': 'struct-', 'enum': 'enum-'}.get(tag['kind'], '')
    return prefix + tag['name']


class Book:
    """All files of all chapters. One that is carried on is there once."""

    def __init__(self, root):
        self.root = Path(root)
        self.chapters = [line.split()[0] for line in self.rows('scripts/chapters.txt')]
        self.programs = dict(line.split()[:2] for line in self.rows('scripts/chapters.txt'))
        self.origin = {}  # (chapter, file) -> the chapter it was first written in
        for line in self.rows('scripts/carried.txt'):
            name, first, *later = line.split()
            self.origin.update({(chapter, name): first for chapter in later})
        self.files = {}
        for chapter in self.chapters:
            for path in sorted((self.root / chapter).glob('*.[ch]')):
                if (chapter, path.name) not in self.origin:
                    self.files[chapter, path.name] = File(self, chapter, path)
        # chapter -> [(sitting, its files in the order of reading)]
        self.sittings = {chapter: [] for chapter in self.chapters}
        for line in self.rows('scripts/reading.txt'):
            number, sitting, *names = line.split()
            chapter = next(c for c in self.chapters if c.startswith(number))
            self.sittings[chapter].append((sitting, [self.files[chapter, n] for n in names]))

    def rows(self, path):
        return [line for line in (self.root / path).read_text().splitlines()
                if line and line[0] != '#']

    def file(self, chapter, name):
        return self.files.get((self.origin.get((chapter, name), chapter), name))

    @functools.cache
    def names(self, chapter):
        """All file names of a chapter, its own before those that it takes over."""
        names = [p.name for p in sorted((self.root / chapter).glob('*.[ch]'))]
        return sorted(names, key=lambda n: (chapter, n) in self.origin)

    def own(self, chapter):
        """The chapter's own files, in the order of reading."""
        order = [file for _, files in self.sittings[chapter] for file in files]
        rest = [f for (c, _), f in self.files.items() if c == chapter and f not in order]
        return order + rest

    def find(self, chapter, text, near=None):
        """Where a name of this chapter stands: (file, anchor), or None.

        near is the file that says the name: it, its header and what it includes
        come first.
        """
        text = text.removesuffix('()')
        if FILE.match(text):
            file = self.file(chapter, text)
            return (file, None) if file else None
        space, _, word = text.rpartition(' ')
        if space not in SPACES or not word.isidentifier():
            return None
        first = [near.name, near.stem + '.h', near.stem + '.c', *near.includes] if near else []
        names = list(dict.fromkeys(first + self.names(chapter)))
        for kind in SPACES[space]:
            for name in names:
                file = self.file(chapter, name)
                tag = file and file.defined.get((kind, word))
                # A static name is not known in another file.
                if tag and (kind in 'sg' or not (tag.get('file') and near and file is not near)):
                    return file, anchor_of(tag)
        return None

    def homes(self, chapter, text):
        """All files that define this name, so that one can see if it is ambiguous."""
        space, _, word = text.removesuffix('()').rpartition(' ')
        if space not in SPACES or not word.isidentifier():
            return []
        kinds = SPACES[space].replace('p', '')
        return [file for file in (self.file(chapter, name) for name in self.names(chapter))
                if any((kind, word) in file.defined for kind in kinds)]

    def says(self, file, anchor):
        """Where it stands, and its first line: what a pointer shows."""
        for tag in file.defined.values():
            if anchor_of(tag) == anchor and tag['kind'] != 'prototype':
                return f'{file.name}:{tag["line"]}  {file.lines[tag["line"] - 1].strip(" {")}'
        return file.name


class File:
    def __init__(self, book, chapter, path):
        self.book, self.chapter, self.path = book, chapter, path
        self.name, self.stem = path.name, path.stem
        self.text = path.read_text()
        self.lines = self.text.splitlines()
        self.includes = re.findall(r'^#include "(.*)"', self.text, re.M)

    @cached_property
    def tags(self):
        out = subprocess.run(['ctags', '--options=NONE', '--output-format=json', '--fields=+nKsSe',
                              '--kinds-C=+plz', '-o', '-', self.path],
                             capture_output=True, text=True, check=True).stdout
        return [json.loads(line) for line in out.splitlines()]

    @cached_property
    def defined(self):
        """(kind, name) -> tag; of two with one name the first one."""
        return {(KINDS[t['kind']], t['name']): t for t in reversed(self.tags)
                if t['kind'] in KINDS and not t['name'].startswith('__anon')}

    @cached_property
    def here(self):
        """line -> the anchors that stand there"""
        lines = {}
        for (kind, _), tag in self.defined.items():
            if kind != 'p':
                lines.setdefault(tag['line'], set()).add(anchor_of(tag))
        return lines

    @cached_property
    def locals(self):
        """line -> the names that are local there"""
        spans = {t['name']: (t['line'], t.get('end', t['line']))
                 for t in self.tags if t['kind'] == 'function'}
        here = {}
        for t in self.tags:
            if t['kind'] in ('local', 'parameter'):
                first, last = spans.get(t.get('scope'), (t['line'], t['line']))
                for line in range(first, last + 1):
                    here.setdefault(line, set()).add(t['name'])
        return here

    @cached_property
    def tokens(self):
        return lines_of_tokens(self.text)

    @cached_property
    def fresh(self):
        """Where an earlier chapter has a file of this name: that chapter, and the
        lines of ours that it does not have."""
        before = [c for c in self.book.chapters if c < self.chapter
                  and (c, self.name) in self.book.files]
        if not before:
            return None
        old = self.book.files[before[-1], self.name].lines
        match = difflib.SequenceMatcher(None, old, self.lines, autojunk=False)
        return before[-1], {n + 1 for op, _, _, a, b in match.get_opcodes()
                            if op != 'equal' for n in range(a, b)}

    # ---- Into rows of prose and code ----

    def comment(self, n):
        match = COMMENT.match(self.lines[n - 1])
        return match.group(1) if match else None

    def is_heading(self, n):
        return bool(HEADING.match(self.comment(n) or ''))

    def rows(self):
        """[(prose line numbers, code line numbers)], in the order of the file.

        A row ends before a comment that has a line of its own, and at a blank
        line outside all braces.
        """
        rows, note, code, depth = [], [], [], 0

        def flush():
            if note or code:
                rows.append((note[:], code[:]))
            note.clear()
            code.clear()

        for n, line in enumerate(self.lines, 1):
            if COMMENT.match(line):
                if code or (note and self.is_heading(note[-1])):
                    flush()
                note.append(n)
            elif not line.strip():
                if code and depth:
                    code.append(n)
                else:
                    flush()
            else:
                code.append(n)
                if line.startswith('}'):
                    depth = 0
                elif line.endswith('{') and line[0] not in '#/':
                    depth = 1
        flush()
        return self.pack(rows)

    def pack(self, rows):
        """What the file is comes before its first #define; and beside a long
        comment there is room for code that has none."""
        if len(rows) > 1 and not rows[0][0] and all(self.lines[n - 1].startswith('#') for n in rows[0][1]):
            (_, first), (note, code), *rest = rows
            rows = [(note, first + code), *rest]
        packed = []
        for note, code in rows:
            if packed and not note and self.leaves_room(*packed[-1]):
                packed[-1][1].extend(range(code[0] - 1 if packed[-1][1] else code[0], code[0]))
                packed[-1][1].extend(code)
            else:
                packed.append((note, code))
        return packed

    def leaves_room(self, note, code):
        return sum(len(self.lines[n - 1]) for n in note) > 45 * len(code)

    # ---- Into HTML. link(file, anchor) gives an address. ----

    def parts(self, link):
        """The annotated file, prose left, code right: [(heading, HTML)]."""
        fresh = self.fresh[1] if self.fresh else ()
        parts = [(None, [])]
        for note, code in self.rows():
            head = next((HEADING.match(self.comment(n)).group(1) for n in note if self.is_heading(n)), None)
            if head:
                parts.append((head, []))
            text = self.prose(note, link)
            lead = note and note[0] <= 2 and not head
            kind = 'row' + ('' if text else ' bare') + (' lead' if lead else '')
            marks = ''.join(f'<span id="{self.name}:{n}"></span>' for n in note)
            lines = ''.join(self.line(n, link, n in fresh) for n in code)
            listing = f'<pre class="code">{lines}</pre>' if lines else ''
            parts[-1][1].append(f'<div class="{kind}"><div class="note">{marks}{text}</div>{listing}</div>\n')
        return [(head, ''.join(rows)) for head, rows in parts if rows]

    def line(self, n, link, is_new):
        return (f'<span class="line{" new" if is_new else ""}" id="{self.name}:{n}">'
                f'<a class="ln" href="#{self.name}:{n}" data-n="{n}" tabindex="-1" aria-hidden="true"></a>'
                f'{self.code(n, link)}\n</span>')

    def prose(self, numbers, link):
        text, listing = [], False
        for n in numbers:
            line = self.comment(n)
            if HEADING.match(line):
                continue
            listing = line.startswith('- ') or listing and line.startswith(' ')
            # Two spaces are a listing for our comments; Markdown wants four.
            text.append('    ' + line if line.startswith('  ') and not listing else line)
        return link_words(render(text), self, link)

    def code(self, n, link):
        out, before = [], ''
        for kind, text in self.tokens[n - 1]:
            piece = self.definition_of_macro(kind, text) or token(kind, text)
            hit = self.target(n, kind, text, before)
            if hit:
                file, anchor = hit
                if file is self and anchor in self.here.get(n, ()):
                    piece = f'<span id="{anchor}" class="def">{piece}</span>'
                else:
                    piece = f'<a href="{link(file, anchor)}">{piece}</a>'
            out.append(piece)
            before = text.strip() or before
        return ''.join(out)

    def target(self, n, kind, text, before):
        """What a token of line n means, as find() says it."""
        if kind in Comment.PreprocFile:
            return self.book.find(self.chapter, text.strip('"'), self)
        if kind not in Name or not text.isidentifier() or before in ('.', '->'):
            return None
        if before in ('struct', 'enum'):
            return self.book.find(self.chapter, f'{before} {text}', self)
        if text in self.locals.get(n, ()):
            return None
        return self.book.find(self.chapter, text, self)

    def definition_of_macro(self, kind, text):
        """A #define is one token for Pygments, with all that follows it."""
        macro = kind in Comment.Preproc and re.match(r'(define\s+)(\w+)(.*)', text)
        if not macro or ('d', macro[2]) not in self.defined or macro[2].endswith('_H'):
            return None
        return (f'<span class="cp">{macro[1]}<span id="{macro[2]}" class="def">{macro[2]}</span>'
                f'{html.escape(macro[3], quote=False)}</span>')


def render(comment_lines):
    return prose.render('\n'.join(comment_lines)).replace('<pre>', '<pre tabindex="0">')


def lines_of_tokens(text):
    """For each line of C its tokens."""
    rows = [[]]
    for kind, value in CLexer(stripnl=False, ensurenl=False).get_tokens(text):
        for i, part in enumerate(value.split('\n')):
            if i:
                rows.append([])
            if part:
                rows[-1].append((kind, part))
    return rows


def token(kind, text):
    piece = html.escape(text, quote=False)
    css = STANDARD_TYPES.get(kind, '')
    if not css or kind is Text or text.isspace():
        return piece
    return f'<span class="{css}">{piece}</span>'


def highlighted(text):
    """C without links, such as an exercise."""
    return '\n'.join(''.join(token(*t) for t in row) for row in lines_of_tokens(text))


def link_words(markup, file, link):
    """Links file names, and names that no English word looks like."""
    def word(match):
        text = match.group()
        sure = (text.startswith(('struct ', 'enum ')) or '_' in text
                or text.endswith(('.c', '.h', '()')) or text.isupper())
        hit = file.book.find(file.chapter, text, file) if sure else None
        if not hit:
            return text
        return f'<a href="{link(*hit)}" title="{html.escape(file.book.says(*hit))}"><code>{text}</code></a>'
    return ''.join(part if part.startswith('<') else WORD.sub(word, part)
                   for part in re.split(r'(<[^>]*>)', markup))
