"""A Markdown page of the workbook as HTML: its code spans find their sources, its
transcripts their pictures."""
import html
import re

from markdown_it import MarkdownIt

from picture import Picture
from source import highlighted, slug


class Lesson:
    """One README.md, or another page of prose. Without a chapter no name links."""

    def __init__(self, site, path, chapter=None):
        self.site, self.book, self.path, self.chapter = site, site.book, path, chapter
        self.text = path.read_text()
        self.title = self.text.split('\n', 1)[0].lstrip('# ')
        self.headings = []  # (anchor, words) of each h2
        self.shown = set()  # pictures that stand on the page already
        self.meant = {}     # ambiguous name -> the file that it was found in
        self.near = None    # a file that was named is meant until the paragraph ends
        self.md = MarkdownIt('commonmark', {'html': True}).enable('table')
        for rule in ('fence', 'code_inline', 'image'):
            # markdown-it-py hands its renderer over as the first argument.
            self.md.add_render_rule(rule, lambda _, *a, rule=getattr(self, rule): rule(*a))

    def html(self, text=None):
        if text is None:
            text = self.text
            self.shown = self.site.acts_in(self.chapter, re.findall(r'\]\(pictures/([\w-]+)\.svg\)', text))
        tokens = self.md.parse(text)
        for i, t in enumerate(tokens):
            if t.type == 'heading_open':
                words = tokens[i + 1].content
                t.attrSet('id', slug(words))
                if t.tag == 'h2':
                    self.headings.append((slug(words), words))
            elif t.type == 'table_open':
                t.attrSet('tabindex', '0')
            elif t.type == 'inline':
                self.prepare(t.children)
        return self.md.renderer.render(tokens, self.md.options, {})

    def part(self, heading):
        """The text between this heading and the next of its kind."""
        match = re.search(rf'^## {heading}.*?\n(.*?)(?=^## |\Z)', self.text, re.M | re.S)
        return match.group(1) if match else ''

    def prepare(self, children):
        """Addresses of links; and for each code span the file that stands beside it:
        `work`, `take_out` and `put_back` in `executor.c`."""
        spans = []  # that no file stands beside yet
        for i, c in enumerate(children):
            if c.type == 'link_open':
                c.attrSet('href', self.site.address(c.attrGet('href'), self.path.parent))
            elif c.type == 'code_inline':
                spans.append(c)
                behind = children[i + 1:i + 3]
                is_named = (self.chapter and len(behind) == 2 and behind[1].type == 'code_inline'
                            and behind[0].content.strip() in ('in', 'of'))
                file = self.book.file(self.chapter, behind[1].content) if is_named else None
                if file:
                    for span in spans:
                        span.meta.setdefault('near', file)
                    spans = []

    # ---- What differs from plain Markdown ----

    def code_inline(self, tokens, i, options, env):
        text = tokens[i].content
        code = f'<code>{html.escape(text)}</code>'
        opened = [t.type for t in tokens[:i] if t.type in ('link_open', 'link_close')]
        if not self.chapter or opened[-1:] == ['link_open'] or text in self.site.acts(self.chapter):
            return code
        if not any(t.type == 'code_inline' for t in tokens[:i]):
            self.near = None
        file = self.book.file(self.chapter, text)
        if file:
            self.near = file
            return self.linked(code, file, None)
        homes = self.book.homes(self.chapter, text)
        # The file beside it, or one that the paragraph has named, or where this name
        # was found before.
        for near in (tokens[i].meta.get('near'), self.near, self.meant.get(text)):
            if near in homes:
                self.meant[text] = near
                return self.linked(code, *self.book.find(self.chapter, text, near))
        if len(homes) > 1:
            self.site.ambiguous.append((self.chapter, text, [f.name for f in homes]))
        hit = self.book.find(self.chapter, text)
        return self.linked(code, *hit) if hit else code

    def linked(self, code, file, anchor):
        return f'<a href="{self.site.link(file, anchor)}" title="{html.escape(self.book.says(file, anchor))}">{code}</a>'

    def fence(self, tokens, i, options, env):
        language, text = tokens[i].info or 'text', tokens[i].content
        if language == 'c':
            lines = highlighted(text.rstrip('\n'))
        else:
            lines = '\n'.join(self.said(language, line) for line in text.splitlines())
        out = f'<pre class="{language}" tabindex="0"><code>{lines}</code></pre>\n'
        return out + self.picture_of(text) if language == 'console' else out

    @staticmethod
    def said(language, line):
        """A command is bold, and what it printed is not."""
        text = html.escape(line, quote=False)
        if language == 'console' and line.startswith('$ '):
            return f'<span class="prompt">$ </span><b>{text[2:]}</b>'
        return f'<span class="prompt">{text}</span>' if line == '...' else text

    def picture_of(self, transcript):
        """The first time that a transcript plays an act, its picture is beside it."""
        out = ''
        for chapter, act in self.site.plays(transcript, self.chapter):
            path = self.book.root / chapter / 'pictures' / f'{act}.svg'
            if path.exists() and act not in self.shown:
                self.shown.add(act)
                out += Picture(path).figure(f'The same run as a picture: {act}', chapter)
        return out

    def image(self, tokens, i, options, env):
        path = self.path.parent / tokens[i].attrGet('src')
        # It stands in a paragraph, which a figure may not.
        return '</p>' + Picture(path).figure(' '.join(tokens[i].content.split()), self.chapter) + '<p>'
