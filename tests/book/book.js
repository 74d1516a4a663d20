// The book as files: its pages, and what a check needs to know of them without a
// browser.
const fs = require('fs'), path = require('path');

// All that ends so below a directory, in order.
function files(directory, ending) {
  return fs.readdirSync(directory, { recursive: true, withFileTypes: true })
    .filter(f => f.isFile() && f.name.endsWith(ending))
    .map(f => path.join(f.parentPath ?? f.path, f.name)).sort();
}

class Page {
  constructor(out, file) {
    this.file = file;
    this.name = path.relative(out, file);
    this.text = fs.readFileSync(file, 'utf8');
    this.kind = /<body class="(\w+)"/.exec(this.text)[1];
    this.chapter = /^\d\d[^/]*/.exec(this.name)?.[0];
    this.ids = [...this.text.matchAll(/\sid="([^"]*)"/g)].map(m => m[1]);
    this.links = [...this.text.matchAll(/\s(?:href|src)="([^"]*)"/g)].map(m => m[1].replace(/&amp;/g, '&'))
      .filter(href => !/^(https?|data|mailto):/.test(href));
    this.next = /<link rel="next" href="([^"]*)"/.exec(this.text)?.[1];
  }

  // Where a link of this page leads: [file, fragment].
  follow(href) {
    const [file, fragment] = href.split('#');
    return [file ? path.resolve(path.dirname(this.file), file) : this.file, fragment && decodeURIComponent(fragment)];
  }
}

class Book {
  constructor(root, out) {
    this.root = root;
    this.out = out;
    this.pages = files(out, '.html').map(file => new Page(out, file));
    this.page = Object.fromEntries(this.pages.map(p => [p.name, p]));
    // "chapter/file" -> the chapter that it was carried from
    this.carried = Object.fromEntries(fs.readFileSync(path.join(root, 'scripts/carried.txt'), 'utf8').split('\n')
      .filter(line => line && line[0] !== '#')
      .flatMap(line => { const [name, first, ...later] = line.split(/\s+/); return later.map(c => [`${c}/${name}`, first]); }));
    this.chapters = [...new Set(this.pages.map(p => p.chapter).filter(Boolean))];
  }

  // One page of each kind, those that are full of things.
  get samples() {
    return ['index.html', '03-task-queue/index.html', '02-futures/executor.html', '05-libuv-tcp/tcp_connection.html',
      '02-futures/02b.html', '02-futures/pictures.html', 'questions.html', 'glossary.html', 'names.html'].map(name => this.page[name]);
  }

  // The chapter in which a file of this one was first written.
  origin(chapter, name) {
    return this.carried[`${chapter}/${name}`] ?? chapter;
  }

  sources(chapter) {
    return files(path.join(this.root, chapter), '').filter(f => path.dirname(f) === path.join(this.root, chapter) && /\.[ch]$/.test(f));
  }
}

module.exports = { Book, files };
