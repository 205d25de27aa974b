"""What can go wrong, by kind. Every error carries one sentence for the person who reads it: what, where, expected form, remedy."""


class WorkerError(Exception):
    """An error with a name that callers can act on; `code` is the name of a gRPC status."""

    code = "INTERNAL"


class Refused(WorkerError):
    """The request, a file or the environment is not what it must be. Nothing was changed."""

    code = "INVALID_ARGUMENT"


class NotReady(WorkerError):
    """The request is right, but comes at the wrong time (no model is open, another one is)."""

    code = "FAILED_PRECONDITION"


class OutOfMemory(WorkerError):
    """Memory of the device or the machine was used up; the message has the figures."""

    code = "RESOURCE_EXHAUSTED"


class RankFailed(WorkerError):
    """A rank of the group ended, hung or raised; the group ends with it. The message is the rank's own."""

    code = "INTERNAL"
