"""How fast sk_mlp is, beside scikit-learn and PyTorch.

    python benchmarks/run.py

measures all tables of ``suite/tables.py`` in one process and takes about ten minutes.
Ours and its peers have their turns one after another, in a new order every round, and
the ratio is taken round by round, so that whatever else the machine does strikes all.
Given are the medians, the ratio (peer over ours: above 1 ours is faster) with the range
that holds 80 % of the rounds, and the target, if there is one. All rounds are written
to ``benchmarks/results.json``, and the ratios are drawn in ``docs/images/speed.png``.

Use an otherwise idle machine. BLAS has the threads that it has in your other programs
(set OPENBLAS_NUM_THREADS or MKL_NUM_THREADS for others), and PyTorch gets as many.
Only scikit-learn is needed as a peer; PyTorch and matplotlib are used if installed.
"""

import argparse
import json
import os
import time
import warnings
from pathlib import Path

from suite import machine, report, torch_peer
from suite.contest import measure
from suite.tables import TABLES

ROOT = Path(__file__).resolve().parents[1]
RESULTS = ROOT / "benchmarks" / "results.json"
PICTURE = ROOT / "docs" / "images" / "speed.png"


def arguments(argv):
    """Return the parsed options; only a full run is saved without being asked to."""
    parser = argparse.ArgumentParser(
        description="Measure sk_mlp beside scikit-learn and PyTorch.",
        epilog="A full run writes benchmarks/results.json and docs/images/speed.png. "
        "With --tables, --quick or --show only the files that are named are written.",
    )
    add = parser.add_argument
    add("--tables", nargs="+", choices=TABLES, metavar="NAME", help=", ".join(TABLES))
    add("--rounds", type=int, metavar="N", help="rounds of every table")
    add("--quick", action="store_true", help="miniature sizes, to see that it works")
    add("--show", type=Path, metavar="JSON", help="measure nothing, show old results")
    add("--markdown", action="store_true", help="print the tables of docs/speed.md too")
    add("--output", type=Path, metavar="JSON", help="where the results go")
    add("--picture", type=Path, metavar="PNG", help="where the picture goes")
    add("--no-picture", action="store_true")
    options = parser.parse_args(argv)
    if not (options.tables or options.quick or options.show):
        options.output = options.output or RESULTS
        options.picture = options.picture or PICTURE
    return options


def run(options):
    """Measure all tables, print each one when it is done, and return the results."""
    start = time.perf_counter()
    torch_peer.load(machine.n_blas_threads())
    results = {"machine": machine.facts(), "quick": options.quick, "tables": {}}
    print(*report.machine_lines(results["machine"]), sep="\n", flush=True)
    for name in options.tables or TABLES:
        table = run_table(TABLES[name], options.quick, options.rounds)
        results["tables"][name] = table
        print("", *report.table_lines(table), sep="\n", flush=True)
    results["seconds"] = time.perf_counter() - start
    return results


def run_table(declare, quick, n_rounds):
    """Measure one table and return it as plain data."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # that few epochs are too few to converge
        table = declare(quick)
        n_rounds = n_rounds or (2 if quick else table.n_rounds)
        conditions = machine.Conditions()
        measure(table, n_rounds, careful=not quick, each_round=conditions.check)
    return report.summarise(table) | conditions.end()


def show(path):
    """Print the results of a file, and return them."""
    results = json.loads(path.read_text("utf-8"))
    print(*report.machine_lines(results["machine"]), sep="\n")
    for table in results["tables"].values():
        print("", *report.table_lines(table), sep="\n")
    return results


def draw(results, path):
    """Draw the picture if matplotlib is there."""
    try:
        from suite import picture
    except ImportError:
        print("matplotlib is not installed: no picture is drawn.")
    else:
        picture.save(results, path)


def main(argv=None):
    """Measure (or read), print and save."""
    options = arguments(argv)
    results = show(options.show) if options.show else run(options)
    print("", *report.verdict_lines(results), sep="\n")
    print(f"Time of the run: {results['seconds']:.0f} s")
    if options.markdown:
        for text in report.markdown_tables(results):
            print("", text, sep="\n")
    if options.output:
        report.write_json(results, options.output)
    if options.picture and not options.no_picture:
        draw(results, options.picture)


if __name__ == "__main__":
    # Before scikit-learn 1.7 worker processes do not get the caller's filters.
    os.environ.setdefault("PYTHONWARNINGS", "ignore::UserWarning")
    main()
