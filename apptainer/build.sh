#!/bin/sh
# Build an image as whoever runs this: build.sh IMAGE DEFINITION [NAME=VALUE ...]. UV is the directory of uv and its cache.
set -eu
image=$1 definition=$2
shift 2
for argument in "$@"; do
    set -- "$@" --build-arg "$argument"
    shift
done
# certificate authorities of this host, where it has its own; bound while building, not kept
authorities=/etc/ssl/certs/ca-certificates.crt
[ "$(id -u)" != 0 ] || set -- "$@" --fakeroot
export APPTAINERENV_SSL_CERT_FILE=$authorities APPTAINERENV_UV_CACHE_DIR=/mnt/cache APPTAINERENV_UV_LINK_MODE=copy
exec apptainer -q build --force --bind "$authorities" --bind "$UV:/mnt" --warn-unused-build-args \
    --mksquashfs-args "-comp zstd -Xcompression-level 3" "$@" "$image" "$definition"
