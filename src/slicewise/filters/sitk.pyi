"""Filters of SimpleITK 2.5.7 by name; made by docs/filters.py."""

from collections.abc import Mapping, Sequence
from typing import Any

from numpy.typing import DTypeLike

from slicewise.filters.sitk_measurements import Measurements as Measurements
from slicewise.filters.sitk_nodes import SitkFilter as SitkFilter
from slicewise.filters.sitk_nodes import SitkMeasurement as SitkMeasurement
from slicewise.filters.sitk_sources import SitkSource as SitkSource
from slicewise.image import Image
from slicewise.pipeline.node import Node


def Abs(*, image1: Node | Image | None = None) -> SitkFilter:
    """Computes the absolute value of each pixel."""

def AbsoluteValueDifference(*, image1: Node | Image | None = None, image2: Node | Image | None = None, constant: float | None = None) -> SitkFilter:
    """Implements pixel-wise the computation of absolute value difference."""

def Acos(*, image1: Node | Image | None = None) -> SitkFilter:
    """Computes the inverse cosine of each pixel."""

def AdaptiveHistogramEqualization(*, image1: Node | Image | None = None, alpha: float = 0.30000001192092896, beta: float = 0.30000001192092896, radius: int | Sequence[int] = (5, 5, 5)) -> SitkFilter:
    """Power Law Adaptive Histogram Equalization."""

def Add(*, image1: Node | Image | None = None, image2: Node | Image | None = None, constant: float | None = None) -> SitkFilter:
    """Pixel-wise addition of two images."""

def AdditiveGaussianNoise(*, image1: Node | Image | None = None, mean: float = 0.0, seed: int, standard_deviation: float = 1.0) -> SitkFilter:
    """Alter an image with additive Gaussian white noise."""

def AggregateLabelMap(*, image1: Node | Image | None = None) -> SitkFilter:
    """Collapses all labels into the first label."""

def And(*, image1: Node | Image | None = None, image2: Node | Image | None = None, constant: int | None = None) -> SitkFilter:
    """Implements the AND bitwise operator pixel-wise between two images."""

def AntiAliasBinary(*, image1: Node | Image | None = None, maximum_rms_error: float = 0.07, number_of_iterations: int = 1000) -> SitkFilter:
    """A method for estimation of a surface from a binary volume."""

def ApproximateSignedDistanceMap(*, image1: Node | Image | None = None, inside_value: float = 1.0, outside_value: float = 0.0) -> SitkFilter:
    """Create a map of the approximate signed distance from the boundaries of a binary image."""

def AreaClosing(*, image1: Node | Image | None = None, fully_connected: bool = False, lambda_: float = 0.0, use_image_spacing: bool = True) -> SitkFilter:
    """Morphological closing by attributes."""

def AreaOpening(*, image1: Node | Image | None = None, fully_connected: bool = False, lambda_: float = 0.0, use_image_spacing: bool = True) -> SitkFilter:
    """Morphological opening by attributes."""

def Asin(*, image1: Node | Image | None = None) -> SitkFilter:
    """Computes the sine of each pixel."""

def Atan(*, image1: Node | Image | None = None) -> SitkFilter:
    """Computes the one-argument inverse tangent of each pixel."""

def Atan2(*, image1: Node | Image | None = None, image2: Node | Image | None = None, constant: float | None = None) -> SitkFilter:
    """Computes two argument inverse tangent."""

def BSplineDecomposition(*, image1: Node | Image | None = None, spline_order: int = 3) -> SitkFilter:
    """Calculates the B-Spline coefficients of an image. Spline order may be from 0 to 5."""

def BSplineTransformInitializer(*, image1: Node | Image | None = None, order: int = 3, transform_domain_mesh_size: Sequence[int] = (1, 1, 1)) -> SitkMeasurement:
    """BSplineTransformInitializerFilter is a helper class intended to initialize the control point grid such that it has a physically consistent definition. It sets the transform domain origin, physical dimensions and direction from information obtained from the image. It also sets the mesh size if asked to do so by calling SetTransformDomainMeshSize() before calling InitializeTransform()."""

def Bilateral(*, image1: Node | Image | None = None, domain_sigma: float = 4.0, number_of_range_gaussian_samples: int = 100, range_sigma: float = 50.0) -> SitkFilter:
    """Blurs an image while preserving edges."""

def BinShrink(*, image1: Node | Image | None = None, shrink_factor: int | None = None, shrink_factors: Sequence[int] = (1, 1, 1)) -> SitkFilter:
    """Reduce the size of an image by an integer factor in each dimension while performing averaging of an input neighborhood."""

def BinaryClosingByReconstruction(*, image1: Node | Image | None = None, foreground_value: float = 1.0, fully_connected: bool = False, kernel_radius: int | Sequence[int] = (1, 1, 1), kernel_type: str | int = 'ball') -> SitkFilter:
    """binary closing by reconstruction of an image."""

def BinaryContour(*, image1: Node | Image | None = None, background_value: float = 0.0, foreground_value: float = 1.0, fully_connected: bool = False) -> SitkFilter:
    """Labels the pixels on the border of the objects in a binary image."""

def BinaryDilate(*, image1: Node | Image | None = None, background_value: float = 0.0, boundary_to_foreground: bool = False, foreground_value: float = 1.0, kernel_radius: int | Sequence[int] = (1, 1, 1), kernel_type: str | int = 'ball') -> SitkFilter:
    """Fast binary dilation of a single intensity value in the image."""

def BinaryErode(*, image1: Node | Image | None = None, background_value: float = 0.0, boundary_to_foreground: bool = True, foreground_value: float = 1.0, kernel_radius: int | Sequence[int] = (1, 1, 1), kernel_type: str | int = 'ball') -> SitkFilter:
    """Fast binary erosion of a single intensity value in the image."""

def BinaryFillhole(*, image1: Node | Image | None = None, foreground_value: float = 1.0, fully_connected: bool = False) -> SitkFilter:
    """Remove holes not connected to the boundary of the image."""

def BinaryGrindPeak(*, image1: Node | Image | None = None, background_value: float = 0.0, foreground_value: float = 1.0, fully_connected: bool = False) -> SitkFilter:
    """Remove the objects not connected to the boundary of the image."""

def BinaryImageToLabelMap(*, image1: Node | Image | None = None, fully_connected: bool = False, input_foreground_value: float = 1.0, output_background_value: float = 0.0) -> SitkFilter:
    """Label the connected components in a binary image and produce a collection of label objects."""

def BinaryMagnitude(*, image1: Node | Image | None = None, image2: Node | Image | None = None) -> SitkFilter:
    """Computes the square root of the sum of squares of corresponding input pixels."""

def BinaryMedian(*, image1: Node | Image | None = None, background_value: float = 0.0, foreground_value: float = 1.0, radius: int | Sequence[int] = (1, 1, 1)) -> SitkFilter:
    """Applies a version of the median filter optimized for binary images."""

def BinaryMinMaxCurvatureFlow(*, image1: Node | Image | None = None, number_of_iterations: int = 5, stencil_radius: int = 2, threshold: float = 0.0, time_step: float = 0.05) -> SitkFilter:
    """Denoise a binary image using min/max curvature flow."""

def BinaryMorphologicalClosing(*, image1: Node | Image | None = None, foreground_value: float = 1.0, kernel_radius: int | Sequence[int] = (1, 1, 1), kernel_type: str | int = 'ball', safe_border: bool = True) -> SitkFilter:
    """binary morphological closing of an image."""

def BinaryMorphologicalOpening(*, image1: Node | Image | None = None, background_value: float = 0.0, foreground_value: float = 1.0, kernel_radius: int | Sequence[int] = (1, 1, 1), kernel_type: str | int = 'ball') -> SitkFilter:
    """binary morphological opening of an image."""

def BinaryNot(*, image1: Node | Image | None = None, background_value: float = 0.0, foreground_value: float = 1.0) -> SitkFilter:
    """Implements the BinaryNot logical operator pixel-wise between two images."""

def BinaryOpeningByReconstruction(*, image1: Node | Image | None = None, background_value: float = 0.0, foreground_value: float = 1.0, fully_connected: bool = False, kernel_radius: int | Sequence[int] = (1, 1, 1), kernel_type: str | int = 'ball') -> SitkFilter:
    """binary morphological closing of an image."""

def BinaryProjection(*, image1: Node | Image | None = None, background_value: float = 0.0, foreground_value: float = 1.0, projection_dimension: int = 0) -> SitkFilter:
    """Binary projection."""

def BinaryPruning(*, image1: Node | Image | None = None, iteration: int = 3) -> SitkFilter:
    """This filter removes 'spurs' of less than a certain length in the input image."""

def BinaryReconstructionByDilation(*, marker_image: Node | Image | None = None, mask_image: Node | Image | None = None, background_value: float = 0.0, foreground_value: float = 1.0, fully_connected: bool = False) -> SitkFilter:
    """binary reconstruction by dilation of an image."""

def BinaryReconstructionByErosion(*, marker_image: Node | Image | None = None, mask_image: Node | Image | None = None, background_value: float = 0.0, foreground_value: float = 1.0, fully_connected: bool = False) -> SitkFilter:
    """binary reconstruction by erosion of an image."""

def BinaryThinning(*, image1: Node | Image | None = None) -> SitkFilter:
    """This filter computes one-pixel-wide edges of the input image."""

def BinaryThreshold(*, image1: Node | Image | None = None, inside_value: int = 1, lower_threshold: float = 0.0, outside_value: int = 0, upper_threshold: float = 255.0) -> SitkFilter:
    """Binarize an input image by thresholding."""

def BinaryThresholdProjection(*, image1: Node | Image | None = None, background_value: int = 0, foreground_value: int = 1, projection_dimension: int = 0, threshold_value: float = 0.0) -> SitkFilter:
    """BinaryThreshold projection."""

def BinomialBlur(*, image1: Node | Image | None = None, repetitions: int = 1) -> SitkFilter:
    """Performs a separable blur on each dimension of an image."""

def BitwiseNot(*, image1: Node | Image | None = None) -> SitkFilter:
    """Implements pixel-wise generic operation on one image."""

def BlackTopHat(*, image1: Node | Image | None = None, kernel_radius: int | Sequence[int] = (1, 1, 1), kernel_type: str | int = 'ball', safe_border: bool = True) -> SitkFilter:
    """Black top hat extracts local minima that are smaller than the structuring element."""

def BoundedReciprocal(*, image1: Node | Image | None = None) -> SitkFilter:
    """Computes 1/(1+x) for each pixel in the image."""

def BoxMean(*, image1: Node | Image | None = None, radius: int | Sequence[int] = (1, 1, 1)) -> SitkFilter:
    """Implements a fast rectangular mean filter using the accumulator approach."""

def BoxSigma(*, image1: Node | Image | None = None, radius: int | Sequence[int] = (1, 1, 1)) -> SitkFilter:
    """Implements a fast rectangular sigma filter using the accumulator approach."""

def CannyEdgeDetection(*, image1: Node | Image | None = None, lower_threshold: float = 0.0, maximum_error: float | Sequence[float] = (0.01, 0.01, 0.01), upper_threshold: float = 0.0, variance: float | Sequence[float] = (0.0, 0.0, 0.0)) -> SitkFilter:
    """This filter is an implementation of a Canny edge detector for scalar- valued images."""

def CannySegmentationLevelSet(*, initial_image: Node | Image | None = None, feature_image: Node | Image | None = None, advection_scaling: float = 1.0, curvature_scaling: float = 1.0, iso_surface_value: float = 0.0, maximum_rms_error: float = 0.02, number_of_iterations: int = 1000, propagation_scaling: float = 1.0, reverse_expansion_direction: bool = False, threshold: float = 0.0, variance: float = 0.0) -> SitkFilter:
    """Segments structures in images based on image features derived from pseudo-canny-edges."""

def Cast(*, image: Node | Image | None = None, output_pixel_type: DTypeLike | int = 'float32') -> SitkFilter:
    """A hybrid cast image filter to convert images to other types of images."""

def CenteredTransformInitializer(*, fixed_image: Node | Image | None = None, moving_image: Node | Image | None = None, transform: Any = None, operation_mode: str | int = 'moments') -> SitkMeasurement:
    """CenteredTransformInitializerFilter is a helper class intended to initialize the center of rotation and the translation of Transforms having the center of rotation among their parameters."""

def CenteredVersorTransformInitializer(*, fixed_image: Node | Image | None = None, moving_image: Node | Image | None = None, transform: Any = None, compute_rotation: bool = False) -> SitkMeasurement:
    """CenteredVersorTransformInitializerFilter is a helper class intended to initialize the center of rotation, versor, and translation of the VersorRigid3DTransform."""

def ChangeLabel(*, image1: Node | Image | None = None, change_map: Mapping[float, float] = {}) -> SitkFilter:
    """Change Sets of Labels."""

def ChangeLabelLabelMap(*, image1: Node | Image | None = None, change_map: Mapping[float, float] = {}) -> SitkFilter:
    """Replace the label Ids of selected LabelObjects with new label Ids."""

def CheckerBoard(*, image1: Node | Image | None = None, image2: Node | Image | None = None, checker_pattern: int | Sequence[int] = (4, 4, 4)) -> SitkFilter:
    """Combines two images in a checkerboard pattern."""

def Clamp(*, image1: Node | Image | None = None, lower_bound: float = -1.7976931348623157e+308, output_pixel_type: DTypeLike | int = 'unknown', upper_bound: float = 1.7976931348623157e+308) -> SitkFilter:
    """Casts input pixels to output pixel type and clamps the output pixel values to a specified range."""

def ClosingByReconstruction(*, image1: Node | Image | None = None, fully_connected: bool = False, kernel_radius: int | Sequence[int] = (1, 1, 1), kernel_type: str | int = 'ball', preserve_intensities: bool = False) -> SitkFilter:
    """Closing by reconstruction of an image."""

def CollidingFronts(*, image1: Node | Image | None = None, apply_connectivity: bool = True, negative_epsilon: float = -1e-06, seed_points1: Sequence[Sequence[int]] = (), seed_points2: Sequence[Sequence[int]] = (), stop_on_targets: bool = False) -> SitkFilter:
    """Selects a region of space where two independent fronts run towards each other."""

def Compose(*, image1: Node | Image | None = None, image2: Node | Image | None = None, image3: Node | Image | None = None, image4: Node | Image | None = None, image5: Node | Image | None = None, images: Sequence[Node | Image] | None = None) -> SitkFilter:
    """ComposeImageFilter combine several scalar images into a multicomponent image."""

def ConfidenceConnected(*, image1: Node | Image | None = None, initial_neighborhood_radius: int = 1, multiplier: float = 4.5, number_of_iterations: int = 4, replace_value: int = 1, seed_list: Sequence[Sequence[int]] = ()) -> SitkFilter:
    """Segment pixels with similar statistics using connectivity."""

def ConnectedComponent(*, image: Node | Image | None = None, mask_image: Node | Image | None = None, fully_connected: bool = False) -> SitkFilter:
    """Label the objects in a binary image."""

def ConnectedThreshold(*, image1: Node | Image | None = None, connectivity: str | int = 'face_connectivity', lower: float = 0.0, replace_value: int = 1, seed_list: Sequence[Sequence[int]] = (), upper: float = 1.0) -> SitkFilter:
    """Label pixels that are connected to a seed and lie within a range of values."""

def ConstantPad(*, image1: Node | Image | None = None, constant: float = 0.0, pad_lower_bound: Sequence[int] = (0, 0, 0), pad_upper_bound: Sequence[int] = (0, 0, 0)) -> SitkFilter:
    """Increase the image size by padding with a constant value."""

def Convolution(*, image: Node | Image | None = None, kernel_image: Node | Image | None = None, boundary_condition: str | int = 'zero_flux_neumann_pad', normalize: bool = False, output_region_mode: str | int = 'same') -> SitkFilter:
    """Convolve a given image with an arbitrary image kernel."""

def Cos(*, image1: Node | Image | None = None) -> SitkFilter:
    """Computes the cosine of each pixel."""

def Crop(*, image1: Node | Image | None = None, lower_boundary_crop_size: Sequence[int] = (0, 0, 0), upper_boundary_crop_size: Sequence[int] = (0, 0, 0)) -> SitkFilter:
    """Decrease the image size by cropping the image by an itk::Size at both the upper and lower bounds of the largest possible region."""

def CurvatureAnisotropicDiffusion(*, image1: Node | Image | None = None, conductance_parameter: float = 3.0, conductance_scaling_update_interval: int = 1, number_of_iterations: int = 5, time_step: float = 0.0625) -> SitkFilter:
    """This filter performs anisotropic diffusion on a scalar itk::Image using the modified curvature diffusion equation (MCDE)."""

def CurvatureFlow(*, image1: Node | Image | None = None, number_of_iterations: int = 5, time_step: float = 0.05) -> SitkFilter:
    """Denoise an image using curvature driven flow."""

def CyclicShift(*, image1: Node | Image | None = None, shift: int | Sequence[int] = (0, 0, 0)) -> SitkFilter:
    """Perform a cyclic spatial shift of image intensities on the image grid."""

def DICOMOrient(*, image1: Node | Image | None = None, desired_coordinate_orientation: str = 'LPS') -> SitkFilter:
    """Permute axes and flip images as needed to obtain an approximation to the desired orientation."""

def DanielssonDistanceMap(*, image1: Node | Image | None = None, input_is_binary: bool = False, squared_distance: bool = False, use_image_spacing: bool = False) -> SitkFilter:
    """This filter computes the distance map of the input image as an approximation with pixel accuracy to the Euclidean distance."""

def DemonsRegistration(*, fixed_image: Node | Image | None = None, moving_image: Node | Image | None = None, initial_displacement_field: Node | Image | None = None, intensity_difference_threshold: float = 0.001, maximum_error: float = 0.1, maximum_kernel_width: int = 30, maximum_rms_error: float = 0.02, number_of_iterations: int = 10, smooth_displacement_field: bool = True, smooth_update_field: bool = False, standard_deviations: float | Sequence[float] = (1.0, 1.0, 1.0), update_field_standard_deviations: float | Sequence[float] = (1.0, 1.0, 1.0), use_image_spacing: bool = True, use_moving_image_gradient: bool = False) -> SitkFilter:
    """Deformably register two images using the demons algorithm."""

def Derivative(*, image1: Node | Image | None = None, direction: int = 0, order: int = 1, use_image_spacing: bool = True) -> SitkFilter:
    """Computes the directional derivative of an image. The directional derivative at each pixel location is computed by convolution with a derivative operator of user-specified order."""

def DiffeomorphicDemonsRegistration(*, fixed_image: Node | Image | None = None, moving_image: Node | Image | None = None, initial_displacement_field: Node | Image | None = None, intensity_difference_threshold: float = 0.001, maximum_error: float = 0.1, maximum_kernel_width: int = 30, maximum_rms_error: float = 0.02, maximum_update_step_length: float = 0.5, number_of_iterations: int = 10, smooth_displacement_field: bool = True, smooth_update_field: bool = False, standard_deviations: float | Sequence[float] = (1.0, 1.0, 1.0), update_field_standard_deviations: float | Sequence[float] = (1.0, 1.0, 1.0), use_first_order_exp: bool = False, use_gradient_type: str | int = 'symmetric', use_image_spacing: bool = True) -> SitkFilter:
    """Deformably register two images using a diffeomorphic demons algorithm."""

def DilateObjectMorphology(*, image1: Node | Image | None = None, kernel_radius: int | Sequence[int] = (1, 1, 1), kernel_type: str | int = 'ball', object_value: float = 1.0) -> SitkFilter:
    """dilation of an object in an image."""

def DiscreteGaussian(*, image1: Node | Image | None = None, maximum_error: float | Sequence[float] = (0.01, 0.01, 0.01), maximum_kernel_width: int = 32, use_image_spacing: bool = True, variance: float | Sequence[float] = (1.0, 1.0, 1.0)) -> SitkFilter:
    """Blurs an image by separable convolution with discrete gaussian kernels. This filter performs Gaussian blurring by separable convolution of an image and a discrete Gaussian operator (kernel)."""

def DiscreteGaussianDerivative(*, image1: Node | Image | None = None, maximum_error: float = 0.01, maximum_kernel_width: int = 32, normalize_across_scale: bool = False, order: int | Sequence[int] = (1, 1, 1), use_image_spacing: bool = True, variance: float | Sequence[float] = (0.0, 0.0, 0.0)) -> SitkFilter:
    """Calculates image derivatives using discrete derivative gaussian kernels. This filter calculates Gaussian derivative by separable convolution of an image and a discrete Gaussian derivative operator (kernel)."""

def DisplacementFieldJacobianDeterminant(*, image1: Node | Image | None = None, derivative_weights: Sequence[float] = (), use_image_spacing: bool = True) -> SitkFilter:
    """Computes a scalar image from a vector image (e.g., deformation field) input, where each output scalar at each pixel is the Jacobian determinant of the vector field at that location. This calculation is correct in the case where the vector image is a 'displacement' from the current location. The computation for the jacobian determinant is: det[ dT/dx ] = det[ I + du/dx ]."""

def Divide(*, image1: Node | Image | None = None, image2: Node | Image | None = None, constant: float | None = None) -> SitkFilter:
    """Pixel-wise division of two images."""

def DivideFloor(*, image1: Node | Image | None = None, image2: Node | Image | None = None, constant: float | None = None) -> SitkFilter:
    """Implements pixel-wise generic operation of two images, or of an image and a constant."""

def DivideReal(*, image1: Node | Image | None = None, image2: Node | Image | None = None, constant: float | None = None) -> SitkFilter:
    """Implements pixel-wise generic operation of two images, or of an image and a constant."""

def DoubleThreshold(*, image1: Node | Image | None = None, fully_connected: bool = False, inside_value: int = 1, outside_value: int = 0, threshold1: float = 0.0, threshold2: float = 1.0, threshold3: float = 254.0, threshold4: float = 255.0) -> SitkFilter:
    """Binarize an input image using double thresholding."""

def EdgePotential(*, image1: Node | Image | None = None) -> SitkFilter:
    """Computes the edge potential of an image from the image gradient."""

def Equal(*, image1: Node | Image | None = None, image2: Node | Image | None = None, constant: float | None = None, background_value: int = 0, foreground_value: int = 1) -> SitkFilter:
    """Implements pixel-wise generic operation of two images, or of an image and a constant."""

def ErodeObjectMorphology(*, image1: Node | Image | None = None, background_value: float = 0.0, kernel_radius: int | Sequence[int] = (1, 1, 1), kernel_type: str | int = 'ball', object_value: float = 1.0) -> SitkFilter:
    """Erosion of an object in an image."""

def Exp(*, image1: Node | Image | None = None) -> SitkFilter:
    """Computes the exponential function of each pixel."""

def ExpNegative(*, image1: Node | Image | None = None) -> SitkFilter:
    """Computes the function exp(-K.x) for each input pixel."""

def Expand(*, image1: Node | Image | None = None, expand_factor: int | None = None, expand_factors: int | Sequence[int] = (1, 1, 1), interpolator: str | int = 'linear') -> SitkFilter:
    """Expand the size of an image by an integer factor in each dimension."""

def Extract(*, image1: Node | Image | None = None, direction_collapse_to_strategy: str | int = 'directioncollapsetoguess', index: Sequence[int] = (0, 0, 0, 0, 0), size: Sequence[int] = (1, 1, 1, 1, 1)) -> SitkFilter:
    """Decrease the image size by cropping the image to the selected region bounds."""

def FFTConvolution(*, image: Node | Image | None = None, kernel_image: Node | Image | None = None, boundary_condition: str | int = 'zero_flux_neumann_pad', normalize: bool = False, output_region_mode: str | int = 'same') -> SitkFilter:
    """Convolve a given image with an arbitrary image kernel using multiplication in the Fourier domain."""

def FFTNormalizedCorrelation(*, fixed_image: Node | Image | None = None, moving_image: Node | Image | None = None, required_fraction_of_overlapping_pixels: float = 0.0, required_number_of_overlapping_pixels: int = 0) -> SitkFilter:
    """Calculate normalized cross correlation using FFTs."""

def FFTPad(*, image1: Node | Image | None = None, boundary_condition: str | int = 'zero_flux_neumann_pad', size_greatest_prime_factor: int = 5) -> SitkFilter:
    """Pad an image to make it suitable for an FFT transformation."""

def FFTShift(*, image1: Node | Image | None = None, inverse: bool = False) -> SitkFilter:
    """Shift the zero-frequency components of a Fourier transform to the center of the image."""

def FastApproximateRank(*, image1: Node | Image | None = None, radius: int | Sequence[int] = (1, 1, 1), rank: float = 0.5) -> SitkFilter:
    """A separable rank filter."""

def FastMarching(*, image1: Node | Image | None = None, initial_trial_values: Sequence[float] = (), normalization_factor: float = 1.0, stopping_value: float = 8.988465674311579e+307, trial_points: Sequence[Sequence[int]] = ()) -> SitkFilter:
    """Solve an Eikonal equation using Fast Marching."""

def FastMarchingBase(*, image1: Node | Image | None = None, initial_trial_values: Sequence[float] = (), normalization_factor: float = 1.0, stopping_value: float = 1.7014117331926443e+38, topology_check: str | int = 'nothing', trial_points: Sequence[Sequence[int]] = ()) -> SitkFilter:
    """Apply the Fast Marching method to solve an Eikonal equation on an image."""

def FastMarchingUpwindGradient(*, image1: Node | Image | None = None, initial_trial_values: Sequence[float] = (), normalization_factor: float = 1.0, number_of_targets: int = 0, target_offset: float = 1.0, target_points: Sequence[Sequence[int]] = (), trial_points: Sequence[Sequence[int]] = ()) -> SitkFilter:
    """Generates the upwind gradient field of fast marching arrival times."""

def FastSymmetricForcesDemonsRegistration(*, fixed_image: Node | Image | None = None, moving_image: Node | Image | None = None, initial_displacement_field: Node | Image | None = None, intensity_difference_threshold: float = 0.001, maximum_error: float = 0.1, maximum_kernel_width: int = 30, maximum_rms_error: float = 0.02, maximum_update_step_length: float = 0.5, number_of_iterations: int = 10, smooth_displacement_field: bool = True, smooth_update_field: bool = False, standard_deviations: float | Sequence[float] = (1.0, 1.0, 1.0), update_field_standard_deviations: float | Sequence[float] = (1.0, 1.0, 1.0), use_gradient_type: str | int = 'symmetric', use_image_spacing: bool = True) -> SitkFilter:
    """Deformably register two images using a symmetric forces demons algorithm."""

def Flip(*, image1: Node | Image | None = None, flip_about_origin: bool = False, flip_axes: Sequence[bool] = (False, False, False)) -> SitkFilter:
    """Flips an image across user specified axes."""

def GaborSource(*, direction: Sequence[float] = (), frequency: float = 0.4, mean: float | Sequence[float] = (32.0, 32.0, 32.0), origin: Sequence[float] = (0.0, 0.0, 0.0), output_pixel_type: DTypeLike | int = 'float32', sigma: float | Sequence[float] = (16.0, 16.0, 16.0), size: Sequence[int] = (64, 64, 64), spacing: Sequence[float] = (1.0, 1.0, 1.0)) -> SitkSource:
    """Generate an n-dimensional image of a Gabor filter."""

def GaussianSource(*, direction: Sequence[float] = (), mean: float | Sequence[float] = (32.0, 32.0, 32.0), normalized: bool = False, origin: Sequence[float] = (0.0, 0.0, 0.0), output_pixel_type: DTypeLike | int = 'float32', scale: float = 255.0, sigma: float | Sequence[float] = (16.0, 16.0, 16.0), size: Sequence[int] = (64, 64, 64), spacing: Sequence[float] = (1.0, 1.0, 1.0)) -> SitkSource:
    """Generate an n-dimensional image of a Gaussian."""

def GeodesicActiveContourLevelSet(*, initial_image: Node | Image | None = None, feature_image: Node | Image | None = None, advection_scaling: float = 1.0, curvature_scaling: float = 1.0, maximum_rms_error: float = 0.01, number_of_iterations: int = 1000, propagation_scaling: float = 1.0, reverse_expansion_direction: bool = False) -> SitkFilter:
    """Segments structures in images based on a user supplied edge potential map."""

def Gradient(*, image1: Node | Image | None = None, use_image_direction: bool = False, use_image_spacing: bool = True) -> SitkFilter:
    """Computes the gradient of an image using directional derivatives."""

def GradientAnisotropicDiffusion(*, image1: Node | Image | None = None, conductance_parameter: float = 3.0, conductance_scaling_update_interval: int = 1, number_of_iterations: int = 5, time_step: float = 0.125) -> SitkFilter:
    """This filter performs anisotropic diffusion on a scalar itk::Image using the classic Perona-Malik, gradient magnitude based equation."""

def GradientMagnitude(*, image1: Node | Image | None = None, use_image_spacing: bool = True) -> SitkFilter:
    """Computes the gradient magnitude of an image region at each pixel."""

def GradientMagnitudeRecursiveGaussian(*, image1: Node | Image | None = None, normalize_across_scale: bool = False, sigma: float = 1.0) -> SitkFilter:
    """Computes the Magnitude of the Gradient of an image by convolution with the first derivative of a Gaussian."""

def GradientRecursiveGaussian(*, image1: Node | Image | None = None, normalize_across_scale: bool = False, sigma: float = 1.0, use_image_direction: bool = False) -> SitkFilter:
    """Computes the gradient of an image by convolution with the first derivative of a Gaussian."""

def GrayscaleConnectedClosing(*, image1: Node | Image | None = None, fully_connected: bool = False, seed: Sequence[int] = (0, 0, 0)) -> SitkFilter:
    """Enhance pixels associated with a dark object (identified by a seed pixel) where the dark object is surrounded by a brighter object."""

def GrayscaleConnectedOpening(*, image1: Node | Image | None = None, fully_connected: bool = False, seed: Sequence[int] = (0, 0, 0)) -> SitkFilter:
    """Enhance pixels associated with a bright object (identified by a seed pixel) where the bright object is surrounded by a darker object."""

def GrayscaleDilate(*, image1: Node | Image | None = None, kernel_radius: int | Sequence[int] = (1, 1, 1), kernel_type: str | int = 'ball') -> SitkFilter:
    """Grayscale dilation of an image."""

def GrayscaleErode(*, image1: Node | Image | None = None, kernel_radius: int | Sequence[int] = (1, 1, 1), kernel_type: str | int = 'ball') -> SitkFilter:
    """Grayscale erosion of an image."""

def GrayscaleFillhole(*, image1: Node | Image | None = None, fully_connected: bool = False) -> SitkFilter:
    """Remove local minima not connected to the boundary of the image."""

def GrayscaleGeodesicDilate(*, image1: Node | Image | None = None, image2: Node | Image | None = None, fully_connected: bool = False, run_one_iteration: bool = False) -> SitkFilter:
    """Geodesic grayscale dilation of an image."""

def GrayscaleGeodesicErode(*, image1: Node | Image | None = None, image2: Node | Image | None = None, fully_connected: bool = False, run_one_iteration: bool = False) -> SitkFilter:
    """geodesic gray scale erosion of an image."""

def GrayscaleGrindPeak(*, image1: Node | Image | None = None, fully_connected: bool = False) -> SitkFilter:
    """Remove local maxima not connected to the boundary of the image."""

def GrayscaleMorphologicalClosing(*, image1: Node | Image | None = None, kernel_radius: int | Sequence[int] = (1, 1, 1), kernel_type: str | int = 'ball', safe_border: bool = True) -> SitkFilter:
    """Grayscale closing of an image."""

def GrayscaleMorphologicalOpening(*, image1: Node | Image | None = None, kernel_radius: int | Sequence[int] = (1, 1, 1), kernel_type: str | int = 'ball', safe_border: bool = True) -> SitkFilter:
    """Grayscale opening of an image."""

def Greater(*, image1: Node | Image | None = None, image2: Node | Image | None = None, constant: float | None = None, background_value: int = 0, foreground_value: int = 1) -> SitkFilter:
    """Implements pixel-wise generic operation of two images, or of an image and a constant."""

def GreaterEqual(*, image1: Node | Image | None = None, image2: Node | Image | None = None, constant: float | None = None, background_value: int = 0, foreground_value: int = 1) -> SitkFilter:
    """Implements pixel-wise generic operation of two images, or of an image and a constant."""

def GridSource(*, direction: Sequence[float] = (), grid_offset: Sequence[float] = (0.0, 0.0, 0.0), grid_spacing: Sequence[float] = (4.0, 4.0, 4.0), origin: Sequence[float] = (0.0, 0.0, 0.0), output_pixel_type: DTypeLike | int = 'float32', scale: float = 255.0, sigma: float | Sequence[float] = (0.5, 0.5, 0.5), size: Sequence[int] = (64, 64, 64), spacing: Sequence[float] = (1.0, 1.0, 1.0), which_dimensions: Sequence[bool] = (True, True, True)) -> SitkSource:
    """Generate an n-dimensional image of a grid."""

def HConcave(*, image1: Node | Image | None = None, fully_connected: bool = False, height: float = 2.0) -> SitkFilter:
    """Identify local minima whose depth below the baseline is greater than h."""

def HConvex(*, image1: Node | Image | None = None, fully_connected: bool = False, height: float = 2.0) -> SitkFilter:
    """Identify local maxima whose height above the baseline is greater than h."""

def HMaxima(*, image1: Node | Image | None = None, height: float = 2.0) -> SitkFilter:
    """Suppress local maxima whose height above the baseline is less than h."""

def HMinima(*, image1: Node | Image | None = None, fully_connected: bool = False, height: float = 2.0) -> SitkFilter:
    """Suppress local minima whose depth below the baseline is less than h."""

def Hash(*, image: Node | Image | None = None, hash_function: str | int = 'sha1') -> SitkMeasurement:
    """Compute the sha1 or md5 hash of an image."""

def HausdorffDistance(*, image1: Node | Image | None = None, image2: Node | Image | None = None) -> SitkMeasurement:
    """Computes the Hausdorff distance between the set of non-zero pixels of two images."""

def HistogramMatching(*, image: Node | Image | None = None, reference_image: Node | Image | None = None, number_of_histogram_levels: int = 256, number_of_match_points: int = 1, threshold_at_mean_intensity: bool = True) -> SitkFilter:
    """Normalize the grayscale values for a source image by matching the shape of the source image histogram to a reference histogram."""

def HuangThreshold(*, image: Node | Image | None = None, mask_image: Node | Image | None = None, inside_value: int = 1, mask_output: bool = True, mask_value: int = 255, number_of_histogram_bins: int = 128, outside_value: int = 0) -> SitkFilter:
    """Threshold an image using the Huang Threshold."""

def IntensityWindowing(*, image1: Node | Image | None = None, output_maximum: float = 255.0, output_minimum: float = 0.0, window_maximum: float = 255.0, window_minimum: float = 0.0) -> SitkFilter:
    """Applies a linear transformation to the intensity levels of the input Image that are inside a user-defined interval. Values below this interval are mapped to a constant. Values over the interval are mapped to another constant."""

def IntermodesThreshold(*, image: Node | Image | None = None, mask_image: Node | Image | None = None, inside_value: int = 1, mask_output: bool = True, mask_value: int = 255, number_of_histogram_bins: int = 256, outside_value: int = 0) -> SitkFilter:
    """Threshold an image using the Intermodes Threshold."""

def InverseDeconvolution(*, image1: Node | Image | None = None, image2: Node | Image | None = None, boundary_condition: str | int = 'zero_flux_neumann_pad', kernel_zero_magnitude_threshold: float = 0.0001, normalize: bool = False, output_region_mode: str | int = 'same') -> SitkFilter:
    """The direct linear inverse deconvolution filter."""

def InverseDisplacementField(*, image1: Node | Image | None = None, reference_image: Node | Image | None = None, output_origin: Sequence[float] = (0.0, 0.0, 0.0), output_spacing: Sequence[float] = (1.0, 1.0, 1.0), size: Sequence[int] = (0, 0, 0), subsampling_factor: int = 16) -> SitkFilter:
    """Computes the inverse of a displacement field."""

def InvertDisplacementField(*, image1: Node | Image | None = None, enforce_boundary_condition: bool = True, max_error_tolerance_threshold: float = 0.1, maximum_number_of_iterations: int = 10, mean_error_tolerance_threshold: float = 0.001) -> SitkFilter:
    """Iteratively estimate the inverse field of a displacement field."""

def InvertIntensity(*, image1: Node | Image | None = None, maximum: float = 255.0) -> SitkFilter:
    """Invert the intensity of an image."""

def IsoContourDistance(*, image1: Node | Image | None = None, far_value: float = 10.0, level_set_value: float = 0.0) -> SitkFilter:
    """Compute an approximate distance from an interpolated isocontour to the close grid points."""

def IsoDataThreshold(*, image: Node | Image | None = None, mask_image: Node | Image | None = None, inside_value: int = 1, mask_output: bool = True, mask_value: int = 255, number_of_histogram_bins: int = 256, outside_value: int = 0) -> SitkFilter:
    """Threshold an image using the IsoData Threshold."""

def IsolatedConnected(*, image1: Node | Image | None = None, find_upper_threshold: bool = True, isolated_value_tolerance: float = 1.0, lower: float = 0.0, replace_value: int = 1, seed1: Sequence[int] = (0, 0, 0), seed2: Sequence[int] = (0, 0, 0), upper: float = 1.0) -> SitkFilter:
    """Label pixels that are connected to one set of seeds but not another."""

def IsolatedWatershed(*, image1: Node | Image | None = None, isolated_value_tolerance: float = 0.001, replace_value1: int = 1, replace_value2: int = 2, seed1: Sequence[int] = (0, 0, 0), seed2: Sequence[int] = (0, 0, 0), threshold: float = 0.0, upper_value_limit: float = 1.0) -> SitkFilter:
    """Isolate watershed basins using two seeds."""

def IterativeInverseDisplacementField(*, image1: Node | Image | None = None, number_of_iterations: int = 5, stop_value: float = 0.0) -> SitkFilter:
    """Computes the inverse of a displacement field."""

def KittlerIllingworthThreshold(*, image: Node | Image | None = None, mask_image: Node | Image | None = None, inside_value: int = 1, mask_output: bool = True, mask_value: int = 255, number_of_histogram_bins: int = 256, outside_value: int = 0) -> SitkFilter:
    """Threshold an image using the KittlerIllingworth Threshold."""

def LabelContour(*, image1: Node | Image | None = None, background_value: float = 0.0, fully_connected: bool = False) -> SitkFilter:
    """Labels the pixels on the border of the objects in a labeled image."""

def LabelImageToLabelMap(*, image1: Node | Image | None = None, background_value: float = 0.0) -> SitkFilter:
    """convert a labeled image to a label collection image."""

def LabelIntensityStatistics(*, image: Node | Image | None = None, feature_image: Node | Image | None = None, background_value: float = 0.0, compute_feret_diameter: bool = False, compute_perimeter: bool = True, number_of_bins: int = 128) -> SitkMeasurement:
    """a convenient class to convert a label image to a label map and valuate the statistics attributes at once."""

def LabelMapContourOverlay(*, label_map_image: Node | Image | None = None, feature_image: Node | Image | None = None, colormap: Sequence[int] = (), contour_thickness: Sequence[int] = (1, 1, 1), contour_type: str | int = 'contour', dilation_radius: int | Sequence[int] = (1, 1, 1), opacity: float = 0.5, priority: str | int = 'high_label_on_top', slice_dimension: int = 0) -> SitkFilter:
    """Apply a colormap to the contours (outlines) of each object in a label map and superimpose it on top of the feature image."""

def LabelMapMask(*, label_map_image: Node | Image | None = None, feature_image: Node | Image | None = None, background_value: float = 0.0, crop: bool = False, crop_border: int | Sequence[int] = (0, 0, 0), label: int = 1, negated: bool = False) -> SitkFilter:
    """Mask and image with a LabelMap ."""

def LabelMapOverlay(*, label_map_image: Node | Image | None = None, feature_image: Node | Image | None = None, colormap: Sequence[int] = (), opacity: float = 0.5) -> SitkFilter:
    """Apply a colormap to a label map and superimpose it on an image."""

def LabelMapToBinary(*, image1: Node | Image | None = None, background_value: float = 0.0, foreground_value: float = 1.0) -> SitkFilter:
    """Convert a LabelMap to a binary image."""

def LabelMapToLabel(*, image1: Node | Image | None = None) -> SitkFilter:
    """Converts a LabelMap to a labeled image."""

def LabelMapToRGB(*, image1: Node | Image | None = None, colormap: Sequence[int] = ()) -> SitkFilter:
    """Convert a LabelMap to a colored image."""

def LabelOverlapMeasures(*, source_image: Node | Image | None = None, target_image: Node | Image | None = None) -> SitkMeasurement:
    """Computes overlap measures between the set same set of labels of pixels of two images. Background is assumed to be 0."""

def LabelOverlay(*, image: Node | Image | None = None, label_image: Node | Image | None = None, background_value: float = 0.0, colormap: Sequence[int] = (), opacity: float = 0.5) -> SitkFilter:
    """Apply a colormap to a label image and put it on top of the input image."""

def LabelSetDilate(*, image1: Node | Image | None = None, radius: int | Sequence[int] = (1, 1, 1), use_image_spacing: bool = True) -> SitkFilter:
    """Proxy of C++ itk::simple::LabelSetDilateImageFilter class."""

def LabelSetErode(*, image1: Node | Image | None = None, radius: int | Sequence[int] = (1, 1, 1), use_image_spacing: bool = True) -> SitkFilter:
    """Proxy of C++ itk::simple::LabelSetErodeImageFilter class."""

def LabelShapeStatistics(*, image1: Node | Image | None = None, background_value: float = 0.0, compute_feret_diameter: bool = False, compute_oriented_bounding_box: bool = False, compute_perimeter: bool = True) -> SitkMeasurement:
    """Converts a label image to a label map and valuates the shape attributes."""

def LabelStatistics(*, image: Node | Image | None = None, label_image: Node | Image | None = None, use_histograms: bool = True) -> SitkMeasurement:
    """Given an intensity image and a label map, compute min, max, variance and mean of the pixels associated with each label or segment."""

def LabelToRGB(*, image1: Node | Image | None = None, background_value: float = 0.0, colormap: Sequence[int] = ()) -> SitkFilter:
    """Apply a colormap to a label image."""

def LabelUniqueLabelMap(*, image1: Node | Image | None = None, reverse_ordering: bool = False) -> SitkFilter:
    """Make sure that the objects are not overlapping."""

def LabelVoting(*, image1: Node | Image | None = None, image2: Node | Image | None = None, image3: Node | Image | None = None, image4: Node | Image | None = None, image5: Node | Image | None = None, images: Sequence[Node | Image] | None = None, label_for_undecided_pixels: int = 18446744073709551615) -> SitkFilter:
    """This filter performs pixelwise voting among an arbitrary number of input images, where each of them represents a segmentation of the same scene (i.e., image)."""

def LandweberDeconvolution(*, image1: Node | Image | None = None, image2: Node | Image | None = None, alpha: float = 0.1, boundary_condition: str | int = 'zero_flux_neumann_pad', normalize: bool = False, number_of_iterations: int = 1, output_region_mode: str | int = 'same') -> SitkFilter:
    """Deconvolve an image using the Landweber deconvolution algorithm."""

def Laplacian(*, image1: Node | Image | None = None, use_image_spacing: bool = True) -> SitkFilter:
    """This filter computes the Laplacian of a scalar-valued image."""

def LaplacianRecursiveGaussian(*, image1: Node | Image | None = None, normalize_across_scale: bool = False, sigma: float = 1.0) -> SitkFilter:
    """Computes the Laplacian of Gaussian (LoG) of an image."""

def LaplacianSegmentationLevelSet(*, initial_image: Node | Image | None = None, feature_image: Node | Image | None = None, curvature_scaling: float = 1.0, maximum_rms_error: float = 0.02, number_of_iterations: int = 1000, propagation_scaling: float = 1.0, reverse_expansion_direction: bool = False) -> SitkFilter:
    """Segments structures in images based on a second derivative image features."""

def LaplacianSharpening(*, image1: Node | Image | None = None, use_image_spacing: bool = True) -> SitkFilter:
    """This filter sharpens an image using a Laplacian. LaplacianSharpening highlights regions of rapid intensity change and therefore highlights or enhances the edges. The result is an image that appears more in focus."""

def Less(*, image1: Node | Image | None = None, image2: Node | Image | None = None, constant: float | None = None, background_value: int = 0, foreground_value: int = 1) -> SitkFilter:
    """Implements pixel-wise generic operation of two images, or of an image and a constant."""

def LessEqual(*, image1: Node | Image | None = None, image2: Node | Image | None = None, constant: float | None = None, background_value: int = 0, foreground_value: int = 1) -> SitkFilter:
    """Implements pixel-wise generic operation of two images, or of an image and a constant."""

def LevelSetMotionRegistration(*, fixed_image: Node | Image | None = None, moving_image: Node | Image | None = None, initial_displacement_field: Node | Image | None = None, alpha: float = 0.1, gradient_magnitude_threshold: float = 1e-09, gradient_smoothing_standard_deviations: float = 1.0, intensity_difference_threshold: float = 0.001, maximum_error: float = 0.1, maximum_kernel_width: int = 30, maximum_rms_error: float = 0.02, number_of_iterations: int = 10, smooth_displacement_field: bool = False, smooth_update_field: bool = False, standard_deviations: float | Sequence[float] = (1.0, 1.0, 1.0), update_field_standard_deviations: float | Sequence[float] = (1.0, 1.0, 1.0), use_image_spacing: bool = True) -> SitkFilter:
    """Deformably register two images using level set motion."""

def LiThreshold(*, image: Node | Image | None = None, mask_image: Node | Image | None = None, inside_value: int = 1, mask_output: bool = True, mask_value: int = 255, number_of_histogram_bins: int = 256, outside_value: int = 0) -> SitkFilter:
    """Threshold an image using the Li Threshold."""

def Log(*, image1: Node | Image | None = None) -> SitkFilter:
    """Computes the log() of each pixel."""

def Log10(*, image1: Node | Image | None = None) -> SitkFilter:
    """Computes the log10 of each pixel."""

def Mask(*, image: Node | Image | None = None, mask_image: Node | Image | None = None, masking_value: float = 0.0, outside_value: float = 0.0) -> SitkFilter:
    """Mask an image with a mask."""

def MaskNegated(*, image: Node | Image | None = None, mask_image: Node | Image | None = None, masking_value: float = 0.0, outside_value: float = 0.0) -> SitkFilter:
    """Mask an image with the negation (or logical compliment) of a mask."""

def MaskedAssign(*, image: Node | Image | None = None, mask_image: Node | Image | None = None, assign_image: Node | Image | None = None, assign_constant: float = 0.0) -> SitkFilter:
    """Mask an image with a mask."""

def MaskedFFTNormalizedCorrelation(*, fixed_image: Node | Image | None = None, moving_image: Node | Image | None = None, fixed_image_mask: Node | Image | None = None, moving_image_mask: Node | Image | None = None, required_fraction_of_overlapping_pixels: float = 0.0, required_number_of_overlapping_pixels: int = 0) -> SitkFilter:
    """Calculate masked normalized cross correlation using FFTs."""

def Maximum(*, image1: Node | Image | None = None, image2: Node | Image | None = None, constant: float | None = None) -> SitkFilter:
    """Implements a pixel-wise operator Max(a,b) between two images."""

def MaximumEntropyThreshold(*, image: Node | Image | None = None, mask_image: Node | Image | None = None, inside_value: int = 1, mask_output: bool = True, mask_value: int = 255, number_of_histogram_bins: int = 256, outside_value: int = 0) -> SitkFilter:
    """Threshold an image using the MaximumEntropy Threshold."""

def MaximumProjection(*, image1: Node | Image | None = None, projection_dimension: int = 0) -> SitkFilter:
    """Maximum projection."""

def Mean(*, image1: Node | Image | None = None, radius: int | Sequence[int] = (1, 1, 1)) -> SitkFilter:
    """Applies an averaging filter to an image."""

def MeanProjection(*, image1: Node | Image | None = None, projection_dimension: int = 0) -> SitkFilter:
    """Mean projection."""

def Median(*, image1: Node | Image | None = None, radius: int | Sequence[int] = (1, 1, 1)) -> SitkFilter:
    """Applies a median filter to an image."""

def MedianProjection(*, image1: Node | Image | None = None, projection_dimension: int = 0) -> SitkFilter:
    """Median projection."""

def MergeLabelMap(*, image1: Node | Image | None = None, image2: Node | Image | None = None, image3: Node | Image | None = None, image4: Node | Image | None = None, image5: Node | Image | None = None, images: Sequence[Node | Image] | None = None, method: str | int = 'keep') -> SitkFilter:
    """Merges several Label Maps."""

def MinMaxCurvatureFlow(*, image1: Node | Image | None = None, number_of_iterations: int = 5, stencil_radius: int = 2, time_step: float = 0.05) -> SitkFilter:
    """Denoise an image using min/max curvature flow."""

def Minimum(*, image1: Node | Image | None = None, image2: Node | Image | None = None, constant: float | None = None) -> SitkFilter:
    """Implements a pixel-wise operator Min(a,b) between two images."""

def MinimumMaximum(*, image: Node | Image | None = None) -> SitkMeasurement:
    """Computes the minimum and the maximum intensity values of an image."""

def MinimumProjection(*, image1: Node | Image | None = None, projection_dimension: int = 0) -> SitkFilter:
    """Minimum projection."""

def MirrorPad(*, image1: Node | Image | None = None, decay_base: float = 1.0, pad_lower_bound: Sequence[int] = (0, 0, 0), pad_upper_bound: Sequence[int] = (0, 0, 0)) -> SitkFilter:
    """Increase the image size by padding with replicants of the input image value."""

def Modulus(*, image1: Node | Image | None = None, image2: Node | Image | None = None, constant: int | None = None) -> SitkFilter:
    """Computes the modulus (x % dividend) pixel-wise."""

def MomentsThreshold(*, image: Node | Image | None = None, mask_image: Node | Image | None = None, inside_value: int = 1, mask_output: bool = True, mask_value: int = 255, number_of_histogram_bins: int = 256, outside_value: int = 0) -> SitkFilter:
    """Threshold an image using the Moments Threshold."""

def MorphologicalGradient(*, image1: Node | Image | None = None, kernel_radius: int | Sequence[int] = (1, 1, 1), kernel_type: str | int = 'ball') -> SitkFilter:
    """Compute the gradient of a grayscale image."""

def MorphologicalWatershed(*, image1: Node | Image | None = None, fully_connected: bool = False, level: float = 0.0, mark_watershed_line: bool = True) -> SitkFilter:
    """Watershed segmentation implementation with morphological operators."""

def MorphologicalWatershedFromMarkers(*, image: Node | Image | None = None, marker_image: Node | Image | None = None, fully_connected: bool = False, mark_watershed_line: bool = True) -> SitkFilter:
    """Morphological watershed transform from markers."""

def MultiLabelSTAPLE(*, image1: Node | Image | None = None, image2: Node | Image | None = None, image3: Node | Image | None = None, image4: Node | Image | None = None, image5: Node | Image | None = None, images: Sequence[Node | Image] | None = None, label_for_undecided_pixels: int = 18446744073709551615, maximum_number_of_iterations: int = 4294967295, prior_probabilities: Sequence[float] = (), termination_update_threshold: float = 9.999999747378752e-06) -> SitkFilter:
    """This filter performs a pixelwise combination of an arbitrary number of input images, where each of them represents a segmentation of the same scene (i.e., image)."""

def Multiply(*, image1: Node | Image | None = None, image2: Node | Image | None = None, constant: float | None = None) -> SitkFilter:
    """Pixel-wise multiplication of two images."""

def N4BiasFieldCorrection(*, image: Node | Image | None = None, mask_image: Node | Image | None = None, bias_field_full_width_at_half_maximum: float = 0.15, convergence_threshold: float = 0.001, mask_label: int = 1, maximum_number_of_iterations: Sequence[int] = (50, 50, 50, 50), number_of_control_points: int | Sequence[int] = (4, 4, 4), number_of_histogram_bins: int = 200, spline_order: int = 3, use_mask_label: bool = True, wiener_filter_noise: float = 0.01) -> SitkFilter:
    """Implementation of the N4 bias field correction algorithm."""

def NaryAdd(*, image1: Node | Image | None = None, image2: Node | Image | None = None, image3: Node | Image | None = None, image4: Node | Image | None = None, image5: Node | Image | None = None, images: Sequence[Node | Image] | None = None) -> SitkFilter:
    """Pixel-wise addition of N images."""

def NaryMaximum(*, image1: Node | Image | None = None, image2: Node | Image | None = None, image3: Node | Image | None = None, image4: Node | Image | None = None, image5: Node | Image | None = None, images: Sequence[Node | Image] | None = None) -> SitkFilter:
    """Computes the pixel-wise maximum of several images."""

def NeighborhoodConnected(*, image1: Node | Image | None = None, lower: float = 0.0, radius: int | Sequence[int] = (1, 1, 1), replace_value: float = 1.0, seed_list: Sequence[Sequence[int]] = (), upper: float = 1.0) -> SitkFilter:
    """Label pixels that are connected to a seed and lie within a neighborhood."""

def Noise(*, image1: Node | Image | None = None, radius: int | Sequence[int] = (1, 1, 1)) -> SitkFilter:
    """Calculate the local noise in an image."""

def Normalize(*, image1: Node | Image | None = None) -> SitkFilter:
    """Normalize an image by setting its mean to zero and variance to one."""

def NormalizeToConstant(*, image1: Node | Image | None = None, constant: float = 1.0) -> SitkFilter:
    """Scales image pixel intensities to make the sum of all pixels equal a user-defined constant."""

def NormalizedCorrelation(*, image: Node | Image | None = None, mask_image: Node | Image | None = None, template_image: Node | Image | None = None) -> SitkFilter:
    """Computes the normalized correlation of an image and a template."""

def Not(*, image1: Node | Image | None = None) -> SitkFilter:
    """Implements the NOT logical operator pixel-wise on an image."""

def NotEqual(*, image1: Node | Image | None = None, image2: Node | Image | None = None, constant: float | None = None, background_value: int = 0, foreground_value: int = 1) -> SitkFilter:
    """Implements pixel-wise generic operation of two images, or of an image and a constant."""

def ObjectnessMeasure(*, image1: Node | Image | None = None, alpha: float = 0.5, beta: float = 0.5, bright_object: bool = True, gamma: float = 5.0, object_dimension: int = 1, scale_objectness_measure: bool = True) -> SitkFilter:
    """Enhance M-dimensional objects in N-dimensional images."""

def OpeningByReconstruction(*, image1: Node | Image | None = None, fully_connected: bool = False, kernel_radius: int | Sequence[int] = (1, 1, 1), kernel_type: str | int = 'ball', preserve_intensities: bool = False) -> SitkFilter:
    """Opening by reconstruction of an image."""

def Or(*, image1: Node | Image | None = None, image2: Node | Image | None = None, constant: int | None = None) -> SitkFilter:
    """Implements the OR bitwise operator pixel-wise between two images."""

def OtsuMultipleThresholds(*, image1: Node | Image | None = None, label_offset: int = 0, number_of_histogram_bins: int = 128, number_of_thresholds: int = 1, return_bin_midpoint: bool = False, valley_emphasis: bool = False) -> SitkFilter:
    """Threshold an image using multiple Otsu Thresholds."""

def OtsuThreshold(*, image: Node | Image | None = None, mask_image: Node | Image | None = None, inside_value: int = 1, mask_output: bool = True, mask_value: int = 255, number_of_histogram_bins: int = 128, outside_value: int = 0, return_bin_midpoint: bool = False) -> SitkFilter:
    """Threshold an image using the Otsu Threshold."""

def Paste(*, destination_image: Node | Image | None = None, source_image: Node | Image | None = None, constant: float | None = None, destination_index: Sequence[int] = (0, 0, 0, 0, 0), destination_skip_axes: Sequence[bool] = (), source_index: Sequence[int] = (0, 0, 0, 0, 0), source_size: Sequence[int] = (1, 1, 1, 1, 1)) -> SitkFilter:
    """Paste an image (or a constant value) into another image."""

def PatchBasedDenoising(*, image1: Node | Image | None = None, always_treat_components_as_euclidean: bool = False, kernel_bandwidth_estimation: bool = False, kernel_bandwidth_fraction_pixels_for_estimation: float = 0.2, kernel_bandwidth_multiplication_factor: float = 1.0, kernel_bandwidth_sigma: float = 400.0, kernel_bandwidth_update_frequency: int = 3, noise_model: str | int = 'nomodel', noise_model_fidelity_weight: float = 0.0, noise_sigma: float = 0.0, number_of_iterations: int = 1, number_of_sample_patches: int = 200, patch_radius: int = 4, sample_variance: float = 400.0) -> SitkFilter:
    """Derived class implementing a specific patch-based denoising algorithm, as detailed below."""

def PermuteAxes(*, image1: Node | Image | None = None, order: Sequence[int] = (0, 1, 2, 3, 4)) -> SitkFilter:
    """Permutes the image axes according to a user specified order."""

def PhysicalPointSource(*, reference_image: Node | Image | None = None, direction: Sequence[float] = (), origin: Sequence[float] = (0.0, 0.0, 0.0), output_pixel_type: DTypeLike | int = 'vector_float32', size: Sequence[int] = (64, 64, 64), spacing: Sequence[float] = (1.0, 1.0, 1.0)) -> SitkSource:
    """Generate an image of the physical locations of each pixel."""

def Pow(*, image1: Node | Image | None = None, image2: Node | Image | None = None, constant: float | None = None) -> SitkFilter:
    """Computes the powers of 2 images."""

def ProjectedLandweberDeconvolution(*, image1: Node | Image | None = None, image2: Node | Image | None = None, alpha: float = 0.1, boundary_condition: str | int = 'zero_flux_neumann_pad', normalize: bool = False, number_of_iterations: int = 1, output_region_mode: str | int = 'same') -> SitkFilter:
    """Deconvolve an image using the projected Landweber deconvolution algorithm."""

def Rank(*, image1: Node | Image | None = None, kernel_type: str | int = 'box', radius: Sequence[int] = (1, 1, 1), rank: float = 0.5) -> SitkFilter:
    """Rank filter of a greyscale image."""

def ReconstructionByDilation(*, marker_image: Node | Image | None = None, mask_image: Node | Image | None = None, fully_connected: bool = False, use_internal_copy: bool = True) -> SitkFilter:
    """grayscale reconstruction by dilation of an image."""

def ReconstructionByErosion(*, marker_image: Node | Image | None = None, mask_image: Node | Image | None = None, fully_connected: bool = False, use_internal_copy: bool = True) -> SitkFilter:
    """grayscale reconstruction by erosion of an image."""

def RecursiveGaussian(*, image1: Node | Image | None = None, direction: int = 0, normalize_across_scale: bool = False, order: str | int = 'zero_order', sigma: float = 1.0) -> SitkFilter:
    """Base class for computing IIR convolution with an approximation of a Gaussian kernel."""

def RegionOfInterest(*, image1: Node | Image | None = None, index: Sequence[int] = (0, 0, 0), region_of_interest: Sequence[int] | None = None, size: Sequence[int] = (1, 1, 1)) -> SitkFilter:
    """Extract a region of interest from the input image."""

def RegionalMaxima(*, image1: Node | Image | None = None, background_value: float = 0.0, flat_is_maxima: bool = True, foreground_value: float = 1.0, fully_connected: bool = False) -> SitkFilter:
    """Produce a binary image where foreground is the regional maxima of the input image."""

def RegionalMinima(*, image1: Node | Image | None = None, background_value: float = 0.0, flat_is_minima: bool = True, foreground_value: float = 1.0, fully_connected: bool = False) -> SitkFilter:
    """Produce a binary image where foreground is the regional minima of the input image."""

def ReinitializeLevelSet(*, image1: Node | Image | None = None, input_narrow_bandwidth: float = 12.0, level_set_value: float = 0.0, narrow_banding: bool = False, output_narrow_bandwidth: float = 12.0) -> SitkFilter:
    """Proxy of C++ itk::simple::ReinitializeLevelSetImageFilter class."""

def RelabelComponent(*, image1: Node | Image | None = None, minimum_object_size: int = 0, sort_by_object_size: bool = True) -> SitkFilter:
    """Relabel the components in an image such that consecutive labels are used."""

def RelabelLabelMap(*, image1: Node | Image | None = None, reverse_ordering: bool = True) -> SitkFilter:
    """This filter relabels the LabelObjects; the new labels are arranged consecutively with consideration for the background value."""

def RenyiEntropyThreshold(*, image: Node | Image | None = None, mask_image: Node | Image | None = None, inside_value: int = 1, mask_output: bool = True, mask_value: int = 255, number_of_histogram_bins: int = 256, outside_value: int = 0) -> SitkFilter:
    """Threshold an image using the RenyiEntropy Threshold."""

def Resample(*, image1: Node | Image | None = None, reference_image: Node | Image | None = None, default_pixel_value: float = 0.0, interpolator: str | int = 'linear', output_direction: Sequence[float] = (), output_origin: Sequence[float] = (0.0, 0.0, 0.0), output_pixel_type: DTypeLike | int = 'unknown', output_spacing: Sequence[float] = (1.0, 1.0, 1.0), size: Sequence[int] = (0, 0, 0), transform: Any = None, use_nearest_neighbor_extrapolator: bool = False) -> SitkFilter:
    """Resample an image via a coordinate transform."""

def RescaleIntensity(*, image1: Node | Image | None = None, output_maximum: float = 255.0, output_minimum: float = 0.0) -> SitkFilter:
    """Applies a linear transformation to the intensity levels of the input Image ."""

def RichardsonLucyDeconvolution(*, image1: Node | Image | None = None, image2: Node | Image | None = None, boundary_condition: str | int = 'zero_flux_neumann_pad', normalize: bool = False, number_of_iterations: int = 1, output_region_mode: str | int = 'same') -> SitkFilter:
    """Deconvolve an image using the Richardson-Lucy deconvolution algorithm."""

def Round(*, image1: Node | Image | None = None) -> SitkFilter:
    """Rounds the value of each pixel."""

def SLIC(*, image1: Node | Image | None = None, enforce_connectivity: bool = True, initialization_perturbation: bool = True, maximum_number_of_iterations: int = 5, spatial_proximity_weight: float = 10.0, super_grid_size: Sequence[int] = (50, 50, 50)) -> SitkFilter:
    """Simple Linear Iterative Clustering (SLIC) super-pixel segmentation."""

def STAPLE(*, image1: Node | Image | None = None, image2: Node | Image | None = None, image3: Node | Image | None = None, image4: Node | Image | None = None, image5: Node | Image | None = None, images: Sequence[Node | Image] | None = None, confidence_weight: float = 1.0, foreground_value: float = 1.0, maximum_iterations: int = 4294967295) -> SitkFilter:
    """The STAPLE filter implements the Simultaneous Truth and Performance Level Estimation algorithm for generating ground truth volumes from a set of binary expert segmentations."""

def SaltAndPepperNoise(*, image1: Node | Image | None = None, probability: float = 0.01, seed: int) -> SitkFilter:
    """Alter an image with fixed value impulse noise, often called salt and pepper noise."""

def ScalarChanAndVeseDenseLevelSet(*, initial_image: Node | Image | None = None, feature_image: Node | Image | None = None, area_weight: float = 0.0, curvature_weight: float = 1.0, epsilon: float = 1.0, heaviside_step_function: str | int = 'atan_regularized_heaviside', lambda1: float = 1.0, lambda2: float = 1.0, maximum_rms_error: float = 0.02, number_of_iterations: int = 1000, reinitialization_smoothing_weight: float = 0.0, use_image_spacing: bool = True, volume: float = 0.0, volume_matching_weight: float = 0.0) -> SitkFilter:
    """Dense implementation of the Chan and Vese multiphase level set image filter."""

def ScalarConnectedComponent(*, image: Node | Image | None = None, mask_image: Node | Image | None = None, distance_threshold: float = 0.0, fully_connected: bool = False) -> SitkFilter:
    """A connected components filter that labels the objects in an arbitrary image. Two pixels are similar if they are within threshold of each other. Uses ConnectedComponentFunctorImageFilter ."""

def ScalarImageKmeans(*, image1: Node | Image | None = None, class_with_initial_mean: Sequence[float] = (), use_non_contiguous_labels: bool = False) -> SitkFilter:
    """Classifies the intensity values of a scalar image using the K-Means algorithm."""

def ScalarToRGBColormap(*, image1: Node | Image | None = None, colormap: str | int = 'grey', use_input_image_extrema_for_scaling: bool = True) -> SitkFilter:
    """Implements pixel-wise intensity->rgb mapping operation on one image."""

def ShanbhagThreshold(*, image: Node | Image | None = None, mask_image: Node | Image | None = None, inside_value: int = 1, mask_output: bool = True, mask_value: int = 255, number_of_histogram_bins: int = 256, outside_value: int = 0) -> SitkFilter:
    """Threshold an image using the Shanbhag Threshold."""

def ShapeDetectionLevelSet(*, initial_image: Node | Image | None = None, feature_image: Node | Image | None = None, curvature_scaling: float = 1.0, maximum_rms_error: float = 0.02, number_of_iterations: int = 1000, propagation_scaling: float = 1.0, reverse_expansion_direction: bool = False) -> SitkFilter:
    """Segments structures in images based on a user supplied edge potential map."""

def ShiftScale(*, image1: Node | Image | None = None, output_pixel_type: DTypeLike | int = 'unknown', scale: float = 1.0, shift: float = 0.0) -> SitkFilter:
    """Shift and scale the pixels in an image."""

def ShotNoise(*, image1: Node | Image | None = None, scale: float = 1.0, seed: int) -> SitkFilter:
    """Alter an image with shot noise."""

def Shrink(*, image1: Node | Image | None = None, shrink_factor: int | None = None, shrink_factors: Sequence[int] = (1, 1, 1)) -> SitkFilter:
    """Reduce the size of an image by an integer factor in each dimension."""

def Sigmoid(*, image1: Node | Image | None = None, alpha: float = 1.0, beta: float = 0.0, output_maximum: float = 255.0, output_minimum: float = 0.0) -> SitkFilter:
    """Computes the sigmoid function pixel-wise."""

def SignedDanielssonDistanceMap(*, image1: Node | Image | None = None, inside_is_positive: bool = False, squared_distance: bool = False, use_image_spacing: bool = False) -> SitkFilter:
    """This filter computes the signed distance map of the input image as an approximation with pixel accuracy to the Euclidean distance."""

def SignedMaurerDistanceMap(*, image1: Node | Image | None = None, background_value: float = 0.0, inside_is_positive: bool = False, squared_distance: bool = True, use_image_spacing: bool = False) -> SitkFilter:
    """This filter calculates the Euclidean distance transform of a binary image in linear time for arbitrary dimensions."""

def SimilarityIndex(*, image1: Node | Image | None = None, image2: Node | Image | None = None) -> SitkMeasurement:
    """Measures the similarity between the set of non-zero pixels of two images."""

def SimpleContourExtractor(*, image1: Node | Image | None = None, input_background_value: float = 0.0, input_foreground_value: float = 1.0, output_background_value: float = 0.0, output_foreground_value: float = 1.0, radius: int | Sequence[int] = (1, 1, 1)) -> SitkFilter:
    """Computes an image of contours which will be the contour of the first image."""

def Sin(*, image1: Node | Image | None = None) -> SitkFilter:
    """Computes the sine of each pixel."""

def Slice(*, image1: Node | Image | None = None, start: Sequence[int] = (0, 0, 0), step: int | Sequence[int] = (1, 1, 1), stop: Sequence[int] = (2147483647, 2147483647, 2147483647)) -> SitkFilter:
    """Slices an image based on a starting index and a stopping index, and a step size."""

def SmoothingRecursiveGaussian(*, image1: Node | Image | None = None, normalize_across_scale: bool = False, sigma: float | Sequence[float] = (1.0, 1.0, 1.0)) -> SitkFilter:
    """Computes the smoothing of an image by convolution with the Gaussian kernels implemented as IIR filters."""

def SobelEdgeDetection(*, image1: Node | Image | None = None) -> SitkFilter:
    """A 2D or 3D edge detection using the Sobel operator."""

def SpeckleNoise(*, image1: Node | Image | None = None, seed: int, standard_deviation: float = 1.0) -> SitkFilter:
    """Alter an image with speckle (multiplicative) noise."""

def Sqrt(*, image1: Node | Image | None = None) -> SitkFilter:
    """Computes the square root of each pixel."""

def Square(*, image1: Node | Image | None = None) -> SitkFilter:
    """Computes the square of the intensity values pixel-wise."""

def SquaredDifference(*, image1: Node | Image | None = None, image2: Node | Image | None = None, constant: float | None = None) -> SitkFilter:
    """Implements pixel-wise the computation of squared difference."""

def StandardDeviationProjection(*, image1: Node | Image | None = None, projection_dimension: int = 0) -> SitkFilter:
    """Mean projection."""

def Statistics(*, image: Node | Image | None = None) -> SitkMeasurement:
    """Compute min, max, variance and mean of an Image ."""

def StochasticFractalDimension(*, image: Node | Image | None = None, mask_image: Node | Image | None = None, neighborhood_radius: int | Sequence[int] = (2, 2, 2)) -> SitkFilter:
    """This filter computes the stochastic fractal dimension of the input image."""

def Subtract(*, image1: Node | Image | None = None, image2: Node | Image | None = None, constant: float | None = None) -> SitkFilter:
    """Pixel-wise subtraction of two images."""

def SumProjection(*, image1: Node | Image | None = None, projection_dimension: int = 0) -> SitkFilter:
    """Sum projection."""

def SymmetricForcesDemonsRegistration(*, fixed_image: Node | Image | None = None, moving_image: Node | Image | None = None, initial_displacement_field: Node | Image | None = None, intensity_difference_threshold: float = 0.001, maximum_error: float = 0.1, maximum_kernel_width: int = 30, maximum_rms_error: float = 0.02, number_of_iterations: int = 10, smooth_displacement_field: bool = True, smooth_update_field: bool = False, standard_deviations: float | Sequence[float] = (1.0, 1.0, 1.0), update_field_standard_deviations: float | Sequence[float] = (1.0, 1.0, 1.0), use_image_spacing: bool = True) -> SitkFilter:
    """Deformably register two images using the demons algorithm."""

def Tan(*, image1: Node | Image | None = None) -> SitkFilter:
    """Computes the tangent of each input pixel."""

def TernaryAdd(*, image1: Node | Image | None = None, image2: Node | Image | None = None, image3: Node | Image | None = None) -> SitkFilter:
    """Pixel-wise addition of three images."""

def TernaryMagnitude(*, image1: Node | Image | None = None, image2: Node | Image | None = None, image3: Node | Image | None = None) -> SitkFilter:
    """Compute the pixel-wise magnitude of three images."""

def TernaryMagnitudeSquared(*, image1: Node | Image | None = None, image2: Node | Image | None = None, image3: Node | Image | None = None) -> SitkFilter:
    """Compute the pixel-wise squared magnitude of three images."""

def Threshold(*, image1: Node | Image | None = None, lower: float = 0.0, outside_value: float = 0.0, upper: float = 1.0) -> SitkFilter:
    """Set image values to a user-specified value if they are below, above, or outside threshold values."""

def ThresholdMaximumConnectedComponents(*, image1: Node | Image | None = None, inside_value: int = 1, minimum_object_size_in_pixels: int = 0, outside_value: int = 0, upper_boundary: float = 1.7976931348623157e+308) -> SitkFilter:
    """Finds the threshold value of an image based on maximizing the number of objects in the image that are larger than a given minimal size."""

def ThresholdSegmentationLevelSet(*, initial_image: Node | Image | None = None, feature_image: Node | Image | None = None, curvature_scaling: float = 1.0, lower_threshold: float = 0.0, maximum_rms_error: float = 0.02, number_of_iterations: int = 1000, propagation_scaling: float = 1.0, reverse_expansion_direction: bool = False, upper_threshold: float = 255.0) -> SitkFilter:
    """Segments structures in images based on intensity values."""

def TikhonovDeconvolution(*, image1: Node | Image | None = None, image2: Node | Image | None = None, boundary_condition: str | int = 'zero_flux_neumann_pad', normalize: bool = False, output_region_mode: str | int = 'same', regularization_constant: float = 0.0) -> SitkFilter:
    """An inverse deconvolution filter regularized in the Tikhonov sense."""

def Tile(*, image1: Node | Image | None = None, image2: Node | Image | None = None, image3: Node | Image | None = None, image4: Node | Image | None = None, image5: Node | Image | None = None, images: Sequence[Node | Image] | None = None, default_pixel_value: float = 0.0, layout: Sequence[int] = (100, 100, 100)) -> SitkFilter:
    """Tile multiple input images into a single output image."""

def Toboggan(*, image1: Node | Image | None = None) -> SitkFilter:
    """toboggan image segmentation The Toboggan segmentation takes a gradient magnitude image as input and produces an (over-)segmentation of the image based on connecting each pixel to a local minimum of gradient. It is roughly equivalent to a watershed segmentation of the lowest level."""

def TransformGeometry(*, image: Node | Image | None = None, transform: Any = None) -> SitkFilter:
    """Modify an image's geometric meta-data, changing its 'physical' extent."""

def TransformToDisplacementField(*, reference_image: Node | Image | None = None, transform: Any = None, output_direction: Sequence[float] = (), output_origin: Sequence[float] = (0.0, 0.0, 0.0), output_pixel_type: DTypeLike | int = 'vector_float64', output_spacing: Sequence[float] = (1.0, 1.0, 1.0), size: Sequence[int] = (64, 64, 64)) -> SitkSource:
    """Generate a displacement field from a coordinate transform."""

def TriangleThreshold(*, image: Node | Image | None = None, mask_image: Node | Image | None = None, inside_value: int = 1, mask_output: bool = True, mask_value: int = 255, number_of_histogram_bins: int = 256, outside_value: int = 0) -> SitkFilter:
    """Threshold an image using the Triangle Threshold."""

def UnaryMinus(*, image1: Node | Image | None = None) -> SitkFilter:
    """Implements pixel-wise generic operation on one image."""

def UnsharpMask(*, image1: Node | Image | None = None, amount: float = 0.5, clamp: bool = True, sigmas: float | Sequence[float] = (1.0, 1.0, 1.0), threshold: float = 0.0) -> SitkFilter:
    """Edge enhancement filter."""

def ValuedRegionalMaxima(*, image1: Node | Image | None = None, fully_connected: bool = False) -> SitkFilter:
    """Transforms the image so that any pixel that is not a regional maxima is set to the minimum value for the pixel type. Pixels that are regional maxima retain their value."""

def ValuedRegionalMinima(*, image1: Node | Image | None = None, fully_connected: bool = False) -> SitkFilter:
    """Transforms the image so that any pixel that is not a regional minima is set to the maximum value for the pixel type. Pixels that are regional minima retain their value."""

def VectorConfidenceConnected(*, image1: Node | Image | None = None, initial_neighborhood_radius: int = 1, multiplier: float = 4.5, number_of_iterations: int = 4, replace_value: int = 1, seed_list: Sequence[Sequence[int]] = ()) -> SitkFilter:
    """Segment pixels with similar statistics using connectivity."""

def VectorConnectedComponent(*, image1: Node | Image | None = None, distance_threshold: float = 1.0, fully_connected: bool = False) -> SitkFilter:
    """A connected components filter that labels the objects in a vector image. Two vectors are pointing similar directions if one minus their dot product is less than a threshold. Vectors that are 180 degrees out of phase are similar. Assumes that vectors are normalized."""

def VectorIndexSelectionCast(*, image1: Node | Image | None = None, index: int = 0, output_pixel_type: DTypeLike | int = 'unknown') -> SitkFilter:
    """Extracts the selected index of the vector that is the input pixel type."""

def VectorMagnitude(*, image1: Node | Image | None = None) -> SitkFilter:
    """Take an image of vectors as input and produce an image with the magnitude of those vectors."""

def VotingBinary(*, image1: Node | Image | None = None, background_value: float = 0.0, birth_threshold: int = 1, foreground_value: float = 1.0, radius: int | Sequence[int] = (1, 1, 1), survival_threshold: int = 1) -> SitkFilter:
    """Applies a voting operation in a neighborhood of each pixel."""

def VotingBinaryHoleFilling(*, image1: Node | Image | None = None, background_value: float = 0.0, foreground_value: float = 1.0, majority_threshold: int = 1, radius: int | Sequence[int] = (1, 1, 1)) -> SitkFilter:
    """Fills in holes and cavities by applying a voting operation on each pixel."""

def VotingBinaryIterativeHoleFilling(*, image1: Node | Image | None = None, background_value: float = 0.0, foreground_value: float = 1.0, majority_threshold: int = 1, maximum_number_of_iterations: int = 10, radius: int | Sequence[int] = (1, 1, 1)) -> SitkFilter:
    """Fills in holes and cavities by iteratively applying a voting operation."""

def Warp(*, image: Node | Image | None = None, displacement_field: Node | Image | None = None, edge_padding_value: float = 0.0, interpolator: str | int = 'linear', output_direction: Sequence[float] = (), output_origin: Sequence[float] = (0.0, 0.0, 0.0), output_size: Sequence[int] = (0, 0, 0), output_spacing: Sequence[float] = (1.0, 1.0, 1.0)) -> SitkFilter:
    """Warps an image using an input displacement field."""

def WhiteTopHat(*, image1: Node | Image | None = None, kernel_radius: int | Sequence[int] = (1, 1, 1), kernel_type: str | int = 'ball', safe_border: bool = True) -> SitkFilter:
    """White top hat extracts local maxima that are larger than the structuring element."""

def WienerDeconvolution(*, image1: Node | Image | None = None, image2: Node | Image | None = None, boundary_condition: str | int = 'zero_flux_neumann_pad', noise_variance: float = 0.0, normalize: bool = False, output_region_mode: str | int = 'same') -> SitkFilter:
    """The Wiener deconvolution image filter is designed to restore an image convolved with a blurring kernel while keeping noise enhancement to a minimum."""

def WrapPad(*, image1: Node | Image | None = None, pad_lower_bound: Sequence[int] = (0, 0, 0), pad_upper_bound: Sequence[int] = (0, 0, 0)) -> SitkFilter:
    """Increase the image size by padding with replicants of the input image value."""

def Xor(*, image1: Node | Image | None = None, image2: Node | Image | None = None, constant: int | None = None) -> SitkFilter:
    """Computes the XOR bitwise operator pixel-wise between two images."""

def YenThreshold(*, image: Node | Image | None = None, mask_image: Node | Image | None = None, inside_value: int = 1, mask_output: bool = True, mask_value: int = 255, number_of_histogram_bins: int = 256, outside_value: int = 0) -> SitkFilter:
    """Threshold an image using the Yen Threshold."""

def ZeroCrossing(*, image1: Node | Image | None = None, background_value: int = 0, foreground_value: int = 1) -> SitkFilter:
    """This filter finds the closest pixel to the zero-crossings (sign changes) in a signed itk::Image ."""

def ZeroCrossingBasedEdgeDetection(*, image1: Node | Image | None = None, background_value: int = 0, foreground_value: int = 1, maximum_error: float = 0.1, variance: float = 1.0) -> SitkFilter:
    """This filter implements a zero-crossing based edge detector."""

def ZeroFluxNeumannPad(*, image1: Node | Image | None = None, pad_lower_bound: Sequence[int] = (0, 0, 0), pad_upper_bound: Sequence[int] = (0, 0, 0)) -> SitkFilter:
    """Increase the image size by padding according to the zero-flux Neumann boundary condition."""
