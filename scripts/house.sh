#!/usr/bin/env bash
# House rules that no other tool knows, over every file that is or would be committed:
#   no host of a package registry, no path of somebody's machine, no Python file over 400 lines.
# Each pattern has a bracket in it, so that this file doesn't match itself.
set -euo pipefail
cd "$(dirname "$0")/.."

limit=400
# FILE: REASON, one a line, for files that are longer with good reason.
long_files="bridge/store/migrations/versions/0001_initial.py: the whole schema of the first release, one table after the other"

mapfile -d '' -t files < <(git ls-files -z --cached --others --exclude-standard)
[ ${#files[@]} -gt 0 ] || {
    echo "house: git lists no files here." >&2
    exit 1
}

bad=0
forbid() {
    local what=$1 pattern=$2 hits
    # A file listed by git may have been removed from the disk since: --no-messages.
    hits=$(grep --no-messages --with-filename --line-number --binary-files=without-match --extended-regexp --only-matching \
        "$pattern" -- "${files[@]}" || true)
    if [ -n "$hits" ]; then
        printf 'house: %s:\n%s\n' "$what" "$hits" >&2
        bad=1
    fi
}

hosts='py[p]i\.(org|io)|pythonhoste[d]\.org|npmj[s]\.(org|com)|yarnpk[g]\.com|crate[s]\.io|rubygem[s]\.org|prox[y]\.golang\.org'
hosts+='|(deb|ftp|security|snapshot)[.]debian\.(org|net)|docker\.[i]o|docker\.[c]om|(ghcr|quay|gcr)[.]io|registr[y][.-][a-z0-9.-]*\.(com|dev|io|net|org)'
forbid "the host of a package registry" "$hosts"
forbid "a path of somebody's machine" '(^|[^[:alnum:]_./-])/([h]ome|[r]oot|[w]ork|[U]sers)/[[:alnum:]._-]+'

for file in "${files[@]}"; do
    [[ $file == *.py && -f $file ]] || continue
    lines=$(wc -l <"$file")
    if [ "$lines" -gt $limit ] && ! grep --quiet --fixed-strings --line-regexp --regexp="${file}: " <<<"$(sed 's/: .*/: /' <<<"$long_files")"; then
        echo "house: $file has $lines lines (at most $limit): split it, or list it in scripts/house.sh with the reason." >&2
        bad=1
    fi
done
exit $bad
