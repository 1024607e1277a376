#!/usr/bin/env python3
"""Reads a conda package with Python's own readers: `read_package.py FILE` prints what it holds."""
import hashlib, io, json, subprocess, sys, tarfile, zipfile

path = sys.argv[1]
if path.endswith(".conda"):
    archive = zipfile.ZipFile(path)
    assert archive.testzip() is None
    assert json.loads(archive.read("metadata.json")) == {"conda_pkg_format_version": 2}
    tars = [subprocess.run(["zstd", "-dcq"], input=archive.read(n), stdout=subprocess.PIPE, check=True).stdout
            for n in archive.namelist() if n.endswith(".tar.zst")]
    tars = [tarfile.open(fileobj=io.BytesIO(t)) for t in tars]
else:
    tars = [tarfile.open(path)]
files = {m.name: (t, m) for t in tars for m in t.getmembers()}


def data(name):
    tar, member = files[name]
    return tar.extractfile(member).read()


index = json.loads(data("info/index.json"))
payload = [n for n in files if not n.startswith("info/")]
assert sorted(data("info/files").decode().split("\n")[:-1]) == sorted(payload)
print(index["name"], index["version"], index["build"], len(payload), "files")
if "info/paths.json" in files:
    for entry in json.loads(data("info/paths.json"))["paths"]:
        found = data(entry["_path"])
        assert hashlib.sha256(found).hexdigest() == entry["sha256"] and len(found) == entry["size_in_bytes"], entry
        if "prefix_placeholder" in entry:
            assert entry["prefix_placeholder"].encode() in found
    print("paths.json agrees")
