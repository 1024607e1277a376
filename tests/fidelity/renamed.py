#!/usr/bin/env python3
"""Do two images differ in nothing but names?

  renamed.py IMAGE OTHER FROM TO KEEP

Compares what IMAGE has on top of its base with what OTHER has on top of its own (both OCI layouts). In IMAGE's paths, texts and link
targets FROM becomes TO first, but inside the words of KEEP. Lines of texts are compared as a set and sums of files not at all, since both
follow from names. Prints the paths that differ; the status is 1 if there are any.
"""
import os, re, sys, tarfile

sys.path.insert(0, os.path.dirname(__file__))
from fidelity import KIND, Layout, name_of

LARGEST_TEXT = 4 << 20
# Texts in which packages that kept their names speak of the renamed ones: there both sides are renamed.
SHARED = re.compile(r'usr/share/doc/|var/lib/dpkg/status$|var/cache/debconf/templates\.dat$')


def own(path, base_layers):
    """What the layers above the base have: path -> (type, mode, uid, gid, what)."""
    layout, tree = Layout(path), {}
    for layer in layout.layers()[base_layers:]:
        with tarfile.open(fileobj=layout.tar_of(layer), mode='r|') as tar:
            for m in tar:
                name = name_of(m.name)
                if m.islnk():
                    tree[name] = tree[name_of(m.linkname)]
                    continue
                what = m.linkname.encode() if m.issym() else tar.extractfile(m).read() if m.isreg() else b''
                tree[name] = (KIND.get(m.type, 'f'), m.mode & 0o7777, m.uid, m.gid, what)
    return tree


def comparable(name, entry, rename):
    kind, mode, uid, gid, what = entry
    if kind == 'f' and name.endswith('.md5sums'):
        what = b''
    elif kind == 'f' and b'\0' not in what and len(what) <= LARGEST_TEXT:
        what = re.sub(rb'\b[0-9a-f]{32}\b', b'SUM', rename(what))
        what = b'\n'.join(sorted(what.split(b'\n')))
    elif kind == 'l':
        what = rename(what)
    return kind, mode, uid, gid, what


def main(image, other, before, after, keep):
    pattern = re.compile(f'({keep})|{before}'.encode())
    rename = lambda text: pattern.sub(lambda m: m[1] if m[1] is not None else after.encode(), text)
    same = lambda text: text
    ours = {rename(name.encode()).decode(): comparable(name, entry, rename) for name, entry in own(image, 1).items()}
    # The other base has one layer more: where the renamed packages come from.
    theirs = {name: comparable(name, entry, rename if SHARED.match(name) else same) for name, entry in own(other, 2).items()}
    wrong = sorted(name for name in ours.keys() | theirs.keys() if ours.get(name) != theirs.get(name))
    for name in wrong:
        a, b = ours.get(name), theirs.get(name)
        print(name, a and a[:4], b and b[:4])
        if a and b and a[0] == b[0] == 'f':
            left, right = (set(text[4].split(b'\n')) for text in (a, b))
            for mark, lines in (('-', left - right), ('+', right - left)):
                for line in sorted(lines)[:5]:
                    print('   ', mark, line[:160].decode('utf-8', 'replace'))
    print(f'{len(ours)} paths, {len(wrong)} differ')
    return 1 if wrong or not ours else 0


if __name__ == '__main__':
    sys.exit(main(*sys.argv[1:]))
