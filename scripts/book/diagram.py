"""diagram.py FILE.dot...: draws each with Graphviz into FILE.svg beside it.

Graphviz writes colours of its own, and a reader's page may be light or dark. So a
diagram says what a thing *is*, by its class or by the colours below, and the colours
for both pages are put in here, the same as those of the runs' pictures. The comment
at the top of the file becomes the picture in words.
"""
import html
import re
import subprocess
import sys
from pathlib import Path

STYLE = '''<style>
.diagram{--page:#fff;--ink:#1f2328;--soft:#59636e;--wash:#f6f8fa;--line:#8b949e;--mark:#2f7d4f;--asleep:#cfe0f5;--ready:#f8e3a8;--cpu:#f6d0cd;--parked:#cdebd8}
@media(prefers-color-scheme:dark){.diagram{--page:#15191f;--ink:#e6e9ed;--soft:#9aa4af;--wash:#1c222a;--line:#6b7682;--mark:#57b27f;--asleep:#23405f;--ready:#594510;--cpu:#5c2723;--parked:#1d4630}}
.diagram text{font-family:system-ui,'Segoe UI','DejaVu Sans',sans-serif;fill:var(--ink)}
.diagram text.code{font-family:ui-monospace,'DejaVu Sans Mono',Menlo,monospace}
.diagram .page{fill:var(--page)}
.diagram .node>path{fill:var(--wash);stroke:var(--line)}
.diagram .cell{fill:var(--wash);stroke:var(--line)}
.diagram .border{fill:none;stroke:var(--line)}
.diagram .cluster>polygon,.diagram .cluster>path{fill:none;stroke:var(--line);stroke-dasharray:4 3}
.diagram .cluster>text,.diagram .soft>text{fill:var(--soft)}
.diagram .node.plain>path{fill:none;stroke:none}
.diagram .edge>path{fill:none;stroke:var(--soft);stroke-width:1.3}
.diagram .edge>polygon{fill:var(--soft);stroke:var(--soft)}
.diagram .wake>path{stroke:var(--mark);stroke-width:2.2}
.diagram .wake>polygon{fill:var(--mark);stroke:var(--mark)}
.diagram .node.asleep>path,.diagram .asleep-cell{fill:var(--asleep);stroke:var(--line)}
.diagram .node.ready>path,.diagram .ready-cell{fill:var(--ready);stroke:var(--line)}
.diagram .node.cpu>path,.diagram .cpu-cell{fill:var(--cpu);stroke:var(--line)}
.diagram .node.parked>path,.diagram .parked-cell{fill:var(--parked);stroke:var(--line)}
</style>
'''

# The BGCOLOR of a table's cell -> its class.
CELLS = {'white': 'cell', 'lightblue': 'asleep-cell', 'khaki': 'ready-cell', 'pink': 'cpu-cell', 'palegreen': 'parked-cell'}

DEFAULTS = ['-Gbgcolor=transparent', '-Gfontname=DejaVu Sans', '-Nfontname=DejaVu Sans', '-Efontname=DejaVu Sans',
            '-Gfontsize=13', '-Nfontsize=13', '-Efontsize=12', '-Nshape=box', '-Nstyle=rounded', '-Nmargin=0.15,0.08',
            '-Nheight=0.3', '-Gpad=0.15', '-Granksep=0.35', '-Gnodesep=0.3', '-Earrowsize=0.7']


def words_of(text):
    """(title, description): the comment that the file begins with."""
    lines = []
    for line in text.splitlines():
        if not line.startswith('//'):
            break
        lines.append(line[2:].strip())
    title, _, description = '\n'.join(lines).partition('\n')
    return title, description.strip()


def draw(path):
    title, description = words_of(path.read_text())
    if not description:
        sys.exit(f'diagram: {path}: its first lines do not say it in words')
    done = subprocess.run(['dot', '-Tsvg', *DEFAULTS, path], capture_output=True, text=True, check=True)
    if done.stderr:
        sys.exit(f'diagram: {path}: {done.stderr.strip()}')
    svg = re.sub(r'^.*?(?=<svg)', '', done.stdout, flags=re.S)
    svg = re.sub(r'<!--.*?-->\n?', '', svg, flags=re.S)
    svg = re.sub(r'<title>.*?</title>\n?', '', svg, flags=re.S)  # Graphviz's own, such as a->b
    width, height, box = re.search(r'width="([\d.]+)pt" height="([\d.]+)pt"\s+viewBox="([^"]*)"', svg).groups()
    # A table's cell: its colour is its class. Its border comes as a polygon of its own.
    for colour, css in CELLS.items():
        svg = re.sub(rf'<polygon fill="{colour}" stroke="[^"]*"', f'<polygon class="{css}"', svg)
    svg = svg.replace('<polygon fill="none"', '<polygon class="border"')
    svg = re.sub(r'<text ([^>]*)font-family="Courier[^"]*"', r'<text class="code" \1', svg)
    svg = re.sub(r' (?:font-family|fill|stroke)="[^"]*"(?=[^<]*/?>)', '', svg)
    svg = re.sub(r' id="[^"]*"', '', svg)
    w, h = round(float(width) * 4 / 3 * .9), round(float(height) * 4 / 3 * .9)
    head = (f'<svg xmlns="http://www.w3.org/2000/svg" class="diagram" role="img" width="{w}" height="{h}" viewBox="{box}">\n'
            f'<title>{html.escape(title)}</title>\n<desc>{html.escape(description)}</desc>\n{STYLE}'
            f'<rect class="page" width="{width}" height="{height}"/>\n')
    svg = head + re.sub(r'^<svg.*?>\n', '', svg, count=1, flags=re.S)
    path.with_suffix('.svg').write_text(svg)
    print(path.with_suffix('.svg'))


if __name__ == '__main__':
    for name in sys.argv[1:]:
        draw(Path(name))
