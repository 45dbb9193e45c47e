"""What is wrong with a run's folder, and how it is mended."""

from neuroevo.store.doctor.examination import Examination, Finding, examine

__all__ = ["Examination", "Finding", "examine"]
