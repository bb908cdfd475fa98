"""What training prints: scikit-learn's lines, or a table."""

from math import isnan


def report_of(verbose):
    """Return the report for the parameter `verbose`, or None for silence."""
    return (TableReport() if verbose > 1 else LineReport()) if verbose else None


class Report:
    """What both have in common: a message is a line of its own."""

    def say(self, message):
        print(message)


class LineReport(Report):
    """The lines that scikit-learn's MLPs print (``verbose=1``)."""

    def epoch(self, state, validated, is_best):
        print(f"Iteration {state.n_iter}, loss = {state.loss:.8f}")
        if validated:
            print(f"Validation score: {state.history['val_score'][-1]:f}")


class TableReport(Report):
    """One row an epoch, aligned; ``*`` marks every new best one (``verbose=2``)."""

    _COLUMNS = (
        ("epoch", "{:5d}"),
        ("loss", "{:#12.6g}"),
        ("val_loss", "{:#12.6g}"),
        ("val_score", "{:#10.4g}"),
        ("learning_rate", "{:14.4g}"),
        ("grad_norm", "{:#10.3g}"),
        ("seconds", "{:9.3g}"),
    )

    def __init__(self):
        self._columns = None

    def epoch(self, state, validated, is_best):
        last = {key: values[-1] for key, values in state.history.items()}
        if self._columns is None:
            self._columns = [
                (key, form, len(form.format(0)))
                for key, form in self._COLUMNS
                if validated or not key.startswith("val_")
                if key != "learning_rate" or not isnan(last[key])  # L-BFGS has none
            ]
            print(" ".join(f"{key:>{width}}" for key, _, width in self._columns))
        row = " ".join(form.format(last[key]) for key, form, _ in self._columns)
        print(f"{row} *" if is_best else row)
