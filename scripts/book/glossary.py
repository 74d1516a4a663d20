"""The terms of the workbook. What each means is said once, in a README; here that
sentence is found, and the first use of a term on another page links to it."""
import html
import re
import sys
from dataclasses import dataclass

from source import slug

TAG = re.compile(r'(<[^>]*>)')
# Between two sentences of flat text.
STOP = re.compile(r'(?:(?<=[.?!])|(?<=[.?!]\)))\s+(?=[A-Z*"`(])')
# The words in bold that a paragraph begins with, if they are a sentence.
LEAD = re.compile(r'^\*\*[^*]*[.?!]\*\*\s+')
# In these a word stays as it is.
WITHIN = {'a', 'code', 'pre', 'h1', 'h2', 'h3', 'b', 'em', 'th', 'summary', 'figure', 'svg'}


@dataclass
class Term:
    term: str
    chapter: str
    said: str    # Markdown
    words: list  # all that link to it


class Glossary:
    def __init__(self, path, lessons):
        self.terms, missing = [], []
        for line in path.read_text().splitlines():
            if not line or line[0] == '#':
                continue
            term, number, more = (x.strip() for x in line.split('|'))
            chapter = next(c for c in lessons if c.startswith(number))
            said = self.sentence(lessons[chapter].text, term)
            if said:
                self.terms.append(Term(term, chapter, said, [] if more == '-' else [term, *more.split()]))
            else:
                missing.append(f'book: glossary.txt: chapter {number} does not say what *{term}* is')
        if missing:
            sys.exit('\n'.join(missing))
        self.terms.sort(key=lambda t: t.term.lower())

    @staticmethod
    def sentence(text, term):
        """The first sentence that emphasises the term, or that it opens in bold."""
        emphasised = re.compile(rf'(?<!\*)\*{re.escape(term)}s?\*(?!\*)', re.I)
        opening = re.compile(rf'^\*\*((?:An?|The|To)\s)?({re.escape(term)}s?)\*\*', re.I)
        for block in re.split(r'\n\n|\n(?=- |\d+\. )', text):
            flat = ' '.join(block.split())
            flat = LEAD.sub('', re.sub(r'^(?:-|\d+\.) ', '', flat))
            for n, sentence in enumerate(STOP.split(flat)):
                if emphasised.search(sentence) or n == 0 and opening.search(sentence):
                    return re.sub(r':$', '.', opening.sub(r'\1*\2*', sentence))
        return None

    def link(self, markup, chapter):
        """Links the first use of each term that another chapter defines."""
        words = {w.lower(): t for t in self.terms if t.chapter != chapter for w in t.words}
        longest_first = '|'.join(sorted(map(re.escape, words), key=len, reverse=True))
        rule = re.compile(rf'(?<![\w-])({longest_first})(?![\w-])', re.I)
        out, within, seen = [], 0, set()

        def linked(match):
            term = words[match.group().lower()]
            if term.term in seen:
                return match.group()
            seen.add(term.term)
            says = html.escape(re.sub(r'[*`]', '', term.said))
            return f'<a class="term" href="@/glossary.html#{slug(term.term)}" title="{says}">{match.group()}</a>'

        for part in TAG.split(markup):
            tag = re.match(r'<(/?)(\w+)', part)
            if tag and tag[2] in WITHIN:
                within += -1 if tag[1] else 1
            elif not tag and not within:
                part = rule.sub(linked, part)
            out.append(part)
        return ''.join(out)
