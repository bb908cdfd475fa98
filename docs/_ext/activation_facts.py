r"""What the registry does not hold of the activations: mathematics and advice.

An entry of `FACTS` for every registered name. A test asks for the entries and compares
`slope`, the derivative in Python, with the package's own; `derivative` is the same in
LaTeX and stands right above it. sigma is the logistic function, Phi and phi are the
distribution function and the density of the standard normal.
"""

from dataclasses import dataclass

import numpy as np
from scipy.special import expit as s
from scipy.stats import norm


@dataclass(frozen=True)
class Facts:
    formula: str
    derivative: str
    slope: object
    advice: str
    where: str = ""  # what the symbols mean
    z_range: tuple = (-6, 6)  # of the figure
    # Where a name needs more than the object tells:
    values: str = ""  # instead of the range
    monotonic: str = ""
    reference: str = ""  # of a named setting of a class that another paper proposed


SIGMA = r"$\sigma(z) = 1 / (1 + e^{-z})$ is the logistic function."
LEAKY = r"\max(z, 0) + m \min(z, 0)"
LEAKY_SLOPE = r"\begin{cases} 1 & z > 0 \\ m & z \le 0 \end{cases}"
SWISH = r"z\,\sigma(\beta z)"
SWISH_SLOPE = r"\sigma(\beta z) + \beta z\,\sigma(\beta z)\,(1 - \sigma(\beta z))"


def leaky_slope(m):
    return lambda z: np.where(z > 0, 1.0, m)


def silu_slope(z):
    return s(z) + z * s(z) * (1 - s(z))


def between(low, high, inside=1.0):
    return lambda z: np.where((z > low) & (z <= high), inside, 0.0)


def mish_slope(z):
    t = np.tanh(np.log1p(np.exp(z)))
    return t + z * s(z) * (1 - t**2)


def gelu_tanh_slope(z):
    u = np.sqrt(2 / np.pi) * (z + 0.044715 * z**3)
    du = np.sqrt(2 / np.pi) * (1 + 3 * 0.044715 * z**2)
    return (1 + np.tanh(u)) / 2 + z / 2 * (1 - np.tanh(u) ** 2) * du


def softmax_slope(z):
    """Return the Jacobian of softmax at one row."""
    p = np.exp(z - z.max())
    p /= p.sum()
    return np.diag(p) - np.outer(p, p)


FACTS = {
    "identity": Facts(
        r"f(z) = m z",
        r"f'(z) = m",
        lambda z: np.ones_like(z),
        "For the output of a regression, where it is the default. Not for hidden "
        "layers: however many there are, the network is a linear model.",
        r"The slope is $m = 1$ unless it is set or trained.",
    ),
    "step": Facts(
        r"f(z) = \begin{cases} 1 & z \ge 0 \\ 0 & z < 0 \end{cases}",
        r"f'(z) = 0 \quad \text{wherever it exists, that is for } z \ne 0",
        lambda z: np.zeros_like(z),
        "To show what the first neurons did, and for outputs that must be 0 or 1. Do "
        "not train hidden layers with it as it is: the gradient is zero everywhere, "
        'and `fit` warns of that. `Step(surrogate="hard_tanh")` borrows the slope of '
        "another activation for training.",
        values="{0, 1}",
    ),
    "logistic": Facts(
        r"f(z) = \sigma(a z) = \frac{1}{1 + e^{-a z}}",
        r"f'(z) = a\,f(z)\,(1 - f(z))",
        lambda z: s(z) * (1 - s(z)),
        "For outputs that are probabilities of yes or no; it is the default there. "
        "In hidden layers choose `tanh` instead: the slope of the logistic function "
        "is never above a/4 and its outputs are all positive, so that from about "
        "four hidden layers on a network trains slowly or not at all.",
        r"The slope parameter is $a = 1$ unless it is set or trained.",
    ),
    "tanh": Facts(
        r"f(z) = \tanh(a z)",
        r"f'(z) = a\,(1 - f(z)^2)",
        lambda z: 1 - np.tanh(z) ** 2,
        'For small networks, smooth functions, and with `solver="lbfgs"`. Its outputs '
        "are centred on zero. Units that saturate learn slowly, so scale the features "
        "and keep the learning rate moderate.",
        r"The slope parameter is $a = 1$ unless it is set or trained.",
    ),
    "softsign": Facts(
        r"f(z) = \frac{z}{1 + |z|}",
        r"f'(z) = \frac{1}{(1 + |z|)^2}",
        lambda z: 1 / (1 + np.abs(z)) ** 2,
        "Where `tanh` saturates too early: its slope falls off like 1/z² and not "
        "exponentially, so that a unit far out still learns. Otherwise it has no "
        "advantage over `tanh`.",
    ),
    "msaf": Facts(
        r"f(z) = \sigma(z) + \sum_{i=1}^{N} \sigma(z + r_i)",
        r"f'(z) = \sigma(z)\,(1 - \sigma(z)) "
        r"+ \sum_{i=1}^{N} \sigma(z + r_i)\,(1 - \sigma(z + r_i))",
        lambda z: s(z) * (1 - s(z)) + s(z + 4) * (1 - s(z + 4)),
        "For targets with several levels, in one or two hidden layers: a unit has N "
        "+ 2 resting states where a sigmoid has two. Its outputs are all positive, "
        "so deep networks hardly train with it; `symmetric_msaf` is the better first "
        "try.",
        SIGMA + r" The offsets are $r = (4,)$, so $N = 1$, unless they are set or "
        "trained.",
        (-10, 6),
    ),
    "symmetric_msaf": Facts(
        r"f(z) = \sigma\left(z + \tfrac{r}{2}\right) "
        r"+ \sigma\left(z - \tfrac{r}{2}\right) - 1",
        r"f'(z) = s_+ (1 - s_+) + s_- (1 - s_-), "
        r"\quad s_\pm = \sigma\left(z \pm \tfrac{r}{2}\right)",
        lambda z: s(z + 2) * (1 - s(z + 2)) + s(z - 2) * (1 - s(z - 2)),
        "For targets or inner codes with three levels: a unit can rest at -1, 0 and "
        "1. It is odd, so its outputs are centred on zero, and it trains in deeper "
        "networks where `msaf` does not. Where the data show no such levels, `tanh` "
        "is simpler and faster.",
        SIGMA + r" The offset is $r = 4$ unless it is set or trained.",
    ),
    "gaussian": Facts(
        r"f(z) = e^{-z^2}",
        r"f'(z) = -2 z\,e^{-z^2}",
        lambda z: -2 * z * np.exp(-(z**2)),
        "For local structure, in one or two layers: a unit answers to a band of its "
        "input and to nothing else. A unit whose inputs all lie outside of the band "
        "does not learn, so scale the features. Deep networks of it train worse than "
        "those of other activations.",
    ),
    "sine": Facts(
        r"f(z) = \sin(z)",
        r"f'(z) = \cos(z)",
        np.cos,
        "For periodic targets and signals with fine detail, in few layers and with "
        "scaled features. It fits wiggles where there are none: hold out rows, and "
        "do not expect sense outside of the range of the training data.",
    ),
    "exp": Facts(
        r"f(z) = e^z",
        r"f'(z) = e^z",
        np.exp,
        "For outputs that must be positive, such as counts, rates and amounts; it is "
        "the default with the Poisson, Gamma and Tweedie losses. Not for hidden "
        "layers: it overflows for z above 88 in single precision (709 in double), "
        "and a deep network of it diverges.",
        z_range=(-4, 2),
    ),
    "softmax": Facts(
        r"f(z)_k = \frac{e^{z_k}}{\sum_j e^{z_j}}",
        r"\frac{\partial f_k}{\partial z_j} = f_k\,(\delta_{kj} - f_j)",
        softmax_slope,
        "For the output where exactly one of several classes is right; it is the "
        "default there. Not for labels that may hold together, which want "
        "`logistic`. In a hidden layer its units share a total of one, so each is "
        "small, and several such layers do not train.",
        r"The index $k$ runs over the units of the layer; $\delta_{kj}$ is 1 for "
        "$k = j$ and 0 otherwise. The curve is that of one unit beside two others "
        "whose inputs are 0.",
    ),
    "relu": Facts(
        r"f(z) = \max(z, 0)",
        r"f'(z) = \begin{cases} 1 & z > 0 \\ 0 & z \le 0 \end{cases}",
        lambda z: (z > 0) * 1.0,
        "The first choice: fast, and its slope does not shrink with depth. A unit "
        "whose input is negative in every row gets no gradient and stays dead; where "
        "many die, lower the learning rate or take `leaky_relu`, `silu` or `gelu`. A "
        "smooth function of one or two features is better fitted by a smooth "
        "activation.",
    ),
    "relu6": Facts(
        r"f(z) = \min(\max(z, 0), 6)",
        r"f'(z) = \begin{cases} 1 & 0 < z \le 6 \\ 0 & \text{otherwise} \end{cases}",
        between(0, 6),
        "Where activations must stay in a fixed range, as for arithmetic of low "
        "precision on small devices. On a CPU with floats it is ReLU with a second "
        "way to stop learning.",
        z_range=(-3, 9),
    ),
    "leaky_relu": Facts(
        rf"f(z) = {LEAKY}",
        rf"f'(z) = {LEAKY_SLOPE}",
        leaky_slope(0.01),
        "Where ReLU units die: negative inputs keep a slope, so a unit can come "
        "back. 0.01 is little; try 0.1 to 0.3 too, `LeakyReLU(negative_slope=0.1)`.",
        r"The slope is $m = 0.01$ unless it is set.",
    ),
    "prelu": Facts(
        rf"f(z) = {LEAKY}",
        rf"f'(z) = {LEAKY_SLOPE}",
        leaky_slope(0.25),
        "Where there are enough rows to learn one more number per unit: each unit "
        "finds its own slope for negative inputs and may even turn around. On small "
        "data prefer `leaky_relu`, which has nothing more to learn.",
        r"The slope $m$ starts at 0.25 and is trained, one per unit.",
        monotonic="yes, while the slope is >= 0",
        reference="He, Zhang, Ren & Sun 2015, arXiv:1502.01852",
    ),
    "rrelu": Facts(
        rf"f(z) = {LEAKY}, \quad m \sim U(\tfrac18, \tfrac13)",
        rf"f'(z) = {LEAKY_SLOPE}",
        leaky_slope((1 / 8 + 1 / 3) / 2),
        "Against overfitting on small data: the slope is drawn anew for every unit "
        "and row in training, and that noise regularises. Prediction uses the mean "
        "slope. The drawing makes it one of the dearest of the family, and results "
        "vary more from fit to fit.",
        "In training $m$ is drawn for every element; prediction and the figure have "
        "its mean, $11/48$.",
    ),
    "hard_tanh": Facts(
        r"f(z) = \min(\max(z, -1), 1)",
        r"f'(z) = \begin{cases} 1 & -1 < z \le 1 \\ 0 & \text{otherwise} \end{cases}",
        between(-1, 1),
        "A cheap `tanh`, and for outputs that must lie in an interval, both ends "
        "included: `HardTanh(min_val, max_val)`. Outside of the interval the slope "
        "is exactly zero, so a unit may stay there.",
    ),
    "hard_sigmoid": Facts(
        r"f(z) = \min\left(\max\left(\tfrac{z}{6} + \tfrac12,\, 0\right), 1\right)",
        r"f'(z) = \begin{cases} \tfrac16 & -3 < z \le 3 \\ 0 & \text{otherwise} "
        r"\end{cases}",
        between(-3, 3, 1 / 6),
        "A cheap stand-in for `logistic` in gates and outputs. A poor hidden "
        "activation: its slope is 1/6 at most, it starts on its straight part, where "
        "the network is linear, and deep networks of it do not train.",
    ),
    "hard_swish": Facts(
        r"f(z) = z \min\left(\max\left(\tfrac{z}{6} + \tfrac12,\, 0\right), 1\right)",
        r"f'(z) = \begin{cases} 0 & z \le -3 \\ \tfrac{z}{3} + \tfrac12 & -3 < z \le 3 "
        r"\\ 1 & z > 3 \end{cases}",
        lambda z: np.where(z <= -3, 0.0, np.where(z <= 3, z / 3 + 0.5, 1.0)),
        "A stand-in for `silu` that needs no exponential, made for small devices. On "
        "a CPU with NumPy the saving is small: compare the costs, and take `silu` "
        "unless they matter.",
    ),
    "elu": Facts(
        r"f(z) = \begin{cases} z & z > 0 \\ \alpha\,(e^z - 1) & z \le 0 \end{cases}",
        r"f'(z) = \begin{cases} 1 & z > 0 \\ \alpha\,e^z & z \le 0 \end{cases}",
        lambda z: np.where(z > 0, 1.0, np.exp(np.minimum(z, 0))),
        "ReLU with a smooth floor at -α: the mean of its outputs is nearer to zero "
        "and units do not die at once. It costs an exponential. With α other than 1 "
        "the slope jumps at 0; `celu` avoids that.",
        r"$\alpha = 1$ unless it is set or trained.",
    ),
    "celu": Facts(
        r"f(z) = \begin{cases} z & z > 0 \\ \alpha\,(e^{z/\alpha} - 1) & z \le 0 "
        r"\end{cases}",
        r"f'(z) = \begin{cases} 1 & z > 0 \\ e^{z/\alpha} & z \le 0 \end{cases}",
        lambda z: np.where(z > 0, 1.0, np.exp(np.minimum(z, 0))),
        "As `elu`, when α is to be searched or trained: the slope is continuous for "
        "every α. With α = 1 the two are the same.",
        r"$\alpha = 1$ unless it is set or trained.",
    ),
    "selu": Facts(
        r"f(z) = \lambda \begin{cases} z & z > 0 \\ \alpha\,(e^z - 1) & z \le 0 "
        r"\end{cases}",
        r"f'(z) = \lambda \begin{cases} 1 & z > 0 \\ \alpha\,e^z & z \le 0 \end{cases}",
        lambda z: (
            1.0507009873554805
            * np.where(z > 0, 1.0, 1.6732632423543772 * np.exp(np.minimum(z, 0)))
        ),
        "For deep plain networks without normalisation: with standardised features "
        "and the default initialisation, mean and variance of the layers stay near 0 "
        "and 1. Only then does it have an advantage; `dropout` becomes alpha dropout "
        "with it.",
        r"$\lambda \approx 1.0507$, $\alpha \approx 1.6733$.",
    ),
    "softplus": Facts(
        r"f(z) = \frac{1}{\beta} \log(1 + e^{\beta z})",
        r"f'(z) = \sigma(\beta z)",
        s,
        "For outputs that must be positive and grow no faster than linearly, such as "
        "a scale. In hidden layers it is a smooth ReLU whose outputs are all "
        "positive; `silu` and `gelu` have the same use, and outputs of both signs.",
        SIGMA + r" $\beta = 1$ unless it is set or trained.",
    ),
    "silu": Facts(
        rf"f(z) = {SWISH}",
        rf"f'(z) = {SWISH_SLOPE}",
        silu_slope,
        "The first thing to try beside `relu`: smooth, with a gradient below zero, "
        "and the cheapest of its kind (with `gelu` and `mish`). It dips below zero "
        "before it rises, so a single unit can do more; far below, its slope "
        "vanishes too.",
        SIGMA + r" $\beta = 1$ unless it is set.",
    ),
    "swish_beta": Facts(
        rf"f(z) = {SWISH}",
        rf"f'(z) = {SWISH_SLOPE}",
        silu_slope,
        "`silu` whose bend is learned by each unit, anything from a line (β = 0) to "
        "ReLU (β large). For data enough to learn one more number per unit; look at "
        "`activation_params_` to see whether the units made use of it.",
        SIGMA + r" $\beta$ starts at 1 and is trained, one per unit.",
        reference="Ramachandran, Zoph & Le 2017, arXiv:1710.05941",
    ),
    "mish": Facts(
        r"f(z) = z \tanh(\log(1 + e^z))",
        r"f'(z) = t + z\,\sigma(z)\,(1 - t^2), \quad t = \tanh(\log(1 + e^z))",
        mish_slope,
        "A close relative of `silu`, a little steeper through zero, and dearer. "
        "Worth a place in a grid search; do not expect more than small differences "
        "from `silu` and `gelu`.",
        SIGMA,
    ),
    "gelu": Facts(
        r"f(z) = z\,\Phi(z)",
        r"f'(z) = \Phi(z) + z\,\varphi(z)",
        lambda z: norm.cdf(z) + z * norm.pdf(z),
        "The activation of BERT and GPT, and a good one wherever `silu` is: smooth, "
        "with a gradient below zero. It is nearer to ReLU than `silu` is, and "
        "dearer.",
        r"$\Phi$ and $\varphi$ are the distribution function and the density of the "
        "standard normal distribution.",
    ),
    "gelu_tanh": Facts(
        r"f(z) = \frac{z}{2}\,(1 + \tanh u), \quad "
        r"u = \sqrt{\tfrac{2}{\pi}}\,(z + 0.044715\,z^3)",
        r"f'(z) = \frac{1 + \tanh u}{2} + \frac{z}{2}\,(1 - \tanh^2 u)\,"
        r"\sqrt{\tfrac{2}{\pi}}\,(1 + 0.134145\,z^2)",
        gelu_tanh_slope,
        "To reproduce networks that were trained with this approximation, GPT-2 "
        "among them. For a network of your own the two hardly differ: compare the "
        "costs.",
    ),
}
