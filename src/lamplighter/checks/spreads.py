"""Family L: a sampled code, the divergence of its distribution, and the error beside it."""

from __future__ import annotations

from collections.abc import Iterator

import torch
from torch import Tensor

from lamplighter.checks.catalogue import found
from lamplighter.checks.finding import Finding

MOST_OFF = 0.05  # of the values that may miss a form, by rounding or a small number in a logarithm
NEAR = 1e-2  # of the spread of T²
WIDE = 32  # values of a sample from which a mean over them is no matter of taste

# name of what the divergence takes for the standard deviation → what to do
_FIXES = {
    "the root of it": "multiply the noise with the standard deviation: torch.exp(0.5 * logvar)",
    "its square": "compute the divergence from the variance of the noise: std ** 2 and log(std ** 2)",
    "the logarithm itself": "compute the divergence from logvar.exp(), not from logvar",
    "exp(x / 2)": "multiply the noise with the standard deviation: torch.exp(0.5 * logvar)",
    "exp(x)": "multiply the noise with the standard deviation: torch.exp(log_std)",
}


def spreads_differ(
    mean: Tensor,
    source: Tensor,
    spread: Tensor,
    slope: Tensor,
    to_mean: Tensor,
    to_source: Tensor,
) -> Iterator[Finding]:
    """L117: a Gaussian divergence is that of another standard deviation than the noise has.

    A divergence from a centred Gaussian, c/2 (m² + T²) − w log T, has c·m for its slope to the mean
    m, and c·T² − w for its slope to log T. That tells T, however the divergence was written.

    Args:
        mean: m, of any shape.
        source: what the network gave for the spread, of the same shape.
        spread: what the noise was multiplied with.
        slope: of log(spread) to the source.
        to_mean: the slope of the divergence to the mean.
        to_source: its slope to the source.
    """
    given = (mean, source, spread, slope, to_mean, to_source)
    m, x, s, u, g, h = (t.detach().double().flatten() for t in given)
    if len({len(t) for t in (m, x, s, u, g, h)}) > 1 or len(m) < 8 or bool((s <= 0).any()):
        return
    c = slope_of_square(m, g)
    if not c or _fits(h, s, u, c):
        return
    others = {
        "the root of it": (s.sqrt(), u / 2),
        "its square": (s.square(), 2 * u),
        "the logarithm itself": (x.abs(), 1 / x),
        "exp(x / 2)": ((x / 2).exp(), torch.full_like(x, 0.5)),
        "exp(x)": (x.exp(), torch.ones_like(x)),
    }
    for name, (deviation, to_log) in others.items():
        if _fits(h, deviation, to_log, c):
            yield found(
                "L117",
                "divergence",
                f"the noise of the code is multiplied with one number, around {float(s.mean()):.3g}, "
                f"and the divergence is that of another standard deviation, {name}, around "
                f"{float(deviation.mean()):.3g}",
                _FIXES[name],
            )
            return


def noise_is_uniform(mean: Tensor, to_mean: Tensor) -> Iterator[Finding]:
    """L117: a code is drawn with uniform noise, and its divergence is that of a Gaussian.

    Args:
        mean: m, of any shape.
        to_mean: the slope of the divergence to the mean.
    """
    if mean.numel() >= 8 and slope_of_square(mean, to_mean):
        yield found(
            "L117",
            "divergence",
            "the noise of the code is that of torch.rand, even between two bounds, and the "
            "divergence is that of a Gaussian: the decoder never sees what the prior will give it",
            "draw the noise with torch.randn or torch.randn_like",
        )


def divergence_grows(times: int) -> Iterator[Finding]:
    """L111: the divergence of the codes lowers the loss.

    Args:
        times: steps that showed it.
    """
    yield found(
        "L111",
        "divergence",
        f"the loss falls as the divergence of the codes rises, in each of {times} steps: it drives "
        "them away from the prior without bound",
        "add -0.5 * (1 + logvar - mu**2 - logvar.exp()), which is never below 0",
    )


def weights_grow(times: int) -> Iterator[Finding]:
    """L111: a penalty on the weights lowers the loss.

    Args:
        times: steps that showed it.
    """
    yield found(
        "L111",
        "penalty",
        f"the loss falls as the weights grow, in each of {times} steps: a penalty on their size is "
        "subtracted, and there is no bound to it",
        "add it: loss = loss + factor * penalty",
    )


def slope_of_square(mean: Tensor, to_mean: Tensor) -> float:
    """c of a divergence c/2 (m² + …) by its slope c·m to the mean; 0.0 where it is none.

    Args:
        mean: m, of any shape.
        to_mean: the slope, of the same shape.
    """
    m, g = mean.detach().double().flatten(), to_mean.detach().double().flatten()
    c = float((g * m).sum() / (m * m).sum().clamp(min=1e-30))
    return c if float((g - c * m).abs().max()) <= 1e-3 * float(g.abs().max()) else 0.0


def weighs_as_much(divergence: float, error: float, rows: int, values: int) -> bool:
    """Whether a divergence that is summed has the weight of an error that is averaged.

    Args:
        divergence: what one nat of one sample adds to the loss.
        error: what the mean error is multiplied with.
        rows: samples in the batch.
        values: of one sample, over which the mean goes too.
    """
    if values < WIDE or rows < 2 or not error > 0:
        return False
    return any(abs(divergence * times / error - 1) < 1e-3 for times in (1, rows))


def divergence_outweighs(values: int, times: float) -> Iterator[Finding]:
    """L119: one nat of the divergence counts as much as the errors of a whole sample.

    Args:
        values: of one sample, over which the error is averaged.
        times: by how much the divergence weighs more than in the sum of both.
    """
    yield found(
        "L119",
        "divergence",
        f"the error is a mean over the {values} values of each sample, and the divergence is a sum, "
        f"added with the same weight: it counts {times:.4g} times as much as in the bound that both "
        "belong to, and drives the codes to noise",
        "sum the error over the values of a sample too and take the mean over the samples of both, "
        "or give the divergence a weight on purpose",
    )


def _fits(to_source: Tensor, deviation: Tensor, to_log: Tensor, c: float) -> bool:
    """Whether a slope is that of a Gaussian divergence with this standard deviation."""
    squares = c * deviation.square()
    rest = to_source / to_log - squares
    width = float(squares.std())
    if not width > 1e-4 * float(squares.abs().mean()):
        return False
    middle = rest.median()
    off = ((rest - middle).abs() > NEAR * width).double().mean()
    return float(off) <= MOST_OFF and float(middle) * c < 0


def variance_is_used_as_deviation(how: str) -> Iterator[Finding]:
    """L117 of a Gaussian likelihood: the loss and the evaluation take one answer for two things.

    Args:
        how: what the evaluation does with it.
    """
    yield found(
        "L117",
        "gaussian_nll_loss",
        "this loss takes the answer for the variance, and the evaluation for the standard deviation: "
        f"{how}",
        "give the loss the square, var=deviation**2, or take the root of the answer where a "
        "deviation is wanted",
    )
