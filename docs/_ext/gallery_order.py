"""The order of the examples in the gallery: from first steps to special needs."""

import multiprocessing

ORDER = (
    "quickstart.py",
    "plot_xor_activations.py",
    "plot_linear_collapse.py",
    "plot_vanishing_gradients.py",
    "plot_dying_relu.py",
    "plot_learning_rate.py",
    "plot_sick_networks.py",
    "plot_grid_search_activations.py",
    "plot_random_search.py",
    "plot_activation_cost.py",
    "plot_trained_activations.py",
    "plot_digits_weights.py",
    "plot_output_activations.py",
    "plot_multilabel_outputs.py",
    "plot_positive_and_quantile_regression.py",
    "imbalanced.py",
    "checkpoint.py",
    "export_onnx.py",
    "out_of_core.py",
    "dask_cluster.py",
)


class Order:
    """A key to sort file names by; those that are not listed come last."""

    def __init__(self, folder=None):
        pass

    def __call__(self, name):
        return ORDER.index(name) if name in ORDER else len(ORDER), name


def use_spawn(gallery_conf, name):
    """Let an example start processes, in one that was itself started for examples."""
    multiprocessing.set_start_method("spawn", force=True)
