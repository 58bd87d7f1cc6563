"""Filters of SimpleITK that cannot be nodes, and why."""

from __future__ import annotations

__all__ = ["UNREACHABLE"]

_COMPLEX = "its pixels are complex numbers, which an image of slicewise cannot hold; Function(..., whole=True) can"


def _names(text: str) -> list[str]:
    return text.split()


UNREACHABLE = {
    **dict.fromkeys(
        _names(
            """
        ComplexToImaginary ComplexToModulus ComplexToPhase ComplexToReal ForwardFFT HalfHermitianToRealInverseFFT
        InverseFFT MagnitudeAndPhaseToComplex RealAndImaginaryToComplex RealToHalfHermitianForwardFFT
        """
        ),
        _COMPLEX,
    ),
    "JoinSeries": "it makes an image of four dimensions of volumes, which is a Stack",
    "LandmarkBasedTransformInitializer": "it makes a transform of landmarks, and takes no image",
}
