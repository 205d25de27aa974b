#!/usr/bin/env python3
"""Packs directories as the layers of an image: a docker archive, which `ctr images import`, podman and skopeo read.

usage: pack.py OUT.tar REPOSITORY:TAG CONFIG-JSON DIRECTORY...

CONFIG-JSON is the image's "config" object, for instance {"Entrypoint": ["/pause"], "User": "65534:65534"}. Files belong to root. No
daemon, no registry; the same input gives the same bytes."""

import hashlib
import io
import json
import os
import sys
import tarfile

EPOCH = "1970-01-01T00:00:00Z"


def clean(info):
    """What depends on the machine that packs goes."""
    info.uid = info.gid = info.mtime = 0
    info.uname = info.gname = ""
    return info


def layer(directory, path):
    """Writes a directory's layer; gives its digest."""
    with tarfile.open(path, "w", format=tarfile.PAX_FORMAT) as tar:
        for name in sorted(os.listdir(directory)):
            tar.add(os.path.join(directory, name), name, filter=clean)
    with open(path, "rb") as file:
        return hashlib.sha256(file.read()).hexdigest()


def main(out, name, config, *directories):
    """Packs an image."""
    paths = [f"{out}.layer-{i}" for i in range(len(directories))]
    digests = [layer(directory, path) for directory, path in zip(directories, paths)]
    image = json.dumps(
        {
            "architecture": "amd64",
            "os": "linux",
            "created": EPOCH,
            "config": json.loads(config),
            "rootfs": {"type": "layers", "diff_ids": [f"sha256:{d}" for d in digests]},
            "history": [{"created": EPOCH} for _ in digests],
        }
    ).encode()
    image_name = hashlib.sha256(image).hexdigest() + ".json"
    manifest = [{"Config": image_name, "RepoTags": [name], "Layers": [f"{d}/layer.tar" for d in digests]}]
    with tarfile.open(out, "w") as tar:

        def put(file, data):
            info = tarfile.TarInfo(file)
            info.size = len(data)
            tar.addfile(info, io.BytesIO(data))

        put(image_name, image)
        for digest, path in zip(digests, paths):
            tar.add(path, f"{digest}/layer.tar", filter=clean)
            os.remove(path)
        put("manifest.json", json.dumps(manifest).encode())


if __name__ == "__main__":
    main(*sys.argv[1:])
