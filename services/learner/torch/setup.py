"""Puts a copy of the contract into the built package; everything else is in pyproject.toml."""
import pathlib
import shutil

from setuptools import setup
from setuptools.command.build_py import build_py

NAME = "foothold/v1/tensor_backend.proto"
CONTRACTS = pathlib.Path(__file__).resolve().parents[3] / "contracts/src/main/proto"


class WithContract(build_py):
    """Copies the proto file, of which `foothold_torch.protos` makes messages."""

    def run(self):
        """Builds as ever, then copies."""
        super().run()
        target = pathlib.Path(self.build_lib) / "foothold_torch/proto" / NAME
        target.parent.mkdir(parents=True, exist_ok=True)
        shutil.copyfile(CONTRACTS / NAME, target)


setup(cmdclass={"build_py": WithContract})
