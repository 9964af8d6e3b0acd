"""What every check of a generated text raises."""


class Unfit(Exception):
    """A generated text that may not be shown; the message says why."""
