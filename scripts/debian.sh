#!/usr/bin/env bash
# scripts/debian.sh PACKAGE...: installs those Debian packages that are absent, as root or with sudo.
# A server that comes with them is neither started nor enabled: what runs here is private, and stops with what started it.
set -euo pipefail

fail() {
    echo "debian: $*" >&2
    exit 1
}

command -v dpkg-query >/dev/null || fail "this isn't Debian: install by hand what corresponds to: $*"

absent=()
for package in "$@"; do
    state=$(dpkg-query --show --showformat='${db:Status-Status}' "$package" 2>/dev/null || true)
    [ "$state" = installed ] || absent+=("$package")
done
[ ${#absent[@]} -gt 0 ] || exit 0

as_root=()
if [ "$(id -u)" -ne 0 ]; then
    command -v sudo >/dev/null || fail "${absent[*]} must be installed: be root, or have sudo, or ask an administrator."
    sudo true || fail "${absent[*]} must be installed, and sudo refused: ask an administrator."
    as_root=(sudo)
fi

log=$(mktemp)
policy=/usr/sbin/policy-rc.d
guard=
tidy() {
    rm -f "$log"
    if [ -n "$guard" ]; then "${as_root[@]}" rm -f "$policy"; fi
}
trap tidy EXIT
trap 'exit 130' INT TERM

if [ ! -e "$policy" ]; then
    # Asked by Debian's maintainer scripts before they start a service; 101 forbids it.
    guard=yes
    printf '#!/bin/sh\nexit 101\n' | "${as_root[@]}" tee "$policy" >/dev/null
    "${as_root[@]}" chmod 755 "$policy"
fi

apt() {
    "${as_root[@]}" env DEBIAN_FRONTEND=noninteractive apt-get --quiet=2 -o Dpkg::Use-Pty=0 "$@" </dev/null >"$log" 2>&1
}
install() {
    apt install --yes --no-install-recommends "${absent[@]}"
}

echo "Installing Debian packages: ${absent[*]}"
# The lists of packages may be missing or too old to fetch by: then, and only then, they are brought up to date.
install || { apt update && install; } || {
    cat "$log" >&2
    fail "apt-get could not install ${absent[*]}: its own words stand above."
}

if [ -n "$guard" ] && [ -d /run/systemd/system ]; then
    for package in "${absent[@]}"; do
        case $package in
            prosody | ejabberd | postgresql)
                "${as_root[@]}" systemctl --quiet disable "$package" || fail "$package is installed, but could not be disabled."
                ;;
        esac
    done
fi
