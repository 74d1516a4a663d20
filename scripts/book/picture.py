"""An SVG file of the workbook: a run's timeline, or a diagram."""
import html
import json
import re

THING = re.compile(r'<g><title>(.*?)</title>(.*?)</g>', re.S)
RECT = re.compile(r'<rect [^>]*?x="(\d+)" y="(\d+)" width="(\d+)" height="(\d+)"')
MARK = re.compile(r'<circle [^>]*?cx="(\d+)" cy="(\d+)" r="(\d+)"')


class Picture:
    def __init__(self, path):
        self.path, self.svg = path, path.read_text()
        self.width, self.height = (round(float(n)) for n in re.search(
            r'width="([\d.]+)(?:pt|px)?" height="([\d.]+)(?:pt|px)?"', self.svg).groups())
        found = re.search(r'<desc>(.*?)</desc>', self.svg, re.S)
        self.words = html.unescape(found.group(1)).strip() if found else ''

    @property
    def sentences(self):
        """The words, a paragraph for each; the renderer breaks and indents its lines."""
        return [' '.join(s.split()) for s in re.split(r'\n(?! )', self.words) if s.strip()]

    @property
    def things(self):
        """[x, y, width, height, words] of all that one can point at, by lanes."""
        things = []
        for words, body in THING.findall(self.svg):
            box, mark = RECT.search(body), MARK.search(body)
            if mark:
                x, y, r = map(int, mark.groups())
                x, y, wide, high = x - r, y - r, 2 * r, 2 * r
            elif box:
                x, y, wide, high = map(int, box.groups())
                if high < 16:  # a thin line is hard to hit
                    y, high = y + high // 2 - 8, 16
            else:
                continue
            last = things[-1] if things else None
            if last and last[4] == html.unescape(words):  # one bar, drawn in two parts
                last[2] = x + wide - last[0]
            else:
                things.append([x, y, wide, high, html.unescape(words)])
        return things

    def figure(self, alt, chapter):
        """It stays an <img>, so that it follows the chosen scheme. What can be looked
        into says so in data-things, which book.js reads."""
        things = self.things
        data = f' data-things="{html.escape(json.dumps(things, ensure_ascii=False, separators=(",", ":")))}"' if things else ''
        words = ''.join(f'<p>{html.escape(s)}</p>' for s in self.sentences)
        return (f'<figure class="picture"{data}><div class="scroll" tabindex="0" role="group" aria-label="Picture; it may scroll">'
                f'<div class="canvas" style="max-width:{max(self.width, 640) if things else self.width}px"><img src="@/{chapter}/{self.path.parent.name}/{self.path.name}" '
                f'width="{self.width}" height="{self.height}" alt="{html.escape(alt)}"></div></div>'
                + (f'<details class="words"><summary>The same in words</summary>{words}</details>' if words else '')
                + '</figure>\n')
