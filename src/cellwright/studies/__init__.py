"""Studies: the tables and figures of the papers, and the table of them."""

from cellwright.studies.cell_cycle_cnn.study import STUDY as CELL_CYCLE_CNN
from cellwright.studies.feature_enhancement.study import STUDY as FEATURE_ENHANCEMENT
from cellwright.studies.learning_curve.study import STUDY as LEARNING_CURVE
from cellwright.studies.leukemia_screening.study import STUDY as LEUKEMIA_SCREENING
from cellwright.studies.study import Study
from cellwright.studies.unet_compression.study import STUDY as UNET_COMPRESSION
from cellwright.studies.viability_yolo.study import STUDY as VIABILITY_YOLO

STUDIES: dict[str, Study] = {
    study.name: study
    for study in (
        VIABILITY_YOLO,
        LEARNING_CURVE,
        UNET_COMPRESSION,
        FEATURE_ENHANCEMENT,
        LEUKEMIA_SCREENING,
        CELL_CYCLE_CNN,
    )
}
