#!/usr/bin/env python3
"""py-rattler as an oracle.

    oracle.py link PACKAGES.json OUT PREFIX SUBDIR    links packages (a list of {file, url, channel, record}) into OUT, for PREFIX
    oracle.py records FOLDER                          reads FOLDER/*.json as records of a prefix and prints what they say
"""
import asyncio, json, os, pathlib, sys, tempfile

import rattler


def linked(packages, out, prefix, subdir):
    records = []
    for package in json.load(open(packages)):
        told = package["record"]
        record = rattler.PackageRecord(
            name=told["name"], version=told["version"], build=rattler.BuildString(told["build"]), build_number=told["build_number"], subdir=told["subdir"],
            arch=told.get("arch"), platform=told.get("platform"), noarch=told.get("noarch"), depends=told["depends"],
            sha256=bytes.fromhex(told["sha256"]), md5=bytes.fromhex(told["md5"]), size=told["size"])
        url = pathlib.Path(package["file"]).resolve().as_uri()
        records.append(rattler.RepoDataRecord(record, os.path.basename(package["file"]), url, package["channel"]))
    with tempfile.TemporaryDirectory() as cache:
        asyncio.run(rattler.install(records, target_prefix=out, cache_dir=cache, installed_packages=[], platform=rattler.platform.Platform(subdir),
                                    alternative_target_prefix=prefix, show_progress=False))


def told(folder):
    for path in sorted(pathlib.Path(folder).glob("*.json")):
        record = rattler.PrefixRecord.from_path(path)
        paths = record.paths_data.paths
        assert len(paths) == len(record.files), path
        print(record.name.normalized, record.version, record.build, record.subdir, len(record.files), record.sha256.hex() if record.sha256 else None)


if sys.argv[1] == "link":
    linked(*sys.argv[2:6])
else:
    told(sys.argv[2])
