#!/usr/bin/env bash
# scripts/image.sh [--fresh] [TAG]: builds the container image (default localhost/statusbridge:latest) without a registry.
# The base image that the Dockerfile names is made of Debian's packages, once; --fresh makes it anew.
# Wants buildah (which wants netavark), debootstrap, and root or sudo.
# PIP_CERT or SSL_CERT_FILE, where set, is trusted while Python packages are fetched, and isn't in the image.
set -euo pipefail
cd "$(dirname "$0")/.."

fail() {
    echo "image: $*" >&2
    exit 1
}

if [ "$(id -u)" -ne 0 ]; then
    command -v sudo >/dev/null || fail "a Debian root can be made by root only: be root, or have sudo."
    exec sudo --preserve-env=PIP_CERT,SSL_CERT_FILE,http_proxy,https_proxy,no_proxy "$0" "$@"
fi

fresh=
if [ "${1:-}" = --fresh ]; then
    fresh=yes
    shift
fi
tag=${1:-localhost/statusbridge:latest}
from=$(sed -n 's/^FROM \([^ ]*\).*/\1/p' Dockerfile | sort -u)
[ "$(wc -l <<<"$from")" -eq 1 ] || fail "the Dockerfile names more than one base image."
base=localhost/$from
suite=${from##*-}

container=
tidy() {
    if [ -n "$container" ]; then buildah rm "$container" >/dev/null; fi
}
trap tidy EXIT
trap 'exit 130' INT TERM

make_base() {
    local root mirror
    # The mirror this machine itself uses, else debootstrap's own choice.
    mirror=$(apt-get indextargets --format '$(REPO_URI) $(SUITE)' 'Created-By: Packages' 2>/dev/null |
        awk -v suite="$suite" '$2 == suite { print $1; exit }')
    container=$(buildah from scratch)
    root=$(buildah mount "$container")
    echo "Making the base image $base of Debian $suite"
    debootstrap --variant=minbase --include=ca-certificates,python3,python3-venv,tzdata "$suite" "$root" ${mirror:+"$mirror"} \
        >"$root/debootstrap.log" 2>&1 || {
        tail -n 20 "$root/debootstrap.log" >&2
        fail "debootstrap could not make a Debian $suite: its last words stand above."
    }
    # Where the public image keeps it.
    ln -s /usr/bin/python3 "$root/usr/local/bin/python3"
    rm -rf "$root/debootstrap.log" "$root"/var/cache/apt/archives/*.deb "$root"/var/lib/apt/lists/*
    buildah umount "$container" >/dev/null
    buildah commit --quiet --format docker --rm "$container" "$base" >/dev/null
    container=
}

if [ -n "$fresh" ] || ! buildah inspect --type image "$base" >/dev/null 2>&1; then
    make_base
fi

secrets=()
ca=${PIP_CERT:-${SSL_CERT_FILE:-}}
if [ -n "$ca" ] && [ -s "$ca" ]; then secrets=(--secret "id=ca_bundle,src=$ca"); fi

# Versions of buildah differ in the limits that they raise to, which needs a privilege; none raises to these.
at_most() {
    if [ "$2" = unlimited ] || [ "$2" -gt "$1" ]; then echo "$1"; else echo "$2"; fi
}
files=$(at_most 1048576 "$(ulimit -Hn)")
processes=$(at_most 32768 "$(ulimit -Hu)")

# chroot: it asks least of the machine, so that this works in a container and in a virtual machine alike.
buildah bud --quiet --layers --force-rm --isolation chroot --network host --format docker --pull=never \
    --ulimit "nofile=$files:$files" --ulimit "nproc=$processes:$processes" "${secrets[@]}" --tag "$tag" . >/dev/null ||
    fail "buildah could not build $tag."
echo "Built $tag"
