"""One rank of a worker: python -m foothold_torch.worker --listen 127.0.0.1:0 --ready-file F --device auto --threads 1

Ranks and the meeting place are in torchrun's environment variables (RANK, LOCAL_RANK, WORLD_SIZE, MASTER_ADDR, MASTER_PORT); without them
the process is alone. Rank 0 serves foothold.v1.TensorBackendService and writes its address to the ready file once all ranks are there. A
process whose standard input is held by its parent ends with it. Exit codes: 0 parent gone or SIGTERM; 1 anything else; 2 bad arguments;
3 the environment has other versions than requirements.txt; 4 out of memory; 5 CUDA asked for and absent; 6 an address or port is in use.
The last line on stderr says what happened."""
from __future__ import annotations

import argparse
import importlib.metadata
import os
import pathlib
import re
import signal
import sys
import threading
from collections.abc import Sequence

OTHER, ARGUMENTS, ENVIRONMENT, MEMORY, NO_CUDA, IN_USE = range(1, 7)
REQUIREMENTS = pathlib.Path(__file__).resolve().parent.parent / "requirements.txt"


def end(code: int, text: str) -> None:
    """Ends the process at once, with a last line for people; threads of collectives would keep it from ending otherwise."""
    print(f"rank {os.environ.get('RANK', 0)}: {' '.join(text.split())}", file=sys.stderr, flush=True)
    os._exit(code)


def end_at_terminate() -> None:
    """Ends the process with 0 at SIGTERM, on a thread of its own: Python's handlers wait for the main one, which waits in collectives.
    Called before there are other threads, which take over that they do not get the signal."""
    signal.pthread_sigmask(signal.SIG_BLOCK, {signal.SIGTERM})

    def wait() -> None:
        signal.sigwait({signal.SIGTERM})
        os._exit(0)

    threading.Thread(target=wait, name="terminate", daemon=True).start()


def arguments(given: Sequence[str] | None = None) -> argparse.Namespace:
    """The command line; ends with 2 where it is not right."""
    parser = argparse.ArgumentParser(prog="foothold_torch.worker", description="A rank of the torch backend")
    parser.add_argument("--listen", default="127.0.0.1:0", help="host:port that rank 0 serves at; port 0 takes a free one")
    parser.add_argument("--ready-file", type=pathlib.Path, help="file that rank 0 writes host:port to")
    parser.add_argument("--device", choices=("auto", "cpu", "cuda"), default="auto")
    parser.add_argument("--threads", type=int, default=1, help="torch's threads inside an operation, of each rank")
    out = parser.parse_args(given)
    if out.threads < 1:
        parser.error(f"--threads is {out.threads} (expected 1 or more)")
    if not re.fullmatch(r"\S+:\d{1,5}", out.listen):
        parser.error(f"--listen is '{out.listen}' (expected host:port)")
    return out


def differences(requirements: pathlib.Path) -> list[str]:
    """Packages that are absent or of another version than the file says, one sentence each. A build's label (+cpu) does not matter."""
    found = []
    for line in requirements.read_text().splitlines():
        name, is_pin, version = line.partition("==")
        if not is_pin or line.startswith("#"):
            continue
        try:
            there = importlib.metadata.version(name)
        except importlib.metadata.PackageNotFoundError:
            found.append(f"{name} is absent (expected {version})")
            continue
        if there.partition("+")[0] != version:
            found.append(f"{name} is {there} (expected {version})")
    return found


def main(given: Sequence[str] | None = None) -> None:
    """Runs a rank; does not return."""
    options = arguments(given)
    end_at_terminate()
    if REQUIREMENTS.is_file() and (wrong := differences(REQUIREMENTS)):
        end(ENVIRONMENT, f"the Python environment {sys.prefix} is not that of {REQUIREMENTS}: {'; '.join(wrong[:3])}")
    os.environ["HF_HUB_OFFLINE"] = "1"
    os.environ.setdefault("TOKENIZERS_PARALLELISM", "false")
    try:
        serve(options)
    except BaseException as e:
        failed(e)


def failed(error: BaseException) -> None:
    """Ends the process with the code and the words of an error."""
    from .errors import OutOfMemory

    text = f"{type(error).__name__}: {error}" if not hasattr(error, "code") else str(error)
    if isinstance(error, (OutOfMemory, MemoryError)):
        end(MEMORY, text)
    if "EADDRINUSE" in text or "already in use" in text or "Failed to bind" in text:
        end(IN_USE, text)
    end(OTHER, text)


def serve(options: argparse.Namespace) -> None:
    """Joins the group and serves until something fails."""
    import logging
    from concurrent.futures import ThreadPoolExecutor

    import torch
    import transformers

    from . import service
    from .group import Group, watch_parent

    logging.basicConfig(stream=sys.stderr, level=logging.INFO, format=f"%(asctime)s rank {os.environ.get('RANK', 0)} %(name)s: %(message)s")
    transformers.utils.logging.disable_progress_bar()
    watch_parent("TORCHELASTIC_RUN_ID" not in os.environ)
    torch.set_num_threads(options.threads)
    if options.device == "cuda" and not torch.cuda.is_available():
        end(NO_CUDA, f"device cuda was asked for, and torch {torch.__version__} sees no GPU (expected one with its driver, or device cpu)")
    if options.device == "cpu" or not torch.cuda.is_available():
        device = torch.device("cpu")
    else:
        device = torch.device("cuda", int(os.environ.get("LOCAL_RANK", 0)))
        torch.cuda.set_device(device)
    group = Group(device)
    if group.rank == 0:
        server = service.server(group, ThreadPoolExecutor(8, thread_name_prefix="grpc"))
        port = server.add_insecure_port(options.listen)
        server.start()
        if options.ready_file is not None:
            beside = options.ready_file.with_name(options.ready_file.name + ".part")
            beside.write_text(f"{options.listen.rpartition(':')[0]}:{port}\n")
            beside.replace(options.ready_file)

    def over(error: BaseException) -> None:
        if group.rank == 0:
            server.stop(grace=2).wait()  # The call that failed is answered first.
        failed(error)

    group.run(over)


if __name__ == "__main__":
    main()
