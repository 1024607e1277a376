#!/usr/bin/env python3
"""Links a constructor installer's packages into a folder, for any prefix, without running anything.

    linker.py INSTALLER OUT PREFIX [--installed]

--installed: also what micromamba leaves: records, byte code of noarch packages, package cache, itself.

Independent of the program on purpose: written from the format's description with Python's own tarfile and zipfile; it trusts its
input and is for tests only. LICENSE.txt, .condarc, history and the lock are as the installer has them.
"""
import hashlib, io, json, os, re, subprocess, sys, tarfile, zipfile

installer, out, prefix = sys.argv[1:4]
installed = "--installed" in sys.argv


def unzstd(data):
    return subprocess.run(["zstd", "-dcq"], input=data, stdout=subprocess.PIPE, check=True).stdout


def read(data, mode="r:"):
    """Path to (member, bytes) of a tar; a hard link has its target's bytes."""
    with tarfile.open(fileobj=io.BytesIO(data), mode=mode) as tar:
        members = tar.getmembers()
        return {m.name: (m, tar.extractfile(m).read() if m.isreg() or m.islnk() else None) for m in members if not m.isdir()}


def package(data, name):
    if name.endswith(".conda"):
        found = {}
        with zipfile.ZipFile(io.BytesIO(data)) as archive:
            for member in archive.namelist():
                if member.endswith(".tar.zst"):
                    found.update(read(unzstd(archive.read(member))))
        return found
    return read(data, "r:bz2")


def entries(files):
    """(path, placeholder, mode, no_link) of everything that a package says it has."""
    if "info/paths.json" in files:
        for p in json.loads(files["info/paths.json"][1])["paths"]:
            yield p["_path"], p.get("prefix_placeholder"), p.get("file_mode")
        return
    marked = {}
    for line in files.get("info/has_prefix", (None, b""))[1].decode().splitlines():
        words = [w.strip('"') for w in re.findall(r'"[^"]*"|\S+', line)]
        marked[words[-1]] = words if len(words) == 3 else ["/opt/anaconda1anaconda2anaconda3", "text", words[0]]
    for path in files["info/files"][1].decode().splitlines():
        placeholder, mode, _ = marked.get(path, (None, None, None))
        yield path, placeholder, mode


def patch(data, placeholder, mode):
    old, new = placeholder.encode(), prefix.encode()
    if mode == "text":
        data = data.replace(old, new)
        first, newline, rest = data.partition(b"\n")
        if first.startswith(b"#!") and len(first) > 127:
            words = first[2:].strip().split(b" ", 1)
            first = b"#!/usr/bin/env " + b" ".join([os.path.basename(words[0])] + words[1:])
        return first + newline + rest
    def string(match):
        text = match.group(0)
        return text.replace(old, new) + b"\0" * ((len(old) - len(new)) * text.count(old))
    return re.sub(re.escape(old) + rb"[^\0]*", string, data)


def put(path, mode, mtime, data=None, link=None):
    place = os.path.join(out, path)
    os.makedirs(os.path.dirname(place), exist_ok=True)
    if os.path.lexists(place):
        os.unlink(place)
    if link is not None:
        os.symlink(link, place)
        return
    with open(place, "wb") as file:
        file.write(data)
    os.chmod(place, mode)
    os.utime(place, (mtime, mtime))


whole = open(installer, "rb").read()
header, _, _ = whole.partition(b"\n@@END_HEADER@@\n")
last = int(re.findall(rb"boundary\d=\$\(\( *\$?boundary\d \+ (\d+) \)\)", header)[-1])
outer = read(whole[-last:])
before, after = (read(outer[f"{n}conda.tar.bz2"][1], "r:bz2") for n in ("pre", "post"))
os.umask(0o022)
heredoc = re.search(rb'cat <<EOF >"?\$PREFIX/.condarc"?\n(.*?\n)EOF\n', header, re.S)
if heredoc:
    put(".condarc", 0o644, 0, heredoc.group(1))
kept = [m for m in before.items() if not m[0].startswith("pkgs/")] + list(after.items()) + [("LICENSE.txt", outer["LICENSE.txt"])]
for name, (member, data) in kept:
    put(name, member.mode, int(member.mtime), data)
def digest(data):
    return hashlib.sha256(data).hexdigest()


def record(name, files, placed, made):
    """What micromamba writes of a package: its channel's words, and what was linked where."""
    dist = re.sub(r"\.(conda|tar\.bz2)$", "", name)
    told = json.loads(before[f"pkgs/{dist}/info/repodata_record.json"][1])
    listed = {p["_path"]: p for p in json.loads(files["info/paths.json"][1])["paths"]}
    # The channel is the address above the platform's folder.
    told["channel"] = told["url"].rsplit("/", 2)[0]
    paths = []
    for path, place in placed:
        entry = {"_path": place, "path_type": listed[path]["path_type"], "sha256": listed[path]["sha256"]}
        target = os.path.join(out, place)
        entry["sha256_in_prefix"] = digest(open(target, "rb").read() if os.path.exists(target) else b"")
        if listed[path]["size_in_bytes"]:
            entry["size_in_bytes"] = listed[path]["size_in_bytes"]
        paths.append(entry)
    paths += [{"_path": p, "path_type": k} for p, k in made]
    cache = f"{prefix}/pkgs/{dist}"
    told |= {"files": [p["_path"] for p in paths], "paths_data": {"paths": paths, "paths_version": 1}, "requested_spec": "",
             "package_tarball_full_path": cache + ".tar.bz2", "extracted_package_dir": cache, "link": {"source": cache, "type": 1}}
    put(f"conda-meta/{dist}.json", 0o644, 0, json.dumps(told, indent=4, sort_keys=True).encode())
    put(f"pkgs/{name}", 0o644, 0, outer["pkgs/" + name][1])


python = re.search(r"/python-(\d+\.\d+)", before["pkgs/urls.txt"][1].decode()).group(1)
for url in before["pkgs/urls.txt"][1].decode().split():
    name = url.rsplit("/", 1)[1]
    files = package(outer["pkgs/" + name][1], name)
    noarch = json.loads(files["info/index.json"][1]).get("noarch") == "python"
    placed, made = [], []
    for path, placeholder, mode in entries(files):
        member, data = files[path]
        shipped = path
        if noarch:
            path = re.sub("^site-packages/", f"lib/python{python}/site-packages/", re.sub("^python-scripts/", "bin/", path))
        placed.append((shipped, path))
        if noarch and installed and path.endswith(".py"):
            code = re.sub(r"([^/]+)\.py$", rf"__pycache__/\1.cpython-{python.replace('.', '')}.pyc", path)
            put(code, 0o664, 0, b"byte code")
            made.append((code, "pyc_file"))
        if member.issym():
            put(path, None, None, link=member.linkname)
        else:
            put(path, member.mode & 0o777, int(member.mtime), patch(data, placeholder, mode) if placeholder else data)
    if noarch:
        for point in json.loads(files["info/link.json"][1])["noarch"].get("entry_points", []):
            command, module, function = re.match(r"(\S+)\s*=\s*(\S+?):(\S+)", point).groups()
            body = ["# -*- coding: utf-8 -*-", "import re", "import sys", "", f"from {module} import {function.split('.')[0]}", "",
                    "if __name__ == '__main__':", "    sys.argv[0] = re.sub(r'(-script\\.pyw?|\\.exe)?$', '', sys.argv[0])",
                    f"    sys.exit({function}())", ""]
            put("bin/" + command, 0o775, 0, f"#!{prefix}/bin/python{python}\n".encode() + "\n".join(body).encode())
            made.append(("bin/" + command, "unix_python_entry_point"))
    if installed:
        record(name, files, placed, made)
    if name.startswith("conda-2"):
        os.makedirs(os.path.join(out, "envs"), exist_ok=True)
if installed:
    put("micromamba", 0o755, 0, b"a program")
    put("_conda", None, None, link=f"{prefix}/micromamba")
