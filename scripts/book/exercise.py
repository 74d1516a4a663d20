"""An exercise: what its start and its spec say. Never its answers."""
import re

from source import COMMENT

BEGIN, END = '// ---- your part ----', '// ---- to here ----'


class Exercise:
    def __init__(self, path):
        self.id = path.parent.parent.name[:2] + path.name
        lines = (path / 'start.c').read_text().splitlines()
        self.task, rest = self.head(lines)
        begin, end = rest.index(BEGIN), rest.index(END)
        # What comes before the reader's part, that part, and what follows it.
        self.before = '\n'.join(rest[:begin]).strip('\n')
        self.part = '\n'.join(rest[begin:end + 1])
        self.after = '\n'.join(rest[end + 1:]).strip('\n')
        header = path / 'exercise.h'
        self.header = header.read_text().strip('\n') if header.exists() else None
        self.spec = self.read_spec(path / 'spec')
        self.title = self.spec['title'][0]
        self.minutes = self.spec['minutes'][0]
        self.predict = next(iter(self.spec.get('predict', [])), None)
        self.hints = self.spec['hint']

    @staticmethod
    def head(lines):
        """(its first comment, all that follows it); a #define may come before it."""
        first = next(i for i, line in enumerate(lines) if line.startswith('// Exercise '))
        last = first
        while last < len(lines) and COMMENT.match(lines[last]):
            last += 1
        return [COMMENT.match(line).group(1) for line in lines[first:last]], lines[:first] + lines[last:]

    @staticmethod
    def read_spec(path):
        """key -> its values; a value goes on in lines that are indented."""
        spec, values = {}, None
        for line in path.read_text().splitlines():
            key = re.match(r'(title|minutes|predict|hint)\s+(.*)', line)
            if key:
                values = spec.setdefault(key[1], [])
                values.append(key[2])
            elif values and line.startswith('  '):
                values[-1] += ' ' + line.strip()
            else:
                values = None
        return spec
