from cellwright.errors import CellwrightError as CellwrightError
from cellwright.images.read import read_image as read_image
from cellwright.inference.cells import Cells as Cells
from cellwright.inference.model import Model as Model
from cellwright.inference.model import load_model as load_model

__version__: str
