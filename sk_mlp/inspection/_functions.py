"""What a network computes on the way, and how its outputs follow its inputs."""

from numbers import Integral

import numpy as np

from sk_mlp._numerics import row_blocks
from sk_mlp.inspection._reading import read
from sk_mlp.inspection._trace import backward, forward, replica


def hidden_activations(estimator, X, layer=-1):
    """Return the outputs of a hidden layer: what the network makes of X there.

    They are what `predict` computes on the way, after the activation: dropout does
    nothing, batch normalization uses its running statistics.

    Parameters
    ----------
    estimator : estimator
        A fitted MLP of this package or of scikit-learn, or a pipeline or a search with
        one.
    X : {array-like, sparse matrix} of shape (n_samples, n_features)
        What the estimator's `predict` takes.
    layer : int, default=-1
        The hidden layer, counted from 0; negative ones from the end.

    Returns
    -------
    activations : ndarray of shape (n_samples, n_units)
        In the number type of the network.

    Raises
    ------
    ValueError
        If there is no such hidden layer, or X is not what `predict` would take.
    TypeError
        If there is no MLP in the estimator, or `layer` is no integer.

    Examples
    --------
    The features that a network has learned, for another estimator:

    >>> from sklearn.datasets import load_iris
    >>> from sk_mlp import MLPClassifier
    >>> from sk_mlp.inspection import hidden_activations
    >>> X, y = load_iris(return_X_y=True)
    >>> classifier = MLPClassifier((8, 3), solver="lbfgs", random_state=0).fit(X, y)
    >>> hidden_activations(classifier, X).shape
    (150, 3)
    >>> hidden_activations(classifier, X, layer=0).shape
    (150, 8)
    """
    model, X, *_ = read(estimator, X)
    network = replica(model)
    n_hidden = len(network.activate)
    if not isinstance(layer, Integral) or isinstance(layer, bool):
        raise TypeError(f"layer must be an int. Got {layer!r}.")
    if n_hidden == 0:
        raise ValueError("The network has no hidden layer.")
    if not -n_hidden <= layer < n_hidden:
        raise ValueError(
            f"The network has {n_hidden} hidden layer(s): layer must be at least "
            f"{-n_hidden} and below {n_hidden}. Got {layer}."
        )
    end = network.layers.index(network.activate[layer])
    a = np.empty((X.shape[0], network.activate[layer].width), network.dtype)
    with np.errstate(all="ignore"):
        for rows in row_blocks(X.shape[0], network.max_width):
            x = X[rows].astype(network.dtype)  # a copy: normalization overwrites it
            for step in network.layers[: end + 1]:
                x = step.predict(x)
            a[rows] = x
    return a


def input_gradients(estimator, X):
    """Return the derivatives of the raw outputs with respect to the inputs.

    They tell, row by row, which features an output follows and which way (saliency).
    The raw outputs are those before the output activation: the logits of a classifier,
    for a regressor with the identity there the predictions.

    Parameters
    ----------
    estimator : estimator
        A fitted MLP of this package or of scikit-learn, or a pipeline or a search with
        one. Of a pipeline, the derivatives are those with respect to the inputs of
        its last step.
    X : {array-like, sparse matrix} of shape (n_samples, n_features)
        What the estimator's `predict` takes.

    Returns
    -------
    gradients : ndarray
        Of shape (n_samples, n_features) for a single raw output, otherwise
        (n_samples, n_outputs, n_features): entry [i, k, j] is
        ``d z_k / d x_j`` at row i. Dense for sparse X too.

    Raises
    ------
    ValueError
        If X is not what `predict` would take.
    TypeError
        If there is no MLP in the estimator.

    References
    ----------
    K. Simonyan, A. Vedaldi and A. Zisserman, "Deep inside convolutional networks:
    visualising image classification models and saliency maps", 2013, arXiv:1312.6034.

    Examples
    --------
    Which feature moves the logits of the classes most, over all rows:

    >>> import numpy as np
    >>> from sklearn.datasets import load_iris
    >>> from sk_mlp import MLPClassifier
    >>> from sk_mlp.inspection import input_gradients
    >>> X, y = load_iris(return_X_y=True)
    >>> classifier = MLPClassifier((8,), solver="lbfgs", random_state=0).fit(X, y)
    >>> gradients = input_gradients(classifier, X)
    >>> gradients.shape
    (150, 3, 4)
    >>> most = np.abs(gradients).mean(axis=(0, 1)).argmax()
    >>> load_iris().feature_names[most].split()[0]  # its length or its width
    'petal'
    """
    model, X, *_ = read(estimator, X)
    network = replica(model)
    n_rows, n_features = X.shape
    width = network.head.width
    gradients = np.empty((n_rows, width, n_features), network.dtype)
    with np.errstate(all="ignore"):
        for rows in row_blocks(n_rows, network.max_width):
            inputs, z = forward(network, X[rows].astype(network.dtype, copy=False))
            for k in range(width):
                grad = np.zeros_like(z)
                grad[:, k] = 1.0
                after = backward(network, inputs, grad)[0]
                gradients[rows, k] = network.layers[0].pull_back(inputs[0], after)
    return gradients[:, 0] if width == 1 else gradients
