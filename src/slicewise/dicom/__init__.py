"""What the DICOM standard says, as tables and small functions."""
