"""What Ctrl-C leaves behind, for the one line that tells of it."""

from memscope.text import counted


class Interrupted(KeyboardInterrupt):
    """Work on models, or on images, was interrupted; `done` of them were finished by this call."""

    def __init__(self, done: int, thing: str = "model") -> None:
        super().__init__(done)
        self.done, self.thing = done, thing


def told(cause: BaseException | None) -> str:
    """The line for what was interrupted."""
    if not isinstance(cause, Interrupted):
        return "Interrupted before it was done; run the same command again."
    if cause.done:
        finished = counted(cause.done, cause.thing)
        return f"Interrupted. What was finished is kept ({finished} by this call); run the same command again to go on."
    return (
        f"Interrupted before this call had counted a finished {cause.thing}. What was there is kept; run the same "
        "command again."
    )
