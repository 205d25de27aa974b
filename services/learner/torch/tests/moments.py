"""Writes the moments of distributed checkpoints where Java's tests can read them: moments.safetensors in each directory that is named,
`m.` and `v.` before the names of files."""
import pathlib
import sys

import safetensors.torch
import torch
import torch.distributed.checkpoint as dcp

for directory in map(pathlib.Path, sys.argv[1:]):
    stored = dcp.FileSystemReader(directory).read_metadata().state_dict_metadata
    state = {name: torch.empty(tensor.size) for name, tensor in stored.items() if name.startswith(("m.", "v."))}
    dcp.load(state, checkpoint_id=directory, no_dist=True)
    safetensors.torch.save_file(state, directory / "moments.safetensors")
