"""Pictures of runs and genomes: each a function that computes (tested) and one that draws (matplotlib)."""

from importlib import import_module
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from neuroevo.plots.acquisition_figure import acquisition, acquisition_data
    from neuroevo.plots.archive_figure import archive, archive_data
    from neuroevo.plots.brackets_figure import brackets, brackets_data
    from neuroevo.plots.calibration_figure import calibration, calibration_data
    from neuroevo.plots.compression_figure import compression, compression_data
    from neuroevo.plots.confusion_figure import confusion, confusion_data
    from neuroevo.plots.cppn_figure import pattern, pattern_data, pictures
    from neuroevo.plots.critical_difference_figure import critical_difference, critical_difference_data
    from neuroevo.plots.curves_figure import curves, curves_data
    from neuroevo.plots.decisions_figure import decisions, decisions_data
    from neuroevo.plots.descriptors_figure import descriptors, descriptors_data
    from neuroevo.plots.detections_figure import detections, detections_data
    from neuroevo.plots.difference_figure import difference, difference_data
    from neuroevo.plots.features import architecture_features
    from neuroevo.plots.fidelity_figure import fidelity, fidelity_data
    from neuroevo.plots.front_figure import front, front_data
    from neuroevo.plots.fronts_figure import fronts, fronts_data
    from neuroevo.plots.genome_figure import genome
    from neuroevo.plots.importance_figure import importance, importance_data
    from neuroevo.plots.kernel_figure import kernel, kernel_data
    from neuroevo.plots.landscape_figure import landscape, landscape_data
    from neuroevo.plots.lineage_figure import descent_data, lineage, lineage_data
    from neuroevo.plots.mirror_figure import mirror, mirror_data
    from neuroevo.plots.mixtures_figure import mixtures, mixtures_data
    from neuroevo.plots.node_names import input_names
    from neuroevo.plots.operators_figure import operators, operators_data
    from neuroevo.plots.parallel_figure import parallel, parallel_data
    from neuroevo.plots.predictions_figure import predictions, predictions_data
    from neuroevo.plots.progress_figure import progress, progress_data
    from neuroevo.plots.residuals_figure import residuals, residuals_data
    from neuroevo.plots.species_figure import species, species_data
    from neuroevo.plots.substrate_figure import substrate, substrate_data
    from neuroevo.plots.trails_animation import trails_film
    from neuroevo.plots.trails_figure import draw_maze, trails, trails_data
    from neuroevo.plots.worth_figure import worth, worth_data

_WHERE = {
    "acquisition": "acquisition_figure",
    "acquisition_data": "acquisition_figure",
    "archive": "archive_figure",
    "archive_data": "archive_figure",
    "architecture_features": "features",
    "brackets": "brackets_figure",
    "brackets_data": "brackets_figure",
    "critical_difference": "critical_difference_figure",
    "critical_difference_data": "critical_difference_figure",
    "compression": "compression_figure",
    "compression_data": "compression_figure",
    "calibration": "calibration_figure",
    "calibration_data": "calibration_figure",
    "confusion": "confusion_figure",
    "confusion_data": "confusion_figure",
    "curves": "curves_figure",
    "curves_data": "curves_figure",
    "decisions": "decisions_figure",
    "decisions_data": "decisions_figure",
    "descent_data": "lineage_figure",
    "descriptors": "descriptors_figure",
    "descriptors_data": "descriptors_figure",
    "detections": "detections_figure",
    "detections_data": "detections_figure",
    "difference": "difference_figure",
    "difference_data": "difference_figure",
    "draw_maze": "trails_figure",
    "fidelity": "fidelity_figure",
    "fidelity_data": "fidelity_figure",
    "front": "front_figure",
    "front_data": "front_figure",
    "fronts": "fronts_figure",
    "fronts_data": "fronts_figure",
    "genome": "genome_figure",
    "importance": "importance_figure",
    "importance_data": "importance_figure",
    "input_names": "node_names",
    "kernel": "kernel_figure",
    "kernel_data": "kernel_figure",
    "landscape": "landscape_figure",
    "landscape_data": "landscape_figure",
    "lineage": "lineage_figure",
    "lineage_data": "lineage_figure",
    "mirror": "mirror_figure",
    "mirror_data": "mirror_figure",
    "mixtures": "mixtures_figure",
    "mixtures_data": "mixtures_figure",
    "operators": "operators_figure",
    "operators_data": "operators_figure",
    "parallel": "parallel_figure",
    "parallel_data": "parallel_figure",
    "pattern": "cppn_figure",
    "pattern_data": "cppn_figure",
    "pictures": "cppn_figure",
    "predictions": "predictions_figure",
    "predictions_data": "predictions_figure",
    "progress": "progress_figure",
    "progress_data": "progress_figure",
    "residuals": "residuals_figure",
    "residuals_data": "residuals_figure",
    "species": "species_figure",
    "species_data": "species_figure",
    "substrate": "substrate_figure",
    "substrate_data": "substrate_figure",
    "trails": "trails_figure",
    "trails_data": "trails_figure",
    "worth": "worth_figure",
    "worth_data": "worth_figure",
    "trails_film": "trails_animation",
}

PARTS = (  # what `neuroevo plot` draws
    "front", "fronts", "progress", "parallel", "genome", "difference", "lineage", "curves", "operators", "species", "descriptors", "decisions", "mirror",
    "mixtures", "trails", "archive", "brackets", "predictions", "acquisition", "kernel", "landscape", "fidelity", "compression", "worth", "confusion",
    "residuals", "calibration", "importance", "detections",
)  # fmt: skip
FILMS = {"trails": "trails_film"}  # figures that are also drawn as an animated GIF, and the function that does
__all__ = [
    "acquisition",
    "acquisition_data",
    "architecture_features",
    "archive",
    "archive_data",
    "brackets",
    "brackets_data",
    "calibration",
    "calibration_data",
    "compression",
    "compression_data",
    "confusion",
    "confusion_data",
    "critical_difference",
    "critical_difference_data",
    "curves",
    "curves_data",
    "decisions",
    "decisions_data",
    "descent_data",
    "descriptors",
    "descriptors_data",
    "detections",
    "detections_data",
    "difference",
    "difference_data",
    "draw_maze",
    "fidelity",
    "fidelity_data",
    "front",
    "front_data",
    "fronts",
    "fronts_data",
    "genome",
    "importance",
    "importance_data",
    "input_names",
    "kernel",
    "kernel_data",
    "landscape",
    "landscape_data",
    "lineage",
    "lineage_data",
    "mirror",
    "mirror_data",
    "mixtures",
    "mixtures_data",
    "operators",
    "operators_data",
    "parallel",
    "parallel_data",
    "pattern",
    "pattern_data",
    "pictures",
    "predictions",
    "predictions_data",
    "progress",
    "progress_data",
    "residuals",
    "residuals_data",
    "species",
    "species_data",
    "substrate",
    "substrate_data",
    "trails",
    "trails_data",
    "trails_film",
    "worth",
    "worth_data",
]


def __getattr__(name: str) -> Any:
    if name in _WHERE:
        return getattr(import_module(f"neuroevo.plots.{_WHERE[name]}"), name)
    raise AttributeError(f"module 'neuroevo.plots' has no attribute {name!r}")
