"""The discrete Gaussian: its kernel, and convolution along one axis."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
import numpy.typing as npt

__all__ = ["convolve_plane", "gaussian_kernel", "weighted_sum"]

Array = npt.NDArray[Any]

_MAXIMUM_ERROR = 0.001
"""Share of the kernel's area that is cut off; ITK's parameter of this name."""


def gaussian_kernel(sigma: float) -> npt.NDArray[np.float64]:
    """Return half of the discrete Gaussian kernel: weights of the centre and of each distance.

    It is the kernel of scale-space theory, ``exp(-t) I_n(t)`` with the modified Bessel functions I
    and t the variance, which ITK uses too. In contrast to a sampled Gaussian its variance is
    exact, also for small sigma.

    Parameters
    ----------
    sigma : float
        Standard deviation in pixels.

    Returns
    -------
    array of shape (radius + 1,)
        Weights that sum to one over the whole kernel.
    """
    variance = sigma * sigma
    if variance == 0:
        return np.ones(1)
    # The Fourier transform of the kernel is known: exp(t (cos w - 1)).
    samples = 1 << int(np.ceil(np.log2(24 * sigma + 64)))
    spectrum = np.exp(variance * (np.cos(2 * np.pi * np.arange(samples // 2 + 1) / samples) - 1))
    half = np.fft.irfft(spectrum, samples)[: samples // 2]
    area = 2 * np.cumsum(half) - half[0]
    # ITK's rule: at least one neighbour, then as many as the error asks for.
    radius = max(1, int(np.argmax(area >= 1 - _MAXIMUM_ERROR)))
    return np.asarray(half[: radius + 1] / area[radius])


def weighted_sum(taps: Sequence[Array], kernel: npt.NDArray[np.float64], out: Array) -> None:
    """Write the sum of arrays weighted by a symmetric kernel, always added in the same order.

    Parameters
    ----------
    taps : sequence of 2 radius + 1 arrays
        What lies under the kernel, from one end to the other.
    kernel : array of shape (radius + 1,)
        Half of the kernel, centre first.
    out : array
        Where the sum goes; its type is that of the computation.
    """
    weights = kernel.astype(out.dtype)
    radius = len(weights) - 1
    np.multiply(taps[radius], weights[0], out=out)
    if radius == 0:
        return
    pair = np.empty_like(out)
    for distance in range(1, radius + 1):
        np.add(taps[radius - distance], taps[radius + distance], out=pair, dtype=out.dtype)
        np.multiply(pair, weights[distance], out=pair)
        np.add(out, pair, out=out)


def convolve_plane(plane: Array, kernels: Sequence[npt.NDArray[np.float64]]) -> Array:
    """Return a plane (rows, columns[, components]) convolved along rows' and columns' axes; edges are repeated.

    Parameters
    ----------
    plane : array
        Floating-point values.
    kernels : two half kernels
        For the axis of the rows and for that of the columns.
    """
    for axis, kernel in enumerate(kernels):
        radius, length = len(kernel) - 1, plane.shape[axis]
        if radius == 0:
            continue
        padded = plane.take(np.clip(np.arange(-radius, length + radius), 0, length - 1), axis=axis)
        window = (slice(None),) * axis
        taps = [padded[(*window, slice(i, i + length))] for i in range(2 * radius + 1)]
        plane = np.empty_like(plane)
        weighted_sum(taps, kernel, plane)
    return plane
