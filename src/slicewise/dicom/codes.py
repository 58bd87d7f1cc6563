"""Coded concepts the project writes (PS3.16)."""

from slicewise.image import Code

__all__ = [
    "ADDITION",
    "CROP",
    "DIVISION",
    "EDGE_ENHANCEMENT",
    "FRAME_EXTRACTING",
    "GAUSSIAN",
    "LOSSY_COMPRESSION",
    "LOSSY_PREDECESSOR",
    "MASKING",
    "MASK_IMAGE",
    "MAXIMUM",
    "MAXIMUM_PROJECTION",
    "MEAN",
    "MINIMUM",
    "MINIMUM_PROJECTION",
    "MULTIPLICATION",
    "PROCESSED",
    "PROCESSING_EQUIPMENT",
    "REFORMATTING",
    "RESAMPLING",
    "SCANNER",
    "SEGMENTATION",
    "SMOOTHING",
    "SOURCE_IMAGE",
    "STITCHING",
    "SUBSET",
    "SUBTRACTION",
    "UNCOMPRESSED_PREDECESSOR",
]

# Derivations, CID 7203.
SMOOTHING = Code("113087", "DCM", "Smoothing")
GAUSSIAN = Code("113088", "DCM", "Gaussian blur")
EDGE_ENHANCEMENT = Code("113086", "DCM", "Edge enhancement")
RESAMPLING = Code("113085", "DCM", "Spatial resampling")
CROP = Code("113077", "DCM", "Volume editing")
SEGMENTATION = Code("113076", "DCM", "Segmentation")
ADDITION = Code("113042", "DCM", "Pixel by pixel addition")
SUBTRACTION = Code("113062", "DCM", "Pixel by pixel subtraction")
MULTIPLICATION = Code("113053", "DCM", "Pixel by pixel multiplication")
DIVISION = Code("113046", "DCM", "Pixel by pixel division")
MAXIMUM = Code("113048", "DCM", "Pixel by pixel Maximum")
MEAN = Code("113049", "DCM", "Pixel by pixel mean")
MAXIMUM_PROJECTION = Code("113078", "DCM", "Maximum intensity projection")
MINIMUM_PROJECTION = Code("113079", "DCM", "Minimum intensity projection")
MASKING = Code("113047", "DCM", "Pixel by pixel mask")
MINIMUM = Code("113051", "DCM", "Pixel by pixel Minimum")
SUBSET = Code("113091", "DCM", "Spatially-related frames extracted from the volume")
REFORMATTING = Code("113072", "DCM", "Multiplanar reformatting")
STITCHING = Code("113090", "DCM", "Image stitching")
# What has none there: processing that nobody has a code for (PS3.3, 8.2, a private scheme begins with 99).
PROCESSED = Code("PROCESSED", "99SLICEWISE", "Image processing")

LOSSY_COMPRESSION = Code("113040", "DCM", "Lossy Compression")

# Purposes of reference, CID 7202.
SOURCE_IMAGE = Code("121322", "DCM", "Source image for image processing operation")
MASK_IMAGE = Code("121321", "DCM", "Mask image for image processing operation")
UNCOMPRESSED_PREDECESSOR = Code("121320", "DCM", "Uncompressed predecessor")
LOSSY_PREDECESSOR = Code("121330", "DCM", "Lossy compressed predecessor")

# Purposes of equipment, CID 7005.
SCANNER = Code("109101", "DCM", "Acquisition Equipment")
FRAME_EXTRACTING = Code("109105", "DCM", "Frame Extracting Equipment")
PROCESSING_EQUIPMENT = Code("109102", "DCM", "Processing Equipment")
