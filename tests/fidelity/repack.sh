#!/usr/bin/env bash
# Repacks Debian packages under other names: in paths, in control files and in every text that they ship.
#
#   repack.sh FROM TO KEEP OUTDIR FILE.deb...
#
# FROM becomes TO wherever it stands, but inside the words of KEEP (a regular expression: names of programs that scripts call).
# Programs keep their bytes. OUTDIR gets the packages and `Packages`, their stanzas for an index. Needs root (owners are kept) and dpkg-dev.
set -euo pipefail
from=$1 to=$2 keep=$3 out=$4
shift 4
mkdir -p "$out/pool"
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
rename() { FROM=$from TO=$to KEEP=$keep perl -pe 's/($ENV{KEEP})|$ENV{FROM}/defined $1 ? $1 : $ENV{TO}/ge'; }
for deb in "$@"; do
    tree=$work/tree
    rm -rf "$tree"
    dpkg-deb -R "$deb" "$tree"
    # Deepest first, so that a folder's new name does not hide what is in it.
    find "$tree" -mindepth 1 -depth -printf '%P\n' | while IFS= read -r path; do
        leaf=${path##*/} new=$(rename <<<"${path##*/}")
        [ "$leaf" = "$new" ] || mv "$tree/$path" "$tree/$(dirname "$path")/$new"
    done
    find "$tree" -type l | while IFS= read -r link; do
        target=$(readlink "$link") new=$(readlink "$link" | rename)
        [ "$target" = "$new" ] || ln -sfn "$new" "$link"
    done
    grep -rIlE "$from" "$tree" | while IFS= read -r file; do
        cp -p "$file" "$work/before"
        rename <"$work/before" >"$file"
        touch -r "$work/before" "$file"
    done || true
    (cd "$tree" && find . -path ./DEBIAN -prune -o -type f -printf '%P\n' | sort | { [ ! -e DEBIAN/conffiles ] && cat || grep -vxFf <(sed 's|^/||' DEBIAN/conffiles); } |
        xargs -r md5sum >DEBIAN/md5sums)
    dpkg-deb -b "$tree" "$out/pool" >/dev/null
done
cd "$out"
dpkg-scanpackages --multiversion pool 2>/dev/null >Packages
