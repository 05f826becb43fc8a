#!/bin/sh
# Install Apptainer, as root. Where this Debian has no package of it, the next one's is rebuilt for the glibc that is here:
# nothing else of the system changes. PYTHON has pyelftools.
set -eu
here=$(cd "$(dirname "$0")" && pwd)
python=${PYTHON:-python3}
export DEBIAN_FRONTEND=noninteractive

install() { apt-get -qq -y -o DPkg::Lock::Timeout=600 install --no-install-recommends "$@" > /dev/null; }

# apt with sid for a source, and lists and state of its own: the host's sources stay as they are
from_sid() {
    apt-get -qq -o Dir::Etc::sourcelist="$work/sources.list" -o Dir::Etc::sourceparts="$work/none" \
        -o Dir::Etc::preferencesparts="$work/none" -o Dir::State="$work" -o Dir::State::lists="$work/lists" \
        -o Dir::State::status="$work/status" -o Dir::Cache="$work/cache" -o Acquire::Languages=none \
        -o Acquire::Check-Valid-Until=false -o APT::Sandbox::User=root -o APT::Update::Post-Invoke-Success= "$@"
}

rebuild() {
    work=$(mktemp -d)
    trap 'rm -rf "$work"' EXIT
    mkdir -p "$work/lists/partial" "$work/cache/archives/partial" "$work/none" "$work/rebuilt"
    : > "$work/status"
    mirror=$(apt-get indextargets --format '$(SITE)' 'Created-By: Packages' | head -n 1)
    echo "deb [signed-by=/usr/share/keyrings/debian-archive-keyring.gpg] $mirror sid main" > "$work/sources.list"
    from_sid update
    cd "$work"
    from_sid download apptainer
    dpkg-deb -R apptainer_*.deb package
    glibc=$(getconf GNU_LIBC_VERSION | cut -d ' ' -f 2)
    find package/usr/bin package/usr/lib -type f -exec "$python" "$here/relax_glibc.py" "$glibc" {} +
    version=$(dpkg-deb -f apptainer_*.deb Version)
    sed -i -e "s/^Version: .*/Version: $version~glibc$glibc/" -e "s/libc6 (>= [0-9.]*)/libc6 (>= $glibc)/" package/DEBIAN/control
    (cd package && find usr -type f -print0 | sort -z | xargs -0 md5sum > DEBIAN/md5sums)
    dpkg-deb --root-owner-group -Zzstd -z3 -b package rebuilt > /dev/null
    install ./rebuilt/apptainer_*.deb
    cd /
}

if ! command -v apptainer > /dev/null; then
    apt-get -qq update
    install debootstrap squashfs-tools squashfuse fuse-overlayfs fuse3 uidmap ca-certificates openssl
    if apt-cache show apptainer > /dev/null 2>&1; then install apptainer; else rebuild; fi
fi
# as udev does it on machines that have it
[ ! -c /dev/fuse ] || chmod 0666 /dev/fuse
# building as an ordinary user, or as root without all capabilities, takes a range of subordinate ids
user=$(id -un)
grep -q "^$user:" /etc/subuid || usermod --add-subuids 10000000-10065535 --add-subgids 10000000-10065535 "$user"
apptainer --version
