#!/usr/bin/env python3
"""Compares two conda prefixes file by file; exit status 1 and a line for each difference.

    compare.py REAL OURS [--below FOLDER] [--installed] [--bytes-only] [--no-records]

--no-records: neither side's records are looked at. --bytes-only: modes, owners and times are not.

REAL and OURS are folders, tars, or images in a layout (oci:FOLDER:TAG); the prefix is below FOLDER in tars and images.
--installed: REAL was made by the installer itself. What such an installation leaves and a linked layer leaves out on purpose is
passed over and counted: the package cache, the start-up program, byte code of noarch packages, the time of files that are rewritten.
"""
import gzip, hashlib, json, os, re, stat, sys, tarfile

words = [w for w in sys.argv[1:] if not w.startswith("--")]
flags = {w for w in sys.argv[1:] if w.startswith("--")}
below = words[2].strip("/") if "--below" in flags else ""
RECORD = re.compile(r"conda-meta/[^/]+\.json")
LEFT_OUT = re.compile(r"(pkgs(/|$)|micromamba$|_conda$|conda\.exe$|\.nonadmin$|\.messages\.txt$|install_tmp(/|$)|CACHEDIR\.TAG$)")


def from_folder(top):
    top = os.path.join(top, below) if below and os.path.isdir(os.path.join(top, below)) else top
    for folder, folders, files in os.walk(top):
        for name in folders + files:
            place = os.path.join(folder, name)
            status = os.lstat(place)
            path = os.path.relpath(place, top)
            if stat.S_ISLNK(status.st_mode):
                yield path, ("link", 0o777, None, os.readlink(place).encode(), (0, 0))
            elif stat.S_ISDIR(status.st_mode):
                yield path, ("folder", status.st_mode & 0o7777, None, b"", (0, 0))
            else:
                yield path, ("file", status.st_mode & 0o7777, int(status.st_mtime), open(place, "rb").read(), (0, 0))


def from_tars(names):
    for name in names:
        whole = {}
        # A name may be a path or an open file.
        with tarfile.open(name) if isinstance(name, str) else tarfile.open(fileobj=name) as tar:
            for m in tar:
                path = os.path.normpath(m.name).lstrip("/")
                kind = "link" if m.issym() else "folder" if m.isdir() else "file"
                data = m.linkname.encode() if m.issym() else whole[os.path.normpath(m.linkname).lstrip("/")] if m.islnk() else \
                    tar.extractfile(m).read() if m.isreg() else b""
                whole[path] = data
                if path.startswith(below + "/") or not below:
                    yield path[len(below):].lstrip("/"), (kind, m.mode & 0o7777, int(m.mtime), data, (m.uid, m.gid))


def layers(name):
    _, folder, tag = name.split(":")
    blob = lambda digest: os.path.join(folder, "blobs", *digest.split(":"))
    roots = json.load(open(os.path.join(folder, "index.json")))["manifests"]
    root = next(r for r in roots if r["annotations"]["org.opencontainers.image.ref.name"] == tag)
    for layer in json.load(open(blob(root["digest"])))["layers"]:
        yield gzip.open(blob(layer["digest"]))


def read(word):
    if word.startswith("oci:"):
        return dict(from_tars(layers(word)))
    return dict(from_folder(word) if os.path.isdir(word) else from_tars([word]))


def record(data, noarch_code):
    """A record without what is not the same on purpose."""
    told = json.loads(data)
    told["files"] = sorted(f for f in told["files"] if f not in noarch_code)
    paths = [p for p in told.get("paths_data", {}).get("paths", []) if p["_path"] not in noarch_code]
    # The words of whoever asked for it.
    told.pop("requested_spec", None)
    told["paths_data"] = sorted(paths, key=lambda p: p["_path"])
    return told


real, ours = read(words[0]), read(words[1])
assert real and ours, f"nothing there: {len(real)} and {len(ours)} entries"
installed = "--installed" in flags
passed = {"cache and start-up program": 0, "byte code of noarch packages": 0}
code, patched = set(), set()
for path, entry in real.items():
    if RECORD.fullmatch(path):
        told = json.loads(entry[3]).get("paths_data", {}).get("paths", [])
        patched.update(p["_path"] for p in told if p.get("sha256") != p.get("sha256_in_prefix"))
if installed:
    for path in [p for p in real if LEFT_OUT.match(p)]:
        del real[path]
        passed["cache and start-up program"] += 1
    noarch = set()
    for path, entry in real.items():
        if RECORD.fullmatch(path):
            told = json.loads(entry[3])
            if told.get("noarch") == "python":
                noarch.update(told["files"])
    source = re.compile(r"__pycache__/([^/]+)\.cpython-\d+t?\.pyc$")
    code = {p for p in real if p.endswith(".pyc") and p not in ours and (p in noarch or source.sub(r"\1.py", p) in noarch)}
    code |= {p for p in noarch if p.endswith(".pyc")} - set(ours)
    for path in code:
        passed["byte code of noarch packages"] += real.pop(path, None) is not None
    # A folder that held nothing else goes with it.
    for path in [p for p, e in real.items() if e[0] == "folder" and p.endswith("__pycache__") and p not in ours]:
        if not any(p.startswith(path + "/") for p in real):
            del real[path]

if "--no-records" in flags:
    real, ours = ({p: e for p, e in side.items() if not RECORD.fullmatch(p)} for side in (real, ours))
if "--bytes-only" in flags:
    real.pop("CACHEDIR.TAG", None)

differences, same = [], 0
for path in sorted(set(real) | set(ours)):
    if path not in ours or path not in real:
        differences.append(f"{path}: only in {'the first' if path in real else 'the second'}")
        continue
    (kind, mode, mtime, data, _), (our_kind, our_mode, our_mtime, our_data, owner) = real[path], ours[path]
    wrong = []
    if kind != our_kind:
        wrong.append(f"{kind} and {our_kind}")
    elif RECORD.fullmatch(path):
        told, our_told = record(data, code), record(our_data, code)
        for key in sorted(set(told) | set(our_told)):
            if told.get(key) != our_told.get(key):
                wrong.append(f"{key}: {str(told.get(key))[:300]} and {str(our_told.get(key))[:300]}")
    elif data != our_data:
        wrong.append(f"{len(data)} bytes {hashlib.sha256(data).hexdigest()[:12]} and {len(our_data)} bytes {hashlib.sha256(our_data).hexdigest()[:12]}")
    if "--bytes-only" not in flags:
        if kind != "link" and mode != our_mode:
            wrong.append(f"mode {mode:o} and {our_mode:o}")
        if owner != (0, 0):
            wrong.append(f"owner {owner}")
        if path.endswith((".py", ".so", ".pyc")) and path not in patched and kind == "file" and mtime != our_mtime:
            wrong.append(f"time {mtime} and {our_mtime}")
    differences += [f"{path}: {w}" for w in wrong]
    same += not wrong

print(f"{same} equal, {len(differences)} differences" + "".join(f", {n} of {w} passed over" for w, n in passed.items() if n))
print("\n".join(differences[:200]))
sys.exit(bool(differences))
