#!/usr/bin/env bash
# An image to build the services' on where no registry is within reach, from Debian's packages and a JDK: base-image.sh prints the file, for
# `./foothold images --base tar://FILE`. libc, libstdc++, zlib and busybox, and a runtime that jlink makes; /tmp, and user 10001. It lies outside
# every checkout, in ${XDG_CACHE_HOME:-~/.cache}/foothold/base-HASH, and is made where it is missing. Exit code 2: it cannot be had.
set -euo pipefail
here=$(cd "$(dirname "$(readlink -f "${BASH_SOURCE[0]}")")" && pwd)
lacking() { echo "base image: CANNOT RUN: $*" >&2; exit 2; }
packages=(libc6 libgcc-s1 libstdc++6 zlib1g busybox-static)
modules=java.se,jdk.unsupported,jdk.crypto.ec,jdk.zipfs,jdk.management,jdk.naming.dns,jdk.jfr,jdk.incubator.vector,jdk.net,jdk.httpserver,jdk.jcmd
jdk=$("$here/../../foothold" jdk) || lacking "no JDK 25"
[ -x "$jdk/bin/jlink" ] || lacking "no jlink in $jdk"
cache=${XDG_CACHE_HOME:-$HOME/.cache}/foothold
dir=$cache/base-$({ cat "${BASH_SOURCE[0]}" "$here/pack.py" "$jdk/release"; } | sha256sum | cut -c1-12)
if [ ! -e "$dir/.complete" ]; then
  command -v apt-get > /dev/null 2>&1 && command -v dpkg > /dev/null 2>&1 || lacking "libc and others are unpacked from Debian's packages: no apt-get or dpkg here"
  mkdir -p "$cache"
  exec 7> "$dir.lock"
  flock 7 # another one may be making it
  if [ ! -e "$dir/.complete" ]; then
    rm -rf "$dir"
    mkdir -p "$dir"/{deb,lists/partial,archives/partial,system,runtime/opt,runtime/tmp,runtime/etc}
    own=(-qq -o "Dir::State::Lists=$dir/lists" -o "Dir::Cache::Archives=$dir/archives" -o APT::Sandbox::User=root)
    (cd "$dir/deb" && apt-get "${own[@]}" update && apt-get "${own[@]}" download "${packages[@]}") >&2 ||
      lacking "apt-get cannot download ${packages[*]}: its reason stands above (is Debian's archive within reach?)"
    for d in "$dir"/deb/*.deb; do dpkg -x "$d" "$dir/system"; done
    rm -rf "$dir"/{deb,lists,archives} "$dir"/system/usr/share
    for c in $("$dir/system/bin/busybox" --list); do [ -e "$dir/system/bin/$c" ] || ln -s busybox "$dir/system/bin/$c"; done
    "$jdk/bin/jlink" --add-modules "$modules" --strip-debug --no-header-files --no-man-pages --compress zip-2 --output "$dir/runtime/opt/java" >&2
    chmod 1777 "$dir/runtime/tmp"
    printf 'root:x:0:0:root:/root:/bin/sh\nfoothold:x:10001:10001:foothold:/tmp:/bin/sh\n' > "$dir/runtime/etc/passwd"
    printf 'root:x:0:\nfoothold:x:10001:\n' > "$dir/runtime/etc/group"
    printf 'hosts: files dns\n' > "$dir/runtime/etc/nsswitch.conf"
    "$here/pack.py" "$dir/base.tar" foothold/base:local '{"Env": ["PATH=/opt/java/bin:/bin", "JAVA_HOME=/opt/java"]}' "$dir/system" "$dir/runtime"
    rm -rf "$dir"/{system,runtime}
    touch "$dir/.complete"
    for old in "$cache"/base-*; do
      if [ -d "$old" ] && [ "$old" != "$dir" ]; then rm -rf "$old" "$old.lock"; fi
    done
  fi
fi
echo "$dir/base.tar"
